"""Six kernels, each cut along its own axis [tabanelli-2023-dnn].

Letters of shapes: q inputs, d features, c classes, n samples or points, k neighbours or centres,
t trees; p cores. ``team`` is a `Team`, ``x`` (q, d) the inputs, ``how`` one of `REDUCTIONS`.
Parameters are numbers; a kernel encodes them and the inputs in the team's arithmetic. It returns
an `Inference`, and a ValueError or TypeError says which shape, name or number was not as said.
The paper's own partitioning was not seen; the cuts are reconstructed.
"""

import numpy as np

from paralg.core import checks
from paralg.kernels.pulp_kernels.fast.operands import Trees, chunks, encoded, in_words
from paralg.kernels.pulp_kernels.team import Core, Inference, Team

__all__ = ["CUTS", "centroids", "forest", "linear", "naive_bayes", "neighbours"]

CUTS = ("vertical", "horizontal")


def linear(team: Team, weights, bias, x, *, cut: str = "vertical", how: str = "dealt") -> Inference:
    r"""Return the classes of a linear model, logistic regression or support vectors.

    .. math:: z = W x + b, \qquad \text{answer} = \arg\max_c z_c \;(c > 1), \quad [z > 0] \;(c = 1)

    On a ``team``, ``weights``, ``bias`` and ``x`` have the shapes (c, d), (c,), (q, d); ``cut`` is
    vertical, features a core, or horizontal, classes a core; ``how`` says how partial sums of a
    vertical cut are added. ``scores`` are the words of z, (q, c).

    Work q c d multiplications; span q c ⌈d/p⌉ + q ⌈c/p⌉ (p - 1) with dealt sums, q ⌈c/p⌉ d of rows.

    >>> run = linear(Team(2), [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.5], [[3.0, 1.0], [1.0, 1.0]])
    >>> run.answers.tolist(), run.cost
    ([0, 1], Cost(work=14, span=8, rounds=2))
    """
    weights, bias, x = encoded(team, weights=(weights, "c d"), bias=(bias, "c"), x=(x, "q d"))
    checks.one_of("cut", cut, CUTS)
    if cut == "horizontal":
        rows = [(weights[one], x, bias[one]) for one in chunks(len(weights), team.p)]
        z = np.concatenate(team.fork("dot", Core.dot, rows), axis=1)
    else:  # the bias is where core 0 starts
        shares = [(weights[:, one], x[:, one], None if one.start else bias)
                  for one in chunks(x.shape[1], team.p)]  # fmt: skip
        z = team.reduce(team.fork("dot", Core.dot, shares), how)
    return team.finish(team.fork("decide", _decide, [(z,)])[0], z)


def _decide(core: Core, z):
    if z.shape[1] > 1:
        return core.largest(z)
    core.counts["largest"] += len(z)
    return core.words.lt(core.words.encode(0.0), z[:, 0]).astype(int)


def naive_bayes(team: Team, means, precisions, offset, x, *, how: str = "dealt") -> Inference:
    r"""Return the most probable classes of Gaussian naive Bayes.

    .. math:: z_c = o_c - \sum_f v_{cf} (x_f - \mu_{cf})^2, \qquad v = 1 / (2 \sigma^2)

    On a ``team``, ``means``, ``precisions`` v, ``offset`` o, ``x`` have the shapes (c, d), (c, d),
    (c,), (q, d); the offset holds the logarithms,
    :math:`o_c = \log \pi_c - \tfrac12 \sum_f \log 2 \pi \sigma_{cf}^2`; ``how`` as in `linear`.

    Work q c d steps without logarithm or division; span as `linear`, cut by features.

    >>> naive_bayes(Team(2), [[0.0], [1.0]], [[1.0], [1.0]], [0.0, 0.0], [[0.2], [0.9]]).answers
    array([0, 1])
    """
    shapes = {"means": (means, "c d"), "precisions": (precisions, "c d"), "offset": (offset, "c")}
    means, precisions, offset, x = encoded(team, **shapes, x=(x, "q d"))
    minus = team.words.sub(team.words.encode(0.0), precisions)
    shares = [(means[:, one], minus[:, one], x[:, one], None if one.start else offset)
              for one in chunks(x.shape[1], team.p)]  # fmt: skip
    z = team.reduce(team.fork("gauss", Core.gauss, shares), how)
    return team.finish(team.fork("decide", _decide, [(z,)])[0], z)


def neighbours(team: Team, samples, labels, x, k: int = 5) -> Inference:
    """Return the classes that the k nearest samples vote for; of equal votes the smallest class.

    Distances are squared: a root would change no order. Every core keeps the k best of its own
    samples, core 0 those of all p k.

    On a ``team``, ``samples``, ``labels``, ``x`` have the shapes (n, d), (n,) of int, (q, d), and
    ``k`` is 1 to n; ``scores`` are the words of the k smallest distances, (q, k), in order.

    Work q n d steps and about q n comparisons; span q ⌈n/p⌉ (d + 1) + q p k; one barrier.

    >>> neighbours(Team(2), [[0.0], [1.0], [5.0]], [0, 0, 1], [[0.4], [9.0]], k=1).answers
    array([0, 1])
    """
    samples, x = encoded(team, samples=(samples, "n d"), x=(x, "q d"))
    labels = checks.array("labels", labels, "i", least=0)
    checks.sizes(samples=(samples, "n d"), labels=(labels, "n"))
    checks.integer("k", k, 1, len(samples))
    shares = [(samples[one], labels[one], x, k) for one in chunks(len(samples), team.p)]
    best = team.fork("distance", _own_nearest, shares)
    [(answers, off)] = team.fork("merge and vote", _merge, [(best, k)])
    return team.finish(answers, off)


def _own_nearest(core: Core, samples, labels, x, k):
    off = core.distance(samples, x)
    return core.nearest(off, np.broadcast_to(labels, off.shape), k)


def _merge(core: Core, best, k):
    off, found = (np.concatenate(parts, axis=1) for parts in zip(*best, strict=True))
    if len(best) > 1:
        off, found = core.nearest(off, found, k)
    votes = (found[:, :, None] == np.arange(found.max() + 1)).sum(axis=1)
    core.counts["largest"] += found.size  # a vote is an increment, and no dearer
    return votes.argmax(axis=1), off


def centroids(team: Team, points, centres, *, most: int = 100, tol: float = 0.0) -> Inference:
    """Return the clusters of Lloyd's k-means from given centres.

    Every core assigns its own points and keeps sums and counts; then every core adds the p partial
    sums of its features. A cluster without points keeps its centre. Ends when no label changes, the
    centres move by at most ``tol`` (squared, summed), or after ``most`` iterations.

    On a ``team``, ``points`` and ``centres`` have the shapes (n, d), (k, d); ``answers`` are the
    clusters, (n,), and ``scores`` the words of the centres, (k, d).

    An iteration: work n k d; span ⌈n/p⌉ (k d + k + d) + p k ⌈d/p⌉ + 2 k d, as core 0 moves the
    centres; two barriers. Reciprocals of sizes are doubles in every arithmetic.

    >>> run = centroids(Team(2), [[0.0], [1.0], [9.0], [10.0]], [[0.0], [1.0]])
    >>> run.answers.tolist(), run.scores.tolist()
    ([0, 0, 1, 1], [[0.5], [9.5]])
    """
    points, centres = encoded(team, points=(points, "n d"), centres=(centres, "k d"))
    checks.integer("most", most, 1)
    checks.number("tol", tol, 0)
    words, answers = team.words, None
    for _ in range(most):
        shares = [(points[one], centres) for one in chunks(len(points), team.p)]
        found, sums, sizes = zip(*team.fork("assign", _assign, shares), strict=True)
        new, size = np.concatenate(found), np.sum(sizes, axis=0)
        total = team.reduce([one.T.reshape(1, -1) for one in sums])
        [(moved, shift)] = team.fork("move", _move, [(total, size, centres)])
        steady = answers is not None and np.array_equal(new, answers)
        answers, centres = new, moved
        if steady or words.decode(shift) <= tol:
            break
    return team.finish(answers, centres)


def _assign(core: Core, points, centres):
    off = core.distance(centres, points)
    found = core.largest(core.words.sub(core.words.encode(0.0), off))
    sums = core.words.encode(np.zeros(centres.shape))
    for point, cluster in zip(points, found, strict=True):
        sums[cluster] = core.words.add(sums[cluster], point)
    core.counts["sum"] += points.size
    return found, sums, np.bincount(found, minlength=len(centres))


def _move(core: Core, total, size, centres):
    shares = core.words.encode(1 / np.maximum(size, 1))
    moved = core.words.mul(total.reshape(centres.shape[::-1]).T, shares[:, None])
    moved = np.where((size > 0)[:, None], moved, centres)
    core.counts["dot"] += moved.size
    return moved, core.distance(moved.reshape(1, -1), centres.reshape(1, -1))[0, 0]


def forest(team: Team, trees: Trees, x, *, vote: str = "mean") -> Inference:
    """Return the classes of a random forest, or with one root of a tree; trees are cut.

    On a ``team``, ``trees`` are `Trees` and ``x`` has the shape (q, d); leaves ``vote`` by their
    classes' shares, "mean" as in scikit-learn, or "hard". ``scores`` are summed votes, (q, c).

    Work q times the lengths of all paths; span the longest sum of a core's paths. One tree is one
    chain: no core can help.

    >>> stump = Trees(np.array([0, 0, 0]), np.array([0.5, 0, 0]), np.array([1, -1, -1]),
    ...               np.array([2, -1, -1]), np.array([[1, 1], [1, 0], [0, 1]]), np.array([0]))
    >>> forest(Team(1), stump, [[0.2], [0.7]]).answers
    array([0, 1])
    """
    [x] = encoded(team, x=(x, "q d"))
    ready = in_words(team, trees, x.shape[1], vote)
    shares = [(ready, ready.roots[one], x) for one in chunks(len(trees.roots), team.p)]
    z = team.reduce(team.fork("walk", _own_votes, shares))
    answers = team.fork("decide", Core.largest, [(z,)])[0]
    return team.finish(answers, z)


def _own_votes(core: Core, trees: Trees, roots, x):
    leaves = core.walk(trees, roots, x)
    return core.sum([trees.share[leaf] for leaf in leaves.T])
