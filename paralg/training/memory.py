"""What a forward pass keeps for the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Saved", "saved_tensors"]


class Saved(NamedTuple):
    """What is held for a backward pass: bytes, those of them that are no operand's, tensors."""

    bytes: int
    extra: int
    tensors: int


def saved_tensors(
    function: Callable[..., object], operands: Iterable[Tensor | None] = ()
) -> Saved:
    """Call a function and count what it saves for its backward pass.

    Parameters
    ----------
    function : callable
        Without arguments; some of what it reads must require gradients.
    operands : iterable of Tensor
        Memory that exists anyway.

    Returns
    -------
    Saved
        A tensor is counted with all of the memory that it keeps alive, and once.

    Examples
    --------
    >>> x = torch.ones(100, requires_grad=True)
    >>> saved_tensors(lambda: torch.exp(x) * 2, [x])
    Saved(bytes=400, extra=400, tensors=1)
    """
    kept: list[Tensor] = []  # keeps the memory alive, so that no address is used twice
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        result = function()
    sizes = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in kept}
    known = {x.untyped_storage().data_ptr() for x in operands if x is not None}
    extra = sum(size for address, size in sizes.items() if address not in known)
    del result
    return Saved(sum(sizes.values()), extra, len(kept))
