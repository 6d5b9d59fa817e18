"""Reversing words: ``generate`` of ``transformers`` on the plain text, our engine on both texts.

    python -m benchmarks.bench_multiverse [--quick]

All have the same weights and write the same dictated answers, five words of ℓ letters: seconds do
not depend on what the weights have learned, and so lengths are not limited to what they can do.
``ratio`` is how many times faster the forking engine is than the method of the row; the engine is
timed with tags and without on the fused network, and with tags on the plain one.
The peer needs the extra ``peers``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.multiverse import Reversal, multiverse, parse
from paralg.decoding.multiverse.experiments import runs, tasks
from paralg.decoding.multiverse.experiments.scripted import Scripted
from paralg.decoding.multiverse.fast.fused import FusedNetwork
from paralg.decoding.multiverse.theory import injected
from paralg.models import Network

__all__ = ["main", "run"]

P, LENGTHS, BRANCHES = 5, (3, 4, 6, 8, 10), (2, 4, 8, 16)
OURS, UNTAGGED, PEER = "engine, tags", "engine, no tags", "generate (transformers), no tags"
BENCH = "five words of ℓ letters"
CALL, ROWS = "one call after 100 slots", "this many branches"
WORDS = tasks.VOCABULARY

STANDARD = Standard(
    chapter="multiverse", task="Five words reversed by a small network", bench=BENCH, ours=OURS,
    peer=PEER, size_name="letters a word", headline=8,
    counted=lambda length: Reversal(P, length).speedup,
    counted_name="calls without tags over calls with tags",
    names={OURS: "Multiverse engine", PEER: "generate of transformers"},
)  # fmt: skip


class Dictation:
    """In place of random draws: the tokens that a script has the engine write, in its order."""

    def __init__(self, text: str, prompt: list[int]):
        written = multiverse(Scripted(text, WORDS, runs.CONFIG.L), prompt, WORDS).trace.commits
        skip = set(injected(parse(text)))
        self.tokens = [event.token for event in written if event.position not in skip]
        self.next = iter(self.tokens)

    def categorical(self, p) -> int:
        """Return the next token."""
        return next(self.next)


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
    from transformers import logging

    from paralg.decoding.multiverse.experiments.peers import as_neox

    logging.set_verbosity_error()
    network = Network(runs.build("reversal", 0), "causal")
    peer, found = as_neox(network), []
    for length in (8,) if quick else LENGTHS:
        found += _problems(network, peer, length, 2 if quick else 7)
    for branches in BRANCHES[:1] if quick else BRANCHES:
        found += _calls(network, branches, 3 if quick else 9)
    return found


def _problems(network, peer, length: int, repeats: int) -> list[dict]:
    """Time one answer, written in every way."""
    from paralg.decoding.multiverse.experiments.peers import generate

    problem, ways, notes = tasks.real_words(P, (length, length), 0), {}, {}
    fused = FusedNetwork(network)
    for name, mode, model in ((OURS, tasks.TAGGED, fused), (UNTAGGED, tasks.PLAIN, fused),
                              ("engine, tags, plain network", tasks.TAGGED, network)):
        prompt, text = WORDS.encode(problem.prompt(mode)), problem.text(mode)
        dictation = Dictation(text, prompt)

        def write(model=model, prompt=prompt, dictation=dictation):
            dictation.next = iter(dictation.tokens)
            return multiverse(model, prompt, WORDS, rng=dictation)

        if WORDS.decode(write().tokens) != text:
            raise ValueError(f"expected {text!r}, got another text")
        cost, ways[name] = write().cost, write
        notes[name] = f"{cost.calls} calls, {cost.tokens} tokens run"
    answer = WORDS.encode(problem.answer(tasks.PLAIN))
    ways[PEER] = partial(generate, peer, prompt, answer)
    if ways[PEER]().tolist() != prompt + answer:
        raise ValueError("expected the peer to write the same text, got another one")
    notes[PEER] = f"{len(answer)} calls; logits within 1e-5"
    return rows_of(compare(ways, repeats=repeats, threads=1), BENCH, length, OURS, notes)


def _calls(network, branches: int, repeats: int) -> list[dict]:
    """Time one call that goes on with one branch, and with several: the price of a row."""
    tokens, at = np.full((1, 100), 5), np.arange(100)
    past = network.extend(tokens, at, np.tri(100, dtype=bool))[1]
    mask = np.concatenate([np.ones((branches, 100), bool), np.eye(branches, dtype=bool)], axis=1)
    methods = {"one branch": partial(network.extend, tokens[:, :1], [100], mask[:1, :101], past),
               ROWS: partial(network.extend, tokens[:, :branches], [100] * branches, mask, past)}
    timings = compare(methods, repeats=repeats, threads=1, min_seconds=5e-3)
    return rows_of(timings, CALL, branches, ROWS, {})


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/multiverse.json``."""
    run_main(run, "multiverse", argv, STANDARD)


if __name__ == "__main__":
    main()
