"""The selective scan: one function, every way to compute it, and the official signature."""

import torch
from torch import Tensor

from paralg.core import checks
from paralg.recurrences.mamba.fast import ScanOperands
from paralg.recurrences.mamba.fast.chunked import chunked_scan, scan_at_once
from paralg.recurrences.mamba.theory import check_operands
from paralg.sequence.scans import LINEAR_METHODS, linear_scan

__all__ = ["METHODS", "linear_scan", "selective_scan", "selective_scan_fn"]

METHODS = ("auto", "compiled", "chunked", *LINEAR_METHODS)


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = None,
    z: Tensor | None = None, delta_bias: Tensor | None = None, *, delta_softplus: bool = False,
    h0: Tensor | None = None, discretisation: str = "euler", method: str = "auto", chunk: int = 64,
    return_last_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
    """Return the output of a selective state-space model.

    Parameters
    ----------
    u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0, discretisation
        Tensors and options of the table of :mod:`~paralg.recurrences.mamba.recurrence`.
    method : str
        "compiled" fused numba kernel; "chunked" the same plan in torch; "loop", "sequential",
        "kogge-stone", "brent-kung", "associative" hold all states in memory. "auto" takes
        "compiled" where it applies (real numbers, Euler's B, B and C of each token), else
        "chunked".
    chunk : int
        Steps in a chunk, for "chunked".
    return_last_state : bool
        Whether to return the last state, too.

    Returns
    -------
    Tensor, shape (b, L, D), or (Tensor, Tensor of shape (b, D, N))

    ValueError for shapes that do not fit, an unknown method, or one that cannot do what is asked;
    TypeError for what is no tensor of floats, or complex numbers where they have a meaning.

    Cost
    ----
    Work b L D N. Span and memory depend on the method; see `fused_scan`, `chunked_scan` and
    `linear_scan`.
    Source: [gu-2023-mamba], algorithm 2 and section 3.3.2.

    Examples
    --------
    >>> one = torch.ones(1, 3, 1)
    >>> rate = torch.tensor([[-0.6931472]])
    >>> selective_scan(one, one, rate, one, one, method="brent-kung").flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    x = ScanOperands(u, delta, A, B, C, D, z, delta_bias, h0)
    check_operands(x, discretisation, Tensor)
    checks.integer("chunk", chunk, 1)
    method = _resolve(method, x, discretisation)
    if method == "compiled":
        from paralg.recurrences.mamba.fast.compiled import fused_scan

        y, last = fused_scan(*x, delta_softplus)
    elif method == "chunked":
        y, last = chunked_scan(x, delta_softplus, discretisation, chunk)
    else:
        y, last = scan_at_once(x, delta_softplus, discretisation, method)
    return (y, last) if return_last_state else y


def selective_scan_fn(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = None,
    z: Tensor | None = None, delta_bias: Tensor | None = None, delta_softplus: bool = False,
    return_last_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
    """Return the same as `selective_scan`, called like the function of the official package.

    Time is the last axis: u, delta, z (b, D, L). B, C are (b, N, L), (b, G, N, L) or (D, N); with G
    groups, channels g D/G … (g + 1) D/G - 1 share vector g. For complex A they may be real with
    last axis 2 L, real and imaginary parts in turn. Unlike there, the gradient of the last state
    counts.
    """
    for name, part in {"u": u, "delta": delta, "A": A, "B": B, "C": C, "D": A if D is None else D,
                       "z": u if z is None else z,
                       "delta_bias": A if delta_bias is None else delta_bias}.items():  # fmt: skip
        checks.instance(name, part, Tensor)
    groups = max(x.shape[1] if x.dim() == 4 else 1 for x in (B, C))
    checks.sizes(u=(u, "b D L"), delta=(delta, "b D L"), z=(z, "b D L"), A=(A, "D N"),
                 D=(D, "D"), delta_bias=(delta_bias, "D"))  # fmt: skip
    if u.shape[1] % groups:
        raise ValueError(f"channels must be a multiple of {groups} groups, got {u.shape[1]}")
    u, delta, z = (_shares(x, groups, 1) for x in (u, delta, z))
    D, delta_bias = (_shares(x, groups, 0) for x in (D, delta_bias))
    B, C = (_vectors(x, groups, A.is_complex()) for x in (B, C))
    options = {"delta_softplus": delta_softplus, "return_last_state": True}
    calls = zip(u, delta, A.chunk(groups), B, C, D, z, delta_bias, strict=True)
    y, last = zip(*(selective_scan(*x, **options) for x in calls), strict=True)
    y = torch.cat(y, dim=2).mT
    return (y, torch.cat(last, dim=1)) if return_last_state else y


def _shares(x: Tensor | None, groups: int, axis: int) -> list[Tensor | None]:
    """Cut an operand into its groups of channels, time first."""
    if x is None:
        return [None] * groups
    return [part.mT if axis else part for part in x.chunk(groups, axis)]


def _vectors(vectors: Tensor, groups: int, pairs: bool) -> list[Tensor]:
    """Return B or C of every group in the layout of `selective_scan`."""
    if vectors.dim() == 2:
        return list(vectors.chunk(groups))
    if pairs and not vectors.is_complex():
        vectors = torch.view_as_complex(vectors.unflatten(-1, (-1, 2)).contiguous())
    if vectors.dim() == 3:
        vectors = vectors[:, None]
    return [part.mT for part in vectors.expand(-1, groups, -1, -1).unbind(1)]


def _resolve(method: str, x: ScanOperands, discretisation: str) -> str:
    """Turn "auto" into a method, and refuse "compiled" where it does not apply."""
    if checks.one_of("method", method, METHODS) not in ("auto", "compiled"):
        return method
    obstacle = _obstacle(x, discretisation)
    if method == "compiled" and obstacle:
        raise ValueError(f"method 'compiled' expects {obstacle}; use 'auto' or 'chunked'")
    return "chunked" if obstacle else "compiled"


def _obstacle(x: ScanOperands, discretisation: str) -> str:
    """Return what the compiled kernel would need and does not have, or nothing."""
    kinds = {v.dtype for v in x if v is not None}
    if discretisation != "euler":
        return f"discretisation 'euler', got {discretisation!r}"
    if kinds not in ({torch.float32}, {torch.float64}):
        return f"all tensors float32 or all float64, got {sorted(map(str, kinds))}"
    if x.B.dim() != 3 or x.C.dim() != 3:
        return f"B and C of shape (b, L, N), got {tuple(x.B.shape)} and {tuple(x.C.shape)}"
    if not all([v is None or v.is_cpu for v in x]):
        return "tensors on the CPU"
    return ""
