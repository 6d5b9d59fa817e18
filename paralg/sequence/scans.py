r"""Prefixes along axis 1 of torch tensors: any associative operator, and h = a h + b in place.

The schedules are those of `paralg.core.primitives`, and so are combines and rounds.
`tensor_scan` combines out of place, so that autograd can go back through every round.
`linear_scan` needs no stored round: the gradient of h = a h + b is the scan from the right with
coefficients shifted by one, so that one `torch.autograd.Function` serves every method.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from paralg.core import checks
from paralg.core.primitives import AFFINE, methods

__all__ = ["LINEAR_METHODS", "METHODS", "AffineRounds", "linear_scan", "tensor_scan"]

METHODS = ("sequential", "kogge-stone", "brent-kung", "associative")
LINEAR_METHODS = ("loop", *METHODS)
Parts = Sequence[Tensor]
Combine = Callable[[Parts, Parts], Parts]


def tensor_scan(combine: Combine, parts: Parts, *, method: str = "brent-kung") -> Parts:
    r"""Return all prefixes of a sequence under an associative operator.

    .. math:: y_i = x_0 \oplus x_1 \oplus \dots \oplus x_i

    Source: [kogge-1973-parallel], [brent-1982-regular].

    Parameters
    ----------
    combine : callable (left, right) -> sequence of Tensor
        The operator, on many pairs at once: a side is a sequence of tensors whose axis 1 counts the
        pairs, ``left`` earlier in the sequence.
    parts : sequence of Tensor, each of shape (b, n, ...)
        The components of the elements.
    method : {"sequential", "kogge-stone", "brent-kung", "associative"}
        "associative" is torch's own generic scan, where this torch has one; else a ValueError.

    Returns
    -------
    sequence of Tensor, of the shapes of ``parts``

    Cost
    ----
    Combines and rounds of `paralg.core.primitives.scan_counts`.

    Examples
    --------
    >>> add = lambda left, right: [a + b for a, b in zip(left, right)]
    >>> tensor_scan(add, [torch.tensor([[3, 1, 4, 1, 5]])], method="kogge-stone")
    [tensor([[ 3,  4,  8,  9, 14]])]
    """
    checks.one_of("method", method, METHODS)
    checks.instance("combine", combine, Callable)
    checks.instance("parts", parts, Sequence)
    lead: dict = {}
    for part in parts:
        checks.instance("each of parts", part, Tensor)
        lead = lead or checks.sizes(parts=(part, "b n ..."))
        checks.sizes(parts=(part, f"{lead['b']} {lead['n']} ..."))
    return _FORMS[method](combine, parts) if len(parts) and parts[0].shape[1] else parts


def _sequential(combine: Combine, parts: Parts) -> Parts:
    rows = zip(*(part.split(1, 1) for part in parts), strict=True)
    return [torch.cat(row, 1) for row in zip(*accumulate(rows, combine), strict=True)]


def _kogge_stone(combine: Combine, parts: Parts) -> Parts:
    """Double the length of every prefix in each round."""
    shift = 1
    while shift < parts[0].shape[1]:
        later = combine([part[:, :-shift] for part in parts], [part[:, shift:] for part in parts])
        parts = [torch.cat([old[:, :shift], new], 1) for old, new in zip(parts, later, strict=True)]
        shift *= 2
    return parts


def _brent_kung(combine: Combine, parts: Parts) -> Parts:
    """Combine pairs, scan them, and fill in between: the two sweeps, as a recursion."""
    pairs = parts[0].shape[1] // 2
    if pairs == 0:
        return parts
    first, second = ([part[:, k : 2 * pairs : 2] for part in parts] for k in (0, 1))
    odd = _brent_kung(combine, combine(first, second))
    later = [part[:, 2::2] for part in parts]
    count = later[0].shape[1]
    even = combine([part[:, :count] for part in odd], later) if count else later
    return [_interleaved(*one) for one in zip(parts, even, odd, strict=True)]


def _interleaved(part: Tensor, even: Tensor, odd: Tensor) -> Tensor:
    """Return part₀, odd₀, even₀, odd₁, … along axis 1; there may be one even more."""
    even = torch.cat([part[:, :1], even], 1)
    mixed = torch.stack([even[:, : odd.shape[1]], odd], 2).flatten(1, 2)
    return torch.cat([mixed, even[:, odd.shape[1] :]], 1)


def _associative(combine: Combine, parts: Parts) -> Parts:
    """Call the scan that torch keeps in a private module; its API may change."""
    if not all(part.numel() for part in parts):  # it has no answer for these
        return _brent_kung(combine, parts)
    try:
        from torch._higher_order_ops import associative_scan
    except ImportError as error:
        raise ValueError("method 'associative' needs torch 2.5 or later") from error
    parts, pairs = tuple(part.contiguous() for part in parts), lambda *sides: tuple(combine(*sides))
    return associative_scan(pairs, parts, dim=1, combine_mode="generic")


_FORMS = dict(zip(METHODS, (_sequential, _kogge_stone, _brent_kung, _associative), strict=True))


def linear_scan(a: Tensor, b: Tensor, h0: Tensor | None = None, *, method="brent-kung") -> Tensor:
    """Return all states of :math:`h_t = a_t h_{t-1} + b_t`.

    Source: [gu-2023-mamba], section 3.3.2; [martin-2018-parallelizing] for the gradient.

    Parameters
    ----------
    a, b : Tensor, shape (batch, L, ...), real or complex
        Coefficients, of one shape.
    h0 : Tensor, shape (batch, ...), optional
        First state; 0 by default. It enters as :math:`b_1 + a_1 h_0`.
    method : {"loop", "sequential", "kogge-stone", "brent-kung", "associative"}
        "loop" is differentiated by autograd, step by step; the three after it work in place and
        have the reverse scan as their gradient; "associative" is torch's own.

    Returns
    -------
    Tensor, shape (batch, L, ...)
        At the cost of `tensor_scan`, "loop" as "sequential"; the gradient costs as much again. No
        length needs padding, and no round is stored.

    Examples
    --------
    >>> a = torch.tensor([[2.0, 0.5, 3.0]])
    >>> linear_scan(a, torch.ones(1, 3), torch.ones(1))
    tensor([[3.0000, 2.5000, 8.5000]])
    """
    checks.one_of("method", method, LINEAR_METHODS)
    first = {} if h0 is None else {"h0": (h0, "batch ...")}
    checks.tensors("fc", a=(a, "batch L ..."), b=(b, "batch L ..."), **first)
    if a.shape[1] == 0:
        return b
    if h0 is not None:
        b = torch.cat([b[:, :1] + a[:, :1] * h0[:, None], b[:, 1:]], dim=1)
    if method == "loop":
        return _loop(a, b)
    if method == "associative":
        return tensor_scan(AFFINE.combine, (a, b), method=method)[1]
    return _LinearScan.apply(a, b, method)


def _loop(a: Tensor, b: Tensor) -> Tensor:
    """Run step by step over slices; the gradient of each ``a[:, t]`` would be as large as a."""
    first, *drives = b.unbind(1)
    pairs = zip(a.unbind(1)[1:], drives, strict=True)
    states = accumulate(pairs, lambda h, pair: pair[0] * h + pair[1], initial=first)
    return torch.stack(list(states), dim=1)


class AffineRounds:
    """Maps (a, h), to be turned into their prefixes in place, a round at a time."""

    def __init__(self, a: Tensor, h: Tensor):
        self.a, self.h, self.n = a, h, h.shape[1]

    def level(self, rows: "AffineRounds", src: slice, dst: slice) -> None:
        """Compose the maps at ``dst`` after those at ``src``."""
        a = self.a[:, dst]
        self.h[:, dst] += a * self.h[:, src]
        if dst.step is None:  # Kogge–Stone: source and destination overlap
            self.a[:, dst] = a * self.a[:, src]
        else:
            a *= self.a[:, src]


def scan_in_place(a: Tensor, h: Tensor, method: str) -> None:
    """Turn b (in ``h``) into the states; ``a`` becomes running products, or scratch."""
    if method == "sequential":
        for t in range(1, h.shape[1]):
            h[:, t] += a[:, t] * h[:, t - 1]
        return
    rows = AffineRounds(a, h)
    schedule = methods.kogge_stone if method == "kogge-stone" else methods.brent_kung
    schedule(rows, rows)


class _LinearScan(torch.autograd.Function):
    """Scan forward; scan backward from the right."""

    @staticmethod
    def forward(ctx, a, b, method):
        h = b.clone()
        scan_in_place(a.clone(), h, method)
        ctx.method = method
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx, dh):
        a, h = ctx.saved_tensors
        shifted = torch.cat([torch.zeros_like(a[:, :1]), a[:, 1:].flip(1)], dim=1).conj()
        g = dh.flip(1)
        scan_in_place(shifted.resolve_conj(), g, ctx.method)
        g = g.flip(1)
        da = torch.zeros_like(a)
        da[:, 1:] = g[:, 1:] * h[:, :-1].conj()
        return da, g, None
