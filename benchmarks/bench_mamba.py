"""The whole selective-scan operator, forward and backward, against what is public.

    python -m benchmarks.bench_mamba [--quick]

The operator: softplus of the step sizes, scan of 64 channels with 16 states, product with C, skip,
gate; batch 1, float32, two threads for every method.

OpenMP's threads, on which torch computes, wait for more work in a busy loop. On a machine with as
many cores as threads that loop takes a core from whoever comes next. The second half of the tables
was taken in a process whose threads sleep while they wait (``OMP_WAIT_POLICY=passive``).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.recurrences.mamba import selective_scan, traffic, warm
from paralg.recurrences.mamba.experiments.peers import has_mambapy, mambapy_scan

__all__ = ["main", "operands", "run"]

OURS = "paralg compiled"
CHANNELS, STATES, THREADS = 64, 16, 2
_POLICY = "OMP_WAIT_POLICY"
_NOTES = {
    "torch loop": "one step after the other, coefficients and states in memory",
    "torch Kogge–Stone": "ours, log depth, unfused",
    "torch Brent–Kung": "ours, log depth in place, unfused",
    "torch associative_scan": "torch's private generic scan",
}


def bytes_ratio(length: int) -> float:
    """Bytes of a tree that goes through memory over those of the fused loop, counted."""
    sizes = {"batch": 1, "length": length, "channels": CHANNELS, "states": STATES}
    return traffic("brent-kung", **sizes).bytes / traffic("fused", **sizes).bytes


STANDARD = Standard(
    chapter="mamba", task="One selective scan, forward and backward", bench="forward + backward",
    ours=OURS, peer="mambapy", size_name="sequence length", headline=4096,
    counted=bytes_ratio, counted_name="bytes of a tree in memory over those of the fused loop",
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Two lengths and few repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    warm([torch.float32])
    rows = []
    for backward in (False, True):
        for exponent in (8, 10) if quick else range(8, 15):
            length = 2**exponent
            repeats = 2 if quick else 15 if length <= 2**11 else 7
            rows += _measure(length, repeats, backward=backward)
    return rows if sleeping() else rows + _asleep(quick)


def sleeping() -> bool:
    """Tell whether OpenMP's threads sleep while they wait for work in this process."""
    return os.environ.get(_POLICY, "").lower() == "passive"


def _asleep(quick: bool) -> list[dict]:
    """Run the benchmark in a process whose threads sleep while they wait."""
    code = f"import json; from benchmarks.bench_mamba import run; print(json.dumps(run({quick})))"
    environment = os.environ | {_POLICY: "passive"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def operands(length: int, *, dtype=torch.float32) -> dict[str, Tensor]:
    """Return inputs like those of a fresh block, step sizes around 0.1."""
    random = torch.Generator().manual_seed(length)

    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=dtype)

    rates = -torch.arange(1, STATES + 1, dtype=dtype).repeat(CHANNELS, 1)
    sequence, vectors = (1, length, CHANNELS), (1, length, STATES)
    return {
        "u": normal(*sequence), "delta": normal(*sequence) - 2, "A": rates, "B": normal(*vectors),
        "C": normal(*vectors), "D": torch.ones(CHANNELS, dtype=dtype), "z": normal(*sequence),
        "delta_bias": 0.1 * normal(CHANNELS),
    }  # fmt: skip


def methods() -> dict[str, Callable[..., Tensor]]:
    """Return the operators that can be had here, by name."""

    def own(method):
        return lambda **x: selective_scan(**x, delta_softplus=True, method=method)

    found = {OURS: own("compiled")}
    if has_mambapy():
        found["mambapy"] = mambapy_scan
    found |= {
        "torch loop": own("loop"),
        "torch Kogge–Stone": own("kogge-stone"),
        "torch Brent–Kung": own("brent-kung"),
    }
    try:
        from torch._higher_order_ops import associative_scan  # noqa: F401
    except ImportError:
        return found
    return found | {"torch associative_scan": own("associative")}


def _measure(length: int, repeats: int, *, backward: bool) -> list[dict]:
    x = operands(length)
    if backward:
        x = {name: part.requires_grad_() for name, part in x.items()}
    operators = _compared() if sleeping() else methods()
    calls = {name: _call(operator, x, backward) for name, operator in operators.items()}
    timings = compare(calls, repeats=repeats, threads=THREADS, min_seconds=2e-3, settle=0.01)
    bench = "forward + backward" if backward else "forward"
    bench += ", waiting threads asleep" if sleeping() else ""
    notes = _NOTES | {name: _error(operator, length) for name, operator in _compared().items()}
    return rows_of(timings, bench, length, OURS, notes)


def _call(operator: Callable[..., Tensor], x: dict[str, Tensor], backward: bool) -> Callable:
    def forward():
        with torch.no_grad():
            return operator(**x)

    def both():
        return torch.autograd.grad(operator(**x).sum(), list(x.values()))

    return both if backward else forward


def _compared() -> dict[str, Callable[..., Tensor]]:
    return {name: fn for name, fn in methods().items() if name in (OURS, "mambapy")}


def _error(operator: Callable[..., Tensor], length: int) -> str:
    """Say how far an output is from the float64 loop, relative to the largest value."""
    x = operands(length)
    exact = selective_scan(**{k: v.double() for k, v in x.items()}, delta_softplus=True)
    error = (operator(**x) - exact).abs().max() / exact.abs().max()
    return f"error {error:.0e}"


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/mamba.json``."""
    run_main(run, "mamba", argv, STANDARD)


if __name__ == "__main__":
    main()
