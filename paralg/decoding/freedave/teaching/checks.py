"""Checks of the exercises on draft-and-verify decoding."""

import numpy as np

from paralg.decoding.baselines import threshold
from paralg.decoding.freedave.decoder import freedave_plus_plus
from paralg.decoding.freedave.theory import fewest_forwards, greedy_forwards, reach
from paralg.decoding.freedave.verification import verify_looped
from paralg.decoding.tables import HashConditional
from paralg.teach.checking import call, close_to, entries, equal_to_oracle, exercise, require

MASK = 9


@exercise("ex-freedave-jump")
def jump(answer):
    """State reached from 0 with reach (3, 2, 1, …) and d = 2."""
    close_to(answer, 2, name="the state after one verification", wrong={
        3: "three drafts would agree, but only d = 2 are made",
        1: "draft 1 is certain and draft 2 agrees, because the reach is at least 2",
    })  # fmt: skip
    return "Right: min(r, d) = min(3, 2) = 2."


@exercise("ex-freedave-count")
def count(answer):
    """Forwards and rows for T = 12, d = 5 without coupling."""
    forwards, rows = entries(answer, ("forwards", "rows"))
    close_to(forwards, 4, name="the forwards", wrong={
        3: "the forward that makes the first predictions counts too",
        12: "that is static decoding",
        2: "that needs d of at least 11",
    })  # fmt: skip
    close_to(rows, 12, name="the rows", wrong={
        16: "the last verification has only two steps left, and a finished draft is not sent",
        13: "a draft without masks is not sent",
        20: "the first forward has one row, and the last ones have fewer than d",
    })  # fmt: skip
    return "Right: 1 + ⌈11/5⌉ forwards, and every state of the trajectory is looked at once."


@exercise("ex-freedave-verify")
def accepted(answer):
    """The number of accepted drafts, against the loop."""
    return equal_to_oracle(
        answer,
        lambda drafts, targets: len(verify_looped(drafts, targets, MASK)),
        _verifications(), name="counts the accepted drafts",
        hint="draft 1 is always accepted; stop at the first draft that differs from its target",
    )  # fmt: skip


def _verifications():
    """Return drafts that grow by a token each, with targets that agree up to some point."""
    rng, cases = np.random.default_rng(0), []
    for m in (1, 2, 2, 3, 3, 4, 5, 6):
        for wrong in range(1, m + 1):
            final = rng.integers(0, 4, m)
            drafts = [[*final[: j + 1].tolist(), *[MASK] * (m - j - 1)] for j in range(m)]
            targets = [row.copy() for row in drafts[1:]] + [drafts[-1].copy()]
            if wrong < m:
                targets[wrong - 1][wrong] = int(final[wrong] + 1)
            cases.append((drafts, targets))
    return cases


@exercise("ex-freedave-plans")
def plans(answer):
    """The fewest forwards of a reach function, against the library's search."""
    rng = np.random.default_rng(1)
    cases = [((), 3), ((1,), 2), ((2, 1), 2), ((2, 3, 1, 1, 1, 1), 3)]
    for T in (4, 6, 8, 10):
        for d in (1, 2, 3, 9):
            cases.append((tuple(int(rng.integers(1, T - t + 1)) for t in range(T)), d))
    cases.append((reach(HashConditional(4, 12, k=28, eps=0.1), [4] * 12), 4))
    greedy = [call(answer, r, d) == greedy_forwards(r, d).forwards for r, d in cases]
    require(not all(greedy), "lets an earlier state be the anchor",
            "these are the forwards of FreeDave: it always drafts from the last state")  # fmt: skip
    return equal_to_oracle(
        answer, lambda r, d: fewest_forwards(r, d).forwards, cases,
        name="finds the fewest forwards",
        hint="count the first forward; a last single step is free",
    )  # fmt: skip


@exercise("ex-freedave-redraw")
def redraw(answer):
    """Probability of token 0 when a refused draw is drawn again: p = (0.8, 0.2)."""
    close_to(answer, 0.896, tol=1e-6, name="the probability", wrong={
        0.8: "that is the right distribution; redrawing after a mismatch does not give it",
        0.64: "that is the share of accepted draws that are 0; refused ones are drawn again",
        0.68: "that is the probability that the two draws agree",
    })  # fmt: skip
    return "Right: 0.64 + (1 − 0.68)·0.8; agreement favours what is likely already."


@exercise("ex-freedave-counterexample")
def counterexample(answer):
    """A table on which FreeDave++ does not reproduce the threshold trajectory."""
    L, k, eps, tau = entries(answer, ("L", "k", "eps", "tau"))
    table, x = HashConditional(3, int(L), int(k), float(eps)), [3] * int(L)
    fast, slow = freedave_plus_plus(table, x, 4, float(tau)), threshold(table, x, float(tau))
    require(fast.trace != slow.trace, "the traces differ", "try another table",
            failing=answer, expected="different commit orders", got="the same trace")  # fmt: skip
    differ = "another sequence" if (fast.tokens != slow.tokens).any() else "another order"
    best = " No shorter one exists." if int(L) == 3 else " There are shorter ones."
    return f"Right: {differ}, with {int(L)} positions.{best}"
