"""Sampling handwritten digits: the same weights by ``transformers`` and by our decoders.

    python -m benchmarks.bench_speculative_jacobi [--quick]

``ratio`` is how many times faster speculative Jacobi decoding with W = 16 is than the method of the
row; forwards and positions, which do not depend on the machine, stand in the note.
The peer needs the extra ``peers``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.data import digits
from paralg.decoding.baselines import ancestral
from paralg.decoding.randomness import RandomDraws
from paralg.decoding.speculative_jacobi import coupled, extended, matched, speculative_jacobi
from paralg.decoding.speculative_jacobi.experiments.images import (
    hook,
    initialiser,
    network,
    prompts,
    summary,
)
from paralg.decoding.speculative_jacobi.experiments.records import records

__all__ = ["main", "run"]

WINDOWS, IMAGES = (1, 4, 8, 16, 32), 10
OURS, PEER, BENCH = "speculative Jacobi W=16", "generate (transformers)", "digits, 64 pixels"


def fewer(W: int) -> float:
    """Return the forwards of one token a forward over those of speculative Jacobi decoding."""
    return records.read("windows")[str(W)]["above"]["tokens"]


STANDARD = Standard(
    chapter="speculative_jacobi", task="Digits of 64 pixels by a small network", bench=BENCH,
    ours="speculative Jacobi W={size}", peer=PEER, size_name="drafts W", headline=16,
    names={"speculative Jacobi W={size}": "speculative Jacobi", PEER: "generate of transformers"},
    counted=fewer, counted_name="forwards at one token each over those of speculative Jacobi",
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Few images and repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    import torch
    from transformers import logging

    from paralg.decoding.speculative_jacobi.experiments.peers import as_gpt2, generate

    logging.set_verbosity_error()
    torch.set_num_threads(1)
    ours, allowed, images = network(), digits.allowed(), prompts(2 if quick else IMAGES)
    peer = as_gpt2(ours)
    _same_logits(ours, peer)

    def decode(decoder, **options):
        return [decoder(ours, x, rng=RandomDraws(0, i), shape=hook(), cache=True, **options)
                for i, x in enumerate(images)]  # fmt: skip

    above = initialiser("above")
    mine = {"one token a forward": partial(decode, ancestral)}
    for W in WINDOWS:
        mine[f"speculative Jacobi W={W}"] = partial(decode, speculative_jacobi, W=W,
                                                    initialiser=above)  # fmt: skip
    for name, decoder in (("coupled", coupled), ("extended", extended), ("plain Jacobi", matched)):
        mine[f"{name}, W=16"] = partial(decode, decoder, W=16, initialiser=above)
    methods = dict(mine)
    lookup = {"prompt_lookup_num_tokens": 10}
    for name, options in ((PEER, {}), ("the same, prompt lookup", lookup)):
        methods[name] = lambda options=options: [
            generate(peer, x, allowed, i, **options) for i, x in enumerate(images)]  # fmt: skip
    notes = {name: "{forwards:.1f} forwards, {positions:.0f} positions an image".format(
        **summary(method())) for name, method in mine.items()}  # fmt: skip
    notes[PEER] = "64 calls; logits equal to the last bit"
    timings = compare(methods, repeats=2 if quick else 7)
    return rows_of(timings, BENCH, f"{len(images)} images", OURS, notes)


def _same_logits(ours, peer) -> None:
    """Check that both libraries compute the same."""
    import torch

    x = digits.encode(*digits.load("test"))[:4]
    shifted = np.concatenate([np.full((len(x), 1), ours.V), x[:, :-1]], axis=1)
    with torch.inference_mode():
        theirs = peer(torch.from_numpy(shifted)).logits[..., :-1].double().numpy()
    if not np.array_equal(theirs, ours.causal(x)):
        off = np.abs(theirs - ours.causal(x)).max()
        raise ValueError(f"expected equal logits, got a difference of {off}")


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/speculative_jacobi.json``."""
    run_main(run, "speculative_jacobi", argv, STANDARD)


if __name__ == "__main__":
    main()
