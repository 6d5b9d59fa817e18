"""Checks of the exercises on any-subset speculation."""

import numpy as np

from paralg.decoding.any_subset.drafting import BigramCounts
from paralg.teach.checking import call, close_to, entries, equal_to_oracle, exercise, require


@exercise("ex-any-subset-worst")
def worst(answer):
    """Most calls for seven tokens."""
    found = entries(answer, ("k = 1", "k = 2", "k = 5"))
    for name, got, right in zip(("k = 1", "k = 2", "k = 5"), found, (13, 7, 7), strict=True):
        close_to(got, right, name=f"the most calls at {name}", wrong={
            14: "the last token is alone, and of a lone token there is nothing to check",
            8: "the last round may have one target, which costs one call",
            3: "that is the least, when every draft is kept",
            4: "rounds are counted here; most of them cost two calls",
        })  # fmt: skip
    return "Right: 6 · 2 + 1, and twice at most one call a token."


@exercise("ex-any-subset-visible")
def visible(answer):
    """Draft and density mask of an order at progress n, as boolean matrices."""
    cases = [([0], 1, 0), ([1], 2, 0), ([0, 1], 2, 1), ([0, 2, 3], 5, 1), ([3, 0, 2], 5, 0),
             ([1, 2, 3, 4], 6, 2), ([5, 1, 4, 0], 6, 3)]  # fmt: skip
    for order, L, n in cases:
        got = call(answer, np.array(order), L, n)
        require(isinstance(got, (tuple, list)) and len(got) == 2, "returns two masks",
                "the draft mask, then the density mask", failing=(order, L, n))  # fmt: skip
        for name, mine, right in zip(("draft", "density"), got, _masks(order, L, n), strict=True):
            mine = np.asarray(mine)
            require(mine.shape == (L, L), f"the {name} mask has shape (L, L)",
                    "one row for each query, one column for each content",
                    failing=(order, L, n), expected=(L, L), got=mine.shape)  # fmt: skip
            rows = np.array(order)
            require(not mine[rows, rows].any(), f"in the {name} mask no query sees its own token",
                    "the query has to predict it", failing=(order, L, n))  # fmt: skip
            require((mine[rows] == right[rows]).all(), f"the {name} mask lets each query see "
                    "what it may", "compare ranks: below m + n, or below the query's own",
                    failing=(order, L, n), expected=right[rows].astype(int).tolist(),
                    got=mine[rows].astype(int).tolist())  # fmt: skip
    return "Right: two comparisons of ranks."


def _masks(order, L, n):
    given = [i for i in range(L) if i not in order]
    draft, density = np.zeros((2, L, L), dtype=bool)
    for place, i in enumerate(order):
        density[i, [*given, *order[:place]]] = True
        draft[i, [*given, *order[: min(place, n)]]] = True
    return draft, density


@exercise("ex-any-subset-pairs")
def pairs(answer):
    """Distribution after a token, from neighbouring known tokens, else of all of them."""
    cases = [([0, 1], 2, 0), ([0, 0], 2, 0), ([1, 2, 0], 2, 1), ([0, 1, 0, 1, 2, 3], 3, 1),
             ([0, 1, 0, 1, 2, 3], 3, 2), ([2, 4, 2, 2, 4, 1], 4, 2)]  # fmt: skip
    return equal_to_oracle(answer, _after, cases, tol=1e-9, name="is the distribution of counts",
                           hint="both neighbours must be known; without any pair take the counts "
                           "of all known tokens")  # fmt: skip


def _after(x, V, token):
    return BigramCounts(x, V).after(token)


@exercise("ex-any-subset-rate")
def rate(answer):
    """Equal rate behind 2.24 tokens at k = 5, and calls a token."""
    alpha, calls = entries(answer, ("rate", "calls a token"))
    close_to(alpha, 0.2, tol=0.006, name="the rate", wrong={
        0.24: "that is the sum of the three powers of the rate",
        0.08: "the powers are not equal: a draft counts only behind kept ones",
        0.12: "two of the 2.24 tokens are certain",
    })  # fmt: skip
    close_to(calls, 0.893, tol=0.006, name="the calls a token", wrong={
        0.446: "a round makes two calls",
        1.12: "that is the number of tokens a call",
    })  # fmt: skip
    return "Right: .2 + .04 + .008 = .248, and 2/2.24 = .893."


@exercise("ex-any-subset-copies")
def copies(answer):
    """Total variation and multi-information of two copies of a token out of four."""
    tv, nats = entries(answer, ("total variation", "nats"))
    close_to(tv, 0.75, name="the total variation", wrong={
        0.25: "that is what the right distribution and the product share",
        1.5: "total variation has a factor of one half",
    })  # fmt: skip
    close_to(nats, np.log(4), tol=0.002, name="the multi-information", wrong={
        2.0: "those are bits; in nats it is the natural logarithm",
        float(np.log(2)): "the logarithm is that of (1/4) / (1/16)",
    })  # fmt: skip
    return "Right: 3/4, and ln 4."


@exercise("ex-any-subset-targets")
def targets(answer):
    """Cheapest recorded k at three prices of a target."""
    from paralg.decoding.any_subset.experiments.records import records

    four = records.read("sudoku")["4"]
    calls = {k: four[f"k = {k}"]["calls"] for k in (1, 2, 3, 5, 8, 12)}
    found = entries(answer, ("0", "0.05", "0.5"))
    for gamma, got in zip((0, 0.05, 0.5), found, strict=True):
        right = min(calls, key=lambda k, gamma=gamma: calls[k] * (1 + gamma * k))
        close_to(got, right, name=f"the best k at γ = {gamma}", wrong={
            2: "k = 2 saves nothing at all", 1: "k = 1 needs 23 calls",
        })  # fmt: skip
    return "Right: the dearer a target, the fewer of them."
