"""The selective scan: one function, every way to compute it, and the official signature."""

from __future__ import annotations

import torch
from torch import Tensor

from paralg.recurrences.mamba.fast.chunked import Options, chunked_scan, scan_at_once
from paralg.recurrences.mamba.recurrence import Operands
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

    Raises
    ------
    ValueError
        Shapes that do not fit, an unknown method, or one that cannot do what is asked.
    TypeError
        A tensor is not floating or complex.

    Cost
    ----
    Work b L D N. Span and memory depend on the method; see `fused_scan`, `chunked_scan` and
    `linear_scan`.

    References
    ----------
    [gu-2023-mamba], algorithm 2 and section 3.3.2.

    Examples
    --------
    >>> one = torch.ones(1, 3, 1)
    >>> rate = torch.tensor([[-0.6931472]])
    >>> selective_scan(one, one, rate, one, one, method="brent-kung").flatten()
    tensor([1.0000, 1.5000, 1.7500])
    """
    x = Operands(u, delta, A, B, C, D, z, delta_bias, h0)
    _check(x, discretisation, chunk)
    method = _resolve(method, x, discretisation)
    if method == "compiled":
        from paralg.recurrences.mamba.fast.compiled import fused_scan

        y, last = fused_scan(*x, delta_softplus)
    elif method == "chunked":
        y, last = chunked_scan(x, Options(delta_softplus, discretisation, "kogge-stone"), chunk)
    else:
        y, last = scan_at_once(x, Options(delta_softplus, discretisation, method))
    return (y, last) if return_last_state else y


def selective_scan_fn(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = None,
    z: Tensor | None = None, delta_bias: Tensor | None = None, delta_softplus: bool = False,
    return_last_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
    """Return the same as `selective_scan`, called like the function of the official package.

    Unlike there, the gradient of the last state counts.

    Parameters
    ----------
    u, delta, z : Tensor, shape (b, D, L)
        Time is the last axis here.
    A : Tensor, shape (D, N)
    B, C : Tensor, shape (b, N, L), (b, G, N, L) or (D, N)
        With G groups, channels g D/G … (g + 1) D/G - 1 share vector g. For complex A they may be
        real with last axis 2 L: real and imaginary parts in turn.
    D, delta_bias : Tensor, shape (D,), optional
    delta_softplus, return_last_state : bool

    Returns
    -------
    Tensor, shape (b, D, L), or (Tensor, Tensor of shape (b, D, N))

    Raises
    ------
    ValueError, TypeError
        As for `selective_scan`; or groups that do not divide the channels.
    """
    B, C = (_as_complex(x) if A.is_complex() else x for x in (B, C))
    groups = max(x.shape[1] if x.dim() == 4 else 1 for x in (B, C))
    if u.shape[1] % groups:
        raise ValueError(f"channels must be a multiple of {groups} groups, got {u.shape[1]}")
    size = u.shape[1] // groups
    parts = []
    for group in range(groups):
        mine = slice(group * size, (group + 1) * size)
        sequences = (_time_first(x, mine) for x in (u, delta, z))
        vectors = (_of_group(x, group, mine) for x in (B, C))
        rows = (None if x is None else x[mine] for x in (D, delta_bias))
        parts.append(_call(sequences, A[mine], vectors, rows, delta_softplus))
    y = torch.cat([y for y, _ in parts], dim=2).transpose(1, 2)
    return (y, torch.cat([last for _, last in parts], dim=1)) if return_last_state else y


def _call(sequences, A, vectors, rows, delta_softplus: bool) -> tuple[Tensor, Tensor]:
    (u, delta, z), (B, C), (D, delta_bias) = sequences, vectors, rows
    return selective_scan(
        u, delta, A, B, C, D, z, delta_bias, delta_softplus=delta_softplus, return_last_state=True
    )


def _time_first(x: Tensor | None, channels: slice) -> Tensor | None:
    return None if x is None else x[:, channels].transpose(1, 2)


def _as_complex(vectors: Tensor) -> Tensor:
    """Read pairs along the last axis as complex numbers, unless the vectors are complex already."""
    if vectors.is_complex() or vectors.dim() == 2:
        return vectors
    return torch.view_as_complex(vectors.unflatten(-1, (-1, 2)).contiguous())


def _of_group(vectors: Tensor, group: int, channels: slice) -> Tensor:
    """Return B or C of one group in the layout of `selective_scan`."""
    if vectors.dim() == 2:
        return vectors[channels]
    if vectors.dim() == 4:
        vectors = vectors[:, group if vectors.shape[1] > 1 else 0]
    return vectors.transpose(1, 2)


def _resolve(method: str, x: Operands, discretisation: str) -> str:
    """Turn "auto" into a method, and refuse "compiled" where it does not apply."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if method not in ("auto", "compiled"):
        return method
    obstacle = _obstacle(x, discretisation)
    if method == "compiled" and obstacle:
        raise ValueError(f"method 'compiled' expects {obstacle}; use 'auto' or 'chunked'")
    return "chunked" if obstacle else "compiled"


def _obstacle(x: Operands, discretisation: str) -> str:
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


def _check(x: Operands, discretisation: str, chunk: int) -> None:
    """Check types, shapes and options; say what was expected and what came."""
    if discretisation not in ("euler", "zoh"):
        raise ValueError(f"discretisation must be 'euler' or 'zoh', got {discretisation!r}")
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1, got {chunk}")
    if x.u.dim() != 3 or x.A.dim() != 2:
        got = f"{tuple(x.u.shape)} and {tuple(x.A.shape)}"
        raise ValueError(f"u must have the shape (b, L, D) and A (D, N), got {got}")
    (b, L, D), N = x.u.shape, x.A.shape[1]
    sequence, vectors = [(b, L, D)], [(b, L, N), (D, N)]
    shapes = (sequence, sequence, [(D, N)], vectors, vectors, [(D,)], sequence, [(D,)], [(b, D, N)])
    for name, value, allowed in zip(x._fields, x, shapes, strict=True):
        if value is None:
            continue
        if tuple(value.shape) not in allowed:
            expected = " or ".join(map(str, allowed))
            raise ValueError(f"{name} must have the shape {expected}, got {tuple(value.shape)}")
        if not (value.is_floating_point() or value.is_complex()):
            raise TypeError(f"{name} must be floating or complex, got {value.dtype}")
