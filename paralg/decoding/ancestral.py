"""Ancestral sampling: one token after the other in a given order, the exact sequential sampler."""

from __future__ import annotations

import numpy as np

from paralg.decoding.randomness import Random, softmax
from paralg.decoding.trace import Decoded, Recorder
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import Model, tokens_of

__all__ = ["ancestral", "ranks"]


def ranks(x, V: int, order=None) -> np.ndarray:
    """Return ranks for :meth:`Model.anyorder`: the m given positions m-1, the others m, m+1, ….

    Parameters
    ----------
    x : ndarray of int, shape (L,)
    V : int
        The mask.
    order : sequence of int, optional
        The masked positions in the order wanted; ascending by default.

    Returns
    -------
    ndarray of int, shape (L,)

    Examples
    --------
    >>> ranks([5, 2, 5, 1], V=5)
    array([2, 1, 3, 1])
    """
    x = np.asarray(x)
    masked = np.flatnonzero(x == V)
    order = masked if order is None else np.asarray(order)
    if sorted(order) != masked.tolist():
        raise ValueError(f"expected an order of the masked positions {masked.tolist()}, "
                         f"got {np.asarray(order).tolist()}")  # fmt: skip
    given = len(x) - len(masked)
    rank = np.full(len(x), given - 1)
    rank[order] = given + np.arange(len(order))
    return rank


def ancestral(
    model: Model, x, *, rng: Random, order=None, shape: LogitsHook | None = None
) -> Decoded:
    """Sample the masked positions one by one.

    Left to right after a prompt that is a prefix it asks ``causal``, otherwise ``anyorder``.

    Parameters
    ----------
    model : Model
    x : ndarray of int, shape (L,)
    rng : Random
    order : sequence of int, optional
        Order of the masked positions; without it they must all come after the given ones.
    shape : callable, optional
        Hook on the logits.

    Returns
    -------
    Decoded

    Raises
    ------
    ValueError
        If there is no order and the prompt is not a prefix.

    Cost
    ----
    One call of one row per token.
    """
    model = CountingModel(model, shape)
    x = tokens_of(np.asarray(x)[None], model.V, model.L)[0].copy()
    record = Recorder(x, model.V)
    masked = np.flatnonzero(x == model.V)
    rank = None if order is None else ranks(x, model.V, order)
    if rank is None and len(masked) and masked[0] != model.L - len(masked):
        raise ValueError("expected the given tokens to be a prefix, or an order")
    for i in masked if order is None else order:
        logits = (model.causal(x[None], at=[i]) if rank is None
                  else model.anyorder(x[None], rank, at=[i]))  # fmt: skip
        record.round(model.cost_since())
        distribution = softmax(logits[0, 0])
        x[i] = rng.categorical(distribution)
        record.record("committed", [i], [x[i]], [distribution[x[i]]])
    return Decoded(x, record.trace(), model.cost)
