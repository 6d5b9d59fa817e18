"""Attention of a fixed query over every prefix of torch tensors, computed in any of six ways.

The forms of `FORMS`, which autograd differentiates, take scores (b, n, h), values (b, n, h, d), the
state before and a block size, and return outputs and the state after. A summary is (m, u, w) as in
`paralg.recurrences.aaren.monoid`.
"""

from functools import partial

import torch
from torch import Tensor

from paralg.core import checks
from paralg.recurrences.aaren.attention import METHODS
from paralg.sequence.padding import token_mask
from paralg.sequence.scans import tensor_scan

__all__ = ["State", "first_state", "prefix_attention"]

State = tuple[Tensor, Tensor, Tensor]
"""Maximum (b, h), denominator (b, h) and numerator (b, h, d) of the tokens so far."""


def shift(old: Tensor, new: Tensor) -> Tensor:
    """Return e^(old − new) for old ≤ new, 0 where old is −∞; no −∞ ever enters a difference.

    So the branch that `where` does not take cannot send NaN through the gradient.
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
    """Return leaves (s, 1, v), the identity at −∞; the maximum is a constant for the gradient."""
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
    rest, finite = 0, inside.isfinite()
    if not finite.all():  # 0 times NaN is NaN, also in the outputs before it
        rest, inside = inside.masked_fill(finite, 0).cumsum(2), inside.masked_fill(~finite, 0)
    w = keep[..., None] * w[:, :, None] + weights @ inside + rest
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


def first_state(batch: int, heads: int, width: int, dtype: torch.dtype = torch.float32) -> State:
    """Return the state before any token, the identity (−∞, 0, 0) of shapes (b, h) and (b, h, d)."""
    checks.integers(0, batch=batch, heads=heads, width=width)
    m = torch.full((batch, heads), -torch.inf, dtype=dtype)
    return m, torch.zeros_like(m), torch.zeros(batch, heads, width, dtype=dtype)


def prefix_attention(
    scores: Tensor, values: Tensor, mask: Tensor | None = None, *, state: State | None = None,
    method: str = "auto", block: int = 64,
) -> tuple[Tensor, State]:  # fmt: skip
    r"""Return softmax attention over every prefix, and the state after the last token.

    .. math:: o_k = \sum_{i \le k} \frac{e^{s_i}}{\sum_{j \le k} e^{s_j}}\, v_i

    The scan is that of [feng-2024-attention]. Outputs do not depend on the maximum, so any gradient
    through it is zero; what would spoil gradients is −∞, which all forms keep out of differences.

    Parameters
    ----------
    scores : Tensor, shape (b, n, h)
    values : Tensor, shape (b, n, h, d)
    mask : Tensor of bool, shape (b, n), optional
        True where there is a token. An output before the first token is 0.
    state : (Tensor, Tensor, Tensor), shapes (b, h), (b, h), (b, h, d), optional
        Of the tokens before; a constant for "compiled".
    method : str
        One of the table below, or "associative", torch's own generic scan. "auto" takes "compiled"
        on the CPU in single or double precision, unless a gradient is to flow into `state`; else
        "blocks".
    block : int
        Tokens in a block, for "blocks".

    Returns
    -------
    outputs : Tensor, shape (b, n, h, d)
    state : tuple of Tensor

    ValueError for what does not fit or scores of +∞ or NaN, TypeError for tensors that are not
    floating, or of two types. What stands behind a mask is never read.

    Cost
    ----
    =============================== ============== =========== ========================
    method                          work of a head span        memory beyond in and out
    =============================== ============== =========== ========================
    "compiled", the fused kernel    n d            n           d
    "loop", the cell                n d            n           n d
    "blocks"                        n block d      ⌈n / block⌉ n d + block²
    "kogge-stone" (Hillis–Steele)   n d ⌈log₂ n⌉   ⌈log₂ n⌉    n d
    "brent-kung"                    2 n d          2 log₂ n    n d
    =============================== ============== =========== ========================

    Examples
    --------
    >>> scores, values = torch.zeros(1, 3, 1), torch.tensor([4.0, 0.0, 2.0]).view(1, 3, 1, 1)
    >>> outputs, state = prefix_attention(scores, values, method="blocks", block=2)
    >>> outputs.flatten()
    tensor([4., 2., 2.])
    """
    _check(scores, values, state, method, block)
    mask = token_mask(mask, scores.shape[:2], scores.device)
    if mask is not None:
        scores = scores.masked_fill(~mask[:, :, None], -torch.inf)
    check_scores(scores)
    if method == "auto":
        flows = torch.is_grad_enabled() and any(part.requires_grad for part in state or ())
        method = "compiled" if _compilable(values) and not flows else "blocks"
    b, n, h, d = values.shape
    state = first_state(b, h, d, values.dtype) if state is None else state
    state = tuple(part.to(values.dtype) for part in state)
    if method == "compiled":
        return _compiled(scores, values, state)
    return FORMS[method](scores, values, state, block) if n else (values, state)


def _compiled(scores: Tensor, values: Tensor, state: State) -> tuple[Tensor, State]:
    """Run the kernel, which carries the output where the other forms carry the numerator."""
    from paralg.recurrences.aaren.fast.kernel import fused_attention

    m, u, w = state
    outputs, (m, u, o) = fused_attention(scores, values, (m, u, read(u, w)))
    return outputs, (m, u, o * u[..., None])


def _compilable(values: Tensor) -> bool:
    return values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64)


def _check(scores, values, state, method: str, block: int) -> None:
    """Check types, shapes and options; say what was expected and what came."""
    checks.one_of("method", method, METHODS)
    checks.integer("block", block, 1)
    check_operands(state, values=(values, "b n h d"), scores=(scores, "b n h"))
    if method == "compiled" and not _compilable(values):
        got = f"{values.dtype} on {values.device}"
        raise ValueError(f"method 'compiled' expects float32 or float64 on the CPU, got {got}")


def check_operands(state: State | None, one="b h", wide="b h d", **parts) -> None:
    """Check tensors, and the parts of a state, of such shapes, that go with them."""
    if state is None:
        return checks.tensors(**parts)
    checks.instance("state", state, tuple, list)
    checks.integer("the number of parts of state", len(state), 3, 3)
    m, u, w = state
    held = {"maximum": (m, one), "denominator": (u, one), "numerator": (w, wide)}
    if getattr(m, "dtype", None) is getattr(next(iter(parts.values()))[0], "dtype", 0):
        return checks.tensors(**parts, **held)
    checks.tensors(**parts)
    checks.tensors(**held)  # may be of another type
    checks.sizes(**parts, **held)


def check_scores(scores: Tensor) -> None:
    """Refuse +∞ and NaN, with which a softmax has no value."""
    if not scores.sum().item() < torch.inf and not (scores < torch.inf).all():
        raise ValueError("scores must be below +∞, got +∞ or NaN where there is a token")
