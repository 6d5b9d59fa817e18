"""Filling Sudoku grids: candidates and an energy, plain steps, and ``transformers`` token by token.

    python -m benchmarks.bench_energy_diffusion [--quick]

The peer samples from the same autoregressive weights with the givens forced, which is the
distribution that carry-over aims at: its extra is ``peers``.  ``ratio`` is how many times faster
one step with 64 candidates is than the method of the row; calls, rows and valid grids stand in the
note.
"""

from __future__ import annotations

from functools import partial

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.data.sudoku4 import is_valid
from paralg.decoding.energy_diffusion import energy_diffusion_batch
from paralg.decoding.energy_diffusion.experiments.sudoku import puzzles

__all__ = ["main", "run"]

BATCHES = (1, 2, 4, 16)
OURS, PEER, BENCH = "one step, k = 64", "generate (transformers)", "grids with six givens"

STANDARD = Standard(
    chapter="energy_diffusion", task="Sudoku grids with six given cells", bench=BENCH,
    ours=OURS, peer=PEER, size_name="puzzles at once", headline=1,
    names={OURS: "one step, 64 candidates", PEER: "generate of transformers"},
    counted=lambda puzzles: 16 / 2, counted_name="calls of one token each over two calls",
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Few sizes and repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    import torch
    from transformers import logging

    from paralg.decoding.energy_diffusion.experiments.peers import generate_grids
    from paralg.decoding.energy_diffusion.experiments.runs import trained
    from paralg.decoding.speculative_jacobi.experiments.peers import as_gpt2
    from paralg.models import load

    logging.set_verbosity_error()
    torch.set_num_threads(1)
    family, nce, found = load("sudoku4"), trained(), []
    peer, every = as_gpt2(load("sudoku4-causal")), puzzles(200, 6)
    ways = {OURS: {"steps": 1, "k": 64}, "one step, k = 16": {"steps": 1, "k": 16},
            "one step, k = 4": {"steps": 1, "k": 4},
            "one step, k = 16, NCE": {"steps": 1, "k": 16, "energy": nce},
            "plain, S = 4": {"steps": 4, "k": 1}, "plain, S = 8": {"steps": 8, "k": 1},
            "plain, S = 16": {"steps": 16, "k": 1}}  # fmt: skip
    notes = {name: _note(energy_diffusion_batch(family, every, **how))
             for name, how in ways.items()}  # fmt: skip
    valid = is_valid(generate_grids(peer, every, seed=0)).mean()
    notes[PEER] = f"16.0 calls, 16.0 rows a puzzle, {valid:.0%} valid"
    for size in BATCHES[:2] if quick else BATCHES:
        x = every[:size]
        methods = {name: partial(energy_diffusion_batch, family, x, **how)
                   for name, how in ways.items()}  # fmt: skip
        methods[PEER] = partial(generate_grids, peer, x, seed=0)
        timings = compare(methods, repeats=3 if quick else 9)
        found += rows_of(timings, BENCH, size, OURS, notes)
    return found


def _note(run) -> str:
    """Return calls, rows and valid grids of a batch."""
    return (f"{run.calls.mean():.1f} calls, {run.rows.mean():.1f} rows a puzzle, "
            f"{is_valid(run.tokens).mean():.0%} valid")  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/energy_diffusion.json``."""
    run_main(run, "energy_diffusion", argv, STANDARD)


if __name__ == "__main__":
    main()
