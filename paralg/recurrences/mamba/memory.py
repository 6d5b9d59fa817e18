"""How many bytes autograd keeps between the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Saved", "saved_tensors"]


@dataclass(frozen=True)
class Saved:
    """Memory held for the backward pass.

    Parameters
    ----------
    bytes : int
        Of all saved tensors, memory shared by several of them counted once.
    extra : int
        Of those, bytes that do not belong to the operands.
    tensors : int
        Saved tensors.
    """

    bytes: int
    extra: int
    tensors: int


def saved_tensors(
    function: Callable[..., object], operands: Iterable[Tensor | None] = ()
) -> Saved:
    """Run a function and count what it saves for its backward pass.

    Parameters
    ----------
    function : callable
        Without arguments; some of what it reads must require gradients.
    operands : iterable of Tensor
        Memory that exists anyway.

    Returns
    -------
    Saved

    Examples
    --------
    >>> x = torch.ones(100, requires_grad=True)
    >>> saved_tensors(lambda: torch.exp(x) * 2, [x])
    Saved(bytes=400, extra=400, tensors=1)
    """
    sizes: dict[int, int] = {}
    kept = []  # keeps the memory alive, so that no address is used twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = function()
    known = {x.untyped_storage().data_ptr() for x in operands if x is not None}
    extra = sum(size for address, size in sizes.items() if address not in known)
    del result
    return Saved(sum(sizes.values()), extra, len(kept))
