"""The core scan against torch's associative scan, numpy.cumsum and a Python loop."""

from __future__ import annotations

import numpy as np

if __package__ in (None, ""):  # started as a file
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import _common
from paralg.core.primitives import ADD, AFFINE, scan
from paralg.core.timing import compare

LANES = 64

NARROW = "core scan, brent-kung"
"""Ours for elements of 8 bytes: few rounds, since a round costs its calls of NumPy."""

WIDE = "core scan, chunked"
"""Ours for elements of 1 kB: two passes over the memory, since a round costs its traffic."""

FEWER_ROUNDS = "more applications in fewer rounds: wins while a round costs mostly its calls"


def run(quick: bool = False) -> list[dict]:
    """Time prefix sums and linear recurrences at several lengths."""
    sizes = [2**8, 2**10] if quick else [2**8, 2**10, 2**12, 2**14]
    repeats = 3 if quick else 9
    rows = []
    for n in sizes:
        for bench, ours, methods, notes in (_sums(n), _recurrences(n)):
            timings = compare(methods, repeats=repeats, warmup=1, threads=1, min_seconds=0.02)
            rows += _common.rows_of(timings, bench, n, ours, notes)
    return rows


def _sums(n: int):
    """Prefix sums of n float64 numbers."""
    xs = np.random.default_rng(0).random(n)
    methods = _core(ADD, xs)
    methods["numpy.cumsum"] = lambda: np.cumsum(xs)
    methods["Python loop"] = lambda: _loop_sum(xs)
    methods |= _torch_scan(lambda a, b: a + b, xs)
    notes = {
        "numpy.cumsum": "one compiled loop for one operator: wins at every length",
        "Python loop": "no call of NumPy to pay for: wins while the rounds are short",
        "core scan, kogge-stone": FEWER_ROUNDS,
    }
    return "prefix sum", NARROW, methods, notes


def _recurrences(n: int):
    """The recurrence h = a h + b in 64 lanes of float64."""
    rng = np.random.default_rng(0)
    pair = rng.random((n, LANES)), rng.random((n, LANES))
    methods = _core(AFFINE, pair)
    methods["Python loop"] = lambda: _loop_affine(*pair)
    methods |= _torch_scan(lambda f, g: (g[0] * f[0], g[0] * f[1] + g[1]), pair)
    notes = {
        "Python loop": "does not compose the maps: two thirds of the arithmetic",
        "core scan, kogge-stone": FEWER_ROUNDS,
        "core scan, brent-kung": FEWER_ROUNDS.replace("more", "as many"),
    }
    return f"h = a h + b, {LANES} lanes", WIDE, methods, notes


def _core(op, xs) -> dict:
    """Return the methods of the core."""
    names = ("sequential", "kogge-stone", "brent-kung", "blelloch", "chunked")
    return {f"core scan, {name}": lambda name=name: scan(op, xs, method=name) for name in names}


def _loop_sum(xs: np.ndarray) -> list[float]:
    total, sums = 0.0, []
    for x in xs.tolist():
        total += x
        sums.append(total)
    return sums


def _loop_affine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    h, states = np.zeros(a.shape[1]), np.empty_like(b)
    for t in range(len(a)):
        h = a[t] * h + b[t]
        states[t] = h
    return states


def _torch_scan(combine, xs) -> dict:
    """Return torch's associative scan, where torch is installed."""
    try:
        import torch
        from torch._higher_order_ops.associative_scan import associative_scan
    except ImportError:
        return {}
    leaves = tuple(map(torch.from_numpy, xs)) if isinstance(xs, tuple) else torch.from_numpy(xs)

    def scan_in_torch():
        return associative_scan(combine, leaves, dim=0, combine_mode="generic")

    return {"torch associative_scan (generic)": scan_in_torch}


def main() -> None:
    """Run from the command line."""
    _common.main(run, "scan")


if __name__ == "__main__":
    main()
