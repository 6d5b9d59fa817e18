"""The chapter's records; run as a module, this makes and writes them again."""

from pathlib import Path

import torch

from paralg.core.records import Records
from paralg.recurrences.local_linear_attention.experiments import test_time
from paralg.recurrences.local_linear_attention.fast.attention import lla_attention
from paralg.training import peak_bytes

__all__ = ["memory", "records"]


def memory(lengths=(128, 256, 512, 1024, 2048), longest_naive: int = 512) -> dict[str, list[int]]:
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


records = Records(
    Path(__file__).with_name("records"),
    {"rules": test_time.rules, "widths": test_time.widths, "memory": memory},
)

if __name__ == "__main__":
    records.main()
