r"""The whole tree on rows that stay where they are: sums travel, points do not.

All open nodes of a level take part in each reduction, so rounds grow with the depth of the tree and
not with its nodes. Sums are exact integers (`fast.kernels`): the tree has the same bits for every
engine, number of workers, way to cut the rows into shards, and order of the rows.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.engine import Engine, connect
from paralg.kernels.partitive_partitioning.fast import kernels
from paralg.kernels.partitive_partitioning.fast.checks import check_points
from paralg.kernels.partitive_partitioning.fast.results import (
    PartitionTree,
    SplitVerdict,
    TreeNode,
    finished,
)
from paralg.kernels.partitive_partitioning.mixture import GaussianMix, shaped, whitening
from paralg.kernels.partitive_partitioning.theory import bhattacharyya, free_parameters
from paralg.kernels.partitive_partitioning.tree import SplitRules
from paralg.kernels.partitive_partitioning.twomeans import CONSTANT, best_cut, first_direction

__all__ = ["grow_sharded", "warm"]


class Shard:
    """Rows of one partition: where in the open level they are, their side, their deepest node."""

    def __init__(self, points):
        self.points = np.ascontiguousarray(points)
        self.node = np.zeros(len(points), dtype=np.int64)
        self.side = np.zeros(len(points), dtype=np.int64)
        self.home = np.zeros(len(points), dtype=np.int64)

    def sums(self, m: int, q: int):
        """Return empty sums of m nodes."""
        return np.zeros((m, q, 2), dtype=np.int64)


def _moments(shard, m, only):
    d = shard.points.shape[1]
    sums = shard.sums(m, 1 + d + d * (d + 1) // 2)
    kernels.moment_pass(shard.points, shard.node, shard.side, only, sums)
    return sums


def _along(shard, means, directions):
    along = np.zeros(len(shard.points))
    kernels.project(shard.points, shard.node, means, directions, along)
    return [along[shard.node == k] for k in range(len(means))]


def _sides(shard, middles, normals, offsets, active):
    sums = shard.sums(len(middles), 2 + shard.points.shape[1])
    kernels.hyperplane_pass(
        shard.points, shard.node, shard.side, middles, normals, offsets, active, sums
    )
    return sums


def _expect(shard, active, constants, means, inverse):
    d = shard.points.shape[1]
    sums = shard.sums(len(means), 5 + d + d * (d + 1) // 2)
    kernels.em_pass(
        shard.points, shard.node, shard.side, active, constants, means, inverse, sums
    )
    return sums


def _descend(shard, following, first, swap):
    """Number sides by their centres and move rows to the children of accepted nodes."""
    mine = shard.node >= 0
    shard.home[mine] = first + shard.node[mine]
    shard.side[mine] ^= swap[shard.node[mine]]
    shard.node[mine] = following[shard.node[mine], shard.side[mine]]
    shard.side[:] = 0
    return shard


def _joined(one, other):
    return [np.concatenate(pair) for pair in zip(one, other, strict=True)]


def grow_sharded(
    shards: Sequence[ArrayLike], rules: SplitRules | None = None, *, engine: Engine | None = None
) -> PartitionTree:
    """Grow the tree of `grow` on rows in shards; only sums and projections travel.

    Parameters
    ----------
    shards : sequence of array_like, each (n_i, d), finite; some may be empty, if not all
    rules : SplitRules, optional; subclasses that look at points are refused
    engine : Engine, optional; a shard is a partition

    Returns
    -------
    PartitionTree of the rows of all shards in turn; ``rounds``, ``messages`` and ``bytes`` count
    reductions

    Raises
    ------
    ValueError
        Shards of different widths; numbers too large for exact sums (standardise them).

    Cost
    ----
    A level takes 3 reductions, one a step of Lloyd's and one a step of EM, of O(d^2) integers a
    node and shard, and 8 bytes a point for the cut.

    Examples
    --------
    >>> line = np.linspace(-1, 1, 40)[:, None] ** 3
    >>> grow_sharded([line, line + 9]).k
    2
    """
    checks.instance("shards", shards, Sequence)
    shards = [np.asarray(one, float) for one in shards]
    if not shards or len({one.shape[1:] for one in shards}) > 1:
        raise ValueError(f"shards must have equally many columns, got {len(shards)} of them")
    points = check_points(np.concatenate(shards))
    n, d = points.shape
    most = float(np.abs(points).max())
    if n > 2**26 or n * max(1.0, most**2) > 2.0**38:
        raise ValueError(f"n max(1, |x|^2) must be at most 2^38, got {n} rows up to {most:.3g}")
    rules = SplitRules() if rules is None else rules
    checks.instance("rules", rules, SplitRules)
    if (type(rules).cut, type(rules).refusal) != (SplitRules.cut, SplitRules.refusal):
        raise ValueError(f"rules must not look at points, got {type(rules).__name__}")
    engine = connect("serial") if engine is None else engine
    checks.instance("engine", engine, Engine)
    before, state = engine.cost, engine.scatter(map(Shard, shards))
    level, found = [""], []
    while level:
        verdicts, swap = _try_level(engine, state, len(level), d, rules)
        open_paths = [path for path, one in zip(level, verdicts, strict=True) if not one.reason]
        following = np.full((len(level), 2), -1)
        for number, path in enumerate(open_paths):
            following[level.index(path)] = 2 * number, 2 * number + 1
        state = engine.map(_descend, state, following=following, first=len(found), swap=swap)
        found += zip(level, verdicts, strict=True)
        level = [f"{path}{side}" for path in open_paths for side in (0, 1)]
    home = np.concatenate(engine.gather(engine.map(_home, state)))
    deepest = np.array([path for path, _ in found])[home]
    nodes = [TreeNode(path, np.flatnonzero(np.char.startswith(deepest, path)), verdict)
             for path, verdict in found]  # fmt: skip
    tree, now = finished(nodes, n), engine.cost
    sent = Cost(work=tree.cost.work, span=tree.cost.span, rounds=now.rounds - before.rounds,
                messages=now.messages - before.messages, bytes=now.bytes - before.bytes)  # fmt: skip
    return replace(tree, cost=sent)


def _home(shard):
    return shard.home


def _reduced(engine, fn, state, **kw):
    """One reduction of integer sums over all shards."""
    return engine.reduce(np.add, engine.map(fn, state, **kw))


def _try_level(engine, state, m, d, rules):
    """Cut and judge the m open nodes of a level; return verdicts, and which to swap."""
    total = _reduced(engine, _moments, state, m=m, only=-1)
    count, mean, second = _unpacked(kernels.to_float(total), d)
    squares = np.trace(second, axis1=1, axis2=2)
    reasons = np.full(m, "", dtype=object)
    raw = squares + count * (mean**2).sum(axis=1)
    reasons[squares <= CONSTANT * raw] = "constant"
    reasons[count < rules.nmin] = "small"
    directions = np.stack([np.zeros(d) if why else first_direction(one)
                           for one, why in zip(second, reasons, strict=True)])  # fmt: skip
    pieces = engine.reduce(_joined, engine.map(_along, state, means=mean, directions=directions))
    offsets = np.full(m, np.inf)
    for k in np.flatnonzero(reasons == ""):
        offsets[k], gain = best_cut(pieces[k])
        reasons[k] = "" if gain > 0 else "constant"
    active, steps = reasons == "", np.zeros((m, 2), dtype=int)
    planes = {"middles": mean, "normals": directions, "offsets": offsets}
    part = kernels.to_float(_reduced(engine, _sides, state, active=active, **planes))
    lloyd = active.copy()
    centres = np.stack([mean, mean], axis=1)
    while lloyd.any():
        at = np.flatnonzero(lloyd)
        ones = part[at, 1][:, None]
        rest = count[at][:, None] * mean[at] - part[at, 2:]
        centres[at] = np.stack([rest / (count[at][:, None] - ones), part[at, 2:] / ones], axis=1)
        planes = {"middles": centres.mean(axis=1), "normals": centres[:, 1] - centres[:, 0],
                  "offsets": np.zeros(m)}  # fmt: skip
        part = kernels.to_float(_reduced(engine, _sides, state, active=lloyd, **planes))
        steps[lloyd, 0] += 1
        lloyd = lloyd & (part[:, 0] > 0)
    swap = np.array([tuple(a) > tuple(b) for a, b in centres], dtype=np.int64)
    side = _reduced(engine, _moments, state, m=m, only=1)
    sizes = kernels.to_float(side[:, 0])
    least = np.minimum(sizes, count - sizes)
    reasons[active & (least < rules.nmin / 2)] = "small side"
    verdicts = _fit_level(engine, state, total, side, reasons, steps, swap, rules, d)
    return verdicts, swap


def _fit_level(engine, state, total, side, reasons, steps, swap, rules, d):
    """Fit one and two Gaussians to each node without a reason yet; return its verdict."""
    m, eye = len(reasons), np.eye(d)
    active = reasons == ""
    cov = [rules.kind(int(n), d) for n in kernels.to_float(total[:, 0])]
    constants, means = np.zeros((m, 2)), np.zeros((m, 2, d))
    inverse, covariances = np.zeros((m, 2, d, d)), np.zeros((m, 2, d, d))
    previous, last = np.full(m, -np.inf), np.zeros((m, 5 + d + d * (d + 1) // 2))
    running, packed, q = active.copy(), side, 1 + d + d * (d + 1) // 2
    steps[active, 1] = -1
    while running.any():
        for k in np.flatnonzero(running):
            both = np.stack([total[k] - packed[k, :q], packed[k, :q]])
            count, means[k], second = _unpacked(kernels.to_float(both), d)
            covariances[k] = shaped(second, count, cov[k], rules.ridge)
            inverse[k], half = whitening(covariances[k])
            share = np.log(count / count.sum())
            constants[k] = share - half - d / 2 * np.log(2 * np.pi)
        packed = _reduced(engine, _expect, state, active=running, constants=constants,
                          means=means, inverse=inverse)  # fmt: skip
        now = kernels.to_float(packed)
        last[running] = now[running]
        steps[running, 1] += 1
        n = kernels.to_float(total[:, 0])
        poor = np.minimum(now[:, 0], n - now[:, 0]) < 1e-6
        done = (now[:, q] - previous < rules.em_tol * n) | poor | (steps[:, 1] >= rules.em_max)
        previous = np.where(running, now[:, q], previous)
        running = running & ~done
    verdicts = []
    for k in range(m):
        if not active[k]:
            verdicts.append(SplitVerdict(steps=tuple(map(int, steps[k])), reason=reasons[k]))
            continue
        count, mean, second = _unpacked(kernels.to_float(total[k : k + 1]), d)
        n = float(count[0])
        one = shaped(second, count, cov[k], rules.ridge)
        factor, half = whitening(one)
        fit = np.trace(factor[0] @ (second[0] / n) @ factor[0].T)
        loglik = -n * (half[0] + d / 2 * np.log(2 * np.pi) + fit / 2)
        parameters = [free_parameters(c, d, cov[k]) for c in (1, 2)]
        gain = -2 * loglik + 2 * last[k, q] + (parameters[0] - parameters[1]) * np.log(n)
        ones = float(kernels.to_float(side[k, 0]))
        of_side = [last[k, q + 1] / (n - ones), last[k, q + 2] / ones]
        two = GaussianMix(np.ones(2), means[k], covariances[k], 0.0, eye, 0.0, 0)
        verdict = SplitVerdict(
            float((last[k, q + 1] + last[k, q + 2]) / n),
            tuple(map(float, of_side[::-1] if swap[k] else of_side)), float(gain),
            bhattacharyya(two), float(last[k, q + 3] / n), tuple(map(int, steps[k])),
        )  # fmt: skip
        verdicts.append(replace(verdict, reason=rules.refusal(verdict, None, None)))
    return verdicts


def _unpacked(values, d):
    """Return counts (m,), means (m, d) and central second moments (m, d, d) of packed sums."""
    count = values[:, 0]
    mean = values[:, 1 : 1 + d] / np.maximum(count, 1e-300)[:, None]
    second = np.zeros((len(values), d, d))
    rows, columns = np.triu_indices(d)
    second[:, rows, columns] = second[:, columns, rows] = values[:, 1 + d : 1 + d + len(rows)]
    return count, mean, second - count[:, None, None] * mean[:, :, None] * mean[:, None, :]


def warm() -> None:
    """Compile what the shards call."""
    line = np.linspace(-1, 1, 30)[:, None] ** 3
    grow_sharded([line, line + 9])
