"""The forms of prefix attention that autograd differentiates: loop, blocks, scans of log depth.

Each takes scores (b, n, h), values (b, n, h, d), the state before and a block size, and returns
outputs and the state after. A summary is (m, u, w) as in `paralg.recurrences.aaren.monoid`.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["FORMS", "associative", "blocks", "brent_kung", "join", "kogge_stone", "loop", "read"]

Summary = tuple[Tensor, Tensor, Tensor]


def shift(old: Tensor, new: Tensor) -> Tensor:
    """Return e^(old − new) for old ≤ new, 0 where old is −∞; no −∞ ever enters a difference.

    The guard has to act before the exponential: in ``where(finite, exp(old - new), 0)`` the branch
    that is not taken still sends NaN through the gradient.
    """
    gone = torch.isneginf(old)
    safe = old.masked_fill(gone, 0) - new.masked_fill(torch.isneginf(new), 0)
    return safe.masked_fill(gone, 0).exp().masked_fill(gone, 0)


def join(left: Summary, right: Summary) -> Summary:
    """Return the summary of the union of two disjoint sets."""
    (m_a, u_a, w_a), (m_b, u_b, w_b) = left, right
    m = torch.maximum(m_a, m_b).detach()
    a, b = shift(m_a.detach(), m), shift(m_b.detach(), m)
    return m, u_a * a + u_b * b, w_a * a[..., None] + w_b * b[..., None]


def leaf(scores: Tensor, values: Tensor) -> Summary:
    """Return leaves (s, 1, v), the identity where the score is −∞.

    The maximum is a constant; the score's gradient enters through u and w, as e^(s − m) at m = s.
    """
    m = scores.detach()
    weight = shift(scores, m)
    there = weight[..., None] > 0
    return m, weight, torch.where(there, values, 0) * weight[..., None]


def read(u: Tensor, w: Tensor) -> Tensor:
    """Return w / u, and 0 where there is no token."""
    return w / u.masked_fill(u == 0, 1)[..., None]


def loop(scores: Tensor, values: Tensor, state: Summary, block: int) -> tuple[Tensor, Summary]:
    """Run the cell token by token."""
    outputs = []
    for k in range(scores.shape[1]):
        state = join(state, leaf(scores[:, k], values[:, k]))
        outputs.append(read(*state[1:]))
    return torch.stack(outputs, 1), state


def blocks(scores: Tensor, values: Tensor, state: Summary, block: int) -> tuple[Tensor, Summary]:
    """Run block by block: a triangular matrix of weights inside, one summary carried across."""
    outputs = []
    for start in range(0, scores.shape[1], block):
        part = slice(start, start + block)
        output, state = _block(scores[:, part], values[:, part], state)
        outputs.append(output)
    return torch.cat(outputs, 1), state


def _block(scores: Tensor, values: Tensor, state: Summary) -> tuple[Tensor, Summary]:
    m, u, w = state
    s = scores.transpose(1, 2)
    largest = torch.maximum(s.detach().cummax(2).values, m[..., None].detach())
    future = torch.ones(s.shape[2], s.shape[2], dtype=torch.bool).triu(1)
    rows = s[:, :, None].expand(*s.shape, -1).masked_fill(future, -torch.inf)
    weights = shift(rows, largest[..., None])
    keep = shift(m[..., None].detach(), largest)
    there = torch.isneginf(s).logical_not()[..., None]
    inside = torch.where(there, values.transpose(1, 2), 0)
    u = keep * u[..., None] + weights.sum(3)
    w = keep[..., None] * w[:, :, None] + weights @ inside
    return read(u, w).transpose(1, 2), (largest[..., -1], u[..., -1], w[:, :, -1])


def kogge_stone(scores: Tensor, values: Tensor, state: Summary, block: int):
    """Scan in ⌈log₂ n⌉ rounds (Hillis–Steele): a round doubles the tokens a summary holds."""
    held, step = _with_first(scores, values, state), 1
    while step < scores.shape[1]:
        later = join([part[:, :-step] for part in held], [part[:, step:] for part in held])
        held = [torch.cat([old[:, :step], new], 1) for old, new in zip(held, later, strict=True)]
        step *= 2
    return _finish(held)


def brent_kung(scores: Tensor, values: Tensor, state: Summary, block: int):
    """Scan recursively: scan the pairs, then fill in between; under 2n joins, 2 log₂ n rounds."""
    return _finish(_odd_even(_with_first(scores, values, state)))


def _odd_even(held: Summary) -> Summary:
    n = held[0].shape[1]
    if n == 1:
        return held
    pairs = n // 2
    first, second = ([part[:, k : 2 * pairs : 2] for part in held] for k in (0, 1))
    odd = _odd_even(join(first, second))
    later = [part[:, 2::2] for part in held]
    even = join([part[:, : later[0].shape[1]] for part in odd], later)
    return tuple(map(_interleave, (part[:, :1] for part in held), odd, even))


def _interleave(first: Tensor, odd: Tensor, even: Tensor) -> Tensor:
    """Return first, odd₀, even₀, odd₁, … along axis 1."""
    evens = torch.cat([first, even], 1)
    short = min(odd.shape[1], evens.shape[1])
    mixed = torch.stack([evens[:, :short], odd[:, :short]], 2).flatten(1, 2)
    return torch.cat([mixed, evens[:, short:]], 1)


def associative(scores: Tensor, values: Tensor, state: Summary, block: int):
    """Scan by torch's own generic operator, on the CPU without compiling."""
    from torch._higher_order_ops import associative_scan

    held = _with_first(scores, values, state)
    run = associative_scan(_joined, tuple(held), dim=1, combine_mode="generic")
    return _finish(run)


def _joined(left, right):
    return tuple(join(left, right))


def _with_first(scores: Tensor, values: Tensor, state: Summary) -> list[Tensor]:
    """Return leaves, the first of which has taken in the state before."""
    held = leaf(scores, values)
    first = join(state, [part[:, 0] for part in held])
    pairs = zip(first, held, strict=True)
    return [torch.cat([one[:, None], part[:, 1:]], 1) for one, part in pairs]


def _finish(held) -> tuple[Tensor, Summary]:
    return read(*held[1:]), tuple(part[:, -1] for part in held)


FORMS = {
    "loop": loop, "blocks": blocks, "kogge-stone": kogge_stone, "brent-kung": brent_kung,
    "associative": associative,
}  # fmt: skip
