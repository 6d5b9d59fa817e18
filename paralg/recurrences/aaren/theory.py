r"""What the recurrence is: a gate, a running mean whose proportions are fixed, a reverse scan.

And what it is not: with several queries, attention is one such recurrence for each of them.

With :math:`L_k = \log \sum_{i \le k} e^{s_i}`, everything here follows from
:math:`o_k = \sum_{i \le k} e^{s_i - L_k} v_i`. Where no source is given, the statement is ours.
Operands of all functions, but for `attend`, which takes those of `monoid`:

=============== ========= ==================================================
scores          (n,)      array_like, finite
values          (n, d)    array_like
g               (n, d)    array_like, the gradient of the outputs
method                    str, one of `paralg.core.primitives.scan`
kind                      "aaren" or "transformer"; else ValueError
width, heads              int, of a layer
=============== ========= ==================================================
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.primitives import AFFINE, reduce, scan
from paralg.recurrences.aaren.monoid import SOFTMAX, empty, leaves, read, real
from paralg.recurrences.aaren.streaming import cell

__all__ = [
    "acting_parameters", "attend", "block_parameters", "cells", "gated", "gates", "gradients",
    "logs", "state_numbers", "weights",
]  # fmt: skip


def attend(
    scores: ArrayLike, values: ArrayLike, mask: ArrayLike | None = None
) -> tuple[NDArray, Cost]:
    r"""Return softmax attention of one query over all tokens, as a tree of unions, and its cost.

    .. math:: o = \sum_i \frac{e^{s_i}}{\sum_j e^{s_j}} v_i

    It is the many-to-one recurrence of [feng-2024-attention]: n − 1 unions on a chain of ⌈log₂ n⌉.
    ``scores`` (n, ...) and ``values`` (n, ..., d) may have a ``mask`` like the scores, True for a
    token that counts. The output, of shape (..., d), is 0 where there is no token.

    >>> attend(np.log([1.0, 3.0]), np.array([[0.0], [4.0]]))
    (array([3.]), Cost(work=1, span=1))
    """
    parts = leaves(scores, values, mask)
    if len(parts[0]) == 0:
        return read(empty(parts[2].shape[1:], parts[2].dtype)), Cost()
    total = reduce(SOFTMAX, parts)
    return read(total.values), total.cost


def logs(scores: ArrayLike) -> NDArray:
    """Return :math:`L_k`, shape (n,)."""
    return np.logaddexp.accumulate(_scores(scores))


def _scores(scores: ArrayLike) -> NDArray[np.float64]:
    """Check scores of shape (n,), and return them in double precision."""
    scores = checks.array("scores", scores).astype(float)
    checks.sizes(scores=(scores, "n"))
    checks.finite("scores", scores)
    return scores


def weights(scores: ArrayLike) -> NDArray:
    """Return the n × n weights under ``scores`` (n,): row k is what output k gives to every token.

    Times the values it is attention over every prefix, in n² work: the oracle, not a method.

    >>> weights(np.log([1.0, 1.0, 2.0]))[2]
    array([0.25, 0.25, 0.5 ])
    """
    exponents = _scores(scores) - logs(scores)[:, None]
    return np.exp(np.where(np.tri(len(exponents), dtype=bool), exponents, -np.inf))


def gates(scores: ArrayLike) -> NDArray:
    r"""Return the share of each token at its arrival, :math:`p_k = e^{s_k - L_k}`, shape (n,).

    For ``scores`` (n,) it is a sigmoid of each against all before: :math:`\sigma(s_k - L_{k-1})`.

    >>> gates(np.zeros(4))
    array([1.        , 0.5       , 0.33333333, 0.25      ])
    """
    return np.exp(_scores(scores) - logs(scores))


def gated(scores: ArrayLike, values: ArrayLike, *, method: str = "brent-kung") -> NDArray:
    r"""Return the outputs as a gated linear recurrence, by the core's scan of affine maps.

    .. math:: o_k = (1 - p_k)\, o_{k-1} + p_k v_k

    ``scores`` (n,), ``values`` (n, d), and ``method`` of `paralg.core.primitives.scan`.

    >>> gated(np.zeros(2), np.array([[4.0], [2.0]]))[:, 0]
    array([4., 3.])
    """
    gate, values = gates(scores)[:, None], real("values", values)
    checks.sizes(scores=(gate[:, 0], "n"), values=(values, "n d"))
    return scan(AFFINE, (1 - gate, gate * values), method=method).values[1]


def gradients(
    scores: ArrayLike, values: ArrayLike, g: ArrayLike, *, method: str = "brent-kung"
) -> tuple[NDArray, NDArray]:
    r"""Return the gradients of scores and values, by one scan from the right.

    .. math:: G_i = g_i + e^{L_i - L_{i+1}} G_{i+1}, \qquad
              \Gamma_i = g_i \cdot o_i + e^{L_i - L_{i+1}} \Gamma_{i+1}

    .. math:: dv_i = p_i G_i, \qquad ds_i = p_i (v_i \cdot G_i - \Gamma_i)

    ``g`` (n, d) is the gradient of the outputs; ``scores``, ``values``, ``method`` as for `gated`.

    >>> ds, dv = gradients(np.zeros(2), np.array([[1.0], [3.0]]), np.array([[0.0], [1.0]]))
    >>> ds, dv[:, 0]
    (array([-0.5,  0.5]), array([0.5, 0.5]))
    """
    values, g, L = real("values", values), real("g", g), logs(scores)
    checks.sizes(scores=(L, "n"), values=(values, "n d"), g=(g, "n d"))
    keep = np.append(np.exp(L[:-1] - L[1:]), 0.0)[::-1, None][: len(L)]
    own = (g * (weights(scores) @ values)).sum(1, keepdims=True)
    both = np.concatenate([g, own], axis=1)[::-1]
    coming = scan(AFFINE, (keep, both), method=method).values[1][::-1]
    G, gamma, p = coming[:, :-1], coming[:, -1], gates(scores)
    return p * ((values * G).sum(1) - gamma), p[:, None] * G


def cells(queries: ArrayLike, keys: ArrayLike, values: ArrayLike) -> tuple[NDArray, Cost]:
    r"""Return softmax attention of every query over all tokens, as recurrent cells side by side.

    Each query is the constant of a cell of its own, :math:`s_i = q \cdot k_i / \sqrt d`, and the
    output is that of the last step. With the tokens' own queries this is self-attention, with
    latent ones cross-attention, both as read by [feng-2024-attention]. Of the m n unions in n steps
    a new token costs each cell one, and a new *query* a pass of n.

    Parameters
    ----------
    queries, keys, values : array_like, shapes (m, d), (n, d), (n, e)

    Returns
    -------
    tuple of ndarray, shape (m, e), and Cost

    Examples
    --------
    >>> cells(np.zeros((2, 1)), np.ones((3, 1)), np.array([[0.0], [3.0], [6.0]]))
    (array([[3.],
           [3.]]), Cost(work=6, span=3))
    """
    queries, keys, values = map(real, ("queries", "keys", "values"), (queries, keys, values))
    shape = checks.sizes(queries=(queries, "m d"), keys=(keys, "n d"), values=(values, "n e"))
    checks.integer("the width d", shape["d"], 1)
    summary = empty((len(queries), values.shape[1]))
    for key, value in zip(keys, values, strict=True):
        scores = queries @ key / np.sqrt(len(key))
        summary = cell(summary, scores, np.broadcast_to(value, (len(queries), len(value))))
    return read(summary), Cost(work=len(queries) * len(keys), span=len(keys))


def block_parameters(kind: str, width: int) -> int:
    """Return the parameters of a block: :math:`12 d^2 + 13 d`, and d more for Aaren's query.

    ``kind`` is "aaren" or "transformer", else ValueError; d is the ``width`` of the layer, an int.
    Four projections have :math:`4 d^2 + 4 d`, the perceptron :math:`8 d^2 + 5 d`, two norms
    :math:`4 d`. The example has the two numbers that [feng-2024-attention] report.

    >>> block_parameters("transformer", 512), block_parameters("aaren", 512)
    (3152384, 3152896)
    """
    checks.integer("width", width, 1)
    return 12 * width**2 + 13 * width + _of_kind(kind, width, 0)


def acting_parameters(width: int, heads: int) -> tuple[int, int]:
    """Return how many parameters make the scores of an Aaren layer, and by how many they act.

    The layer has a ``width`` and a number of ``heads``, both int.
    Query token, query projection and key projection act through one vector of the width for each
    head, since the offset of a score cancels in the softmax.

    >>> acting_parameters(512, 8)
    (525824, 4096)
    """
    checks.integer("width", width, 1)
    return 2 * (width**2 + width) + width, checks.integer("heads", heads, 1) * width


def state_numbers(kind: str, width: int, heads: int, tokens: int) -> int:
    """Return the numbers that a layer keeps after so many ``tokens``.

    ``kind`` is "aaren" or "transformer", else ValueError; ``width`` and ``heads`` are the layer's.

    >>> state_numbers("aaren", 64, 4, 10_000), state_numbers("transformer", 64, 4, 10_000)
    (72, 1280000)
    """
    checks.integer("width", width, 1)
    return _of_kind(kind, width + 2 * checks.integer("heads", heads, 1),
                    2 * width * checks.integer("tokens", tokens))  # fmt: skip


def _of_kind(kind: str, aaren: int, transformer: int) -> int:
    found = {"aaren": aaren, "transformer": transformer}
    return found[checks.one_of("kind", kind, found)]
