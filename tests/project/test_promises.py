"""What docstrings promise about memory, measured: numbers that live at once beside in and out."""

import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from paralg.recurrences.aaren import prefix_attention
from paralg.recurrences.mamba import selective_scan


class Peak(TorchDispatchMode):
    """The most bytes of tensors made inside that lived at the same time."""

    def __init__(self):
        super().__init__()
        self.live, self.bytes, self.now = {}, 0, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for part in tree_leaves(made):
            store = part.untyped_storage() if isinstance(part, torch.Tensor) else None
            if store is not None and store._cdata not in self.live:
                self.live[store._cdata] = store.nbytes()
                self.now += store.nbytes()
                self.bytes = max(self.bytes, self.now)
                weakref.finalize(store, self.gone, store._cdata)
        return made

    def gone(self, key):
        self.now -= self.live.pop(key, 0)


def growth(run, sizes=(1024, 2048)) -> float:
    """Return the numbers that each token more needs, and what one token's output has."""
    found = []
    for n in sizes:
        with torch.no_grad(), Peak() as peak:
            run(n)
        found.append(peak.bytes / 4)
    return (found[1] - found[0]) / (sizes[1] - sizes[0])


@pytest.mark.parametrize(("method", "promised"), [
    ("compiled", 0), ("loop", 1), ("blocks", 1), ("kogge-stone", 1), ("brent-kung", 1),
])  # fmt: skip
def test_attention_over_prefixes_needs_the_memory_of_its_table(method, promised):
    h, d = 2, 16

    def run(n):
        prefix_attention(torch.randn(1, n, h), torch.randn(1, n, h, d), method=method)

    beside = growth(run) / (h * d) - 2 - 1 / d  # scores, values and outputs
    assert abs(beside) < 0.1 if promised == 0 else 0.5 < beside < 8, beside


@pytest.mark.parametrize(("method", "states"), [
    ("compiled", 0), ("chunked", 0), ("loop", 1), ("kogge-stone", 1), ("brent-kung", 1),
])  # fmt: skip
def test_a_selective_scan_holds_all_states_or_none(method, states):
    D, N = 32, 8

    def run(length):
        u, vectors = torch.randn(1, length, D), torch.randn(1, length, N)
        selective_scan(u, u, -torch.rand(D, N), vectors, vectors, delta_softplus=True,
                       method=method)  # fmt: skip

    beside = growth(run) - 2 * D - N
    assert beside < 2 * D if states == 0 else D * N < beside < 8 * D * N


@pytest.mark.parametrize("chunk", [16, 64])
def test_a_scan_in_chunks_holds_the_states_of_one_chunk(chunk):
    D, N = 16, 64
    u, vectors, A = torch.randn(1, 256, D), torch.randn(1, 256, N), -torch.rand(D, N)
    with torch.no_grad(), Peak() as peak:
        selective_scan(u, u, A, vectors, vectors, method="chunked", chunk=chunk)
    assert chunk * D * N < peak.bytes / 4 < 8 * chunk * D * N + 3 * u.numel() + 2 * D * N
