"""Calls written behind a program: our greedy decoding, ``generate`` of transformers, no cache.

    python -m benchmarks.bench_mpirigen [--quick]

All write the same symbols with the same weights, our network as a GPT-NeoX of ``transformers``.
``ratio`` is how many times faster our decoding with kept keys and values is; its network has its
operations fused, as in the chapter on Multiverse.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import torch

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.multiverse.experiments.peers import as_neox
from paralg.decoding.multiverse.fast.fused import FusedNetwork
from paralg.models import Network, masks
from paralg.rounds.mpirigen import prompt, strip
from paralg.rounds.mpirigen.experiments import runs, tokens
from paralg.rounds.mpirigen.texts import END

__all__ = ["main", "run"]

OURS, PEER, AGAIN = "kept keys and values", "generate of transformers", "reading all again"
BENCH = "write the calls of a program"
SIZES = (80, 120, 160)


@cache
def case(size: int) -> tuple[list[int], list[int]]:
    """Return prompt and answer of the fresh program whose prompt is nearest to so many symbols."""
    texts = [prompt(strip(program)[0]) for _, program in runs.fresh()]
    given = min(texts, key=lambda text: abs(len(text) - size))
    reader, answer = tokens.NetworkReader(runs.load()), []
    symbol = reader(given)
    while symbol != END:
        answer.append(symbol)
        symbol = reader([symbol])
    return tokens.encode(given), tokens.encode([*answer, END])


def counted(size: int) -> float:
    """Return symbols that are read if nothing is kept, over those that are read with a cache."""
    given, answer = map(len, case(size))
    return sum(given + 1 + k for k in range(answer)) / (given + answer)


STANDARD = Standard(
    chapter="mpirigen", task="Calls written behind a program", bench=BENCH, ours=OURS, peer=PEER,
    size_name="symbols of the program", headline=120, counted=counted,
    counted_name="symbols read without a cache, over those read with one",
)  # fmt: skip


def kept(network: Network, given: list[int], count: int) -> list[int]:
    """Write so many symbols, reading each once."""
    x, past, out = [network.V, *given], None, []
    for _ in range(count):
        done = 0 if past is None else len(past)
        mask = np.tri(len(x), done + len(x), done, dtype=bool)
        logits, new = network.extend([x], np.arange(done, done + len(x)), mask, past)
        past = new if past is None else past.join(new)
        x = [int(np.argmax(logits[0, -1]))]
        out += x
    return out


def again(network: Network, given: list[int], count: int) -> list[int]:
    """Write so many symbols, reading all that is there for each."""
    x = [network.V, *given]
    for _ in range(count):
        logits, _ = network.extend([x], np.arange(len(x)), masks.causal(len(x)))
        x.append(int(np.argmax(logits[0, -1])))
    return x[len(given) + 1 :]


def generate(model, given: list[int], count: int) -> list[int]:
    """Write so many symbols with the library's greedy search and its cache."""
    text = torch.tensor([[model.config.bos_token_id, *given]])
    with torch.inference_mode():
        y = model.generate(text, attention_mask=torch.ones_like(text), do_sample=False,
                           max_new_tokens=count, use_cache=True)  # fmt: skip
    return y[0, text.shape[1] :].tolist()


def run(quick: bool = False) -> list[dict]:
    """Time three ways to write, at several sizes of the program."""
    network, found = runs.load(), []
    model, fused = as_neox(network), FusedNetwork(network)
    for size in SIZES[:1] if quick else SIZES:
        given, answer = case(size)
        few = answer[:8] if quick else answer
        given_few = given, len(few)
        ways = {OURS: partial(kept, fused, *given_few),
                PEER: partial(generate, model, *given_few),
                AGAIN: partial(again, network, *given_few)}  # fmt: skip
        for name, way in ways.items():
            if way() != few:
                raise ValueError(f"expected the same symbols from {name!r}")
        notes = {OURS: f"{len(given)} symbols read, {len(few)} written",
                 AGAIN: f"{counted(size):.3g}x the symbols"}  # fmt: skip
        timings = compare(ways, repeats=2 if quick else 5, warmup=0, threads=1)
        found += rows_of(timings, BENCH, size, OURS, notes)
    return found


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/mpirigen.json``."""
    run_main(run, "mpirigen", argv, STANDARD)


if __name__ == "__main__":
    main()
