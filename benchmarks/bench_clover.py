"""Greedy decoding of text: ``generate`` of transformers, one token a call, Medusa's heads, Clover.

    python -m benchmarks.bench_clover [--quick]

``ratio`` is how many times faster Clover with a budget of 4 is than the method of the row; tokens a
call, which do not depend on the machine, stand in the note. The peer is a GPT-2 of the same size
with random weights, because it cannot rotate queries and keys; it needs the extra ``peers``.
"""

from __future__ import annotations

from functools import partial

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.clover import Budgeted, clover, clover_batch
from paralg.decoding.clover.experiments import runs
from paralg.decoding.clover.experiments.records import records

__all__ = ["main", "run"]

SIZES, BATCHES, PROMPTS = (1, 2, 4, 8, 16), (4, 16, 48), 10
OURS, PEER, BENCH = "Clover m=4", "generate (transformers)", "text, 40 characters"


def tokens(m: int) -> float:
    """Return tokens a call with a budget of m, over 40 prompts."""
    found = records.read("trees")
    return found[f"clover Budgeted {m}"]["tokens"]


STANDARD = Standard(
    chapter="clover", task="Text of a small network, 40 characters", bench=BENCH,
    ours="Clover m={size}", peer=PEER, size_name="budget m", headline=4,
    names={"Clover m={size}": "Clover", PEER: "generate of transformers"},
    counted=tokens, counted_name="tokens a call of the target",
)  # fmt: skip


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

    from paralg.decoding.clover.experiments.peers import generate, gpt2_of

    logging.set_verbosity_error()
    torch.set_num_threads(1)
    repeats = 2 if quick else 7
    x, peer = runs.prompts(2 if quick else PROMPTS), gpt2_of(runs.target())

    def ours(name, m):
        return [clover_batch(runs.target(), row[None], runs.heads(name), Budgeted(m)) for row in x]

    methods = {"one token a call": lambda: [clover_batch(runs.target(), row[None]) for row in x]}
    methods |= {f"Clover m={m}": partial(ours, "clover", m) for m in SIZES}
    methods["Clover m=4, no block"] = partial(ours, "clover-no-block", 4)
    methods["Medusa's heads, m=4"] = partial(ours, "medusa", 4)
    notes = {name: f"{_per_call(method()):.2f} tokens a call" for name, method in methods.items()}
    methods["Clover m=4, not compiled"] = lambda: [
        clover(runs.target(), row, runs.heads(), Budgeted(4)) for row in x]  # fmt: skip
    notes["Clover m=4, not compiled"] = "the plain decoder, same calls"
    methods[PEER] = lambda: [generate(peer, row[None]) for row in x]
    notes[PEER] = "same size, random weights"
    rows = rows_of(compare(methods, repeats=repeats), BENCH, f"{len(x)} prompts", OURS, notes)
    for B in BATCHES[:1] if quick else BATCHES:
        many = runs.prompts(B)
        methods = {"one token a call": partial(clover_batch, runs.target(), many),
                   OURS: partial(clover_batch, runs.target(), many, runs.heads(), Budgeted(4)),
                   "Clover m=4, no block": partial(clover_batch, runs.target(), many,
                                                   runs.heads("clover-no-block"), Budgeted(4)),
                   PEER: partial(generate, peer, many)}  # fmt: skip
        rows += rows_of(compare(methods, repeats=repeats), "text, many prompts at once", B, OURS,
                        {PEER: notes[PEER]})  # fmt: skip
    return rows


def _per_call(found) -> float:
    return sum(run.final.sum() for run in found) / sum(run.calls.sum() for run in found)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/clover.json``."""
    run_main(run, "clover", argv, STANDARD)


if __name__ == "__main__":
    main()
