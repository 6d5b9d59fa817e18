"""Three tasks for small trained models: in-context regression, recall, state tracking."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch", "InContextRegression", "PermutationState", "Recall", "permutation_table"]


@dataclass(frozen=True)
class Batch:
    """Inputs, what should be said, and where it is asked.

    Attributes
    ----------
    inputs : ndarray, shape (b, n) of int64 tokens or (b, n, d) of float32 vectors
    targets : ndarray, shape (b, n) of int64 or (b, n, d_y) of float32
    asked : ndarray of bool, shape (b, n)
    """

    inputs: NDArray
    targets: NDArray
    asked: NDArray


@dataclass(frozen=True)
class InContextRegression:
    r"""Predict :math:`y_i = W_s x_i` from earlier pairs, where the map changes between segments.

    Row i of the input holds :math:`(x_i, y_{i-1})`: the label comes one place later, so that all
    places can be asked at once. Segments have their own region of inputs, too.

    Parameters
    ----------
    length : int
    segment : int
        Pairs of one map.
    width : int
        Of x and of y.
    spread : float
        Size of the noise around a segment's centre, before normalising.

    Notes
    -----
    Our generator, after the description of the paper's experiment (section on in-context
    regression); widths and lengths reduced.
    """

    length: int = 64
    segment: int = 32
    width: int = 4
    spread: float = 0.5

    @property
    def sizes(self) -> tuple[int, int]:
        """Width of the input and of the output."""
        return 2 * self.width, self.width

    def draw(self, rows: int, rng: np.random.Generator) -> Batch:
        """Return independent rows; every place is asked."""
        parts = -(-self.length // self.segment)
        shape = (rows, parts, self.segment, self.width)
        centres = _unit(rng.normal(size=(rows, parts, 1, self.width)))
        x = _unit(centres + self.spread * rng.normal(size=shape) / self.width**0.5)
        maps = rng.normal(size=(rows, parts, self.width, self.width))
        y = np.einsum("rpij,rpsj->rpsi", maps, x)
        x, y = (a.reshape(rows, -1, self.width)[:, : self.length] for a in (x, y))
        before = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
        inputs = np.concatenate([x, before], axis=2).astype(np.float32)
        return Batch(inputs, y.astype(np.float32), np.ones((rows, self.length), dtype=bool))


@dataclass(frozen=True)
class Recall:
    """Multi-query associative recall: pairs of key and value, then keys whose value is asked.

    Parameters
    ----------
    pairs : int
        Pairs shown; all of them are asked once, in random order.
    letters : int
        Keys, and as many values.

    References
    ----------
    The task is that of [arora-2024-zoology]; sizes reduced, and queries follow at once.

    Examples
    --------
    >>> batch = Recall(2, 3).draw(1, np.random.default_rng(0))
    >>> batch.inputs.tolist(), batch.targets.tolist()
    ([[2, 3, 1, 3, 2, 1]], [[0, 0, 0, 0, 3, 3]])
    """

    pairs: int = 12
    letters: int = 32

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of tokens, twice."""
        return 2 * self.letters, 2 * self.letters

    @property
    def length(self) -> int:
        """Tokens of a row."""
        return 3 * self.pairs

    @property
    def chance(self) -> float:
        """Share of right answers when guessing among the values."""
        return 1 / self.letters

    def draw(self, rows: int, rng: np.random.Generator) -> Batch:
        """Return rows in which the last third is asked."""
        order = rng.random((rows, self.letters)).argsort(axis=1)[:, : self.pairs]
        values = self.letters + rng.integers(0, self.letters, (rows, self.pairs))
        shown = np.stack([order, values], axis=2).reshape(rows, -1)
        again = rng.random((rows, self.pairs)).argsort(axis=1)
        asked = np.zeros((rows, self.length), dtype=bool)
        asked[:, 2 * self.pairs :] = True
        targets = np.zeros((rows, self.length), dtype=np.int64)
        targets[:, 2 * self.pairs :] = np.take_along_axis(values, again, axis=1)
        inputs = np.concatenate([shown, np.take_along_axis(order, again, axis=1)], axis=1)
        return Batch(inputs, targets, asked)


def permutation_table(size: int) -> NDArray[np.int64]:
    """Return the table of a symmetric group: entry (a, b) is b after a.

    Examples
    --------
    >>> permutation_table(2).tolist()
    [[0, 1], [1, 0]]
    """
    group = np.array(list(itertools.permutations(range(size))))
    number = {tuple(p): i for i, p in enumerate(group.tolist())}
    return np.array([[number[tuple(b[a].tolist())] for b in group] for a in group])


@dataclass(frozen=True)
class PermutationState:
    """Say after every token what all permutations so far make together.

    Parameters
    ----------
    length : int
    size : int
        Permuted things: 3 for six tokens, 5 for 120.

    Examples
    --------
    >>> batch = PermutationState(4, 2).draw(1, np.random.default_rng(1))
    >>> batch.inputs.tolist(), batch.targets.tolist()
    ([[0, 1, 1, 1]], [[0, 1, 0, 1]])
    """

    length: int = 16
    size: int = 3

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of group elements, twice."""
        order = len(permutation_table(self.size))
        return order, order

    @property
    def chance(self) -> float:
        """Share of right answers when guessing."""
        return 1 / self.sizes[0]

    def draw(self, rows: int, rng: np.random.Generator) -> Batch:
        """Return rows of tokens; every place is asked."""
        table = permutation_table(self.size)
        inputs = rng.integers(0, len(table), (rows, self.length))
        targets = inputs.copy()
        for i in range(1, self.length):
            targets[:, i] = table[targets[:, i - 1], inputs[:, i]]
        return Batch(inputs, targets, np.ones(inputs.shape, dtype=bool))


def _unit(x: NDArray) -> NDArray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)
