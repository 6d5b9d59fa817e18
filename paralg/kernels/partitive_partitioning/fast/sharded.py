r"""The whole tree on rows that stay where they are: sums travel, points do not.

All open nodes of a level take part in each reduction, so rounds grow with the depth of the tree and
not with its nodes. Sums are exact integers (`fast.kernels`): the tree has the same bits for every
engine, number of workers, way to cut the rows into shards, and order of the rows.
"""

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np
from numpy.typing import ArrayLike

from paralg.core import checks
from paralg.core.engine import Engine, connect
from paralg.kernels.partitive_partitioning.fast import kernels
from paralg.kernels.partitive_partitioning.fast.checks import check_points, first_direction
from paralg.kernels.partitive_partitioning.fast.results import (
    PartitionTree,
    SplitVerdict,
    TreeNode,
    finished,
)
from paralg.kernels.partitive_partitioning.mixture import shaped, whitening
from paralg.kernels.partitive_partitioning.theory import free_parameters
from paralg.kernels.partitive_partitioning.tree import SplitRules
from paralg.kernels.partitive_partitioning.twomeans import CONSTANT, best_cut

__all__ = ["grow_sharded", "warm"]


class Shard:
    """Rows of one partition: where in the open level they are, their side, their deepest node."""

    def __init__(self, points):
        self.points = np.ascontiguousarray(points)
        self.node, self.side, self.home = np.zeros((3, len(points)), dtype=np.int64)


def _pass(shard, name, m, extra, given):
    """Run a pass over m open nodes that adds moments or, with ``extra``, further sums."""
    d = shard.points.shape[1]
    sums = np.zeros((m, 1 + d + d * (d + 1) // 2 + extra, 2), dtype=np.int64)
    kernels.PASSES[name](shard.points, shard.node, shard.side, *given, sums)
    return sums[:, : 2 + d] if extra == 1 else sums


def _along(shard, means, directions):
    along = np.zeros(len(shard.points))
    kernels.project(shard.points, shard.node, means, directions, along)
    return [along[shard.node == k] for k in range(len(means))]


def _joined(one, other):
    return [np.concatenate(pair) for pair in zip(one, other, strict=True)]


def _descend(shard, following, first, swap):
    """Number sides by their centres and move rows to the children of accepted nodes."""
    mine = shard.node >= 0
    shard.home[mine] = first + shard.node[mine]
    shard.side[mine] ^= swap[shard.node[mine]]
    shard.node[mine] = following[shard.node[mine], shard.side[mine]]
    shard.side[:] = 0
    return shard


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
    PartitionTree of the rows of all shards in turn; its cost counts the reductions: four a level,
    one a step of Lloyd's, one a step of EM, of O(d^2) integers a node, and 8 bytes a point

    ValueError for shards of different widths, and for numbers too large for exact sums.

    Examples
    --------
    >>> line = np.linspace(-1, 1, 40)[:, None] ** 3
    >>> grow_sharded([line, line + 9]).k
    2
    """
    checks.instance("shards", shards, Sequence)
    shards = [check_points(one, 0) for one in shards]
    if len({one.shape[1] for one in shards}) != 1:
        raise ValueError(f"shards must have one number of columns, got {len(shards)} of them")
    points = check_points(np.concatenate(shards))
    n, d = points.shape
    most = float(np.abs(points).max())
    if n > 2**26 or n * max(1.0, most**2) > 2.0**38:
        raise ValueError(f"n max(1, |x|^2) must be at most 2^38, got {n} rows up to {most:.3g}")
    checks.instance("rules", rules := SplitRules() if rules is None else rules, SplitRules)
    if (type(rules).cut, type(rules).refusal) != (SplitRules.cut, SplitRules.refusal):
        raise ValueError(f"rules must not look at points, got {type(rules).__name__}")
    checks.instance("engine", engine := connect("serial") if engine is None else engine, Engine)
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
    home = np.concatenate(engine.gather(engine.map(attrgetter("home"), state)))
    deepest = np.array([path for path, _ in found])[home]
    nodes = [TreeNode(path, np.flatnonzero(np.char.startswith(deepest, path)), verdict)
             for path, verdict in found]  # fmt: skip
    tree, now = finished(nodes, n), engine.cost
    sent = {name: getattr(now, name) - getattr(before, name)
            for name in ("rounds", "messages", "bytes")}  # fmt: skip
    return replace(tree, cost=replace(tree.cost, **sent))


def _reduced(engine, state, name, m, *given, extra=0):
    """One all-reduce of the integer sums of a pass over all shards."""
    parts = engine.map(_pass, state, name=name, m=m, extra=extra, given=given)
    return engine.reduce(np.add, parts)


def _try_level(engine, state, m, d, rules):
    """Cut and judge the m open nodes of a level; return verdicts, and which to swap."""
    total = _reduced(engine, state, "moments", m, -1)
    count, mean, second = _unpacked(total, d)
    squares, reasons = np.trace(second, axis1=1, axis2=2), np.full(m, "", dtype=object)
    reasons[squares <= CONSTANT * (squares + count * (mean**2).sum(axis=1))] = "constant"
    reasons[count < rules.nmin] = "small"
    directions = np.stack([np.zeros(d) if why else first_direction(one)
                           for one, why in zip(second, reasons, strict=True)])  # fmt: skip
    pieces = engine.reduce(_joined, engine.map(_along, state, means=mean, directions=directions))
    offsets, steps = np.full(m, np.inf), np.zeros((m, 2), dtype=int)
    for k in np.flatnonzero(reasons == ""):
        offsets[k], gain = best_cut(pieces[k])
        reasons[k] = "" if gain > 0 else "constant"
    running, centres, planes = reasons == "", np.stack([mean, mean], 1), (mean, directions, offsets)
    part = _reduced(engine, state, "sides", m, *planes, running, extra=1)
    while running.any():
        at, sums = np.flatnonzero(running), kernels.to_float(part)
        ones, right = sums[at, 1][:, None], sums[at, 2 : 2 + d]
        n = count[at][:, None]
        centres[at] = np.stack([(n * mean[at] - right) / (n - ones), right / ones], axis=1)
        planes = centres.mean(axis=1), centres[:, 1] - centres[:, 0], np.zeros(m)
        part = _reduced(engine, state, "sides", m, *planes, running, extra=1)
        steps[running, 0] += 1
        running = running & (part[:, 0, 0] > 0)
    swap = np.array([tuple(a) > tuple(b) for a, b in centres], dtype=np.int64)
    side = _reduced(engine, state, "moments", m, 1)
    sizes = kernels.to_float(side[:, 0])
    reasons[(reasons == "") & (np.minimum(sizes, count - sizes) < rules.nmin / 2)] = "small side"
    return _fit_level(engine, state, total, side, reasons, steps, swap, rules), swap


def _fit_level(engine, state, total, side, reasons, steps, swap, rules):
    """Fit one and two Gaussians to each node without a reason yet; return all verdicts."""
    m, q, n, ones = (
        len(reasons),
        total.shape[1],
        *kernels.to_float(np.stack([total, side])[:, :, 0]),
    )
    d = int(round((8 * q + 1) ** 0.5 - 3)) // 2
    count, _, second = _unpacked(total, d)
    cov, constant = [rules.kind(int(one), d) for one in n], d / 2 * np.log(2 * np.pi)
    constants, means = np.zeros((m, 2)), np.zeros((m, 2, d))
    inverse = np.zeros((m, 2, d, d))
    previous, last, packed = np.full(m, -np.inf), np.zeros((m, q + 3)), side
    active = reasons == ""
    running, steps[active, 1] = active.copy(), -1
    while running.any():
        for k in np.flatnonzero(running):
            both = np.stack([total[k] - packed[k, :q], packed[k, :q]])
            shares, means[k], moments = _unpacked(both, d)
            inverse[k], half = whitening(shaped(moments, shares, cov[k], rules.ridge))
            constants[k] = np.log(shares / n[k]) - half - constant
        given = running, constants, means, inverse
        packed = _reduced(engine, state, "shares", m, *given, extra=3)
        now, steps[running, 1] = kernels.to_float(packed), steps[running, 1] + 1
        last[running] = now[running]
        poor = np.minimum(now[:, 0], n - now[:, 0]) < 1e-6
        done = (now[:, q] - previous < rules.em_tol * n) | poor | (steps[:, 1] >= rules.em_max)
        previous, running = np.where(running, now[:, q], previous), running & ~done
    verdicts = []
    for k, taken in enumerate(steps.tolist()):
        if reasons[k]:
            verdicts.append(SplitVerdict(steps=tuple(taken), reason=reasons[k]))
            continue
        one = slice(k, k + 1)
        factor, half = whitening(shaped(second[one], count[one], cov[k], rules.ridge))
        alone = -n[k] * (half[0] + constant) - np.trace(factor[0] @ second[k] @ factor[0].T) / 2
        parameters = [free_parameters(c, d, cov[k]) for c in (1, 2)]
        gain = 2 * (last[k, q] - alone) + (parameters[0] - parameters[1]) * np.log(n[k])
        same = last[k, q + 1 : q + 3].tolist()
        sides = same[0] / float(n[k] - ones[k]), same[1] / float(ones[k])
        verdict = SplitVerdict(sum(same) / float(n[k]), sides[::-1] if swap[k] else sides,
                               float(gain), tuple(taken))  # fmt: skip
        verdicts.append(replace(verdict, reason=rules.refusal(verdict, None, None)))
    return verdicts


def _unpacked(sums, d):
    """Return counts (m,), means (m, d) and central second moments (m, d, d) of packed sums."""
    values, (rows, columns) = kernels.to_float(sums), np.triu_indices(d)
    count, second = values[:, 0], np.zeros((len(values), d, d))
    mean = values[:, 1 : 1 + d] / np.maximum(count, 1e-300)[:, None]
    second[:, rows, columns] = second[:, columns, rows] = values[:, 1 + d :]
    return count, mean, second - count[:, None, None] * mean[:, :, None] * mean[:, None, :]


def warm() -> None:
    """Compile what the shards call."""
    line = np.linspace(-1, 1, 30)[:, None] ** 3
    grow_sharded([line, line + 9])
