"""Positional mixing with its weights computed once, against torch's attention and the baseline.

    python -m benchmarks.bench_positional_attention [--quick]

Same sizes, rows and precision; 200 rows, d = 64, two heads, as in the paper's models. The peer is
``torch.nn.MultiheadAttention`` in its fastest setting, on the same nodes-first layout. A second
table has whole models of log n + 1 layers: frozen, positional and standard.
"""

from __future__ import annotations

from functools import partial

import torch

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.rounds.positional_attention import (
    FrozenMixing,
    FrozenTransformer,
    PositionalTransformer,
    Shape,
    StandardTransformer,
    scan_layers,
)

__all__ = ["main", "products", "run"]

OURS, PEER = "frozen positional mixing", "torch.nn.MultiheadAttention"
BENCH, MODELS = "mix the states of all nodes", "a whole model"
ROWS, WIDTH, HEADS, SIZES = 200, 64, 2, (8, 16, 32, 64)


def products(n: int, *, fixed: bool) -> int:
    """Return the multiplications of one row: with fixed weights, or with queries and keys of it."""
    m = n + 1
    mixing = m * 2 * WIDTH**2 + m * m * WIDTH  # values and output; A times values
    return mixing if fixed else mixing + m * 2 * WIDTH**2 + m * m * WIDTH


STANDARD = Standard(
    chapter="positional_attention", task="One attention of 200 rows", bench=BENCH, ours=OURS,
    peer=PEER, size_name="nodes", headline=8,
    counted=lambda n: products(n, fixed=False) / products(n, fixed=True),
    counted_name="multiplications with queries and keys over those without",
    names={OURS: "weights fixed", PEER: "MultiheadAttention"},
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Time one attention, and whole models."""
    found, repeats = [], 2 if quick else 9
    for n in SIZES[:1] if quick else SIZES:
        torch.manual_seed(0)
        shape = Shape(n, width=WIDTH, heads=HEADS, layers=scan_layers(n) + 1, hidden=(WIDTH,))
        model, x = PositionalTransformer(shape).eval(), torch.randn(n + 1, ROWS, WIDTH)
        frozen = FrozenMixing(model.mixers[0], model.positions).eval()
        other = torch.nn.MultiheadAttention(WIDTH, HEADS).eval()
        ours, plain = frozen(x), model.mixers[0](x.transpose(0, 1), model.positions)
        if not torch.allclose(ours, plain.transpose(0, 1), atol=1e-5):
            raise ValueError("expected the frozen mixing to equal the plain one")
        ways = {OURS: partial(_quiet, frozen, x),
                PEER: partial(_quiet, other, x, x, x, need_weights=False)}  # fmt: skip
        timings = compare(ways, repeats=repeats, threads=1, min_seconds=0.02)
        notes = {OURS: f"{products(n, fixed=True):,} multiplications a row",
                 PEER: f"{products(n, fixed=False):,} multiplications a row"}  # fmt: skip
        found += rows_of(timings, BENCH, n, OURS, notes)
        values = torch.randn(ROWS, n, 1)
        ways = {"frozen": partial(_quiet, FrozenTransformer(model).eval(), values),
                "positional": partial(_quiet, model, values),
                "standard": partial(_quiet, StandardTransformer(shape).eval(), values)}  # fmt: skip
        timings = compare(ways, repeats=repeats, threads=1, min_seconds=0.02)
        found += rows_of(timings, MODELS, n, "frozen", {"standard": "d numbers a query"})
    return found


def _quiet(module, *operands, **how):
    with torch.no_grad():
        return module(*operands, **how)


def main(argv: list[str] | None = None) -> None:
    """Print the tables and write ``results/positional_attention.json``."""
    run_main(run, "positional_attention", argv, STANDARD)


if __name__ == "__main__":
    main()
