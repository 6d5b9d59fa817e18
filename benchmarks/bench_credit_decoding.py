"""One round of credit over the logits of a block: ids of past winners against the published table.

    python -m benchmarks.bench_credit_decoding [--quick]

64 positions, float32, one thread and its processor time for every method, from 4,096 tokens to the
vocabulary of an 8-billion model, and 32 positions over 32,000 tokens. Then a whole decoding: credit
against plain threshold decoding on Sudoku, at the same threshold and at the same share of valid
grids.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.credit_decoding import SparseCredit, TraceCredit, warm
from paralg.decoding.credit_decoding.experiments.frontier import decode_batch
from paralg.decoding.credit_decoding.experiments.peers import DENSE_ARRAYS, DenseCredit
from paralg.decoding.credit_decoding.experiments.records import puzzles
from paralg.decoding.credit_decoding.fast.compiled import row_statistics
from paralg.decoding.sudoku import is_valid
from paralg.models import load

__all__ = ["main", "run"]

OURS = "credit, ids"
SIZES = (4096, 16_384, 32_768, 126_464)
_NOTES = {
    "credit, table in torch": "as published, buffers reused",
    "plain pass, torch": "no credit: softmax and maximum",
    "plain pass, compiled": "no credit: what any threshold needs; ours adds the ids",
}

STANDARD = Standard(
    chapter="credit_decoding", task="One round of credit over 64 positions",
    bench="64 positions, one round", ours=OURS, peer="credit, table in torch",
    size_name="tokens V", headline=126_464, counted=lambda V: DENSE_ARRAYS,
    counted_name="arrays of V numbers moved, table over ids",
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Two small sizes and few repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    warm()
    rows = []
    for V in SIZES[:2] if quick else SIZES:
        rows += _round("64 positions, one round", 64, V, 3 if quick else 15)
    if not quick:
        rows += _round("32 positions, one round", 32, 32_000, 15)
    return rows + _decodings(20 if quick else 200, 2 if quick else 7)


def _round(bench: str, n: int, V: int, repeats: int) -> list[dict]:
    """Time one round: ids, table, and the passes without credit."""
    logits = 2 * np.random.default_rng(V).normal(size=(n, V)).astype(np.float32)
    logits[np.arange(n), np.arange(n)] += 14.0
    ids, table, buffer = SparseCredit(n), DenseCredit(n, V), torch.zeros(n, V)
    methods = {
        OURS: lambda: ids.look(logits), "credit, table in torch": lambda: table.look(logits),
        "plain pass, torch": lambda: plain_pass(logits, buffer),
        "plain pass, compiled": lambda: row_statistics(logits),
    }  # fmt: skip
    timings = compare(methods, repeats=repeats, threads=1, warmup=2, min_seconds=5e-3,
                      clock=time.process_time)  # fmt: skip
    notes = _NOTES | {OURS: f"{ids.nbytes:,} bytes against {table.C.nbytes:,}"}
    rows = rows_of(timings, bench, V, OURS, notes)
    for entry in rows:
        if entry["ratio"] < 1 and entry["method"] != OURS:
            entry["note"] += "; ours is slower: it does the same pass and the ids besides"
    return rows


def plain_pass(logits: np.ndarray, buffer: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return confidences and winners of plain threshold decoding, in torch."""
    torch.softmax(torch.from_numpy(logits), -1, out=buffer)
    return buffer.max(-1)


def _decodings(count: int, repeats: int) -> list[dict]:
    """Time whole decodings: at equal τ credit is faster and worse, at equal quality neither."""
    network, x = load("sudoku4-bidirectional"), puzzles(2, count)
    settings = {"credit, τ = 0.75": (0.75, TraceCredit()), "plain, τ = 0.75": (0.75, None),
                "plain, τ = 0.6": (0.6, None)}  # fmt: skip
    methods = {name: lambda how=how: decode_batch(network, x, *how)
               for name, how in settings.items()}  # fmt: skip
    timings = compare(methods, repeats=repeats, threads=1, clock=time.process_time)
    notes = {}
    for name, how in settings.items():
        done = decode_batch(network, x, *how)
        valid = is_valid(done.tokens).mean()
        notes[name] = f"{done.forwards.mean():.2f} forwards, {valid:.1%} valid grids"
    notes["plain, τ = 0.6"] += "; level at equal quality: credit acts as a lower threshold"
    return rows_of(timings, "Sudoku, two givens, one batch", count, "credit, τ = 0.75", notes)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/credit_decoding.json`` and the standard speed-up."""
    run_main(run, "credit_decoding", argv, STANDARD)


if __name__ == "__main__":
    main()
