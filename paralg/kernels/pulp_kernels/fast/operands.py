"""What kernels are given: shares of items, encoded numbers, decision trees as arrays."""

from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.kernels.pulp_kernels.fast.arithmetic import Arithmetic

__all__ = ["Trees", "checked", "chunks", "encoded", "in_words", "rounded_down"]


class Trees(NamedTuple):
    """Decision trees as arrays over all nodes, (m,): ``x[feature] <= threshold`` goes left.

    A leaf has ``left = right = -1``; ``share`` (m, c) are the classes' shares of its samples,
    ``roots`` (t,) the first node of each tree. Children follow their node.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    share: np.ndarray
    roots: np.ndarray


def checked(trees: Trees, d: int) -> Trees:
    """Return trees over d features as arrays; what is not a forest is refused."""
    checks.instance("trees", trees, Trees)
    feature, left, right, roots = (checks.array(name, getattr(trees, name), "i")
                                   for name in ("feature", "left", "right", "roots"))  # fmt: skip
    threshold, share = checks.floats(threshold=(trees.threshold, "m"), share=(trees.share, "m c"))
    m = checks.sizes(threshold=(threshold, "m"), feature=(feature, "m"), left=(left, "m"),
                     right=(right, "m"), roots=(roots, "t"))["m"]  # fmt: skip
    for name, one, low, most in (("feature", feature, 0, d), ("left", left, -1, m),
                                 ("right", right, -1, m), ("roots", roots, 0, m)):  # fmt: skip
        if not one.size or one.min() < low or one.max() >= most:
            raise ValueError(f"{name} must lie in {low}..{most - 1}, got {one.tolist()[:9]}")
    if not share.size:
        raise ValueError(f"share must have a column a class, got the shape {share.shape}")
    inner, at = left >= 0, np.arange(m)
    if (inner != (right >= 0)).any() or (np.minimum(left, right) <= at)[inner].any():
        raise ValueError(f"children must be two and follow their node, got {left.tolist()[:9]}")
    return Trees(feature, threshold, left, right, share, roots)


def in_words(team, trees: Trees, d: int, vote: str = "mean") -> Trees:
    """Return trees in a team's words; leaves have shares, or with ``hard`` votes a 1.

    Thresholds are rounded down to singles: scikit-learn compares single features with doubles.
    """
    trees = checked(trees, d)
    checks.one_of("vote", vote, ("mean", "hard"))
    hard = np.eye(trees.share.shape[1])[trees.share.argmax(axis=1)]
    single = team.words.dtype in ("float32", "uint32")
    threshold = rounded_down(trees.threshold) if single else trees.threshold
    share = team.words.encode(hard if vote == "hard" else trees.share)
    return trees._replace(threshold=team.words.encode(threshold), share=share)


def rounded_down(threshold: np.ndarray) -> np.ndarray:
    """Return doubles as singles that are not larger, so that ``x <= threshold`` stays as it is."""
    single = np.asarray(threshold, np.float64).astype(np.float32)
    return np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)


def chunks(n: int, p: int) -> list[slice]:
    """Return the slices of n items for p cores: all of ⌈n/p⌉ but the last; none is empty."""
    size = -(-checks.integer("n", n, 1) // checks.integer("p", p, 1))
    return [slice(low, min(low + size, n)) for low in range(0, n, size)]


def encoded(team, **operands) -> list[np.ndarray]:
    """Return finite numbers of shapes, see `checks.floats`, as a team's words; none are empty."""
    words = getattr(team, "words", None)
    if not isinstance(words, Arithmetic):
        raise TypeError(f"team must be a Team, got {team!r:.60}")
    found = dict(zip(operands, checks.floats(**operands), strict=True))
    for name, values in found.items():
        if not values.size:
            raise ValueError(f"{name} must not be empty, got the shape {values.shape}")
    return [words.encode(values) for values in found.values()]
