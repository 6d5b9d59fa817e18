"""Step 4: merge leaves that one Gaussian explains as well; step 5 is `mixture.fit` from labels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.kernels.partitive_partitioning.fast.checks import check_points
from paralg.kernels.partitive_partitioning.mixture import fit
from paralg.kernels.partitive_partitioning.theory import neighbours
from paralg.kernels.partitive_partitioning.tree import SplitRules

__all__ = ["merge_leaves"]


def merge_leaves(
    points: ArrayLike, labels: ArrayLike, rules: SplitRules | None = None
) -> tuple[NDArray[np.int64], list[tuple[int, int, float]]]:
    """Merge neighbouring clusters while BIC prefers one Gaussian for both, largest gain first.

    Of ``points`` (n, d) with ``labels`` (n,), 0 … k - 1, each used; ``rules`` have the covariances
    and the end of EM. Returns labels 0 … k' - 1 in the order of before, and the merges: two labels
    and the gain in BIC.
    """
    points, labels = check_points(points), checks.array("labels", labels, "i").astype(np.int64)
    rules = SplitRules() if rules is None else rules
    checks.instance("rules", rules, SplitRules)
    fit(points, labels, "diag", most=0)  # refuses labels that are not 0 … k - 1
    merges, known = [], {}
    while True:
        names = np.unique(labels)
        centres = np.stack([points[labels == name].mean(axis=0) for name in names])
        for a, b in neighbours(centres):
            pair = (int(names[a]), int(names[b]))
            if pair not in known:
                known[pair] = _gain(points, labels, pair, rules)
        gain, pair = max(((known[one], one) for one in known), default=(0.0, None))
        if not gain > 0:
            return np.searchsorted(names, labels), merges
        merges.append((*pair, gain))
        labels = np.where(labels == pair[1], pair[0], labels)
        known = {one: value for one, value in known.items() if not set(one) & set(pair)}


def _gain(points, labels, pair, rules) -> float:
    """Return how much smaller BIC is with one Gaussian for both clusters."""
    chosen = np.isin(labels, pair)
    both, side = points[chosen], (labels[chosen] == pair[1]).astype(int)
    how = {"cov": rules.kind(*both.shape), "ridge": rules.ridge, "tol": rules.em_tol}
    return fit(both, side, most=rules.em_max, **how).bic - fit(both, **how).bic
