"""Three tasks that ask different things of a memory: to look up, to follow, to fit.

Each draws a batch from a generator and says what is asked at which positions.
All three are generators: they make the sequences they need, no data is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

__all__ = ["Asked", "Drift", "Recall", "Tracking"]

_ELEMENTS = tuple(permutations(range(3)))


@dataclass(frozen=True, eq=False)
class Asked:
    """A batch of sequences and the answers wanted.

    Parameters
    ----------
    inputs : Tensor, shape (b, n) of int64 or (b, n, features) of float32
    targets : Tensor, shape (b, k) of int64 or (b, k, outputs) of float32
        Answers.
    every : int
        An answer is wanted at the last k positions (1), or at the first of every two (2).
    """

    inputs: Tensor
    targets: Tensor
    every: int = 1

    def answers(self, outputs: Tensor) -> Tensor:
        """Return the outputs at the positions that are asked."""
        if self.every > 1:
            return outputs[:, :: self.every]
        return outputs[:, outputs.shape[1] - self.targets.shape[1] :]


class _Classes:
    """What tasks with one right token at each asked position share."""

    embed = True

    def loss(self, outputs: Tensor, batch: Asked) -> Tensor:
        """Return the cross-entropy in nats per answer."""
        return cross_entropy(batch.answers(outputs).flatten(0, 1), batch.targets.flatten())

    def score(self, outputs: Tensor, batch: Asked) -> Tensor:
        """Return which answers are right, shape (b, k), as 0 and 1."""
        return (batch.answers(outputs).argmax(-1) == batch.targets).float()


@dataclass(frozen=True)
class Recall(_Classes):
    """Look up: pairs of key and value, then every key again, in another order.

    Parameters
    ----------
    pairs : int
        Largest number of pairs in training; each batch draws its own.
    keys, values : int
        Sizes of the two alphabets.

    References
    ----------
    The multi-query associative recall of [zuo-2026-local]'s experiments; sizes reduced.

    Examples
    --------
    >>> batch = Recall(keys=4, values=2).draw(1, np.random.default_rng(0), size=2)
    >>> batch.inputs.tolist(), batch.targets.tolist()
    ([[3, 4, 2, 5, 2, 3]], [[1, 0]])
    """

    pairs: int = 16
    keys: int = 32
    values: int = 16

    @property
    def inputs(self) -> int:
        """Tokens: keys, then values."""
        return self.keys + self.values

    @property
    def outputs(self) -> int:
        """Answers: values."""
        return self.values

    @property
    def chance(self) -> float:
        """Share of right answers when guessing."""
        return 1 / self.values

    def draw(self, rows: int, rng: np.random.Generator, *, size: int | None = None) -> Asked:
        """Return rows with ``size`` pairs, or with a number of pairs drawn once for all of them.

        Raises
        ------
        ValueError
            More pairs than keys, or none.
        """
        size = int(rng.integers(2, self.pairs + 1)) if size is None else size
        if not 1 <= size <= self.keys:
            raise ValueError(f"size must be between 1 and {self.keys} pairs, got {size}")
        keys = rng.random((rows, self.keys)).argsort(1)[:, :size]
        values = rng.integers(0, self.values, (rows, size))
        pairs = np.stack([keys, self.keys + values], axis=2).reshape(rows, -1)
        order = rng.random((rows, size)).argsort(1)
        asked = np.take_along_axis(keys, order, 1)
        answers = np.take_along_axis(values, order, 1)
        return Asked(_tensor(np.concatenate([pairs, asked], axis=1)), _tensor(answers))


@dataclass(frozen=True)
class Tracking(_Classes):
    """Follow: a sequence of permutations of three things; say where they stand after each.

    The answer at position t is the product of the first t + 1 elements of the symmetric group S₃:
    a state of six values that every token changes.

    Parameters
    ----------
    length : int
        Tokens in training.

    Examples
    --------
    >>> batch = Tracking(4).draw(1, np.random.default_rng(0))
    >>> batch.inputs.tolist(), batch.targets.tolist()
    ([[5, 3, 3, 1]], [[5, 1, 2, 4]])
    """

    length: int = 32
    inputs: int = len(_ELEMENTS)
    outputs: int = len(_ELEMENTS)

    @property
    def chance(self) -> float:
        """Share of right answers when guessing."""
        return 1 / self.outputs

    def draw(self, rows: int, rng: np.random.Generator, *, size: int | None = None) -> Asked:
        """Return rows of ``size`` tokens, by default ``length``."""
        tokens = rng.integers(0, self.inputs, (rows, self.length if size is None else size))
        return Asked(_tensor(tokens), _tensor(_products(tokens)))


@dataclass(frozen=True)
class Drift:
    r"""Fit: say :math:`v = W k` for a key k, are told v, and go on, while W jumps now and then.

    Tokens come in twos: (k, 0, 1) asks for v, and (k, v, 0) tells it. Keys are uniform on the
    sphere, W has independent entries of variance 1/d. In training W jumps before any question but
    the first with probability 1/segment, so that no position gives a jump away; in a test it jumps
    after every ``segment`` questions.

    Parameters
    ----------
    width : int
        Numbers d in a key and in a value.
    segment : int
        Questions between two jumps: exactly in a test, on average in training.
    segments : int
        Segments of a test of the trained length, which is ``segments * segment`` questions.

    References
    ----------
    [zuo-2026-local], test-time regression; the generator is ours.
    """

    width: int = 4
    segment: int = 16
    segments: int = 2

    embed = False

    @property
    def inputs(self) -> int:
        """A key, a value, and whether it is a question."""
        return 2 * self.width + 1

    @property
    def outputs(self) -> int:
        """A value."""
        return self.width

    def draw(self, rows: int, rng: np.random.Generator, *, size: int | None = None) -> Asked:
        """Return rows of ``size`` segments, or of the trained length with jumps anywhere."""
        keys, values = self.pairs(rows, rng, size)
        flag = np.ones_like(keys[..., :1])
        asking = np.concatenate([keys, 0 * values, flag], axis=2)
        telling = np.concatenate([keys, values, 0 * flag], axis=2)
        inputs = np.stack([asking, telling], axis=2).reshape(rows, -1, self.inputs)
        return Asked(_tensor(inputs), _tensor(values), every=2)

    def pairs(
        self, rows: int, rng: np.random.Generator, size: int | None = None
    ) -> tuple[NDArray, NDArray]:
        """Return keys and values, each of shape (rows, questions, width)."""
        d, n = self.width, self.segment * (self.segments if size is None else size)
        keys = rng.normal(size=(rows, n, d))
        keys /= np.linalg.norm(keys, axis=-1, keepdims=True)
        maps = rng.normal(size=(rows, n, d, d)) / np.sqrt(d)
        jumps = rng.random((rows, n)) * self.segment < 1
        if size is not None:
            jumps = np.broadcast_to(np.arange(n) % self.segment == 0, (rows, n))
        jumps = np.concatenate([np.zeros((rows, 1), bool), jumps[:, 1:]], axis=1)
        now = maps[np.arange(rows)[:, None], jumps.cumsum(1)]
        values = np.einsum("bnij,bnj->bni", now, keys)
        return keys.astype(np.float32), values.astype(np.float32)

    def loss(self, outputs: Tensor, batch: Asked) -> Tensor:
        """Return the mean squared error over that of the answer 0."""
        return self.score(outputs, batch).mean()

    def score(self, outputs: Tensor, batch: Asked) -> Tensor:
        """Return squared errors over the mean of that of the answer 0, shape (b, n)."""
        error = (batch.answers(outputs) - batch.targets).square().sum(-1)
        return error / batch.targets.square().sum(-1).mean()


def _products(tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the running products of rows of group elements, the later one applied last."""
    elements = np.array(_ELEMENTS)
    number = {element: i for i, element in enumerate(_ELEMENTS)}
    table = np.array([[number[tuple(b[list(a)])] for b in elements] for a in elements])
    out = tokens.copy()
    for t in range(1, tokens.shape[1]):
        out[:, t] = table[out[:, t - 1], tokens[:, t]]
    return out


def _tensor(x: NDArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x))
