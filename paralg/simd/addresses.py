"""Hand tensors to compiled functions, which read so many numbers from an address, unchecked."""

import torch
from torch import Tensor

from paralg.core import checks

__all__ = ["addresses", "in_order"]


def in_order(x: Tensor) -> Tensor:
    """Return a tensor whose numbers lie in memory as they are read, a copy if need be."""
    return x.resolve_neg().contiguous()


def addresses(dtype: torch.dtype, *operands: tuple[Tensor, tuple[int, ...]]) -> tuple[int, ...]:
    """Return where tensors lie, each with the shape that is read; ValueError for another one.

    >>> addresses(torch.float64, (torch.zeros(0).double(), (0, 3)))
    Traceback (most recent call last):
    ValueError: operand 0 must be torch.float64 of (0, 3) in order, got torch.float64 of (0,)
    """
    for k, (x, shape) in enumerate(operands):
        if not isinstance(x, Tensor):
            checks.instance("an operand", x, Tensor)
        plain = x.layout is torch.strided and x.device.type == "cpu" and not x.is_neg()
        if x.dtype is not dtype or x.shape != shape or not plain or not x.is_contiguous():
            got = f"{x.dtype} of {tuple(x.shape)}{'' if plain else ' elsewhere'}"
            raise ValueError(f"operand {k} must be {dtype} of {shape} in order, got {got}")
    return tuple([x.data_ptr() for x, _ in operands])
