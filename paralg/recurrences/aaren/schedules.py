r"""One recurrence in three schedules: token by token, all at once, block by block.

The schedules are those of [feng-2024-attention].
These are the counted versions, in NumPy: `prefixes` is the core's scan of `SOFTMAX`, `stream` and
`stream_blocks` keep one summary and read the tokens once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core.cost import Cost
from paralg.core.primitives import reduce, scan
from paralg.recurrences.aaren.monoid import SOFTMAX, Summary, leaves, read, shift

__all__ = [
    "Attended", "attend", "attend_dense", "cell", "empty", "prefixes", "stream", "stream_blocks",
    "unstable_stream",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Attended:
    """Outputs of attention over prefixes, and what they cost.

    Parameters
    ----------
    outputs : ndarray, shape (n, ..., d)
        Output k attends to tokens 0 … k.
    summary : tuple of ndarray
        Maximum (...), denominator (...) and numerator (..., d) after the last token.
    cost : Cost
        Unions of two summaries, and the longest chain of them.
    numbers : int
        Numbers of a summary times the summaries that are held at once.
    levels : list or None
        Rounds, when traced.
    """

    outputs: NDArray
    summary: Summary
    cost: Cost
    numbers: int
    levels: list | None = None


def attend(scores: ArrayLike, values: ArrayLike, mask: ArrayLike | None = None):
    r"""Return softmax attention of one query over all tokens, as a tree of unions.

    .. math:: o = \sum_i \frac{e^{s_i}}{\sum_j e^{s_j}} v_i

    Parameters
    ----------
    scores : array_like, shape (n, ...)
    values : array_like, shape (n, ..., d)
    mask : array_like of bool, shape (n, ...), optional

    Returns
    -------
    output : ndarray, shape (..., d)
        0 where there is no token.
    cost : Cost
        n − 1 unions on a chain of ⌈log₂ n⌉.

    Examples
    --------
    >>> attend(np.log([1.0, 3.0]), np.array([[0.0], [4.0]]))
    (array([3.]), Cost(work=1, span=1))
    """
    parts = leaves(np.asarray(scores), np.asarray(values), mask)
    if len(parts[0]) == 0:
        return np.zeros(parts[2].shape[1:], parts[2].dtype), Cost()
    total = reduce(SOFTMAX, parts)
    return read(total.values), total.cost


def prefixes(
    scores: ArrayLike, values: ArrayLike, mask: ArrayLike | None = None, *,
    method: str = "brent-kung", chunk: int | None = None, trace: bool = False,
) -> Attended:  # fmt: skip
    r"""Return attention of one query over every prefix, by one scan of the core.

    .. math:: o_k = \frac{w_k}{u_k}, \qquad
              (m_k, u_k, w_k) = \bigoplus_{i \le k} (s_i, 1, v_i)

    Parameters
    ----------
    scores : array_like, shape (n, ...)
    values : array_like, shape (n, ..., d)
    mask : array_like of bool, shape (n, ...), optional
        False leaves are the identity: as if the token were not there.
    method : {"sequential", "kogge-stone", "brent-kung", "blelloch", "chunked"}
    chunk : int, optional
        For ``"chunked"``.
    trace : bool
        Whether to record the rounds.

    Returns
    -------
    Attended

    Raises
    ------
    ValueError
        As for `leaves` and `paralg.core.primitives.scan`.

    Cost
    ----
    That of a scan of n elements; all n summaries are held.

    References
    ----------
    [feng-2024-attention].

    Examples
    --------
    >>> run = prefixes(np.zeros(4), np.array([[4.0], [0.0], [2.0], [2.0]]))
    >>> run.outputs[:, 0], run.cost
    (array([4., 2., 2., 2.]), Cost(work=4, span=3))
    """
    parts = leaves(np.asarray(scores), np.asarray(values), mask)
    run = scan(SOFTMAX, parts, method=method, chunk=chunk, trace=trace)
    held = sum(part.size for part in run.values)
    last = tuple(part[-1] for part in run.values) if len(parts[0]) else empty(parts[2].shape[1:])
    return Attended(read(run.values), last, run.cost, held, run.levels)


def empty(shape: tuple[int, ...], dtype=np.float64) -> Summary:
    """Return the summary of no token, for values of shape (..., d)."""
    heads = shape[:-1]
    return np.full(heads, -np.inf, dtype), np.zeros(heads, dtype), np.zeros(shape, dtype)


def cell(summary: Summary, score, value) -> Summary:
    r"""Take one token into a summary: the recurrent cell, with its running maximum.

    .. math:: m_k = \max(m_{k-1}, s_k), \quad
              u_k = u_{k-1} e^{m_{k-1} - m_k} + e^{s_k - m_k}, \quad
              w_k = w_{k-1} e^{m_{k-1} - m_k} + e^{s_k - m_k} v_k

    Parameters
    ----------
    summary : tuple of ndarray, shapes (...), (...), (..., d)
    score : ndarray, shape (...)
    value : ndarray, shape (..., d)

    Returns
    -------
    tuple of ndarray

    Notes
    -----
    The first maximum is −∞. The paper starts the sums from zero; a maximum that starts from zero,
    too, is right because the first sums are zero, but underflows when all scores are very negative.
    """
    before, u, w = summary
    m = np.maximum(before, score)
    keep, enter = shift(before, m), shift(score, m)
    return m, u * keep + enter, w * keep[..., None] + enter[..., None] * value


def stream(tokens: Iterable[tuple[NDArray, NDArray]], summary: Summary) -> Iterator:
    """Yield output and summary after every token; d + 2 numbers a head are all that is kept.

    Parameters
    ----------
    tokens : iterable of (score of shape (...), value of shape (..., d))
    summary : tuple of ndarray
        Where to go on from; `empty` at the beginning.
    """
    for score, value in tokens:
        summary = cell(summary, np.asarray(score), np.asarray(value))
        yield read(summary), summary


def unstable_stream(scores: ArrayLike, values: ArrayLike) -> NDArray:
    """Return the outputs of the recurrence without a maximum, in the type of the scores."""
    scores, values = np.asarray(scores), np.asarray(values)
    weights = np.exp(scores)
    u = np.add.accumulate(weights)
    return np.add.accumulate(weights[..., None] * values) / u[..., None]


def stream_blocks(
    scores: ArrayLike, values: ArrayLike, size: int, summary: Summary | None = None
) -> Attended:
    r"""Return attention over every prefix, a block at a time, with one summary carried along.

    .. math:: w_k = e^{m - M_k} w + \sum_{i \le k} e^{s_i - M_k} v_i, \qquad
              M_k = \max\!\left(m, \max_{i \le k} s_i\right)

    Parameters
    ----------
    scores : array_like, shape (n,)
    values : array_like, shape (n, d)
    size : int
        Tokens in a block.
    summary : tuple, optional
        Of the tokens before.

    Returns
    -------
    Attended
        ``cost`` counts a token as one union; inside a block all outputs are sums that do not wait
        for each other, so the span is a union a block. ``numbers`` is what is held beside the
        input: the weights of a block and two summaries.

    Raises
    ------
    ValueError
        ``size < 1``.

    Cost
    ----
    Work n, span ⌈n / size⌉; n · size · d multiplications, since a block takes the product of a
    triangular matrix with its values.

    Examples
    --------
    >>> run = stream_blocks(np.zeros(5), np.arange(5.0)[:, None], 2)
    >>> run.outputs[:, 0], run.cost
    (array([0. , 0.5, 1. , 1.5, 2. ]), Cost(work=5, span=3))
    """
    scores, values = np.asarray(scores), np.asarray(values)
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    summary = empty(values.shape[1:], values.dtype) if summary is None else summary
    outputs = np.empty_like(values)
    starts = range(0, len(scores), size)
    for start in starts:
        part = slice(start, start + size)
        outputs[part], summary = _block(scores[part], values[part], summary)
    held = size * size + 2 * (values.shape[1] + 2)
    return Attended(outputs, summary, Cost(work=len(scores), span=len(starts)), held)


def _block(scores: NDArray, values: NDArray, summary: Summary) -> tuple[NDArray, Summary]:
    """Return the outputs of a block that follows ``summary``, and the summary after it."""
    m, u, w = summary
    largest = np.maximum(np.maximum.accumulate(scores), m)
    weights = np.tril(shift(scores[None], np.maximum(largest[:, None], scores[None])))
    keep = shift(m, largest)
    u = keep * u + weights.sum(1)
    w = keep[:, None] * w + weights @ values
    return read((largest, u, w)), (largest[-1], u[-1], w[-1])


def attend_dense(scores: ArrayLike, values: ArrayLike) -> NDArray:
    r"""Return attention over every prefix through an n × n matrix: the oracle, not a method.

    Each weight is :math:`e^{s_i - L_k}` with :math:`L_k = \log \sum_{j \le k} e^{s_j}`.

    Parameters
    ----------
    scores : array_like, shape (n,)
    values : array_like, shape (n, d)

    Cost
    ----
    Work and memory n².
    """
    scores, values = np.asarray(scores), np.asarray(values)
    logs = np.logaddexp.accumulate(scores) if len(scores) else scores
    later = np.maximum(logs[:, None], scores[None])
    return np.tril(np.exp(scores[None] - later)) @ values
