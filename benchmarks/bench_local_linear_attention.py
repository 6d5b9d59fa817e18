"""Local linear attention, forward and backward, against softmax attention and dense solves.

    python -m benchmarks.bench_local_linear_attention [--quick]

Four heads of width 64, unit-length queries and keys, logits times 4, λ = 10 (the released kernel's
default), causal, float32. Softmax attention is torch's own kernel: the floor, since it passes over
the keys once. The last rows are local regression in one dimension against statsmodels, if that is
installed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import normalize, scaled_dot_product_attention

from benchmarks._common import main as run_main
from benchmarks._common import rows_of
from paralg.core.timing import compare
from paralg.recurrences.local_linear_attention import lla_attention, lla_forward, warm
from paralg.recurrences.local_linear_attention.peers import has_statsmodels, local_line
from paralg.recurrences.local_linear_attention.theory import smooth

__all__ = ["main", "run"]

OURS = "paralg cg"
HEADS, WIDTH, RIDGE, SCALE = 4, 64, 10.0, 4.0


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Small sizes and few repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    warm()
    rows = []
    for threads in (1, 2):
        for backward in (False, True):
            for length in (128,) if quick else (256, 1024, 4096):
                rows += _attention(length, threads, backward, 2 if quick else 5)
    return rows + _regression(100 if quick else 1000, 2 if quick else 3)


def _attention(length: int, threads: int, backward: bool, repeats: int) -> list[dict]:
    random = torch.Generator().manual_seed(length)
    x = [torch.randn(HEADS, length, WIDTH, generator=random) for _ in range(3)]
    q, k, v = (*(normalize(part, dim=-1) for part in x[:2]), x[2])
    inputs = [part.requires_grad_(backward) for part in (q, k, v)]
    calls = {name: _call(method, inputs, backward) for name, method in _methods(length).items()}
    if backward:
        calls.pop("paralg compiled", None)
    timings = compare(calls, repeats=repeats, threads=threads, min_seconds=2e-3, settle=0.01)
    kind = "forward + backward" if backward else "forward"
    notes = _notes(inputs, length)
    return rows_of(timings, f"{kind}, {threads} thread(s)", length, OURS, notes)


def _methods(length: int) -> dict[str, Callable]:
    def own(method, **options):
        return lambda q, k, v: lla_attention(
            q, k, v, RIDGE, qk_scale=SCALE, method=method, **options
        )

    found = {
        OURS: own("cg"),
        "torch softmax (floor)": lambda q, k, v: scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=SCALE
        ),
    }
    if length <= 1024:
        found |= {"paralg direct, in blocks": own("direct"), "paralg compiled": own("compiled")}
    if length <= 256:
        found["naive dense solve"] = own("naive")
    return found


def _call(method: Callable, inputs: list, backward: bool) -> Callable:
    def forward():
        with torch.no_grad():
            return method(*inputs)

    return (lambda: torch.autograd.grad(method(*inputs).sum(), inputs)) if backward else forward


def _notes(inputs: list, length: int) -> dict[str, str]:
    """Say how far from the direct solution in double precision, and in how many rounds."""
    with torch.no_grad():
        found = lla_forward(*inputs, RIDGE, qk_scale=SCALE)
        note = f"{found.cost.rounds} rounds"
        if length <= 1024:
            double = (part.double() for part in inputs)
            exact = lla_attention(*double, RIDGE, qk_scale=SCALE, method="direct")
            note += f", error {(found.out - exact).abs().max():.0e}"
    return {OURS: note, "torch softmax (floor)": "another function: one pass over the keys",
            "paralg compiled": "a query at a time, forward only",
            "naive dense solve": "all differences and matrices in memory"}  # fmt: skip


def _regression(n: int, repeats: int) -> list[dict]:
    """Local lines at n places from n points: one array expression against a loop of solves."""
    rng = np.random.default_rng(0)
    x, at = rng.random(n), np.linspace(0.05, 0.95, n)
    y = np.sin(3 * x) + 0.1 * rng.normal(size=n)
    calls = {"paralg smooth": lambda: smooth(x, at, 0.1) @ y}
    notes = {}
    if has_statsmodels():
        calls["statsmodels KernelReg"] = lambda: local_line(x, y, at, 0.1)
        error = np.abs(calls["paralg smooth"]() - calls["statsmodels KernelReg"]()).max()
        notes["statsmodels KernelReg"] = f"differs by {error:.0e}"
    timings = compare(calls, repeats=repeats, threads=1)
    return rows_of(timings, "local lines in one dimension", n, "paralg smooth", notes)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/local_linear_attention.json``."""
    run_main(run, "local_linear_attention", argv)


if __name__ == "__main__":
    main()
