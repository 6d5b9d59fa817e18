"""Checks of the exercises on speculative Jacobi decoding."""

import numpy as np

from paralg.decoding.speculative_jacobi.acceptance import residual
from paralg.teach.checking import call, close_to, entries, equal_to_oracle, exercise, require


@exercise("ex-speculative-jacobi-rate")
def rate(answer):
    """Probability that a draft from q = (.3, .7) is kept under p = (.6, .4)."""
    close_to(answer, 0.7, name="the probability", wrong={
        0.46: "that is the chance that the draft equals an independent draw from p",
        0.3: "that is the chance that the draft is refused",
        0.4: "token 0 is always kept, too, because p(0) > q(0)",
    })  # fmt: skip
    return "Right: min(.6, .3) + min(.4, .7) = .3 + .4."


@exercise("ex-speculative-jacobi-bounds")
def bounds(answer):
    """Fewest and most forwards for 64 pixels with 15 drafts, and most positions computed."""
    fewest, most, positions = entries(answer, ("fewest", "most", "positions"))
    close_to(fewest, 4, name="the fewest forwards", wrong={
        5: "a whole window gives a bonus token, too: 16 tokens a forward",
        1: "a forward makes at most W + 1 = 16 tokens final",
    })  # fmt: skip
    close_to(most, 64, name="the most forwards", wrong={
        65: "each forward makes at least one token final",
        1024: "that is the number of positions of full windows",
    })  # fmt: skip
    close_to(positions, 904, name="the most positions", wrong={
        1024: "near the end the window is cut off: the last 15 forwards have fewer than 16",
        960: "a forward computes the last final token's successor and 15 more",
        64: "every forward computes a window",
    })  # fmt: skip
    return "Right: 49 full windows of 16, then 15, 14, …, 1 positions: 784 + 120."


@exercise("ex-speculative-jacobi-joint")
def joint(answer):
    """Matrix of probabilities that a draft x from q ends as token y, all properties."""
    rng = np.random.default_rng(0)
    cases = [(np.array([0.6, 0.4]), np.array([0.3, 0.7])), (np.ones(1), np.ones(1)),
             (np.array([0.0, 1.0]), np.array([1.0, 0.0])),
             *(tuple(rng.dirichlet(np.ones(V), 2)) for V in (2, 3, 5))]  # fmt: skip
    for p, q in cases:
        got = np.asarray(call(answer, p, q), dtype=float)
        size = (len(p), len(p))
        require(got.shape == size, "has shape (V, V)", "rows are drafts, columns final tokens",
                failing=(p, q), expected=size, got=got.shape)  # fmt: skip
        for name, mine, right, hint in (
            ("the rows sum to q", got.sum(axis=1), q, "a draft is drawn from q, then something "
             "happens to it"),
            ("the columns sum to p", got.sum(axis=0), p, "where does the refused mass go?"),
            ("the diagonal is min(p, q)", np.diag(got), np.minimum(p, q),
             "a draft x stays with probability q(x)·min(1, p(x)/q(x))"),
        ):  # fmt: skip
            require(np.allclose(mine, right, atol=1e-9), name, hint, failing=(p, q),
                    expected=right, got=mine)  # fmt: skip
    return equal_to_oracle(answer, _joint, cases, tol=1e-9, name="is the joint distribution",
                           hint="refused drafts all go to the same residual")  # fmt: skip


def _joint(p, q):
    kept = np.minimum(p, q)
    return np.diag(kept) + np.outer(q - kept, residual(p, q))


@exercise("ex-speculative-jacobi-sweeps")
def sweeps(answer):
    """Fixed point of a triangular map, and the number of sweeps that changed something."""
    return equal_to_oracle(answer, _sweeps, _maps(), name="finds the fixed point and its sweeps",
                           hint="apply F to the whole sequence until nothing changes; the sweep "
                           "that changes nothing is not counted")  # fmt: skip


def _sweeps(F, x):
    x, n = list(x), 0
    while (y := list(F(x))) != x:
        x, n = y, n + 1
    return x, n


def _maps():
    """Return maps in which entry i depends on earlier entries only, with starts."""

    def chain(x):
        return [1, *(v + 1 for v in x[:-1])][: len(x)]

    def pairs(x):
        return [i if i % 2 == 0 else x[i - 1] for i in range(len(x))]

    def constant(x):
        return [7] * len(x)

    return [(constant, [7]), (constant, [0, 0]), (pairs, [5, 5, 5, 5, 5]), (chain, [0] * 6),
            (chain, [1, 2, 3, 0, 0])]  # fmt: skip


@exercise("ex-speculative-jacobi-relabel")
def relabel(answer):
    """Total variation after a relabelled deterministic draft, p = (.6, .3, .1)."""
    close_to(answer, 0.7, name="the total variation", wrong={
        0.4: "that would be so if the draft were token 0",
        0.3: "that is p of the draft; the draft is now always kept",
        0.0: "the test uses q = p, so it keeps a draft that was never drawn from p",
    })  # fmt: skip
    return "Right: the draft 1 stays with probability 1 instead of .3."


@exercise("ex-speculative-jacobi-window")
def window(answer):
    """Best window at three prices of a position, from the record."""
    found = entries(answer, ("0", "0.02", "0.1"))
    for gamma, got, right in zip((0, 0.02, 0.1), found, (32, 16, 8), strict=True):
        close_to(got, right, name=f"the best W at γ = {gamma}", wrong={
            0: "one token a forward is never the cheapest here",
        })  # fmt: skip
    return "Right: the dearer a position, the narrower the window."
