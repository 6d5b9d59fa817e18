"""Scores of a trained model: accuracy at any length, bits per character, and n-gram baselines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from paralg.data import pydoc_text
from paralg.recurrences.mamba.model import MambaLM
from paralg.sequence import Batch, TokenTask

__all__ = [
    "TokenAccuracy", "accuracy", "answers", "bits_per_character", "curve_rows", "length_curve",
    "ngram_bits",
]  # fmt: skip

_SEED = 2025
_TOKENS = 2**16  # tokens sent through the model at a time


class TokenAccuracy(NamedTuple):
    """How often a model is right."""

    token: float  # share of right tokens
    row: float  # share of rows without a mistake


@torch.no_grad()
def answers(model: MambaLM, batch: Batch) -> Tensor:
    """Return the most likely token at each of the last k positions, or at all, shape (b, k)."""
    last = None if batch.asked.start is None else -batch.asked.start
    rows = max(1, _TOKENS // batch.inputs.shape[1])
    return torch.cat([model(part, last).argmax(-1) for part in batch.inputs.split(rows)])


def accuracy(
    model: MambaLM, task: TokenTask, *, rows: int = 512, seed: int = _SEED, **sizes: int
) -> TokenAccuracy:
    """Measure a model on rows drawn with a fixed seed.

    Parameters
    ----------
    model : MambaLM
    task : TokenTask
        Whose batches ask for the last positions, or for all.
    rows : int
    seed : int
    **sizes : int
        For ``task.draw``, as ``size=1024``.

    Returns
    -------
    TokenAccuracy
    """
    batch = task.draw(rows, np.random.default_rng(seed), **sizes)
    right = (answers(model, batch) == batch.targets).numpy()
    return TokenAccuracy(float(right.mean()), float(right.all(axis=1).mean()))


def curve_rows(length: int) -> int:
    """Return the rows that `length_curve` draws: 256 up to 8,192 tokens, at least 64 beyond.

    Examples
    --------
    >>> [curve_rows(length) for length in (64, 8192, 2**15, 2**17)]
    [256, 256, 64, 64]
    """
    return min(256, max(64, 2**21 // length))


def length_curve(model: MambaLM, task: TokenTask, lengths: Iterable[int]) -> list[float]:
    """Return the share of right tokens at each length, in one parallel pass over each row.

    Parameters
    ----------
    model : MambaLM
    task : TokenTask
    lengths : iterable of int
        `curve_rows` says on how many rows each of them is measured.

    Returns
    -------
    list of float
    """
    return [accuracy(model, task, rows=curve_rows(n), size=n).token for n in lengths]


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
    distribution = np.full(len(test) - order, 1 / len(pydoc_text.SYMBOLS))
    for k in range(order + 1):
        distribution = _interpolate(distribution, train, test[order - k :], k)
    return float(-np.log2(distribution).mean())


def _interpolate(shorter: NDArray, train: NDArray, test: NDArray, k: int) -> NDArray:
    """Mix the distribution of shorter contexts with the counts of contexts of k characters."""
    known, counts = np.unique(_codes(train, k + 1), return_counts=True)
    contexts, first = np.unique(known // len(pydoc_text.SYMBOLS), return_index=True)
    totals = np.add.reduceat(counts, first)
    kinds = np.diff(np.append(first, len(known)))
    asked = _codes(test, k + 1)
    n = _look_up(asked, known, counts)
    context = asked // len(pydoc_text.SYMBOLS)
    total, kind = (_look_up(context, contexts, values) for values in (totals, kinds))
    return np.where(total > 0, (n + kind * shorter) / np.maximum(total + kind, 1), shorter)


def _codes(text: NDArray, n: int) -> NDArray:
    """Number every run of n characters."""
    runs = np.lib.stride_tricks.sliding_window_view(text, n)
    return runs @ len(pydoc_text.SYMBOLS) ** np.arange(n)[::-1]


def _look_up(keys: NDArray, known: NDArray, values: NDArray) -> NDArray:
    """Return the value of each key, 0 where it is unknown."""
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, values[at], 0)
