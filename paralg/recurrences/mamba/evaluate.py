"""Scores of a trained model: accuracy at any length, bits per character, and n-gram baselines."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from paralg.data import pydoc_text
from paralg.recurrences.mamba.model import MambaLM
from paralg.recurrences.mamba.tasks import Batch, Task

__all__ = [
    "Accuracy", "accuracy", "answers", "bits_per_character", "curve_rows", "length_curve",
    "ngram_bits",
]  # fmt: skip

_SEED = 2025
_TOKENS = 2**16  # tokens sent through the model at a time


class Accuracy(tuple):
    """Share of right tokens, share of rows without a mistake."""

    __slots__ = ()

    def __new__(cls, right: NDArray[np.bool_]):
        return super().__new__(cls, (float(right.mean()), float(right.all(axis=1).mean())))

    @property
    def token(self) -> float:
        """Share of right tokens."""
        return self[0]

    @property
    def row(self) -> float:
        """Share of rows without a mistake."""
        return self[1]


@torch.no_grad()
def answers(model: MambaLM, batch: Batch) -> NDArray[np.int64]:
    """Return the most likely token at every position that is asked for, shape (b, k)."""
    rows = max(1, _TOKENS // batch.tokens.shape[1])
    parts = torch.from_numpy(batch.tokens).split(rows)
    return torch.cat([model(part, batch.asked).argmax(-1) for part in parts]).numpy()


def accuracy(
    model: MambaLM, task: Task, *, rows: int = 512, seed: int = _SEED, **sizes: int
) -> Accuracy:
    """Measure a model on rows drawn with a fixed seed.

    Parameters
    ----------
    model : MambaLM
    task : Task
    rows : int
    seed : int
    **sizes : int
        For ``task.draw``, as ``length=1024``.

    Returns
    -------
    Accuracy
    """
    batch = task.draw(rows, np.random.default_rng(seed), **sizes)
    return Accuracy(answers(model, batch) == batch.targets)


def curve_rows(length: int) -> int:
    """Return the rows that `length_curve` draws: 256 up to 8,192 tokens, at least 64 beyond.

    Examples
    --------
    >>> [curve_rows(length) for length in (64, 8192, 2**15, 2**17)]
    [256, 256, 64, 64]
    """
    return min(256, max(64, 2**21 // length))


def length_curve(model: MambaLM, task: Task, lengths: Iterable[int]) -> list[float]:
    """Return the share of right tokens at each length, in one parallel pass over each row.

    Parameters
    ----------
    model : MambaLM
    task : Task
    lengths : iterable of int
        `curve_rows` says on how many rows each of them is measured.

    Returns
    -------
    list of float
    """
    return [accuracy(model, task, rows=curve_rows(n), length=n).token for n in lengths]


@torch.no_grad()
def bits_per_character(model: MambaLM, *, length: int = 1024, split: str = "test") -> float:
    r"""Return the mean of :math:`-\log_2 p` over a split of the text, windows beside each other.

    Parameters
    ----------
    model : MambaLM
        With the 27 symbols as tokens.
    length : int
        Characters of a window; the state starts from zero in each.
    split : {"train", "validation", "test"}

    Returns
    -------
    float, bits
    """
    text = torch.from_numpy(pydoc_text.load(split).copy())
    windows = (len(text) - 1) // length
    inputs = text[: windows * length].view(windows, length)
    targets = text[1 : windows * length + 1].view(windows, length)
    nats = 0.0
    for x, y in zip(inputs.split(32), targets.split(32), strict=True):
        nats += torch.nn.functional.cross_entropy(
            model(x).flatten(0, 1), y.flatten(), reduction="sum"
        ).item()
    return nats / np.log(2) / targets.numel()


def ngram_bits(order: int, *, split: str = "test") -> float:
    r"""Return bits per character of counts of the training text, interpolated by Witten and Bell.

    .. math:: p_k(c \mid s) = \frac{n(sc) + t(s) \, p_{k-1}(c \mid s')}{n(s) + t(s)}

    with n counts, t(s) the number of different characters seen after s, s' the context without its
    first character, and :math:`p_0` uniform.

    Parameters
    ----------
    order : int
        Characters of a context, 0 or more.
    split : {"train", "validation", "test"}

    Returns
    -------
    float, bits

    References
    ----------
    [witten-1991-zero].
    """
    train, test = pydoc_text.load("train"), pydoc_text.load(split)
    law = np.full(len(test) - order, 1 / len(pydoc_text.SYMBOLS))
    for k in range(order + 1):
        law = _interpolate(law, train, test[order - k :], k)
    return float(-np.log2(law).mean())


def _interpolate(law: NDArray, train: NDArray, test: NDArray, k: int) -> NDArray:
    """Mix the law of shorter contexts with the counts of contexts of k characters."""
    seen, counts = np.unique(_codes(train, k + 1), return_counts=True)
    contexts, first = np.unique(seen // len(pydoc_text.SYMBOLS), return_index=True)
    totals = np.add.reduceat(counts, first)
    kinds = np.diff(np.append(first, len(seen)))
    asked = _codes(test, k + 1)
    n = _look_up(asked, seen, counts)
    context = asked // len(pydoc_text.SYMBOLS)
    total, kind = (_look_up(context, contexts, values) for values in (totals, kinds))
    return np.where(total > 0, (n + kind * law) / np.maximum(total + kind, 1), law)


def _codes(text: NDArray, n: int) -> NDArray:
    """Number every run of n characters."""
    runs = np.lib.stride_tricks.sliding_window_view(text, n)
    return runs @ len(pydoc_text.SYMBOLS) ** np.arange(n)[::-1]


def _look_up(keys: NDArray, known: NDArray, values: NDArray) -> NDArray:
    """Return the value of each key, 0 where it is unknown."""
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, values[at], 0)
