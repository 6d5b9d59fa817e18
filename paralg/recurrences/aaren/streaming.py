"""The same outputs from tokens that arrive one by one, or in blocks, with one summary kept."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.recurrences.aaren.attention import AttentionResult
from paralg.recurrences.aaren.monoid import Summary, check_summary, empty, leaves, read, real, shift

__all__ = ["cell", "stream", "stream_blocks"]


def cell(summary: Summary, score: ArrayLike, value: ArrayLike) -> Summary:
    r"""Take one token into a summary: one union, 2 d + 2 multiplications a head.

    .. math:: m_k = \max(m_{k-1}, s_k), \quad
              u_k = u_{k-1} e^{m_{k-1} - m_k} + e^{s_k - m_k}, \quad
              w_k = w_{k-1} e^{m_{k-1} - m_k} + e^{s_k - m_k} v_k

    Parameters
    ----------
    summary : tuple of ndarray, shapes (...), (...), (..., d)
    score : ndarray, shape (...)
    value : ndarray, shape (..., d)

    Notes
    -----
    In [feng-2024-attention] :math:`u, w` are called :math:`c, a`. The first maximum is −∞: one that
    starts from zero is right, too, the sums being zero, but underflows at very negative scores.

    Examples
    --------
    >>> cell(empty((1,)), np.array(2.0), np.array([5.0]))
    (np.float64(2.0), np.float64(1.0), array([5.]))
    """
    score, value = real("score", score), real("value", value)
    check_summary(summary, value=(value, "... d"), score=(score, "..."))
    there = ~np.isneginf(score)
    checks.finite("score", score[there])
    value, (before, u, w) = np.where(there[..., None], value, 0), summary
    m = np.maximum(before, score)
    keep, enter = shift(before, m), shift(score, m)
    return m, u * keep + enter, w * keep[..., None] + enter[..., None] * value


def stream(
    tokens: Iterable[tuple[NDArray, NDArray]], summary: Summary
) -> Iterator[tuple[NDArray, Summary]]:
    """Yield output and summary after every token; d + 2 numbers a head are all that is kept.

    Parameters
    ----------
    tokens : iterable of (ndarray, ndarray)
        Score of shape (...) and value of shape (..., d).
    summary : tuple of ndarray
        Of the tokens before; `empty` at the beginning.

    Examples
    --------
    >>> [float(o[0]) for o, _ in stream([(0.0, [4.0]), (0.0, [2.0])], empty((1,)))]
    [4.0, 3.0]
    """
    checks.instance("tokens", tokens, Iterable)
    for score, value in tokens:
        summary = cell(summary, score, value)
        yield read(summary), summary


def stream_blocks(
    scores: ArrayLike, values: ArrayLike, size: int, summary: Summary | None = None
) -> AttentionResult:
    r"""Return attention over every prefix, a block at a time, with one summary carried along.

    .. math:: w_k = e^{m - M_k} w + \sum_{i \le k} e^{s_i - M_k} v_i, \qquad
              M_k = \max\!\left(m, \max_{i \le k} s_i\right)

    It is the block form of [feng-2024-attention].

    Parameters
    ----------
    scores : array_like, shape (n,)
    values : array_like, shape (n, d)
    size : int
        Tokens in a block, at least 1, else ValueError.
    summary : tuple of ndarray, optional
        Of the tokens before.

    Returns
    -------
    AttentionResult
        A token counts as one union; the outputs of a block do not wait for each other, so the span
        is a union a block. ``numbers`` are the weights of a block and two summaries.

    Cost
    ----
    Work n, span ⌈n / size⌉; n · size · d multiplications, a triangular product in each block.

    Examples
    --------
    >>> run = stream_blocks(np.zeros(5), np.arange(5.0)[:, None], 2)
    >>> run.outputs[:, 0], run.cost
    (array([0. , 0.5, 1. , 1.5, 2. ]), Cost(work=5, span=3))
    """
    checks.integer("size", size, 1)
    scores, _, values = leaves(scores, values)
    checks.sizes(scores=(scores, "n"))
    summary = empty(values.shape[1:], values.dtype) if summary is None else summary
    checks.sizes(values=(values, "n d"), numerator=(check_summary(summary)[2], "d"))
    outputs = np.empty_like(values)
    starts = range(0, len(scores), size)
    for start in starts:
        part = slice(start, start + size)
        outputs[part], summary = _block(scores[part], values[part], summary)
    held = min(size, len(scores)) ** 2 + 2 * (values.shape[1] + 2)
    return AttentionResult(outputs, summary, Cost(work=len(scores), span=len(starts)), held)


def _block(scores: NDArray, values: NDArray, summary: Summary) -> tuple[NDArray, Summary]:
    """Return the outputs of a block that follows ``summary``, and the summary after it."""
    m, u, w = summary
    largest = np.maximum(np.maximum.accumulate(scores), m)
    weights = np.tril(shift(scores[None], np.maximum(largest[:, None], scores[None])))
    keep = shift(m, largest)
    u = keep * u + weights.sum(1)
    finite = np.isfinite(values)
    rest = np.add.accumulate(np.where(finite, 0, values))  # not 0 times NaN in outputs before it
    w = keep[:, None] * w + weights @ np.where(finite, values, 0) + rest
    return read((largest, u, w)), (largest[-1], u[-1], w[-1])
