"""Fork, join, reduce: a team of cores runs one function on its shares [tabanelli-2023-dnn].

Kernels are written against `Team`, which counts what every core does. The cores run one after the
other (the simulated machine) or as tasks of an engine, with the same results and counts.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.engine import Engine
from paralg.kernels.pulp_kernels.fast.arithmetic import Arithmetic
from paralg.kernels.pulp_kernels.fast.operands import chunks

__all__ = ["REDUCTIONS", "Core", "Inference", "Phase", "Team"]

REDUCTIONS = ("core 0", "tree", "dealt")


class Core:
    """One core: an arithmetic, and counts of the steps of the loops that it has run, by input.

    A ``dot`` step is a multiplication and an addition, ``distance`` a subtraction more, ``gauss`` a
    multiplication more; ``sum`` is an addition, ``largest`` and ``walk`` are comparisons.
    """

    def __init__(self, words: Arithmetic):
        self.words, self.counts = words, Counter()

    def dot(self, w, x, start=None):
        """Return start, (c,), plus the inner products (q, c) of w, (c, d), and x, (q, d)."""
        return self._steps("dot", lambda f: self.words.mul(w[:, f], x[:, None, f]), w, x, start)

    def distance(self, w, x):
        """Return the squared distances (q, n) of rows of w, (n, d), and of x, (q, d)."""

        def square(f):
            e = self.words.sub(x[:, None, f], w[:, f])
            return self.words.mul(e, e)

        return self._steps("distance", square, w, x)

    def gauss(self, w, v, x, start=None):
        """Return start plus the distances (q, c) with each square weighted by v, (c, d)."""

        def square(f):
            e = self.words.sub(x[:, None, f], w[:, f])
            return self.words.mul(self.words.mul(e, e), v[:, f])

        return self._steps("gauss", square, w, x, start)

    def _steps(self, loop, term, w, x, start=None):
        start = self.words.encode(np.zeros(len(w))) if start is None else start
        total = np.broadcast_to(start, (len(x), len(w)))
        for f in range(x.shape[1]):
            total = self.words.add(total, term(f))
        self.counts[loop] += w.size * len(x)
        return total

    def sum(self, parts: Sequence):
        """Return arrays added one after the other."""
        total = parts[0]
        for part in parts[1:]:
            total = self.words.add(total, part)
            self.counts["sum"] += total.size
        return total

    def largest(self, values):
        """Return for each row of (q, c) the place of the largest word; of equal ones the first."""
        self.counts["largest"] += len(values) * (values.shape[1] - 1)
        return self.words.decode(values).argmax(axis=1)

    def nearest(self, values, names, k: int):
        """Return for each row the k smallest words and their names, in order, by insertion."""
        keys, kept = self.words.decode(values).tolist(), []
        for row in keys:
            best: list = []
            for place, key in enumerate(row):
                self.counts["largest"] += 1  # against the last of the k best
                if len(best) < k or key < best[-1][0]:
                    at = bisect(best, (key, place))
                    self.counts["largest"] += len(best) - at
                    best = [*best[:at], (key, place), *best[at:]][:k]
            kept.append([place for _, place in best])
        kept = np.array(kept, dtype=int).reshape(len(keys), -1)
        return np.take_along_axis(values, kept, axis=1), np.take_along_axis(names, kept, axis=1)

    def walk(self, forest, roots, x):
        """Return the leaves (q, t) that inputs reach from the roots of t trees."""
        at = np.broadcast_to(roots, (len(x), len(roots))).copy()
        rows = np.arange(len(x))[:, None]
        while (inner := forest.left[at] >= 0).any():
            self.counts["walk"] += int(inner.sum())
            # x <= threshold is "not threshold < x"
            right = self.words.lt(forest.threshold[at], x[rows, forest.feature[at]])
            at = np.where(inner, np.where(right, forest.right[at], forest.left[at]), at)
        return at


@dataclass(frozen=True)
class Phase:
    """What each core did between two barriers: its name, and counts of loop steps by core."""

    name: str
    counts: tuple[dict, ...]


@dataclass(frozen=True, eq=False)
class Inference:
    """Answers of a kernel, the words they came from, and what each core did in each phase."""

    answers: np.ndarray
    scores: np.ndarray
    phases: tuple[Phase, ...]

    @property
    def cost(self) -> Cost:
        """Work and span in steps of loops, and as rounds the barriers."""
        steps = [[sum(one.values()) for one in phase.counts] for phase in self.phases]
        return Cost(work=sum(map(sum, steps)), span=sum(map(max, steps)),
                    rounds=sum(len(one) > 1 for one in steps))  # fmt: skip


class Team:
    """p cores with one arithmetic, ``words``, by default the processor's doubles.

    They run on an ``engine``, by default in this process, one after the other, in an ``order``, a
    permutation of the cores, on which nothing may depend.
    """

    def __init__(self, p: int = 8, words: Arithmetic | None = None, *,
                 engine: Engine | None = None, order: Sequence[int] | None = None):  # fmt: skip
        self.p = checks.integer("p", p, 1)
        self.words = Arithmetic() if words is None else words
        checks.instance("words", self.words, Arithmetic)
        checks.instance("engine", engine, Engine, type(None))
        self.engine, self.order = engine, list(range(p)) if order is None else list(order)
        if sorted(self.order) != list(range(p)):
            raise ValueError(f"order must be a permutation of 0..{p - 1}, got {order}")
        self.phases: list[Phase] = []

    def fork(self, name: str, function: Callable, shares: Sequence[tuple]) -> list:
        """Return ``function(core, *share)`` of every share, one a core; a barrier follows."""
        job = partial(_on_core, function, self.words)
        if self.engine is not None:
            done = self.engine.gather(self.engine.map(job, self.engine.scatter(shares)))
        else:
            order = [i for i in self.order if i < len(shares)]
            found = {i: job(shares[i]) for i in order}
            done = [found[i] for i in range(len(shares))]
        results, counts = zip(*done, strict=True)
        self.phases.append(Phase(name, counts))
        return list(results)

    def reduce(self, parts: list, how: str = "dealt"):
        """Return the sum of an array a core: core 0 adds, or a tree, or columns are *dealt*."""
        checks.one_of("how", how, REDUCTIONS)
        if how == "core 0" and len(parts) > 1:
            return self.fork("reduce", Core.sum, [(parts,)])[0]
        while how == "tree" and len(parts) > 1:
            pairs = [(parts[i : i + 2],) for i in range(0, len(parts), 2)]
            parts = self.fork("reduce", Core.sum, pairs)
        if how == "dealt" and len(parts) > 1:
            columns = chunks(parts[0].shape[1], self.p)
            shares = [([part[:, one] for part in parts],) for one in columns]
            parts = [np.concatenate(self.fork("reduce", Core.sum, shares), axis=1)]
        return parts[0]

    def finish(self, answers, scores) -> Inference:
        """Return the result, and begin anew."""
        phases, self.phases = tuple(self.phases), []
        return Inference(np.asarray(answers), scores, phases)


def _on_core(function: Callable, words: Arithmetic, share: tuple) -> tuple:
    core = Core(words)
    return function(core, *share), dict(core.counts)
