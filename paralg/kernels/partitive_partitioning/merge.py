"""Step 4: merge leaves that one Gaussian explains as well, which undoes cuts made high in the tree.

Step 5, `polish`, lets all clusters move together once the number is found.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.kernels.partitive_partitioning.fast.checks import check_points
from paralg.kernels.partitive_partitioning.mixture import GaussianMix, em, fit
from paralg.kernels.partitive_partitioning.tree import SplitRules

__all__ = ["merge_leaves", "neighbours", "polish"]


def neighbours(centres: NDArray) -> list[tuple[int, int]]:
    """Return pairs of centres (k, d) whose common ball holds no third one (the Gabriel graph)."""
    far = ((centres[:, None] - centres[None]) ** 2).sum(axis=2)
    k = range(len(centres))
    return [(a, b) for a in k for b in k if a < b and not any(
        far[a, c] + far[c, b] < far[a, b] for c in k if c not in (a, b))]  # fmt: skip


def merge_leaves(
    points: ArrayLike, labels: ArrayLike, rules: SplitRules | None = None
) -> tuple[NDArray[np.int64], list[tuple[int, int, float]]]:
    """Merge neighbouring clusters while BIC prefers one Gaussian for both, largest gain first.

    Parameters
    ----------
    points : array_like, shape (n, d), finite
    labels : array_like of int, shape (n,), 0 … k - 1, each used
    rules : SplitRules, optional, covariances and end of EM

    Returns
    -------
    Labels (n,) 0 … k' - 1 in the order of before, and the merges: two labels and the gain in BIC
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
    cov = rules.kind(*both.shape)
    how = {"tol": rules.em_tol, "most": rules.em_max, "ridge": rules.ridge}
    return fit(both, side, cov, **how).bic - fit(both, None, cov, ridge=rules.ridge).bic


def polish(points: ArrayLike, labels: ArrayLike, rules: SplitRules | None = None) -> GaussianMix:
    """Fit one mixture of k Gaussians to points (n, d), by EM from labels (n,) 0 … k - 1."""
    points, rules = check_points(points), SplitRules() if rules is None else rules
    checks.instance("rules", rules, SplitRules)
    start = fit(points, labels, rules.cov, most=0, ridge=rules.ridge)
    resp = np.eye(start.resp.shape[1])[np.asarray(labels)]
    return em(points, resp, None, rules.cov, tol=rules.em_tol, most=rules.em_max,
              ridge=rules.ridge)  # fmt: skip
