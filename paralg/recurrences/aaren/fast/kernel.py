r"""The fused kernel: attention of a fixed query over every prefix, one pass over memory each way.

The output itself is the state. With :math:`L_k = \log \sum_{i \le k} e^{s_i}` and the gate
:math:`p_k = e^{s_k - L_k}`,

.. math:: o_k = (1 - p_k)\, o_{k-1} + p_k v_k,

so a token costs one exponential a head, two multiplications and an addition a number. Backwards,
:math:`G_i = g_i + e^{L_i - L_{i+1}} G_{i+1}` is the same recurrence from the right; gates and
shares kept are stored, two numbers a head and token, and no exponential is computed twice.
"""

from collections.abc import Iterable

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.autograd.function import once_differentiable

from paralg.core import checks
from paralg.recurrences.aaren.fast.prefix import State
from paralg.simd.addresses import addresses, in_order
from paralg.simd.cache import compiled
from paralg.simd.lanes import memory

__all__ = ["DTYPES", "fused_attention", "warm"]

DTYPES = (torch.float32, torch.float64)
_ZEROS = dict(zip(DTYPES, (np.float32(0), np.float64(0)), strict=True))
_inner = njit(error_model="numpy", _nrt=False, fastmath={"contract", "reassoc"})


@_inner
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


@_inner
def forward(scores, values, m, u, o, outputs, kept, gates):
    """Fill outputs (b, n, h, d); ``m, u`` (b, h) and ``o`` (b, h, d) are the carried state."""
    batch, length, heads, width = values.shape
    for b in range(batch):
        for k in range(length):
            for h in range(heads):
                keep, gate, m[b, h], u[b, h] = enter(scores[b, k, h], m[b, h], u[b, h])
                state, value, output = o[b, h], values[b, k, h], outputs[b, k, h]
                if gate > 0:  # else a value that is not finite would count
                    for j in range(width):
                        state[j] = keep * state[j] + gate * value[j]
                for j in range(width):
                    output[j] = state[j]
                if kept.shape[1]:
                    kept[b, k, h], gates[b, k, h] = keep, gate


@_inner
def backward(values, outputs, kept, gates, g, dscores, dvalues, G, own):
    """Fill the gradients, from the right; ``G`` (h, d) and ``own`` (h,) are scratch."""
    batch, length, heads, width = values.shape
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
                dscores[b, k, h] = gate * (through - own[h]) if gate > 0 else gate


# Drivers make arrays of addresses, all of one type, for the kernels; of tensors it takes longer.


@compiled(error_model="numpy", _nrt=False)
def _run_forward(sizes, addresses, zero):
    b, n, h, d, stored = sizes
    a, row, pair, share = addresses, (b, n, h, d), (b, h), (b, stored, h)
    forward(memory(a[0], (b, n, h), zero), memory(a[1], row, zero), memory(a[2], pair, zero),
            memory(a[3], pair, zero), memory(a[4], (b, h, d), zero), memory(a[5], row, zero),
            memory(a[6], share, zero), memory(a[7], share, zero))  # fmt: skip


@compiled(error_model="numpy", _nrt=False)
def _run_backward(sizes, addresses, zero):
    b, n, h, d, _ = sizes
    a, one, row = addresses, (b, n, h), (b, n, h, d)
    backward(memory(a[0], row, zero), memory(a[1], row, zero), memory(a[2], one, zero),
             memory(a[3], one, zero), memory(a[4], row, zero), memory(a[5], one, zero),
             memory(a[6], row, zero), memory(a[7], (h, d), zero),
             memory(a[8], (h,), zero))  # fmt: skip


def _run(driver, values: Tensor, stored: int, letters: str, *operands: Tensor) -> None:
    """Call a driver on tensors of the shapes in ``letters``, in the order of its parameters."""
    sizes = dict(zip("bnhds", (*values.shape, stored), strict=True))
    shapes = [tuple([sizes[letter] for letter in word]) for word in letters.split()]
    where = addresses(values.dtype, *zip(operands, shapes, strict=True))
    driver((*values.shape, stored), where, _ZEROS[values.dtype])


def fused_attention(scores: Tensor, values: Tensor, state: State) -> tuple[Tensor, State]:
    """Return outputs as `prefix_attention`; a state is maximum, denominator and *output* so far."""
    scores, values = in_order(scores), in_order(values)
    if torch.is_grad_enabled() and (scores.requires_grad or values.requires_grad):
        outputs, *state = _FusedAttention.apply(scores, values, state)
    else:
        outputs, state, _ = _forward(scores, values, state, keep=False)
    return outputs, tuple(state)


def _forward(scores: Tensor, values: Tensor, state: State, *, keep: bool):
    b, n, h, _ = values.shape
    state = tuple(values.new_empty(part.shape).copy_(part.detach()) for part in state)
    outputs, stored = values.new_empty(values.shape), n if keep else 0
    shares = tuple(scores.new_empty(b, stored, h) for _ in range(2))
    _run(_run_forward, values, stored, "bnh bnhd bh bh bhd bnhd bsh bsh", scores, values, *state,
         outputs, *shares)  # fmt: skip
    return outputs, state, shares


class _FusedAttention(torch.autograd.Function):
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
        values, _, kept, _ = ctx.saved_tensors
        dscores, dvalues = torch.empty_like(kept), torch.empty_like(values)
        scratch = values.new_empty(values.shape[2:]), values.new_empty(values.shape[2])
        _run(_run_backward, values, kept.shape[1], "bnhd bnhd bnh bnh bnhd bnh bnhd hd h",
             *ctx.saved_tensors, in_order(g), dscores, dvalues, *scratch)  # fmt: skip
        return dscores, dvalues, None


def warm(dtypes: Iterable[torch.dtype] = DTYPES) -> None:
    """Compile the kernels, or load them from numba's cache, before anything is timed.

    For each of ``dtypes``, some of `DTYPES`, it takes about 2 s, or from the cache a tenth of one.

    >>> warm([torch.float64])
    """
    checks.instance("dtypes", dtypes, Iterable)
    for dtype in dtypes:  # on arrays of no tokens
        zero = _ZEROS.get(dtype)
        if zero is None:
            raise ValueError(f"dtypes must be some of {DTYPES}, got {dtype!r}")
        for driver, operands in ((_run_forward, 8), (_run_backward, 9)):
            driver((0,) * 5, (torch.empty(0).data_ptr(),) * operands, zero)
