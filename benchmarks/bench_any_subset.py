"""Filling in Sudoku grids and text: XLNet of ``transformers`` and our any-order networks.

    python -m benchmarks.bench_any_subset [--quick]

XLNet has the layers, width and heads of our network and samples one token a call with
``perm_mask`` and ``target_mapping``, as its users do; its weights are random, which changes neither
its calls nor their seconds. ``ratio`` is how many times faster ASSD with kept keys and values is
(k = 8 on grids, 5 on text) than the method of the row. The peer needs the extra ``peers``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.any_subset import assd, cached_assd, cached_bigram_assd, lattice_order
from paralg.decoding.any_subset.experiments.records import records
from paralg.decoding.any_subset.experiments.tasks import decode_all, infills, one_by_one, puzzles
from paralg.decoding.randomness import RandomDraws, softmax
from paralg.decoding.reading import ranks

__all__ = ["main", "run", "serially"]

PEER, GRIDS, TEXT = "XLNet (transformers)", "Sudoku, 12 of 16 cells", "text, 32 of 64 characters"


def fewer(k: int) -> float:
    """Return the calls of one token a call over those of ASSD, on grids with four givens."""
    four = records.read("sudoku")["4"]
    return four["one by one"]["calls"] / four[f"k = {k}"]["calls"]


STANDARD = Standard(
    chapter="any_subset", task="Filling in 12 of 16 cells of Sudoku by a small network",
    bench=GRIDS, ours="ASSD k={size}", peer=PEER, size_name="targets k", headline=8,
    names={"ASSD k={size}": "ASSD, keys and values kept", PEER: "XLNet of transformers"},
    counted=fewer, counted_name="calls at one token each over those of ASSD",
)  # fmt: skip


def serially(model, x: np.ndarray, rng) -> np.ndarray:
    """Fill in one token a call, in the plainest way that the public network allows."""
    x, order = x.copy(), lattice_order(x, model.V)
    rank = ranks(x, model.V, order)
    for i in order:
        x[i] = rng.categorical(softmax(model.anyorder(x[None], rank, at=[i]))[0, 0])
    return x


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Few prompts and repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    import torch
    from transformers import logging

    logging.set_verbosity_error()
    torch.set_num_threads(1)
    n = 2 if quick else 10
    tasks = ((GRIDS, "sudoku4-anyorder", puzzles(n, 4), (2, 3, 5, 8, 12), 8),
             (TEXT, "text-anyorder", infills(n, 32), (2, 3, 5, 10), 5))  # fmt: skip
    return [row for task in tasks for row in _rows(*task, repeats=2 if quick else 7)]


def _rows(bench: str, name: str, prompts: list, ks: tuple, best: int, repeats: int) -> list[dict]:
    """Return the rows of one task."""
    from paralg.decoding.any_subset.experiments.peers import XLNet
    from paralg.models import load

    ours = load(name)
    peer, fill = XLNet(ours.transformer.config), partial(decode_all, model=ours, prompts=prompts)
    mine = {"one token a call": partial(fill, one_by_one)}
    mine |= {f"ASSD k={k}": partial(fill, cached_assd, k=k) for k in ks}
    mine[f"ASSD k={best}, nothing kept"] = partial(fill, assd, k=best)
    mine["bigram drafts, k=5"] = partial(fill, cached_bigram_assd, k=5)
    notes = {}
    for way, method in mine.items():
        cost = np.mean([(run.forwards, run.cost.tokens) for run in method()], axis=0)
        notes[way] = f"{cost[0]:.1f} calls, {cost[1]:.0f} positions a prompt"
    notes[PEER] = (f"one call a token; {peer.parameters_count:,} parameters, ours has "
                   f"{ours.transformer.parameters_count:,}")  # fmt: skip
    methods = mine | {PEER: lambda: [serially(peer, x, RandomDraws(0, i))
                                     for i, x in enumerate(prompts)]}  # fmt: skip
    timings = compare(methods, repeats=repeats)
    return rows_of(timings, bench, f"{len(prompts)} prompts", f"ASSD k={best}", notes)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/any_subset.json``."""
    run_main(run, "any_subset", argv, STANDARD)


if __name__ == "__main__":
    main()
