"""Reversing words: ``generate`` of ``transformers`` on the plain text, our engine on both texts.

    python -m benchmarks.bench_multiverse [--quick]

All have the same weights and solve the same problems, five words of ℓ letters, right in both texts.
``ratio`` is how many times faster the forking engine on PyTorch is than the method of the row.
The peer needs the extra ``peers``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.multiverse import CompiledNetwork, Reversal
from paralg.decoding.multiverse.experiments import runs, tasks
from paralg.decoding.multiverse.fast.compiled import warm

__all__ = ["main", "run"]

P, LENGTHS, BRANCHES = 5, (3, 4, 6, 8), (1, 2, 4, 8, 16)
OURS, PEER, BENCH = "engine, tags", "generate (transformers), no tags", "five words of ℓ letters"
ROW = "one call after 100 slots"

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
    warm()
    network = runs.load()
    fast, peer, found = CompiledNetwork(network), as_neox(network), []
    for length in LENGTHS[-1:] if quick else LENGTHS:
        found += _problems(network, fast, peer, length, quick)
    for branches in BRANCHES[:2] if quick else BRANCHES:
        found += _calls(network, fast, branches, quick)
    return found


def _problems(network, fast, peer, length: int, quick: bool) -> list[dict]:
    """Time the same problems in every way."""
    from paralg.decoding.multiverse.experiments.peers import generate

    tried = (tasks.real_words(P, (length, length), seed) for seed in range(200))
    solved = (one for one in tried if all(runs.right(fast, one, m) for m in runs.MODES.values()))
    problems = [one for one, _ in zip(solved, range(2 if quick else 8), strict=False)]

    def all_of(model, mode):
        return [runs.solve(model, one, mode) for one in problems]

    def by_peer():
        words = tasks.VOCABULARY
        return [generate(peer, words.encode(one.prompt(tasks.PLAIN)), words.end,
                         len(one.answer(tasks.PLAIN).split()) + 1) for one in problems]  # fmt: skip

    texts = [tasks.VOCABULARY.encode(one.text(tasks.PLAIN)) for one in problems]
    if [y.tolist() for y in by_peer()] != texts:
        raise ValueError("expected the peer to write the same texts, got others")
    ways = {OURS: (network, tasks.TAGGED), "engine, no tags": (network, tasks.PLAIN),
            "engine compiled, tags": (fast, tasks.TAGGED),
            "engine compiled, no tags": (fast, tasks.PLAIN)}  # fmt: skip
    methods = {name: partial(all_of, *way) for name, way in ways.items()}
    costs = {name: all_of(*way)[0].cost for name, way in ways.items()}
    notes = {name: f"{cost.calls} calls, {cost.tokens} tokens run" for name, cost in costs.items()}
    notes[PEER] = f"{Reversal(P, length).plain} calls; the same text, logits within 1e-5"
    timings = compare(methods | {PEER: by_peer}, repeats=2 if quick else 9, threads=1)
    return rows_of(timings, BENCH, length, OURS, notes)


def _calls(network, fast, branches: int, quick: bool) -> list[dict]:
    """Time one call that goes on with several branches: the price of a row."""
    tokens, at = np.full((1, 100), 5), np.arange(100)
    mask = np.concatenate([np.ones((branches, 100), bool), np.eye(branches, dtype=bool)], axis=1)
    ways = {}
    for name, model in (("PyTorch", network), ("compiled", fast)):
        past = model.extend(tokens, at, np.tri(100, dtype=bool))[1]

        def call(model=model, past=past):
            if hasattr(past, "log"):
                past.log.used = 100
            return model.extend(tokens[:, :branches], at[:branches], mask, past)

        ways[name] = call
    timings = compare(ways, repeats=3 if quick else 21, threads=1, min_seconds=2e-3)
    return rows_of(timings, ROW, branches, "PyTorch", {})


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/multiverse.json``."""
    run_main(run, "multiverse", argv, STANDARD)


if __name__ == "__main__":
    main()
