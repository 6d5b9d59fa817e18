"""Checks of the exercises on positional attention."""

from itertools import product

import numpy as np

from paralg.rounds.positional_attention.experiments.tasks import answer as solved
from paralg.teach.checking import call, close_to, exercise, numbers, require

__all__ = []


@exercise("ex-positional-attention-wires")
def wires(answer):
    """Sources of the last round of a prefix sum on eight nodes."""
    found = numbers(answer, 8, "the eight sources")
    close_to(found, [8, 8, 8, 8, 0, 1, 2, 3], name="the sources", wrong={
        (0, 1, 2, 3, 0, 1, 2, 3): "a node that reads itself adds its sum twice",
        (8, 8, 0, 1, 2, 3, 4, 5): "that is the second round; the third has stride 4",
        (8, 8, 8, 8, 8, 8, 8, 0): "the stride of round t is 2^(t - 1), which is 4",
        (4, 5, 6, 7, 8, 8, 8, 8): "a prefix comes from the left: node i reads i - 4",
    })  # fmt: skip
    return "Right: stride 4, and the scratch node for the first four."


@exercise("ex-positional-attention-gap")
def gap(answer):
    """Logit gap at which eight wrong nodes get a millionth."""
    close_to(answer, np.log(8e6), tol=0.02, name="the gap", wrong={
        round(np.log(1e6), 2): "that is the gap for one wrong node; there are eight",
        round(np.log(8e6) / np.log(10), 2): "the softmax has base e, not 10",
        round(8e6, 2): "take the logarithm",
    })  # fmt: skip
    return "Right: log(8 · 10⁶) = 15.9."


@exercise("ex-positional-attention-growth")
def growth(answer):
    """Error at c = 14 of a homogeneous model, by the paper's test sets."""
    close_to(answer, 0.1, tol=2e-4, name="the error", wrong={
        0.098: "rows inside the trained range are drawn again, which makes 49 into 50",
        0.014: "the error is squared: its factor is λ² and not λ",
        0.392: "λ counts from the trained range, 14 over 2",
        0.394: "λ counts from the trained range, 14 over 2",
    })  # fmt: skip
    return "Right: (7² + 1) · 0.002."


@exercise("ex-positional-attention-blocks")
def blocks(answer):
    """The operator of a scan for largest sums of non-empty blocks: by folding rows with it."""
    rng = np.random.default_rng(0)
    rows = [[-3.0], [-2.0, -1.0], [2.0, -1.0, 3.0], [-1.0, -2.0, -3.0]]
    rows += [rng.integers(-9, 10, n).astype(float).tolist() for n in (4, 5, 8)]
    for row in rows:
        tree = [(x, x, x, x) for x in row]
        while len(tree) > 1:
            pairs = [tuple(call(answer, a, b)) for a, b in zip(tree[::2], tree[1::2], strict=False)]
            tree = pairs + tree[2 * len(pairs) :]
        expected = float(solved("max-subarray", row)[-1])
        require(len(tree[0]) == 4, "returns total, prefix, suffix and best", failing=row,
                got=tree[0])  # fmt: skip
        require(float(tree[0][3]) == expected, "the best block, joined along a tree",
                "the best block lies left, lies right, or is a suffix and a prefix together",
                failing=row, expected=expected, got=float(tree[0][3]))  # fmt: skip
    return "Right: best blocks of rows of 1 to 8, and of rows below zero."


@exercise("ex-positional-attention-sorter")
def sorter(answer):
    """Partners of a sorting network, by the zero-one principle."""
    for n in (2, 3, 5, 8):
        rounds = [list(map(int, one)) for one in call(answer, n)]
        zero_one = np.array(list(product((0, 1), repeat=n)))
        x, me = zero_one.copy(), np.arange(n)
        for row in rounds:
            partner = np.array(row)
            good = len(partner) == n and set(row) <= set(range(n))
            require(good and (partner[partner] == me).all(), "a partner of its partner", failing=n,
                    got=row)  # fmt: skip
            x = np.where(partner > me, np.minimum(x, x[:, partner]),
                         np.maximum(x, x[:, partner]))  # fmt: skip
        bad = zero_one[(x != np.sort(zero_one)).any(axis=1)]
        require(not len(bad), "sorts every row of zeros and ones",
                "n rounds that begin at node 0 and at node 1 in turn are enough",
                failing=bad[:1].tolist(), got=f"{len(bad)} rows of {n} unsorted")  # fmt: skip
        require(len(rounds) <= n, "needs at most n rounds", failing=n, got=len(rounds))
    return "Right: every row of zeros and ones is sorted, hence every row."
