"""Trajectories: the states of an update together or one by one, and rounds against single steps.

    python -m benchmarks.bench_consistency_trajectory [--quick]

The released trainers need a network of billions of parameters and an accelerator, and no package
for a processor was found; so the peers are what they do, on the same small network in the same run:
an update that goes through the states of a trajectory one after the other, and one-step GRPO.
"""

from __future__ import annotations

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.consistency_trajectory import (
    ascending,
    log_probabilities,
    mean_weights,
    one_step,
    rollout,
    trajectory_loss,
)
from paralg.decoding.consistency_trajectory.experiments import sudoku
from paralg.decoding.consistency_trajectory.experiments.runs import start

__all__ = ["main", "run"]

ROWS = (1, 2, 6, 12, 48)
SIZES = ascending(sudoku.CELLS)
OURS, PEER = "all states in one batch", "one state after the other"
UPDATE = "one update, four rounds"

STANDARD = Standard(
    chapter="consistency_trajectory", task="Forward and backward pass of a trajectory update",
    bench=UPDATE, ours=OURS, peer=PEER, size_name="answers", headline=6,
    counted=lambda rows: len(SIZES), counted_name="calls one by one over calls in one batch",
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
    network, found = start(), []
    for rows in (1, 6) if quick else ROWS:
        found += _updates(network, rows, 3 if quick else 15)
    return found + _decoding(network, 8 if quick else 48, 2 if quick else 7)


def _updates(network, rows: int, repeats: int) -> list[dict]:
    """Time the gradient of a stored trajectory, two ways, and that of one-step GRPO."""
    rng = np.random.default_rng(0)
    x = np.full((rows, sudoku.CELLS), sudoku.MASK)
    done = rollout(sudoku.from_network(network), x, sudoku.MASK, SIZES, rng)
    gain = rng.normal(size=rows)

    def update(view, batched: bool):
        network.zero_grad()
        log_p = log_probabilities(network, view, batched=batched)
        old = log_p.detach()
        trajectory_loss(log_p, old, old, gain, mean_weights(view.revealed))[0].backward()

    once, S = one_step(done), len(SIZES)
    ways = {OURS: lambda: update(done, True), PEER: lambda: update(done, False),
            "one-step": lambda: update(once, True)}  # fmt: skip
    timings = compare(ways, repeats=repeats, threads=1)
    notes = {OURS: f"1 call of {S * rows} rows", PEER: f"{S} calls of {rows} rows",
             "one-step": f"1 call of {rows} rows; another gradient"}  # fmt: skip
    return rows_of(timings, UPDATE, rows, OURS, notes)


def _decoding(network, games: int, repeats: int) -> list[dict]:
    """Time rollouts of several schedules; notes carry rounds and the share of valid grids."""
    rng, predict = np.random.default_rng(0), sudoku.from_network(network)
    x = sudoku.puzzles(games, rng)

    def decode(sizes):
        return rollout(predict, x, sudoku.MASK, sizes, np.random.default_rng(1))

    ways = {"doubling": ascending(12), "four of three": (3,) * 4, "one by one": (1,) * 12}
    timings = compare({name: lambda sizes=sizes: decode(sizes) for name, sizes in ways.items()},
                      repeats=repeats, threads=1)  # fmt: skip
    notes = {name: f"{len(sizes)} forwards, {sudoku.valid(decode(sizes).tokens).mean():.0%} valid"
             for name, sizes in ways.items()}  # fmt: skip
    return rows_of(timings, "decoding, by confidence", f"{games} games", "doubling", notes)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/consistency_trajectory.json``."""
    run_main(run, "consistency_trajectory", argv, STANDARD)


if __name__ == "__main__":
    main()
