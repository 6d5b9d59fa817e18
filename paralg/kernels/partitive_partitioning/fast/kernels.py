r"""Passes over a shard of rows, compiled, whose sums are integers and so have no order.

A summand is written as :math:`a\,2^{-24} + b\,2^{-60}` with integers a and b, which are added:
up to 2**26 rows with summands below 2**12. ``sums`` is (m, q, 2), for each of m open nodes q sums
of two integers; moments are the number of rows, d sums and d (d + 1) / 2 sums of products.
"""

import numpy as np

from paralg.simd.cache import compiled

__all__ = ["PASSES", "project", "to_float"]

_HIGH, _LOW = 2.0**24, 2.0**60


def to_float(sums):
    """Return what integer sums (..., 2) stand for."""
    return sums[..., 0] / _HIGH + sums[..., 1] / _LOW


@compiled
def _add(sums, node, place, value):
    high = np.floor(value * _HIGH + 0.5)
    sums[node, place, 0] += np.int64(high)
    sums[node, place, 1] += np.int64(np.floor((value - high / _HIGH) * _LOW + 0.5))


@compiled
def _add_moments(sums, node, row, share, begin):
    d = len(row)
    _add(sums, node, begin, share)
    at = begin + 1
    for i in range(d):
        _add(sums, node, at, share * row[i])
        at += 1
    for i in range(d):
        for j in range(i, d):
            _add(sums, node, at, share * row[i] * row[j])
            at += 1


@compiled
def moment_pass(points, node, side, only, sums):
    """Add the moments of all rows of open nodes, or of those on the side ``only``."""
    for r in range(len(points)):
        if node[r] >= 0 and (only < 0 or side[r] == only):
            _add_moments(sums, node[r], points[r], 1.0, 0)


@compiled
def project(points, node, means, directions, along):
    """Write how far each row lies along the direction of its node."""
    for r in range(len(points)):
        if node[r] >= 0:
            total = 0.0
            for i in range(points.shape[1]):
                total += (points[r, i] - means[node[r], i]) * directions[node[r], i]
            along[r] = total


@compiled
def hyperplane_pass(points, node, side, middles, normals, offsets, active, sums):
    """Put rows of active nodes on their side of a hyperplane; add moved rows, size and sum."""
    d = points.shape[1]
    for r in range(len(points)):
        k = node[r]
        if k >= 0 and active[k]:
            total = 0.0
            for i in range(d):
                total += (points[r, i] - middles[k, i]) * normals[k, i]
            new = 1 if total > offsets[k] else 0
            if new != side[r]:
                side[r] = new
                _add(sums, k, 0, 1.0)
            if new == 1:
                _add(sums, k, 1, 1.0)
                for i in range(d):
                    _add(sums, k, 2 + i, points[r, i])


@compiled
def em_pass(points, node, side, active, constants, means, inverse, sums):
    """Add, for active nodes, the moments of component 1 and three numbers after them.

    These are the log-likelihood and, on each side, the rows whose likelier component it is.
    ``inverse`` (m, 2, d, d) has the inverse Cholesky factors.
    """
    d = points.shape[1]
    last = 1 + d + d * (d + 1) // 2
    logs = np.empty(2)
    for r in range(len(points)):
        k = node[r]
        if k < 0 or not active[k]:
            continue
        for c in range(2):
            square = 0.0
            for i in range(d):
                white = 0.0
                for j in range(i + 1):
                    white += inverse[k, c, i, j] * (points[r, j] - means[k, c, j])
                square += white * white
            logs[c] = constants[k, c] - square / 2
        top = max(logs[0], logs[1])
        low = np.exp(min(logs[0], logs[1]) - top)
        share = (1.0 if logs[1] > logs[0] else low) / (1 + low)
        _add(sums, k, last, top + np.log(1 + low))
        if (1 if share > 0.5 else 0) == side[r]:
            _add(sums, k, last + 1 + side[r], 1.0)
        if share > 0:
            _add_moments(sums, k, points[r], share, 0)


PASSES = {"moments": moment_pass, "sides": hyperplane_pass, "shares": em_pass}
