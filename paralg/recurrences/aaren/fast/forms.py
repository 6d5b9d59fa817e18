"""Prefix attention that autograd differentiates: in blocks, or by a scan, one of which is a loop.

Each takes scores (b, n, h), values (b, n, h, d), the state before and a block size, and returns
outputs and the state after. A summary is (m, u, w) as in `paralg.recurrences.aaren.monoid`.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from paralg.sequence.scans import tensor_scan

__all__ = ["FORMS", "State", "blocks", "join", "read", "scanned"]

State = tuple[Tensor, Tensor, Tensor]
"""Maximum (b, h), denominator (b, h) and numerator (b, h, d) of the tokens so far."""


def shift(old: Tensor, new: Tensor) -> Tensor:
    """Return e^(old − new) for old ≤ new, 0 where old is −∞; no −∞ ever enters a difference.

    The guard has to act before the exponential: in ``where(finite, exp(old - new), 0)`` the branch
    that is not taken still sends NaN through the gradient.
    """
    gone = torch.isneginf(old)
    safe = old.masked_fill(gone, 0) - new.masked_fill(torch.isneginf(new), 0)
    return safe.masked_fill(gone, 0).exp().masked_fill(gone, 0)


def join(left: State, right: State) -> State:
    """Return the summary of the union of two disjoint sets."""
    (m_a, u_a, w_a), (m_b, u_b, w_b) = left, right
    m = torch.maximum(m_a, m_b).detach()
    a, b = shift(m_a.detach(), m), shift(m_b.detach(), m)
    return m, u_a * a + u_b * b, w_a * a[..., None] + w_b * b[..., None]


def leaf(scores: Tensor, values: Tensor) -> State:
    """Return leaves (s, 1, v), the identity where the score is −∞.

    The maximum is a constant; the score's gradient enters through u and w, as e^(s − m) at m = s.
    """
    m = scores.detach()
    weight = shift(scores, m)
    return m, weight, _there(scores, values) * weight[..., None]


def _there(scores: Tensor, values: Tensor) -> Tensor:
    """Return the values of the tokens that are there, and 0 elsewhere, whatever it holds."""
    return values.masked_fill(torch.isneginf(scores)[..., None], 0)


def read(u: Tensor, w: Tensor) -> Tensor:
    """Return w / u, and 0 where there is no token."""
    return w / u.masked_fill(u == 0, 1)[..., None]


def blocks(scores: Tensor, values: Tensor, state: State, block: int) -> tuple[Tensor, State]:
    """Run block by block: a triangular matrix of weights inside, one summary carried across."""
    outputs = []
    for part in zip(scores.split(block, 1), values.split(block, 1), strict=True):
        output, state = _block(*part, state)
        outputs.append(output)
    return torch.cat(outputs, 1), state


def _block(scores: Tensor, values: Tensor, state: State) -> tuple[Tensor, State]:
    m, u, w = state
    s, inside = scores.mT, _there(scores, values).transpose(1, 2)
    largest = torch.maximum(s.detach().cummax(2).values, m[..., None].detach())
    future = torch.ones(s.shape[2], s.shape[2], dtype=torch.bool).triu(1)
    weights = shift(s[:, :, None].masked_fill(future, -torch.inf), largest[..., None])
    keep = shift(m[..., None].detach(), largest)
    u = keep * u[..., None] + weights.sum(3)
    w = keep[..., None] * w[:, :, None] + weights @ inside
    return read(u, w).transpose(1, 2), (largest[..., -1], u[..., -1], w[:, :, -1])


def scanned(
    scores: Tensor, values: Tensor, state: State, block: int, *, method: str
) -> tuple[Tensor, State]:
    """Scan leaves, the first of which has taken in the state before, by a scan of the shelf."""
    held = leaf(scores, values)
    pairs = zip(join(state, [part[:, 0] for part in held]), held, strict=True)
    held = [torch.cat([first[:, None], part[:, 1:]], 1) for first, part in pairs]
    m, u, w = tensor_scan(join, held, method=method)
    return read(u, w), (m[:, -1], u[:, -1], w[:, -1])


FORMS = {
    "loop": partial(scanned, method="sequential"), "blocks": blocks,
    **{one: partial(scanned, method=one) for one in ("kogge-stone", "brent-kung", "associative")},
}  # fmt: skip
