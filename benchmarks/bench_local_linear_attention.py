"""Local linear attention, forward and backward, against softmax attention and dense solves.

    python -m benchmarks.bench_local_linear_attention [--quick]

Two heads of width 64, unit-length queries and keys, logits times 4, λ = 10 (the released kernel's
default), causal, float32. Softmax attention is torch's own kernel: the floor, since it passes over
the keys once. A method stops at the length where a call takes seconds; its row says so. The last
rows are local regression in one dimension; statsmodels gets a row where it is installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize, scaled_dot_product_attention

from benchmarks._common import Standard, row, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.recurrences.local_linear_attention import lla_attention, lla_forward, warm
from paralg.recurrences.local_linear_attention.theory import smooth, work

__all__ = ["has_statsmodels", "local_line", "main", "run"]

OURS = "paralg compiled"
TRAINED = "paralg cg"
"""The compiled kernel has no gradient, so that forward and backward are compared with this one."""

HEADS, WIDTH, RIDGE, SCALE = 2, 64, 10.0, 4.0

LONGEST = {
    "paralg direct, in blocks": (1024, "not run: d/2T times the work, seconds a call"),
    "naive dense solve": (512, "not run: n² d numbers in memory"),
}
"""Up to which length a method is run, and why no further."""

LENGTHS = ((128, 5), (256, 5), (512, 5), (1024, 5), (4096, 3))
"""Tokens, and how often they are timed."""


def counted(length: int) -> float:
    """Return the multiply-adds of the dense solve over those of conjugate gradients."""
    with torch.no_grad():
        ours = lla_forward(*_inputs(length), RIDGE, qk_scale=SCALE).cost.work
    return HEADS * work("naive", length * length, length, WIDTH, WIDTH) / ours


STANDARD = Standard(
    chapter="local_linear_attention", task="Forward pass, two heads of width 64, one thread",
    bench="forward, 1 thread(s)", ours=OURS, peer="naive dense solve", size_name="tokens",
    headline=256, names={OURS: "the compiled iteration"}, counted=counted,
    counted_name="multiply-adds of the dense solve over those of the iteration",
)  # fmt: skip


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
            for length, repeats in ((128, 2),) if quick else LENGTHS:
                rows += _attention(length, threads, backward, repeats)
    return rows + _regression(100 if quick else 1000, 2 if quick else 3)


def _attention(length: int, threads: int, backward: bool, repeats: int) -> list[dict]:
    inputs = [part.requires_grad_(backward) for part in _inputs(length)]
    methods = _methods()
    if backward:
        del methods[OURS]
    late = [name for name in methods if length > LONGEST.get(name, (length,))[0]]
    calls = {name: _call(methods[name], inputs, backward) for name in methods if name not in late}
    timings = compare(calls, repeats=repeats, threads=threads, min_seconds=2e-3, settle=0.01)
    kind = "forward + backward" if backward else "forward"
    bench = f"{kind}, {threads} thread(s)"
    ours = TRAINED if backward else OURS
    rows = rows_of(timings, bench, length, ours, _notes(inputs, length))
    return rows + [row(bench, length, name, None, note=LONGEST[name][1]) for name in late]


def _inputs(length: int) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(length)
    x = [torch.randn(HEADS, length, WIDTH, generator=random) for _ in range(3)]
    return [normalize(x[0], dim=-1), normalize(x[1], dim=-1), x[2]]


def _methods() -> dict[str, Callable]:
    def own(method, **options):
        return lambda q, k, v: lla_attention(
            q, k, v, RIDGE, qk_scale=SCALE, method=method, **options
        )

    return {
        TRAINED: own("cg"),
        "torch softmax (floor)": lambda q, k, v: scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=SCALE
        ),
        OURS: own("compiled"),
        "paralg direct, in blocks": own("direct"),
        "naive dense solve": own("naive"),
    }


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
    return {TRAINED: note, "torch softmax (floor)": "another function: one pass over the keys",
            OURS: "32 queries a tile, forward only",
            "naive dense solve": "all differences and matrices in memory"}  # fmt: skip


def has_statsmodels() -> bool:
    """Tell whether the package is installed."""
    return importlib.util.find_spec("statsmodels") is not None


def local_line(x: NDArray, y: NDArray, at: NDArray, h: float) -> NDArray:
    """Return statsmodels' local linear regression of y (n,) on x (n,) or (n, d), of bandwidth h.

    ``KernelReg(reg_type="ll")`` solves for one place after the other and does not penalise slopes.
    """
    from statsmodels.nonparametric.kernel_regression import KernelReg

    width = np.full(1 if x.ndim == 1 else x.shape[1], h)
    return KernelReg(y, x, "c" * len(width), "ll", bw=width).fit(at)[0]


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
    run_main(run, "local_linear_attention", argv, STANDARD)


if __name__ == "__main__":
    main()
