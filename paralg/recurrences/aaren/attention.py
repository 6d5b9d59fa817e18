"""Attention of one query over every prefix: one scan of the core with the operator `SOFTMAX`."""

from dataclasses import dataclass

from numpy.typing import ArrayLike, NDArray

from paralg.core.cost import Cost
from paralg.core.primitives import scan
from paralg.recurrences.aaren.monoid import SOFTMAX, Summary, empty, leaves, read

__all__ = ["METHODS", "AttentionResult", "prefixes"]

METHODS = ("auto", "compiled", "loop", "blocks", "kogge-stone", "brent-kung", "associative")
"""The ways in which `prefix_attention` attends over tensors; all give the same."""


@dataclass(frozen=True, eq=False)
class AttentionResult:
    """Outputs of attention over prefixes, the summary after the last token, and what they cost.

    Parameters
    ----------
    outputs : ndarray, shape (n, ..., d)
    summary : tuple of ndarray, shapes (...), (...), (..., d)
    cost : Cost
        Unions of two summaries, and the longest chain of them.
    numbers : int
        Numbers held at once, beside the input.
    levels : list or None
        Rounds, when traced.
    """

    outputs: NDArray
    summary: Summary
    cost: Cost
    numbers: int
    levels: list | None = None


def prefixes(
    scores: ArrayLike, values: ArrayLike, mask: ArrayLike | None = None, *,
    method: str = "brent-kung", chunk: int | None = None, trace: bool = False,
) -> AttentionResult:  # fmt: skip
    r"""Return attention of one query over every prefix, by one scan of the core.

    .. math:: o_k = \frac{w_k}{u_k}, \qquad
              (m_k, u_k, w_k) = \bigoplus_{i \le k} (s_i, 1, v_i)

    It is the many-to-many recurrence of [feng-2024-attention], at the cost of a scan of n elements;
    all n summaries are held. Errors are those of `leaves` and of `paralg.core.primitives.scan`.

    Parameters
    ----------
    scores, values, mask : array_like
        As in the table of `monoid`.
    method : {"sequential", "kogge-stone", "brent-kung", "blelloch", "chunked"}
    chunk : int, optional
        Tokens in a chunk, for ``"chunked"``.
    trace : bool
        Whether to record the rounds.

    Examples
    --------
    >>> import numpy as np
    >>> run = prefixes(np.zeros(4), np.array([[4.0], [0.0], [2.0], [2.0]]))
    >>> run.outputs[:, 0], run.cost
    (array([4., 2., 2., 2.]), Cost(work=4, span=3))
    """
    parts = leaves(scores, values, mask)
    run = scan(SOFTMAX, parts, method=method, chunk=chunk, trace=trace)
    held = sum(part.size for part in run.values)
    last = tuple(part[-1] for part in run.values) if len(parts[0]) else empty(parts[2].shape[1:])
    return AttentionResult(read(run.values), last, run.cost, held, run.levels)
