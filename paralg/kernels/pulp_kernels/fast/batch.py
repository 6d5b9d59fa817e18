"""Batches of inputs in compiled loops, on threads: the wall clock of the chapter.

Inputs are cut, so that threads share nothing. All but neighbours go through blocks of 64 inputs.
Leaves of trees point at themselves, every walk takes as many steps as the tree is deep, and no step
has a branch. Answers are those of `kernels` in doubles, and so are the letters of shapes.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from paralg.core import checks
from paralg.kernels.pulp_kernels.fast import words
from paralg.kernels.pulp_kernels.fast.operands import Trees, checked, chunks
from paralg.simd.cache import compile_lock, compiled

__all__ = ["PackedTrees", "batch", "batch_centroids", "packed", "warm"]

BLOCK = 64


class PackedTrees(tuple):
    """Arrays of trees whose leaves point at themselves, and depths; made by `packed`."""


def packed(trees: Trees, features: int) -> PackedTrees:
    """Return trees over so many ``features`` as arrays for ``batch("forest", …)``."""
    if isinstance(trees, PackedTrees) and trees[0].max() < features:
        return trees
    trees = checked(trees, features)
    own, height = np.arange(len(trees.left)), np.zeros(len(trees.left), np.int32)
    children = [np.where(side < 0, own, side) for side in (trees.left, trees.right)]
    for node in own[::-1][trees.left[::-1] >= 0]:  # children follow their node
        height[node] = 1 + max(height[trees.left[node]], height[trees.right[node]])
    flat = np.stack(children, axis=1).astype(np.int32).reshape(-1)
    return PackedTrees((trees.feature.astype(np.int32), trees.threshold, flat, trees.share,
                        trees.roots.astype(np.int32), height[trees.roots]))  # fmt: skip


def batch(kernel: str, x, *parameters, threads: int = 1) -> np.ndarray:
    """Return the classes (q,) that a compiled kernel gives to many inputs.

    ``kernel`` is linear, bayes, neighbours or forest, ``x`` (q, d) the inputs; ``parameters`` are
    those of the plain kernel: weights, bias; means, precisions, offset; samples, labels, k; or
    trees, packed or not. ``threads`` is their number.

    >>> batch("linear", [[2.0], [-2.0]], [[1.0], [-1.0]], [0.0, 0.0]).tolist()
    [0, 1]
    """
    checks.one_of("kernel", kernel, _READY)
    checks.integer("threads", threads, 1)
    [x] = checks.floats(x=(x, "q d"))
    loop, given = _LOOPS[kernel], _READY[kernel](x, *parameters)
    if not x.size:
        raise ValueError(f"x must not be empty, got the shape {x.shape}")
    out = np.empty(len(x), np.int64)
    shares = [(one.start, one.stop, out, x, *given) for one in chunks(len(x), threads)]
    if len(shares) == 1:
        loop(*shares[0])
    else:
        with ThreadPoolExecutor(len(shares)) as pool:
            list(pool.map(lambda share: loop(*share), shares))
    return out


def _scores_ready(x, weights, *rest):
    shapes = {"weights": (weights, "c d"), "start": (rest[-1], "c"), "x": (x, "q d")}
    shapes |= {f"precisions {i}": (one, "c d") for i, one in enumerate(rest[:-1])}
    weights, start, _, *squares = checks.floats(**shapes)
    return weights, squares[0] if squares else np.empty((0, 0)), start


def _neighbours_ready(x, samples, labels, k=5):
    samples, _ = checks.floats(samples=(samples, "n d"), x=(x, "q d"))
    labels = checks.array("labels", labels, "i", least=0)
    checks.sizes(samples=(samples, "n d"), labels=(labels, "n"))
    checks.integer("k", k, 1, len(samples))
    return samples.T.copy(), labels.astype(np.int64), k


def batch_centroids(points, centres, most: int = 100, threads: int = 1) -> tuple:
    """Return clusters (n,), centres (k, d) and iterations of Lloyd's k-means with ``tol = 0``.

    ``points`` (n, d) look for the nearest of ``centres`` (k, d) on ``threads``, ``most`` times.
    """
    points, centres = checks.floats(points=(points, "n d"), centres=(centres, "k d"))
    if not centres.size:
        raise ValueError(f"centres must not be empty, got the shape {centres.shape}")
    ones, zeros, old = np.ones(centres.shape), np.zeros(len(centres)), None
    for turn in range(1, checks.integer("most", most, 1) + 1):
        found = batch("bayes", points, centres, ones, zeros, threads=threads)
        size = np.bincount(found, minlength=len(zeros))[:, None]
        sums = [np.bincount(found, column, len(zeros)) for column in points.T]
        centres = np.where(size > 0, np.stack(sums, axis=1) / np.maximum(size, 1), centres)
        if turn == most or np.array_equal(found, old):
            return found, centres, turn
        old = found


@compiled
def _first_largest(values):
    best = 0
    for c in range(1, len(values)):
        if values[best] < values[c]:
            best = c
    return best


@compiled
def _forest(low, high, out, x, feature, threshold, children, share, roots, depth):
    classes = share.shape[1]
    at, votes = np.empty(BLOCK, np.int32), np.empty((BLOCK, classes))
    for begin in range(low, high, BLOCK):
        size = min(BLOCK, high - begin)
        votes[:size] = 0
        for t in range(len(roots)):
            at[:size] = roots[t]
            for _ in range(depth[t]):
                for i in range(size):
                    node = at[i]
                    at[i] = children[2 * node + (x[begin + i, feature[node]] > threshold[node])]
            for i in range(size):
                for c in range(classes):
                    votes[i, c] += share[at[i], c]
        for i in range(size):
            out[begin + i] = _first_largest(votes[i])


@compiled
def _scores(low, high, out, x, weights, squares, start):
    column, z, best = np.zeros((x.shape[1], BLOCK)), np.empty(BLOCK), np.empty(BLOCK)
    for begin in range(low, high, BLOCK):
        size = min(BLOCK, high - begin)
        column[:, :size] = x[begin : begin + size].T
        for c in range(len(start)):
            z[:] = start[c]
            for f in range(len(column)):
                w = weights[c, f]
                if len(squares):  # naive Bayes
                    v = squares[c, f]
                    for i in range(BLOCK):
                        e = column[f, i] - w
                        z[i] -= e * e * v
                else:
                    for i in range(BLOCK):
                        z[i] += w * column[f, i]
            for i in range(size):
                if c == 0 or best[i] < z[i]:
                    best[i], out[begin + i] = z[i], c


@compiled
def _neighbours(low, high, out, x, samples, labels, k):
    d, n = samples.shape
    off, best = np.empty(n), np.empty(k + 1, np.int64)
    votes = np.zeros(labels.max() + 1, np.int64)
    for i in range(low, high):
        off[:], votes[:] = 0, 0
        for f in range(d):
            for s in range(n):
                e = x[i, f] - samples[f, s]
                off[s] += e * e
        size = 0
        for s in range(n):
            if size == k and off[s] >= off[best[size - 1]]:
                continue
            place = size
            while place > 0 and off[s] < off[best[place - 1]]:
                best[place] = best[place - 1]
                place -= 1
            best[place] = s
            size = min(size + 1, k)
        for place in range(size):
            votes[labels[best[place]]] += 1
        out[i] = _first_largest(votes)


_LOOPS = {"linear": _scores, "bayes": _scores, "neighbours": _neighbours, "forest": _forest}
_READY = {"linear": _scores_ready, "bayes": _scores_ready, "neighbours": _neighbours_ready,
          "forest": lambda x, trees: packed(trees, x.shape[1])}  # fmt: skip


def warm() -> None:
    """Compile and cache the kernels, so that no timing contains a compilation."""
    words.warm()
    one, two = np.zeros((1, 1)), np.zeros((2, 1))
    leaf = Trees(*np.zeros((2, 1), int), *-np.ones((2, 1), int), np.ones((1, 2)), np.zeros(1, int))
    leaf = leaf._replace(threshold=np.zeros(1))
    with compile_lock():
        batch("forest", one, leaf), batch("linear", one, two, np.zeros(2))
        batch("neighbours", one, one, [0], 1)
