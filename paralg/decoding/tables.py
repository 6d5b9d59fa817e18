"""Exact tables: models whose distributions are formulas or arrays, so that claims can be checked
exactly.

All three calls of the protocol come from one method, ``distributions(x, visible, at)``.
A table **raises when a masked token is read**; a network would answer and hide the bug.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from paralg.models.protocol import Layout, positions, tokens_of

__all__ = ["HashConditional", "TableModel", "TableCache", "TabularJoint"]


@dataclass(frozen=True)
class TableCache:
    """A copy of the sequence: what a table reads outside the window.

    Parameters
    ----------
    x : ndarray of int, shape (L,)
    """

    x: np.ndarray

    @property
    def nbytes(self) -> int:
        """Size of the copy in bytes."""
        return self.x.nbytes


class TableModel(ABC):
    """A model given by the distribution of one position under any set of visible ones.

    Subclasses set ``V`` and ``L`` and write :meth:`distributions`.
    """

    V: int
    L: int

    @abstractmethod
    def distributions(self, x: np.ndarray, visible: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Return the logits of n queries.

        Parameters
        ----------
        x : ndarray of int, shape (n, L)
            Only entries that are visible may matter.
        visible : ndarray of bool, shape (n, L)
        at : ndarray of int, shape (n,)
            The position each query asks about; it is never visible to itself.

        Returns
        -------
        ndarray of float64, shape (n, V)
        """

    def denoise(self, x, *, at=None, cache=None, layout: Layout = "rows"):
        """Row i is the distribution of ``x_i`` given every unmasked ``x_j``, j ≠ i."""
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        if layout not in ("rows", "tree"):
            raise ValueError(f"expected layout 'rows' or 'tree', got {layout!r}")
        if layout == "tree" and cache is None:
            raise ValueError("layout 'tree' needs a cache: without one, positions outside the "
                             "window would see every draft")  # fmt: skip
        if cache is not None:
            x = _window(x, at, cache.x)
        return self._ask(x, np.broadcast_to((x != self.V)[:, None], (len(x), at.size, self.L)), at)

    def causal(self, x, *, at=None):
        """Row i is the distribution of ``x_i`` given ``x_0 … x_{i-1}``."""
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        before = np.arange(self.L) < at[:, None]
        return self._ask(x, np.broadcast_to(before, (len(x), *before.shape)), at)

    def anyorder(self, x, rank, visible=None, *, at=None):
        """Row i is the distribution of ``x_i`` given the j with ``rank[j] < min(rank[i],
        visible)``."""
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        rank = np.asarray(rank)
        if rank.shape != (self.L,):
            raise ValueError(f"expected rank of shape ({self.L},), got {rank.shape}")
        limit = rank[at] if visible is None else np.minimum(rank[at], visible)
        before = rank < limit[:, None]
        return self._ask(x, np.broadcast_to(before, (len(x), *before.shape)), at)

    def snapshot(self, x):
        """Run a full ``denoise`` and keep a copy of ``x``."""
        x = tokens_of(x, self.V, self.L)
        if len(x) != 1:
            raise ValueError(f"expected one row to keep, got {len(x)}")
        kept = x[0].copy()
        kept.flags.writeable = False
        return self.denoise(x), TableCache(kept)

    def cond(self, x, visible, i: int) -> np.ndarray:
        """Return the logits of position ``i`` given the set ``visible``, shape (V,).

        Examples
        --------
        >>> joint = TabularJoint(np.array([[0.5, 0.0], [0.25, 0.25]]))
        >>> np.exp(joint.cond([1, 2], visible={0}, i=1))
        array([0.5, 0.5])
        """
        seen = np.zeros((1, 1, self.L), dtype=bool)
        seen[0, 0, list(visible)] = True
        return self._ask(tokens_of([x], self.V, self.L), seen, np.array([i]))[0, 0]

    def _ask(self, x, visible, at):
        """Check that no mask is read, flatten to (rows × positions) queries, and answer them."""
        seen = visible.copy()
        seen[:, np.arange(at.size), at] = False
        read = seen & (x == self.V)[:, None]
        if read.any():
            row, k, j = (int(index) for index in np.argwhere(read)[0])
            raise ValueError(f"a masked token was read: position {j}, asked about position {at[k]} "
                             f"in row {row}")  # fmt: skip
        rows = np.broadcast_to(x[:, None], seen.shape).reshape(-1, self.L)
        logits = self.distributions(rows, seen.reshape(-1, self.L), np.tile(at, len(x)))
        return logits.reshape(len(x), at.size, self.V)


class HashConditional(TableModel):
    r"""Conditionals from a formula, deliberately inconsistent across orders (so is a network).

    .. math::
        \ell_i(v \mid S) = 2\sin(1.7v + 2.3i + .7131k) + \varepsilon \sum_{j \in S}
        \sin(3.1(x_j+1)(j+1) + 1.9(v+1)(i+1) + .7131k)

    Parameters
    ----------
    V, L : int
    k : int
        Seed: another table for each.
    eps : float
        Coupling; at 0 no position depends on another.

    Notes
    -----
    sin(a+b) is split into products, so that each query needs one sum over the visible positions
    of sin a and one of cos a: O(L + V) for a query instead of O(L·V).

    Examples
    --------
    >>> HashConditional(2, 1).denoise(np.array([[2]])).round(3)
    array([[[0.   , 1.983]]])
    """

    def __init__(self, V: int, L: int, k: int = 0, eps: float = 0.1):
        if V < 1 or L < 1:
            raise ValueError(f"expected V and L of at least 1, got V={V}, L={L}")
        self.V, self.L, self.k, self.eps = V, L, k, eps
        i, v = np.arange(L)[:, None], np.arange(V)
        self._alone = 2 * np.sin(1.7 * v + 2.3 * i + 0.7131 * k)
        phase = 1.9 * (v + 1) * (i + 1) + 0.7131 * k
        self._sin_b, self._cos_b = np.sin(phase), np.cos(phase)
        a = 3.1 * (np.arange(V + 1) + 1) * (i + 1)
        self._sin_a, self._cos_a = np.sin(a), np.cos(a)

    def distributions(self, x, visible, at):
        """Evaluate the formula; see :meth:`TableModel.distributions`."""
        j = np.arange(self.L)
        sines = np.where(visible, self._sin_a[j, x], 0.0).sum(axis=1, keepdims=True)
        cosines = np.where(visible, self._cos_a[j, x], 0.0).sum(axis=1, keepdims=True)
        return self._alone[at] + self.eps * (sines * self._cos_b[at] + cosines * self._sin_b[at])


class TabularJoint(TableModel):
    """A joint distribution given as a dense array; conditionals by marginalisation, memoised.

    Parameters
    ----------
    p : ndarray of float, shape (V,) * L
        Non-negative, sums to one.

    Notes
    -----
    Conditioning on an event of probability zero gives the uniform distribution.

    Examples
    --------
    >>> joint = TabularJoint.random(V=2, L=3, seed=0)
    >>> float(np.exp(joint.denoise(np.full((1, 3), 2))).sum().round(12))
    3.0
    """

    def __init__(self, p: np.ndarray):
        p = np.asarray(p, dtype=np.float64)
        if p.ndim < 1 or len(set(p.shape)) != 1:
            raise ValueError(f"expected an array of shape (V,) * L, got {p.shape}")
        if not (p >= 0).all() or abs(p.sum() - 1) > 1e-9:
            raise ValueError(f"expected probabilities that sum to 1, got a sum of {p.sum()}")
        self.p, self.V, self.L = p, p.shape[0], p.ndim
        self._memo: dict[bytes, np.ndarray] = {}

    @classmethod
    def random(cls, V: int, L: int, seed: int = 0, sharpness: float = 1.0) -> TabularJoint:
        """Return a joint distribution with weights ``exp(sharpness · normal)``."""
        weights = np.exp(sharpness * np.random.default_rng(seed).normal(size=(V,) * L))
        return cls(weights / weights.sum())

    def probability(self, x) -> float:
        """Return the probability of one whole sequence."""
        return float(self.p[tuple(x)])

    def distribution(self) -> dict[tuple[int, ...], float]:
        """Return the joint distribution as a mapping, impossible sequences left out."""
        return {tuple(map(int, x)): float(self.p[tuple(x)]) for x in np.argwhere(self.p > 0)}

    def distributions(self, x, visible, at):
        """Slice and marginalise; see :meth:`TableModel.distributions`."""
        seen = np.where(visible, x, -1)
        return np.stack([self._marginals(row)[i] for row, i in zip(seen, at, strict=True)]) \
            if len(at) else np.empty((0, self.V))  # fmt: skip

    def _marginals(self, seen: np.ndarray) -> np.ndarray:
        """Return log p(x_i | seen) for every i, shape (L, V); rows of seen positions unused."""
        key = seen.tobytes()
        if key not in self._memo:
            index = tuple(slice(None) if token < 0 else slice(token, token + 1) for token in seen)
            part = self.p[index]
            self._memo[key] = np.stack([self._marginal(part, i) for i in range(self.L)])
        return self._memo[key]

    def _marginal(self, part: np.ndarray, i: int) -> np.ndarray:
        """Return the log of the normalised marginal of axis ``i``, uniform without mass."""
        mass = part.sum(axis=tuple(j for j in range(self.L) if j != i))
        if mass.size < self.V or mass.sum() == 0:
            return np.zeros(self.V) - np.log(self.V)
        with np.errstate(divide="ignore"):
            return np.log(mass / mass.sum())


def _window(x: np.ndarray, at: np.ndarray, frozen: np.ndarray) -> np.ndarray:
    """Return rows that equal ``x`` inside the window ``at`` and ``frozen`` outside."""
    rows = np.tile(frozen, (len(x), 1))
    rows[:, at] = x[:, at]
    return rows
