r"""The recurrence h = a h + b over torch tensors: a loop, and scans of logarithmic depth.

The gradient of a scan is the scan from the right with coefficients shifted by one
(:func:`~paralg.recurrences.mamba.reference.reverse_states`), so one `torch.autograd.Function`
serves every method, and no round of the forward pass is stored.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["METHODS", "brent_kung", "kogge_stone", "linear_scan", "sequential"]


def linear_scan(a: Tensor, b: Tensor, h0: Tensor | None = None, *, method="brent-kung") -> Tensor:
    r"""Return all states of :math:`h_t = a_t h_{t-1} + b_t`.

    Parameters
    ----------
    a, b : Tensor, shape (batch, L, ...), real or complex
        Coefficients, of one shape.
    h0 : Tensor, shape (batch, ...), optional
        First state; 0 by default.
    method : {"loop", "sequential", "kogge-stone", "brent-kung", "associative"}
        "loop" is differentiated by autograd, step by step; "sequential", "kogge-stone" and
        "brent-kung" have the reverse scan as their gradient; "associative" is torch's own generic
        scan, where this torch has one.

    Returns
    -------
    Tensor, shape (batch, L, ...)

    Raises
    ------
    ValueError
        Unknown method, or tensors of different shapes.

    Cost
    ----
    ============ =================================== =====================
    method       combines of a lane (L = 2^k)        rounds
    ============ =================================== =====================
    loop         L - 1                               L - 1
    kogge-stone  L log₂ L - (L - 1)                  log₂ L
    brent-kung   2 L - 2 - log₂ L                    2 log₂ L - 1
    ============ =================================== =====================

    Notes
    -----
    No length needs padding. ``h0`` enters as :math:`b_1 + a_1 h_0`.

    References
    ----------
    [gu-2023-mamba], section 3.3.2; [martin-2018-parallelizing] for the gradient.

    Examples
    --------
    >>> a = torch.tensor([[2.0, 0.5, 3.0]])
    >>> linear_scan(a, torch.ones(1, 3), torch.ones(1))
    tensor([[3.0000, 2.5000, 8.5000]])
    """
    if a.shape != b.shape:
        raise ValueError(f"a and b must share a shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    if a.shape[1] == 0:
        return b
    if h0 is not None:
        b = torch.cat([b[:, :1] + a[:, :1] * h0[:, None], b[:, 1:]], dim=1)
    if method == "loop":
        return _loop(a, b)
    if method == "associative":
        return _associative(a, b)
    if method not in _IN_PLACE:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    return _LinearScan.apply(a, b, method)


def sequential(a: Tensor, h: Tensor) -> None:
    """Turn b (in ``h``) into the states, a token at a time."""
    for t in range(1, h.shape[1]):
        h[:, t] += a[:, t] * h[:, t - 1]


def kogge_stone(a: Tensor, h: Tensor) -> None:
    """Turn b (in ``h``) into the states; ``a`` becomes the running products.

    Before a round, element t composes the last ``shift`` maps; the round doubles that.
    """
    shift = 1
    while shift < h.shape[1]:
        h[:, shift:] += a[:, shift:] * h[:, :-shift]
        a[:, shift:] = a[:, shift:] * a[:, :-shift]
        shift *= 2


def brent_kung(a: Tensor, h: Tensor) -> None:
    """Turn b (in ``h``) into the states in two sweeps over a tree laid out in place."""
    length = h.shape[1]
    half = 1
    while 2 * half <= length:  # up: blocks of 2 half gather at their last position
        _combine(a, h, half - 1, 2 * half - 1, 2 * half)
        half *= 2
    while half > 1:  # down: whole prefixes reach the middles of the blocks after them
        half //= 2
        _combine(a, h, 2 * half - 1, 3 * half - 1, 2 * half)


def _combine(a: Tensor, h: Tensor, left: int, right: int, stride: int) -> None:
    """Compose the maps at ``right, right + stride, …`` after those ``right - left`` before."""
    later = slice(right, None, stride)
    count = len(range(right, h.shape[1], stride))
    earlier = slice(left, left + stride * count, stride)
    h[:, later] += a[:, later] * h[:, earlier][:, :count]
    a[:, later] *= a[:, earlier][:, :count]


_IN_PLACE = {"sequential": sequential, "kogge-stone": kogge_stone, "brent-kung": brent_kung}
METHODS = ("loop", *_IN_PLACE, "associative")


class _LinearScan(torch.autograd.Function):
    """Scan forward; scan backward from the right."""

    @staticmethod
    def forward(ctx, a, b, method):
        h = b.clone()
        _IN_PLACE[method](a.clone(), h)
        ctx.method = method
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx, dh):
        a, h = ctx.saved_tensors
        shifted = torch.cat([torch.zeros_like(a[:, :1]), a[:, 1:].flip(1)], dim=1).conj()
        g = dh.flip(1)
        _IN_PLACE[ctx.method](shifted.resolve_conj(), g)
        g = g.flip(1)
        da = torch.zeros_like(a)
        da[:, 1:] = g[:, 1:] * h[:, :-1].conj()
        return da, g, None


def _loop(a: Tensor, b: Tensor) -> Tensor:
    """Run step by step over slices; the gradient of each ``a[:, t]`` would be as large as a."""
    coefficients = zip(a.unbind(1), b.unbind(1), strict=True)
    _, h = next(coefficients)
    states = [h]
    for decay, drive in coefficients:
        h = decay * h + drive
        states.append(h)
    return torch.stack(states, dim=1)


def _associative(a: Tensor, b: Tensor) -> Tensor:
    """Call the scan that torch keeps in a private module; its API may change."""
    try:
        from torch._higher_order_ops import associative_scan
    except ImportError as error:
        raise ValueError("method 'associative' needs torch 2.5 or later") from error
    maps = (a.contiguous(), b.contiguous())
    return associative_scan(_compose, maps, dim=1, combine_mode="generic")[1]


def _compose(first, then):
    return then[0] * first[0], then[0] * first[1] + then[1]
