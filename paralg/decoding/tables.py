"""Exact tables: models whose distributions are formulas or arrays, to check claims exactly.

All calls of the protocol come from one method, ``distributions(x, visible, at)``: the logits, shape
(n, V), of n queries.  Query k asks about position ``at[k]`` of the sequence ``x[k]``, shape (L,),
of which only the entries where ``visible[k]`` may matter; a position never sees itself.
A table **raises when a masked token is read**; a network would answer and hide the bug.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.models.protocol import Layout, positions, tokens_of

__all__ = ["HashConditional", "RecomputingModel", "TableCache", "TableModel", "TabularJoint",
           "WeightedSequences", "disjoint", "multi_information"]  # fmt: skip


@dataclass(frozen=True)
class TableCache:
    """A copy ``x`` of the sequence, shape (L,): what a table reads outside the window."""

    x: np.ndarray

    @property
    def nbytes(self) -> int:
        """Size of the copy in bytes."""
        return self.x.nbytes


class RecomputingModel(ABC):
    """A model whose cache is a copy of the sequence; subclasses set V, L and write ``answer``."""

    V: int
    L: int

    @abstractmethod
    def answer(self, x: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Return the logits of checked rows at checked positions, shape (B, n, V)."""

    def denoise(self, x, *, at=None, cache: TableCache | None = None, layout: Layout = "rows"):
        """Row i is the distribution of ``x_i`` given every unmasked ``x_j``, j ≠ i."""
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        if layout not in ("rows", "tree"):
            raise ValueError(f"expected layout 'rows' or 'tree', got {layout!r}")
        if layout == "tree" and cache is None:
            raise ValueError("layout 'tree' needs a cache: without one, positions outside the "
                             "window would see every draft")  # fmt: skip
        if cache is not None:
            rows = np.tile(cache.x, (len(x), 1))
            rows[:, at] = x[:, at]
            x = rows
        return self.answer(x, at)

    def snapshot(self, x):
        """Run a full ``denoise`` and keep a copy of ``x``, shape (1, L)."""
        x = tokens_of(x, self.V, self.L)
        if len(x) != 1:
            raise ValueError(f"expected one row to keep, got {len(x)}")
        kept = x[0].copy()
        kept.flags.writeable = False
        return self.denoise(x), TableCache(kept)


class TableModel(RecomputingModel):
    """A model given by the distribution of one position under any set of visible ones."""

    @abstractmethod
    def distributions(self, x: np.ndarray, visible: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Return the logits of n queries, see the head of the module."""

    def answer(self, x, at):
        """Let every position see the unmasked ones."""
        return self._ask(x, np.broadcast_to((x != self.V)[:, None], (len(x), at.size, self.L)), at)

    def causal(self, x, *, at=None):
        """Row i is the distribution of ``x_i`` given ``x_0 … x_{i-1}``."""
        return self.anyorder(x, np.arange(self.L), at=at)

    def anyorder(self, x, rank, visible=None, *, at=None):
        """Row i is the distribution of ``x_i`` given j with ``rank[j] < min(rank[i], visible)``."""
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        rank = checks.array("rank", rank, "i", least=-1)
        if rank.shape != (self.L,):
            raise ValueError(f"expected rank of shape ({self.L},), got {rank.shape}")
        limit = rank[at] if visible is None else np.minimum(rank[at], visible)
        return self._ask(x, np.tile(rank < limit[:, None], (len(x), 1, 1)), at)

    def cond(self, x, visible, i: int) -> np.ndarray:
        """Return the logits of position ``i`` given the set ``visible``, shape (V,).

        >>> joint = TabularJoint(np.array([[0.5, 0.0], [0.25, 0.25]]))
        >>> np.exp(joint.cond([1, 2], visible={0}, i=1))
        array([0.5, 0.5])
        """
        sees = np.zeros((1, 1, self.L), dtype=bool)
        sees[0, 0, list(visible)] = True
        return self._ask(tokens_of([x], self.V, self.L), sees, np.array([i]))[0, 0]

    def _ask(self, x, visible, at):
        """Check that no mask is read, flatten to (rows × positions) queries, and answer them."""
        sees = visible.copy()
        sees[:, np.arange(at.size), at] = False
        read = sees & (x == self.V)[:, None]
        if read.any():
            row, k, j = (int(index) for index in np.argwhere(read)[0])
            raise ValueError(f"a masked token was read: position {j}, asked about position {at[k]} "
                             f"in row {row}")  # fmt: skip
        rows = np.broadcast_to(x[:, None], sees.shape).reshape(-1, self.L)
        logits = self.distributions(rows, sees.reshape(-1, self.L), np.tile(at, len(x)))
        return logits.reshape(len(x), at.size, self.V)


class HashConditional(TableModel):
    r"""Conditionals from a formula, deliberately inconsistent across orders (so is a network).

    .. math::
        \ell_i(v \mid S) = 2\sin(1.7v + 2.3i + .7131k) + \varepsilon \sum_{j \in S}
        \sin(3.1(x_j+1)(j+1) + 1.9(v+1)(i+1) + .7131k)

    ``k`` is a seed, ``eps`` the coupling: at 0 no position depends on another.
    sin(a+b) is split into products, so that a query takes O(L + V) and not O(L·V).

    >>> HashConditional(2, 1).denoise(np.array([[2]])).round(3)
    array([[[0.   , 1.983]]])
    """

    def __init__(self, V: int, L: int, k: int = 0, eps: float = 0.1):
        checks.integer("V", V, 1), checks.integer("L", L, 1), checks.number("k", k)
        self.eps = checks.number("eps", eps)
        self.V, self.L, self.k = V, L, k
        i, v = np.arange(L)[:, None], np.arange(V)
        self.alone = 2 * np.sin(1.7 * v + 2.3 * i + 0.7131 * k)
        phase = 1.9 * (v + 1) * (i + 1) + 0.7131 * k
        self._sin_b, self._cos_b = np.sin(phase), np.cos(phase)
        a = 3.1 * (np.arange(V + 1) + 1) * (i + 1)
        self._sin_a, self._cos_a = np.sin(a), np.cos(a)

    def distributions(self, x, visible, at):
        """Evaluate the formula."""
        j = np.arange(self.L)
        sines = np.where(visible, self._sin_a[j, x], 0.0).sum(axis=1, keepdims=True)
        cosines = np.where(visible, self._cos_a[j, x], 0.0).sum(axis=1, keepdims=True)
        return self.alone[at] + self.eps * (sines * self._cos_b[at] + cosines * self._sin_b[at])


class WeightedSequences(TableModel):
    """The joint distribution of sequences (n, L) with weights (n,), memoised.

    Given an event of probability zero it is uniform: after a conflict a decoder still gets an
    answer.
    """

    def __init__(self, sequences: np.ndarray, weights: np.ndarray, V: int):
        sequences = checks.array("sequences", sequences, "i")
        weights = checks.probabilities("weights", weights, None)
        checks.sizes(sequences=(sequences, "n L"), weights=(weights, "n"))
        V = checks.integer("V", V, 1)
        if not weights.sum() > 0 or not np.isin(sequences, np.arange(V)).all():
            raise ValueError(f"expected weights and tokens below {V}, got {weights}, {sequences}")
        self.sequences, self.weights, self.V = sequences, weights, V
        self.L = sequences.shape[1]
        one_hot = sequences[:, :, None] == np.arange(V)
        self._one_hot = one_hot.reshape(len(sequences), -1).astype(float)
        self._memo: dict[bytes, np.ndarray] = {}

    def distributions(self, x, visible, at):
        """Filter the sequences and add their weights."""
        evidence = np.where(visible, x, -1)
        logits = [self._marginals(row)[i] for row, i in zip(evidence, at, strict=True)]
        return np.array(logits).reshape(len(at), self.V)

    def _marginals(self, evidence: np.ndarray) -> np.ndarray:
        """Return log p(x_i | evidence) for every i, shape (L, V); -1 marks what is not given."""
        key = evidence.tobytes()
        if key not in self._memo:
            given = evidence >= 0
            agree = (self.sequences[:, given] == evidence[given]).all(axis=1)
            mass = (self.weights[agree] @ self._one_hot[agree]).reshape(self.L, self.V)
            total = self.weights[agree].sum()
            with np.errstate(divide="ignore"):
                self._memo[key] = np.log(mass / total if total else np.full_like(mass, 1 / self.V))
        return self._memo[key]


def multi_information(joint: WeightedSequences, known: Sequence[int] = (), new=None) -> float:
    r"""Return the dependence of positions ``new`` given ``known``, in nats.

    .. math:: \sum_{i \in new} H(x_i | x_{known}) - H(x_{new} | x_{known})

    It is the divergence of the joint distribution from independent draws of the new positions.

    Parameters
    ----------
    joint : WeightedSequences
        Its weights sum to one.
    known, new : sequence of int
        Disjoint positions, by default none and all; 0 is returned where revealing the new ones
        together costs nothing.

    Examples
    --------
    >>> round(multi_information(TabularJoint(np.eye(2) / 2)), 6)  # log 2
    0.693147
    """
    checks.instance("joint", joint, WeightedSequences)
    checks.probabilities("weights", joint.weights)
    known, new = disjoint(joint, (known, range(joint.L) if new is None else new))

    def entropy(positions) -> float:
        _, inverse = np.unique(joint.sequences[:, sorted(positions)], axis=0, return_inverse=True)
        p = np.bincount(inverse.ravel(), joint.weights)
        return -float((p[p > 0] * np.log(p[p > 0])).sum())

    base = entropy(known)
    return sum(entropy((*known, i)) - base for i in new) - entropy((*known, *new)) + base


def disjoint(joint: WeightedSequences, groups: Sequence) -> list[list[int]]:
    """Return groups of positions, none in two of them."""
    checks.instance("joint", joint, WeightedSequences), checks.instance("rounds", groups, Sequence)
    found = [checks.array("positions", group, "i") for group in groups]
    checks.sizes(**{f"group {s}": (group, f"k{s}") for s, group in enumerate(found)})
    flat = [i for group in found for i in group.tolist()]
    if len({*flat}) < len(flat) or not {*flat} <= {*range(joint.L)}:
        raise ValueError(f"positions must differ and lie in 0..{joint.L - 1}, got {flat}")
    return [group.tolist() for group in found]


class TabularJoint(WeightedSequences):
    """A joint distribution given as a dense array ``p`` of shape (V,) * L that sums to one.

    >>> joint = TabularJoint.random(V=2, L=3, seed=0)
    >>> float(np.exp(joint.denoise(np.full((1, 3), 2))).sum().round(12))
    3.0
    """

    def __init__(self, p: np.ndarray):
        p = checks.array("p", p).astype(np.float64)
        if p.ndim < 1 or len(set(p.shape)) != 1:
            raise ValueError(f"expected an array of shape (V,) * L, got {p.shape}")
        if not (p >= 0).all() or abs(p.sum() - 1) > 1e-9:
            raise ValueError(f"expected probabilities that sum to 1, got a sum of {p.sum()}")
        super().__init__(np.argwhere(p > 0), p[p > 0], p.shape[0])

    @classmethod
    def random(cls, V: int, L: int, seed: int = 0, sharpness: float = 1.0) -> "TabularJoint":
        """Return a joint distribution with weights ``exp(sharpness · normal)``."""
        weights = np.exp(sharpness * np.random.default_rng(seed).normal(size=(V,) * L))
        return cls(weights / weights.sum())

    def distribution(self) -> dict[tuple[int, ...], float]:
        """Return the joint distribution as a mapping, impossible sequences left out."""
        pairs = zip(self.sequences.tolist(), self.weights.tolist(), strict=True)
        return {tuple(x): p for x, p in pairs}
