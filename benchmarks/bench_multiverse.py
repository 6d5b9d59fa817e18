"""Reversing words: ``generate`` of ``transformers`` on the plain text, our engine on both texts.

    python -m benchmarks.bench_multiverse [--quick]

All have the same weights and solve the same problems, five words of ℓ letters, right in both texts.
``ratio`` is how many times faster the forking engine is than the method of the row.
The peer needs the extra ``peers``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.multiverse import Reversal
from paralg.decoding.multiverse.experiments import runs, tasks

__all__ = ["main", "run"]

P, LENGTHS, BRANCHES = 5, (3, 4, 6, 8), (2, 4, 8, 16)
OURS, PEER, BENCH = "engine, tags", "generate (transformers), no tags", "five words of ℓ letters"
CALL, ROWS = "one call after 100 slots", "this many branches"

STANDARD = Standard(
    chapter="multiverse", task="Five words reversed by a small network", bench=BENCH, ours=OURS,
    peer=PEER, size_name="letters a word", headline=8,
    counted=lambda length: Reversal(P, length).speedup,
    counted_name="calls without tags over calls with tags",
    names={OURS: "Multiverse engine", PEER: "generate of transformers"},
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Few problems and repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    from transformers import logging

    from paralg.decoding.multiverse.experiments.peers import as_neox

    logging.set_verbosity_error()
    network = runs.load()
    peer, found = as_neox(network), []
    for length in LENGTHS[-1:] if quick else LENGTHS:
        found += _problems(network, peer, length, quick)
    for branches in BRANCHES[:2] if quick else BRANCHES:
        found += _calls(network, branches, quick)
    return found


def _problems(network, peer, length: int, quick: bool) -> list[dict]:
    """Time the same problems in every way."""
    from paralg.decoding.multiverse.experiments.peers import generate

    tried = (tasks.real_words(P, (length, length), seed) for seed in range(200))
    solved = (one for one in tried if all(runs.right(network, one, m) for m in runs.MODES.values()))
    problems = [one for one, _ in zip(solved, range(2 if quick else 8), strict=False)]

    def all_of(mode):
        return [runs.solve(network, one, mode) for one in problems]

    def by_peer():
        words = tasks.VOCABULARY
        return [generate(peer, words.encode(one.prompt(tasks.PLAIN)), words.end,
                         len(one.answer(tasks.PLAIN).split()) + 1) for one in problems]  # fmt: skip

    texts = [tasks.VOCABULARY.encode(one.text(tasks.PLAIN)) for one in problems]
    if [y.tolist() for y in by_peer()] != texts:
        raise ValueError("expected the peer to write the same texts, got others")
    methods = {OURS: partial(all_of, tasks.TAGGED), "engine, no tags": partial(all_of, tasks.PLAIN)}
    costs = {name: method()[0].cost for name, method in methods.items()}
    notes = {name: f"{cost.calls} calls, {cost.tokens} tokens run" for name, cost in costs.items()}
    notes[PEER] = f"{Reversal(P, length).plain} calls; the same text, logits within 1e-5"
    timings = compare(methods | {PEER: by_peer}, repeats=2 if quick else 9, threads=1)
    return rows_of(timings, BENCH, length, OURS, notes)


def _calls(network, branches: int, quick: bool) -> list[dict]:
    """Time one call that goes on with several branches: the price of a row."""
    tokens, at = np.full((1, 100), 5), np.arange(100)
    mask = np.concatenate([np.ones((branches, 100), bool), np.eye(branches, dtype=bool)], axis=1)
    past = network.extend(tokens, at, np.tri(100, dtype=bool))[1]
    methods = {"one branch": partial(network.extend, tokens[:, :1], [100], mask[:1, :101], past),
               ROWS: partial(network.extend, tokens[:, :branches], [100] * branches, mask, past)}
    timings = compare(methods, repeats=3 if quick else 21, threads=1, min_seconds=2e-3)
    return rows_of(timings, CALL, branches, ROWS, {})


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/multiverse.json``."""
    run_main(run, "multiverse", argv, STANDARD)


if __name__ == "__main__":
    main()
