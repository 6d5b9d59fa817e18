"""Checks of the exercises on trace credit."""

import numpy as np

from paralg.decoding.baselines import static
from paralg.decoding.credit_decoding.account import TraceCredit
from paralg.decoding.credit_decoding.decoder import decode_with_credit
from paralg.decoding.randomness import softmax
from paralg.decoding.tables import HashConditional
from paralg.teach.checking import close_to, entries, equal_to_oracle, exercise, require


@exercise("ex-credit-decoding-gain")
def gain(answer):
    """The factor that probability 0.7 needs at τ = 0.9."""
    close_to(answer, 27 / 7, tol=1e-3, name="the factor of the odds", wrong={
        9 / 7: "that is τ over p; a factor acts on the odds p/(1 − p)",
        9.0: "those are the odds of τ; the token has odds of its own already",
        27.0: "that is a product of odds; the needed factor is their quotient",
    })  # fmt: skip
    return "Right: odds of 9 are wanted, odds of 7/3 are there."


@exercise("ex-credit-decoding-floor")
def lowest(answer):
    """The floor for the released constants at τ = 0.8."""
    close_to(answer, 0.8 / (0.8 + 0.2 * 6**0.7), tol=2e-3, name="the floor", wrong={
        0.8 / (0.8 + 0.2 * 5**0.7): "a factor is (1 + C) to the power α, and C reaches 5",
        0.4: "the factor is a power of 1 + C: do not forget α",
        0.618: "that is the paper's constants with a constant p; here every reward is at most 1",
    })  # fmt: skip
    return "Right: credit reaches 5, the factor 6 to the power 0.7, about 3.5."


@exercise("ex-credit-decoding-account")
def account(answer):
    """One round of credit: decay all, pay masked winners, then fuse."""
    return equal_to_oracle(
        answer, _one_round, _rounds(), tol=1e-9, name="returns credit and fused logits",
        hint="every entry decays, only masked winners are paid, and the payment comes first",
    )  # fmt: skip


def _one_round(logits, C, masked, alpha, beta, gamma):
    credit = TraceCredit(alpha, beta, gamma)
    C = credit.observe(np.array(C), softmax(np.array(logits)), masked=np.array(masked))
    return C, credit.fuse(np.array(logits), C)


def _rounds():
    rng, cases = np.random.default_rng(0), []
    for n, V in ((1, 2), (1, 3), (2, 3), (3, 5)):
        logits, C = rng.normal(size=(n, V)).round(2), rng.random((n, V)).round(2)
        cases.append((logits, 0 * C, np.ones(n, bool), 0.7, 0.8, 0.2))
        cases.append((logits, C, np.arange(n) % 2 == 0, 0.65, 0.7, 0.5))
    return cases


@exercise("ex-credit-decoding-ids")
def ids(answer):
    """Fused probabilities of the kept tokens, from their raw ones."""
    rng, cases = np.random.default_rng(1), [([0.5], [0.0], 0.7), ([0.6], [1.0], 1.0)]
    for h in (1, 2, 3, 4):
        p = rng.dirichlet(np.ones(h + 3))[:h]
        cases.append((p.round(4), rng.random(h).round(3) * 3, 0.65))
    return equal_to_oracle(
        answer, _fused, cases, tol=1e-9, name="returns the fused probabilities of the kept tokens",
        hint="all other tokens have the factor 1, and together the probability that is left",
    )  # fmt: skip


def _fused(p, C, alpha):
    p, X = np.array(p), (1 + np.array(C)) ** alpha
    return p * X / (1 + (p * (X - 1)).sum())


@exercise("ex-credit-decoding-saved")
def saved(answer):
    """Share of the forwards that a point saves against a plain frontier, at equal quality."""
    curve = [(3.0, 0.5), (4.0, 0.7), (6.0, 0.9), (8.0, 1.0)]
    cases = [(curve, 4.0, 0.7), (curve, 4.0, 0.8), (curve, 5.0, 0.6), (curve, 6.0, 0.95),
             (curve[:2], 3.0, 0.6)]  # fmt: skip
    return equal_to_oracle(
        answer, _saved, cases, tol=1e-9, name="returns the share of forwards saved",
        hint="find the forwards that the plain curve needs for this quality, by interpolation",
    )  # fmt: skip


def _saved(plain, forwards, quality):
    f, q = np.transpose(plain)
    return 1 - forwards / np.interp(quality, q, f)


@exercise("ex-credit-decoding-counterexample")
def counterexample(answer):
    """A table on which credit, one token a round, writes other tokens than static decoding."""
    L, k, eps = entries(answer, ("L", "k", "eps"))
    table, x = HashConditional(3, int(L), int(k), float(eps)), [3] * int(L)
    fast, slow = decode_with_credit(table, x, 1.01).tokens, static(table, x).tokens
    require((fast != slow).any(), "the tokens differ", "try another table, or more coupling",
            failing=answer, expected="different tokens", got="the same tokens")  # fmt: skip
    return f"Right, with {int(L)} positions." + (" No shorter one exists." if int(L) == 3 else "")
