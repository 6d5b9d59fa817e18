r"""How close a network's attention is to a compiled one, never as a single number.

    F_int = 1 − mean over rounds and nodes of ½ Σ_j |α_ij − α*_ij|

is 1 for equal attention and 0 for disjoint one. The norm, and the companions that a report always
has, are ours; the paper compares a learned with a compiled trace [saldyt-2025-mind].
"""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks

__all__ = ["FaithfulnessReport", "faithfulness", "internal_faithfulness"]


def internal_faithfulness(attention: ArrayLike, reference: ArrayLike, live=None) -> float:
    """Return F_int, from 0 to 1.

    Parameters
    ----------
    attention, reference : array_like, shape (..., n, n), rows are receivers
    live : array_like of bool, shape (...) or (..., n), optional
        Which rounds of graphs, or which of their receivers, count; all by default.

    Examples
    --------
    >>> internal_faithfulness([[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]])
    0.75
    """
    a, b, live = _pair(attention, reference, live)
    return float(1 - (np.abs(a - b).sum(axis=-1) / 2)[live].mean())


def attention_agreement(attention: ArrayLike, reference: ArrayLike, live=None) -> float:
    """Return the share of nodes that look most at the same node; arguments as in F_int."""
    a, b, live = _pair(attention, reference, live)
    return float((a.argmax(axis=-1) == b.argmax(axis=-1))[live].mean())


def uniform_attention(mask: ArrayLike) -> NDArray[np.float64]:
    """Return attention that is spread evenly over what may be attended to, a True in each row."""
    mask = checks.mask("mask", mask, np.shape(mask)).astype(float)
    if not mask.any(axis=-1).all():
        raise ValueError("mask must have a True in each row, got an empty row")
    return mask / mask.sum(axis=-1, keepdims=True)


class FaithfulnessReport(NamedTuple):
    """F_int and argmax agreement by reference, F_int of uniform attention, least of references."""

    internal: dict[str, float]
    agreement: dict[str, float]
    uniform: dict[str, float]
    between: float


def faithfulness(
    attention: ArrayLike, references: Mapping[str, ArrayLike], mask: ArrayLike, live=None
) -> FaithfulnessReport:  # fmt: skip
    """Compare attention with two or more exact compilations, and those with uniform attention.

    Parameters
    ----------
    attention, live
        As in `internal_faithfulness`.
    references : dict of str to array_like, two or more, for one alone does not say much
    mask : array_like of bool, shape (..., n, n)

    Returns
    -------
    FaithfulnessReport
        ValueError for less than two references, or shapes that do not fit.

    Examples
    --------
    >>> one, two = np.eye(2), np.eye(2)[::-1]
    >>> faithfulness(one, {"one": one, "two": two}, np.ones((2, 2), bool)).between
    0.0
    """
    checks.instance("references", references, Mapping)
    if len(references) < 2:
        raise ValueError(f"references must be two or more, got {len(references)}")
    even, pairs = uniform_attention(mask), combinations(references.values(), 2)

    def against(measure, found):
        return {name: measure(found, one, live) for name, one in references.items()}

    return FaithfulnessReport(
        against(internal_faithfulness, attention), against(attention_agreement, attention),
        against(internal_faithfulness, even),
        min(internal_faithfulness(a, b, live) for a, b in pairs),
    )  # fmt: skip


def _pair(a: ArrayLike, b: ArrayLike, live) -> tuple[NDArray, NDArray, NDArray]:
    """Return both attentions, and which leading entries count."""
    a, b = checks.floats(attention=(a, "... n n"), reference=(b, "... n n"))
    if a.shape != b.shape:
        raise ValueError(f"reference must have the shape {a.shape}, got {b.shape}")
    rows = a.shape[:-1]
    live = np.ones(rows, bool) if live is None else np.asarray(live)
    live = checks.mask("live", live, rows if live.ndim == a.ndim - 1 else rows[:-1])
    if not live.any() or not a.size:
        raise ValueError("live must have at least one True, got none")
    return a, b, live
