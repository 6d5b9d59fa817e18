"""One frame of 8 × 12 tokens: ``generate`` of ``transformers``, and diagonals of several offsets.

    python -m benchmarks.bench_mineworld [--quick]

The peer is a ``LlamaForCausalLM`` of the same width and depth and nearly as many parameters, in
raster order with its cache. Both read a prompt of a frame and an action, and write 96 tokens;
seconds do not depend on what weights have learned. A second table has frames of 14 × 24, as in the
paper. Ours keeps keys and values in static arrays; one row has copies that are joined instead.
``ratio`` is how many times faster diagonals at w = 2 are than the method of the row.
The peer needs the extra ``peers``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.mineworld import StreamShape, Wavefront, decode
from paralg.decoding.mineworld.experiments import runs
from paralg.decoding.mineworld.fast.static import StaticNetwork
from paralg.models import Network, TransformerConfig

__all__ = ["main", "run"]

OFFSETS, LARGE = (12, 6, 4, 3, 2, 1), (24, 3, 2, 1)
OURS, PEER = "diagonals, w = {size}", "generate (transformers), raster"
JOINED = "w = 2, joined copies"
BENCH, BENCH_LARGE = "a frame of 8 × 12", "a frame of 14 × 24"

STANDARD = Standard(
    chapter="mineworld", task="A frame of 8 × 12 tokens by a small network", bench=BENCH,
    ours=OURS, peer=PEER, size_name="row offset w", headline=2,
    counted=lambda w: Wavefront(8, 12, w).speedup,
    counted_name="calls in raster order over calls by diagonals",
    names={OURS: "diagonal decoding", PEER: "generate of transformers"},
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
    small, large = StreamShape(8, 12), StreamShape(14, 24, 11)
    found = _frame(small, BENCH, (12, 2) if quick else OFFSETS, 2 if quick else 9, peer=True)
    return found + _frame(large, BENCH_LARGE, (2, 1) if quick else LARGE, 2 if quick else 5)


def _frame(shape: StreamShape, bench: str, offsets, repeats: int, peer: bool = False):
    """Time one frame behind a prompt of a frame and an action, interleaved."""
    tokens = shape.R * shape.C
    config = TransformerConfig(V=runs.CONFIG.V, L=shape.step + tokens, rotary=True)
    plain = Network.untrained(config, "causal")
    network = StaticNetwork(plain)
    prompt = np.random.default_rng(0).integers(0, config.V, shape.step)
    ways = {OURS.format(size=w): partial(decode, network, prompt, shape, w) for w in offsets}
    notes = {OURS.format(size=w): f"{Wavefront(shape.R, shape.C, w).total} calls" for w in offsets}
    ways[JOINED] = partial(decode, plain, prompt, shape, 2)
    if peer:
        ways[PEER] = _peer(config, prompt, tokens)
        notes[PEER] = f"{tokens} calls"
    for name, way in ways.items():
        size = way().frames.size if name != PEER else way().size
        if size != tokens:
            raise ValueError(f"expected {tokens} tokens from {name}, got {size}")
    timings = compare(ways, repeats=repeats, threads=1)
    return rows_of(timings, bench, tokens, OURS.format(size=2), notes)


def _peer(config: TransformerConfig, prompt: np.ndarray, tokens: int):
    from transformers import logging

    from paralg.decoding.mineworld.experiments import peers

    logging.set_verbosity_error()
    return partial(peers.generate, peers.llama(config), prompt, tokens)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/mineworld.json``."""
    run_main(run, "mineworld", argv, STANDARD)


if __name__ == "__main__":
    main()
