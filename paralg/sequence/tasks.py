"""Tasks that ask different things of a memory: to look up, to repeat, to follow, to fit.

All are generators: they make the sequences they need, no data is read. Each has

===================================== ==========================================================
``inputs``, ``outputs``               number of tokens, or of features; numbers of an answer
``tokens``                            whether inputs are tokens, else vectors
``draw(rows, rng, size=None)``        a `Batch` as trained on, or of a given size; ValueError for
                                      a size that does not fit
``loss(outputs, batch)``              what training lowers, a number
``score(outputs, batch)``             how good each answer is, shape (b, k)
``chance``                            the score of guessing, where answers are right or wrong
===================================== ==========================================================

where ``outputs`` are those of a model at all positions. Only ``draw`` costs anything: work and
memory of the order of what it returns, for `Drift` times the width.
"""

from dataclasses import dataclass, fields
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from paralg.core import checks
from paralg.sequence.batch import Batch, check_tokens

__all__ = [
    "Copying", "Drift", "InductionHeads", "Recall", "TokenTask", "Tracking", "permutation_table",
]  # fmt: skip


class _Sizes:
    """A task whose integers are sizes."""

    def __post_init__(self):
        for field in fields(self):
            if field.type is int:
                checks.integer(field.name, getattr(self, field.name), 1)

    def check(self, rows: int, rng: np.random.Generator, size: int, least=1, most=np.inf) -> int:
        """Check the arguments of ``draw`` and return the size."""
        checks.integer("rows", rows)
        checks.instance("rng", rng, np.random.Generator)
        return checks.integer("size", size, least, most)


class TokenTask(_Sizes):
    """What tasks share in which one token is right at each position that is asked.

    >>> import torch
    >>> batch = Batch(torch.tensor([[0, 1]]), torch.tensor([[1, 0]]))
    >>> TokenTask().score(torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]), batch)
    tensor([[1., 0.]])
    """

    tokens = True
    chance = property(lambda self: 1 / self.outputs)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy in nats per answer."""
        said = self._said(outputs, batch)
        return cross_entropy(said.reshape(-1, said.shape[-1]), batch.targets.flatten())

    def _said(self, outputs: Tensor, batch: Batch) -> Tensor:
        checks.instance("batch", batch, Batch)
        said = batch.answers(outputs)
        checks.tensors(outputs=(said, "..."))
        check_tokens("targets", batch.targets, " ".join(map(str, said.shape[:-1])), said.shape[-1])
        return said

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return which answers are right, shape (b, k), as 0 and 1."""
        return (self._said(outputs, batch).argmax(-1) == batch.targets).float()


@dataclass(frozen=True)
class Recall(TokenTask):
    """Look up: pairs of key and value, then every key again, in another order.

    The multi-query associative recall of [arora-2024-zoology] and of the experiments of
    [zuo-2026-local]; sizes reduced, and queries follow at once.

    Parameters
    ----------
    pairs, fewest : int
        Largest, and smallest, number of pairs in training; each batch draws its own. The size of
        a test is a number of pairs.
    keys, values : int
        Sizes of the two alphabets; value v is token keys + v.
    as_tokens : bool
        Whether an answer is a token among all of them, else the number of a value.

    Examples
    --------
    >>> batch = Recall(keys=4, values=2).draw(1, np.random.default_rng(0), size=2)
    >>> batch.inputs.tolist(), batch.targets.tolist()
    ([[3, 4, 2, 5, 2, 3]], [[1, 0]])
    """

    pairs: int = 16
    keys: int = 32
    values: int = 16
    fewest: int = 2
    as_tokens: bool = False

    inputs = property(lambda self: self.keys + self.values)
    outputs = property(lambda self: self.inputs if self.as_tokens else self.values)
    chance = property(lambda self: 1 / self.values)

    def __post_init__(self):
        super().__post_init__()
        checks.integer("fewest", self.fewest, 1, self.pairs)

    def draw(self, rows: int, rng: np.random.Generator, *, size: int | None = None) -> Batch:
        """Return rows with ``size`` pairs, or with a number of pairs drawn once for all of them."""
        self.check(rows, rng, self.pairs if size is None else size, most=self.keys)
        if size is None:
            fixed = self.fewest == self.pairs
            size = self.pairs if fixed else int(rng.integers(self.fewest, self.pairs + 1))
        keys = rng.random((rows, self.keys)).argsort(1)[:, :size]
        values = rng.integers(0, self.values, (rows, size))
        pairs = np.stack([keys, self.keys + values], axis=2).reshape(rows, 2 * size)
        order = rng.random((rows, size)).argsort(1)
        asked, right = (np.take_along_axis(x, order, 1) for x in (keys, values))
        right = right + self.keys * self.as_tokens
        return Batch.of(np.concatenate([pairs, asked], axis=1), right, Batch.last(size))


@dataclass(frozen=True)
class Copying(TokenTask):
    """Repeat the data tokens, in order, when asked.

    After [gu-2023-mamba], section 4.1.1; sizes reduced.

    Parameters
    ----------
    length, data : int
        Tokens before the first question, the size of a test; data tokens among them.
    letters : int
        Size of the data alphabet; letter v is token v, noise and "emit" are the two tokens after.
    scattered : bool
        Whether the data tokens lie anywhere among the noise, which makes the copying *selective*:
        no fixed convolution kernel can do it, because where a token has to be fetched from depends
        on where the others lie. Otherwise they come before all noise.

    Examples
    --------
    >>> batch = Copying(6, 2, 4).draw(1, np.random.default_rng(1))
    >>> batch.inputs.tolist(), batch.targets.tolist()
    ([[4, 1, 4, 2, 4, 4, 5, 5]], [[1, 2]])
    """

    length: int = 24
    data: int = 4
    letters: int = 8
    scattered: bool = True

    inputs = property(lambda self: self.letters + 2)
    outputs = property(lambda self: self.letters)

    def draw(self, rows: int, rng: np.random.Generator, *, size: int | None = None) -> Batch:
        """Return rows of ``size + data`` tokens, or ``length + data``, and their letters."""
        length = self.check(rows, rng, self.length if size is None else size, self.data)
        letters = rng.integers(0, self.letters, (rows, self.data))
        at = np.sort(rng.random((rows, length)).argsort(axis=1)[:, : self.data], axis=1)
        if not self.scattered:
            at[:] = np.arange(self.data)
        tokens = np.full((rows, length + self.data), self.letters)
        np.put_along_axis(tokens, at, letters, axis=1)
        tokens[:, length:] = self.letters + 1
        return Batch.of(tokens, letters, Batch.last(self.data))


@dataclass(frozen=True)
class InductionHeads(TokenTask):
    """Say which letter followed a marker that comes again at the end.

    After [gu-2023-mamba], section 4.1.2; sizes reduced.

    Parameters
    ----------
    length : int
        Tokens, the two markers included; the size of a test.
    letters : int
        Size of the alphabet; the marker is the token after it.

    Examples
    --------
    >>> batch = InductionHeads(8, 4).draw(1, np.random.default_rng(1))
    >>> batch.inputs.tolist(), batch.targets.tolist()
    ([[1, 4, 3, 3, 0, 0, 3, 4]], [[3]])
    """

    length: int = 64
    letters: int = 16

    inputs = property(lambda self: self.letters + 1)
    outputs = property(lambda self: self.letters)

    def draw(
        self, rows: int, rng: np.random.Generator, *, size: int | None = None,
        distance: int | None = None,
    ) -> Batch:  # fmt: skip
        """Return rows in which the first marker is anywhere, or ``distance`` before the last."""
        length = self.check(rows, rng, self.length if size is None else size, 3)
        if distance is not None:
            checks.integer("distance", distance, 2, length - 1)
        tokens = rng.integers(0, self.letters, (rows, length))
        marker = rng.integers(0, length - 2, (rows, 1))
        if distance is not None:
            marker[:] = length - 1 - distance
        np.put_along_axis(tokens, marker, self.letters, axis=1)
        tokens[:, -1] = self.letters
        return Batch.of(tokens, np.take_along_axis(tokens, marker + 1, axis=1), Batch.last(1))


@dataclass(frozen=True)
class Tracking(TokenTask):
    """Follow: a sequence of permutations of a few things; say where they are after each.

    The answer at position t is the product of the first t + 1 elements of the symmetric group: a
    state of few values that every token changes.

    Parameters
    ----------
    length, things : int
        Tokens, the size of a test; permuted things, 3 for six tokens, 5 for 120.

    Examples
    --------
    >>> batch = Tracking(4).draw(1, np.random.default_rng(0))
    >>> batch.inputs.tolist(), batch.targets.tolist()
    ([[5, 3, 3, 1]], [[5, 1, 2, 4]])
    """

    length: int = 32
    things: int = 3

    inputs = outputs = property(lambda self: factorial(self.things))

    def draw(self, rows: int, rng: np.random.Generator, *, size: int | None = None) -> Batch:
        """Return rows of ``size`` tokens, by default ``length``; every position is asked."""
        length = self.check(rows, rng, self.length if size is None else size)
        table = permutation_table(self.things)
        tokens = rng.integers(0, len(table), (rows, length))
        products = tokens.copy()
        for t in range(1, tokens.shape[1]):
            products[:, t] = table[products[:, t - 1], tokens[:, t]]
        return Batch.of(tokens, products)


def permutation_table(things: int) -> NDArray[np.int64]:
    """Return the table of a symmetric group in lexicographic order: entry (a, b) is b after a."""
    group = np.array(list(permutations(range(checks.integer("things", things, 1, 7)))))
    number = {tuple(p): i for i, p in enumerate(group.tolist())}
    return np.array([[number[tuple(b[a].tolist())] for b in group] for a in group])


@dataclass(frozen=True)
class Drift(_Sizes):
    """Fit: say :math:`v = W k` for a key k, be told v, and go on, while W jumps now and then.

    Tokens come in twos: (k, 0, 1) asks for v, and (k, v, 0) tells it. Keys are uniform on the
    sphere, W has independent entries of variance 1/d. In training W jumps before any question but
    the first with probability 1/segment, so that no position gives a jump away; in a test it jumps
    after every ``segment`` questions. Test-time regression after [zuo-2026-local]; the generator
    is ours.

    Parameters
    ----------
    width : int
        Numbers d in a key and in a value.
    segment, segments : int
        Questions between two jumps, in training on average; segments in training, the size of a
        test.

    Examples
    --------
    >>> batch = Drift(width=2, segment=3).draw(4, np.random.default_rng(0), size=1)
    >>> batch.inputs.shape, batch.targets.shape
    (torch.Size([4, 6, 5]), torch.Size([4, 3, 2]))
    """

    width: int = 4
    segment: int = 16
    segments: int = 2

    tokens = False
    inputs = property(lambda self: 2 * self.width + 1)
    outputs = property(lambda self: self.width)

    def draw(self, rows: int, rng: np.random.Generator, *, size: int | None = None) -> Batch:
        """Return rows of ``size`` segments, or of the trained length with jumps anywhere."""
        keys, values = self.pairs(rows, rng, size)
        flag = np.ones_like(keys[..., :1])
        asking, telling = (keys, 0 * values, flag), (keys, values, 0 * flag)
        inputs = np.stack([np.concatenate(token, axis=2) for token in (asking, telling)], axis=2)
        inputs = inputs.reshape(rows, 2 * keys.shape[1], self.inputs)
        return Batch.of(inputs, values, slice(None, None, 2))

    def pairs(self, rows: int, rng: np.random.Generator, size: int | None = None):
        """Return keys and values, arrays of shape (rows, questions, width)."""
        length = self.check(rows, rng, self.segments if size is None else size)
        d, n = self.width, self.segment * length
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

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error over that of the answer 0."""
        return self.score(outputs, batch).mean()

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return squared errors over the mean of that of the answer 0, shape (b, k)."""
        checks.instance("batch", batch, Batch)
        said = batch.answers(outputs)
        checks.tensors(targets=(batch.targets, "..."), outputs=(said, "..."))
        error = (said - batch.targets).square().sum(-1)
        return error / batch.targets.square().sum(-1).mean()
