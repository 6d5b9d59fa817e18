r"""The fused kernel: attention of a fixed query over every prefix, one pass over memory each way.

The output itself is the state. With :math:`L_k = \log \sum_{i \le k} e^{s_i}` and the gate
:math:`p_k = e^{s_k - L_k}`,

.. math:: o_k = (1 - p_k)\, o_{k-1} + p_k v_k,

so a token costs one exponential a head, two multiplications and an addition a number. Backwards,
:math:`G_i = g_i + e^{L_i - L_{i+1}} G_{i+1}` is the same recurrence from the right; gates and
shares kept are stored, two numbers a head and token, and no exponential is computed twice.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["DTYPES", "fused_attention", "warm"]

DTYPES = (torch.float32, torch.float64)

_compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})


@_compiled
def enter(s, m, u):
    """Return the share kept, the gate, and maximum and denominator after a token of score s."""
    if s == -np.inf:
        return u * 0 + 1, u * 0, m, u
    if s > m:
        old = u * np.exp(m - s)
        total = old + 1
        return old / total, 1 / total, s, total
    weight = np.exp(s - m)
    total = u + weight
    return u / total, weight / total, m, total


@_compiled
def forward(scores, values, m, u, o, outputs, kept, gates):
    """Fill outputs (b, n, h, d); ``m, u`` (b, h) and ``o`` (b, h, d) are the carried state."""
    batch, length, heads, width = values.shape
    for b in range(batch):
        for k in range(length):
            for h in range(heads):
                keep, gate, m[b, h], u[b, h] = enter(scores[b, k, h], m[b, h], u[b, h])
                state, value, output = o[b, h], values[b, k, h], outputs[b, k, h]
                for j in range(width):
                    state[j] = keep * state[j] + gate * value[j]
                    output[j] = state[j]
                if kept.shape[1]:
                    kept[b, k, h], gates[b, k, h] = keep, gate


@_compiled
def backward(values, outputs, kept, gates, g, dscores, dvalues, G):
    """Fill the gradients of scores and values, from the right; ``G`` (h, d) is scratch."""
    batch, length, heads, width = values.shape
    own = np.empty(heads, g.dtype)
    for b in range(batch):
        G[:] = 0
        own[:] = 0
        for k in range(length - 1, -1, -1):
            for h in range(heads):
                keep = kept[b, k + 1, h] if k + 1 < length else kept[b, k, h] * 0
                gate = gates[b, k, h]
                total, value, output = G[h], values[b, k, h], outputs[b, k, h]
                coming, dvalue = g[b, k, h], dvalues[b, k, h]
                along, through = own[h] * 0, own[h] * 0
                for j in range(width):
                    total[j] = coming[j] + keep * total[j]
                    along += coming[j] * output[j]
                    through += total[j] * value[j]
                    dvalue[j] = gate * total[j]
                own[h] = along + keep * own[h]
                dscores[b, k, h] = gate * (through - own[h])


def fused_attention(
    scores: Tensor, values: Tensor, state: tuple[Tensor, Tensor, Tensor] | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Return the outputs of all prefixes and the state after the last token.

    Parameters
    ----------
    scores : Tensor, shape (b, n, h)
        −∞ where there is no token.
    values : Tensor, shape (b, n, h, d)
    state : (Tensor, Tensor, Tensor), shapes (b, h), (b, h), (b, h, d), optional
        Maximum, denominator and output so far. A constant: no gradient flows into it.

    Returns
    -------
    outputs : Tensor, shape (b, n, h, d)
    state : tuple of Tensor

    Cost
    ----
    Work b n h d, span n. Kept for the backward pass beyond values and outputs: 2 b n h numbers.
    """
    compile_once(values.dtype)
    scores, values = scores.contiguous(), values.contiguous()
    if torch.is_grad_enabled() and (scores.requires_grad or values.requires_grad):
        outputs, *state = _Fused.apply(scores, values, state)
    else:
        outputs, state, _ = _forward(scores, values, state, keep=False)
    return outputs, tuple(state)


def _forward(scores: Tensor, values: Tensor, state, *, keep: bool):
    b, n, h, d = values.shape
    if state is None:
        state = (scores.new_full((b, h), -torch.inf), scores.new_zeros(b, h),
                 values.new_zeros(b, h, d))  # fmt: skip
    state = tuple(part.detach().clone(memory_format=torch.contiguous_format) for part in state)
    outputs = torch.empty_like(values)
    shares = tuple(scores.new_empty(b, n if keep else 0, h) for _ in range(2))
    forward(*(_array(x) for x in (scores, values, *state, outputs, *shares)))
    return outputs, state, shares


class _Fused(torch.autograd.Function):
    """Keeps values, outputs, shares kept and gates."""

    @staticmethod
    def forward(ctx, scores, values, state):
        outputs, state, shares = _forward(scores, values, state, keep=True)
        ctx.save_for_backward(values, outputs, *shares)
        ctx.mark_non_differentiable(*state)
        return outputs, *state

    @staticmethod
    @once_differentiable
    def backward(ctx, g, *_):
        values, outputs, kept, gates = ctx.saved_tensors
        dscores, dvalues = torch.empty_like(kept), torch.empty_like(values)
        G = values.new_empty(values.shape[2:])
        operands = (values, outputs, kept, gates, g.contiguous(), dscores, dvalues, G)
        backward(*(_array(x) for x in operands))
        return dscores, dvalues, None


def _array(x: Tensor) -> np.ndarray:
    return x.detach().numpy()


def warm(dtypes=DTYPES) -> None:
    """Compile the kernels, or load them from numba's cache, before somebody looks at the clock."""
    for dtype in dtypes:
        compile_once(dtype)


@functools.cache
def compile_once(dtype: torch.dtype) -> None:
    """Compile both kernels for one type."""
    one, row = (torch.zeros((1,) * axes, dtype=dtype).numpy() for axes in (3, 4))
    forward(one, row, one[0].copy(), one[0].copy(), row[0].copy(), row.copy(), one, one)
    backward(row, row, one, one, row, one.copy(), row.copy(), row[0, 0].copy())
