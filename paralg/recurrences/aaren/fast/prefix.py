"""Attention of a fixed query over every prefix of torch tensors, computed in any of six ways."""

from __future__ import annotations

import torch
from torch import Tensor

from paralg.recurrences.aaren.fast import forms
from paralg.recurrences.aaren.fast.forms import State

__all__ = ["METHODS", "State", "first_state", "prefix_attention"]

METHODS = ("auto", "compiled", *forms.FORMS)


def first_state(batch: int, heads: int, width: int, dtype: torch.dtype = torch.float32) -> State:
    """Return the state before any token, the identity (−∞, 0, 0) of shapes (b, h) and (b, h, d)."""
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

    Raises
    ------
    ValueError
        Shapes that do not fit, an unknown method, ``block < 1``.
    TypeError
        Tensors that are not floating, or of two types.

    Cost
    ----
    =============================== ============== =========== ========================
    method                          work of a head span        memory beyond in and out
    =============================== ============== =========== ========================
    "compiled", the fused kernel    n d            n           d
    "loop", the cell                n d            n           d
    "blocks"                        n block d      ⌈n / block⌉ block²
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
    _check(scores, values, mask, state, method, block)
    if mask is not None:
        scores = scores.masked_fill(~mask[:, :, None], -torch.inf)
    if method == "auto":
        flows = torch.is_grad_enabled() and any(part.requires_grad for part in state or ())
        method = "compiled" if _compilable(values) and not flows else "blocks"
    b, n, h, d = values.shape
    state = first_state(b, h, d, values.dtype) if state is None else state
    if method == "compiled":
        return _compiled(scores, values, state)
    return forms.FORMS[method](scores, values, state, block) if n else (values, state)


def _compiled(scores: Tensor, values: Tensor, state: State) -> tuple[Tensor, State]:
    """Run the kernel, which carries the output where the other forms carry the numerator."""
    from paralg.recurrences.aaren.fast.kernel import fused_attention

    m, u, w = state
    outputs, (m, u, o) = fused_attention(scores, values, (m, u, forms.read(u, w)))
    return outputs, (m, u, o * u[..., None])


def _compilable(values: Tensor) -> bool:
    return values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64)


def _check(scores, values, mask, state, method: str, block: int) -> None:
    """Check types, shapes and options; say what was expected and what came."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if block < 1:
        raise ValueError(f"block must be at least 1, got {block}")
    if values.dim() != 4 or scores.shape != values.shape[:3]:
        got = f"{tuple(scores.shape)} and {tuple(values.shape)}"
        raise ValueError(f"scores must be (b, n, h) and values (b, n, h, d), got {got}")
    if not values.is_floating_point() or scores.dtype != values.dtype:
        got = f"{scores.dtype} and {values.dtype}"
        raise TypeError(f"scores and values must be floating and of one type, got {got}")
    b, n, h, d = values.shape
    if mask is not None and (mask.shape != (b, n) or mask.dtype != torch.bool):
        got = f"{mask.dtype} of shape {tuple(mask.shape)}"
        raise ValueError(f"mask must be bool of shape {(b, n)}, got {got}")
    shapes, got = [(b, h), (b, h), (b, h, d)], [tuple(part.shape) for part in state or ()]
    if state is not None and got != shapes:
        raise ValueError(f"state must have the shapes {shapes}, got {got}")
    if method == "compiled" and not _compilable(values):
        got = f"{values.dtype} on {values.device}"
        raise ValueError(f"method 'compiled' expects float32 or float64 on the CPU, got {got}")
