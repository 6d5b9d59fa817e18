"""Peak bytes of tensors alive at one time, counted at every operation and not sampled."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from paralg.recurrences.local_linear_attention.fast.attention import lla_attention

__all__ = ["growth", "peak_bytes"]


class _Watch(TorchDispatchMode):
    """Follow every storage that an operation returns until it is freed."""

    def __init__(self, operands):
        super().__init__()
        self.now = self.peak = 0
        self.known = {x.untyped_storage().data_ptr(): 0 for x in operands}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
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


def peak_bytes(function: Callable[[], object], operands=()) -> int:
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
    with (watch := _Watch(operands)):
        function()
    return watch.peak


def growth(lengths=(128, 256, 512, 1024, 2048), longest_naive: int = 512) -> dict[str, list[int]]:
    """Return the most bytes alive in forward and backward of width 16, for each method."""
    peaks: dict[str, list[int]] = {"naive": [], "cg": [], "direct": []}
    for n in lengths:
        random = torch.Generator().manual_seed(n)
        x = [torch.randn(1, n, 16, generator=random).requires_grad_() for _ in range(3)]
        for method in peaks if n <= longest_naive else ("cg", "direct"):
            way = {"method": method, "block_size": 64}
            step = lambda x=x, way=way: lla_attention(*x, 1.0, **way).sum().backward()  # noqa: E731
            peaks[method].append(peak_bytes(step, x))
    return peaks
