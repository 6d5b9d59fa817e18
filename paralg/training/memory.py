"""What a forward pass keeps for the backward pass, and the most bytes alive at one time."""

import weakref
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from paralg.core import checks

__all__ = ["Saved", "peak_bytes", "saved_tensors"]


class Saved(NamedTuple):
    """What is held for a backward pass: bytes, those of them that are no operand's, tensors."""

    bytes: int
    extra: int
    tensors: int


def saved_tensors(function: Callable[..., object], operands: Iterable[Tensor | None] = ()) -> Saved:
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
    checks.instance("function", function, Callable)
    kept: list[Tensor] = []  # keeps the memory alive, so that no address is used twice
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        result = function()
    sizes = {x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in kept}
    known = {x.untyped_storage().data_ptr() for x in operands if x is not None}
    extra = sum(size for address, size in sizes.items() if address not in known)
    del result
    return Saved(sum(sizes.values()), extra, len(kept))


class _Watch(TorchDispatchMode):
    """Follow every storage that an operation returns until it is freed."""

    def __init__(self, operands):
        super().__init__()
        self.now = self.peak = 0
        self.known = {x.untyped_storage().data_ptr(): 0 for x in operands}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._follow(leaf.untyped_storage())
        return result

    def _follow(self, storage) -> None:
        address = storage.data_ptr()
        if not storage.nbytes() or address in self.known:
            return
        self.known[address] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, address)

    def _free(self, address: int) -> None:
        self.now -= self.known.pop(address, 0)


def peak_bytes(function: Callable[[], object], operands: Iterable[Tensor] = ()) -> int:
    """Run a function and return the most bytes that its own tensors held at one time.

    Parameters
    ----------
    function : callable
        Without arguments; its backward pass counts if it runs inside.
    operands : iterable of Tensor
        Memory that exists anyway and is not counted.

    Returns
    -------
    int
        Storages returned by operations, views counted once. Work space inside a library call, as
        that of a factorisation, is not seen.

    Examples
    --------
    >>> peak_bytes(lambda: torch.ones(1000).exp().sum())
    8000
    """
    checks.instance("function", function, Callable)
    with (watch := _Watch(operands)):
        function()
    return watch.peak
