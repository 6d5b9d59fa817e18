"""Greedy decoding of text: ``generate`` of transformers, one token a call, Medusa's heads, Clover.

    python -m benchmarks.bench_clover [--quick]

``ratio`` is how many times faster Clover with a budget of 4 is than the method of the row; tokens a
call, which do not depend on the machine, stand in the note. The peer is a GPT-2 of the same size
with random weights, because it cannot rotate queries and keys; it needs the extra ``peers``.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding import RandomDraws, ancestral
from paralg.decoding.clover import BestFirst, Budgeted, clover
from paralg.decoding.clover.experiments import runs
from paralg.decoding.clover.experiments.records import records
from paralg.decoding.shaping import TopK

__all__ = ["main", "run"]

SIZES, BATCHES, PROMPTS = (2, 4, 8), (1, 4, 16, 48), 10
OURS, PEER, BENCH = "Clover m=4", "generate (transformers)", "text, 40 characters"


def tokens(m: int) -> float:
    """Return tokens a call with a budget of m, over 40 prompts, of which the first are timed."""
    found = records.read("trees")
    return found[f"clover paper {m}"]["tokens"]


STANDARD = Standard(
    chapter="clover", task="Text of a small network, 40 characters", bench=BENCH,
    ours="Clover m={size}", peer=PEER, size_name="budget m", headline=4,
    names={"Clover m={size}": "Clover", PEER: "generate of transformers"},
    counted=tokens, counted_name="tokens a call of the target",
)  # fmt: skip


def gpt2_of(network, seed: int = 0):
    """Return a ``GPT2LMHeadModel`` of a network's sizes, with random weights.

    It has no rotation, so the network's weights do not fit; a greedy call takes as long with any.
    Its token V is the begin symbol.
    """
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    config = network.transformer.config
    torch.manual_seed(seed)
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=config.V + 1, n_positions=config.L + 1, n_embd=config.width,
        n_layer=config.layers, n_head=config.heads, activation_function="gelu",
        bos_token_id=config.V, eos_token_id=None, pad_token_id=config.V,
    )).eval()  # fmt: skip


def generate(model, x: np.ndarray, **options) -> np.ndarray:
    """Decode greedily what is masked behind the prompt, with the library's cache."""
    import torch

    V = model.config.vocab_size - 1
    given = np.pad(x[:, : int((x[0] != V).sum())], ((0, 0), (1, 0)), constant_values=V)
    given = torch.from_numpy(given)
    with torch.inference_mode():
        y = model.generate(given, attention_mask=torch.ones_like(given), do_sample=False,
                           max_new_tokens=x.shape[1] + 1 - given.shape[1], use_cache=True,
                           **options)  # fmt: skip
    return y[:, 1:].numpy()


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
    repeats = 2 if quick else 7
    x, peer = runs.prompts(2 if quick else PROMPTS), gpt2_of(runs.target())

    def ours(name, rule):
        return [clover(runs.target(), row, runs.heads(name), rule) for row in x]

    def plain():
        return [ancestral(runs.target(), row, rng=RandomDraws(), shape=TopK(1), cache=True)
                for row in x]  # fmt: skip

    methods = {"one token a call": plain}
    methods |= {f"Clover m={m}": partial(ours, "clover", Budgeted(m)) for m in SIZES}
    methods["Clover, best 16 drafts"] = partial(ours, "clover", BestFirst(16))
    methods["Medusa's heads, m=4"] = partial(ours, "medusa", Budgeted(4))
    notes = {name: f"{_per_call(method()):.2f} tokens a call" for name, method in methods.items()}
    methods[PEER] = lambda: [generate(peer, row[None]) for row in x]
    notes[PEER] = "same size, random weights"
    rows = rows_of(compare(methods, repeats=repeats), BENCH, f"{len(x)} prompts", OURS, notes)
    for B in BATCHES[:1] if quick else BATCHES:
        calls = {f"{slots} slots each": partial(_call, B, slots) for slots in (1, 5, 17)}
        rows += rows_of(compare({name: call() for name, call in calls.items()}, repeats=repeats),
                        "one call, sequences at once", B, "5 slots each")  # fmt: skip
    return rows


def _per_call(found) -> float:
    return sum(len(run.trace.commits) for run in found) / sum(run.forwards for run in found)


def _call(B: int, slots: int):
    """Return a call of B sequences after 40 earlier slots."""
    net, n = runs.target(), 40
    _, past = net.extend(np.zeros((B, n), int), np.arange(n), np.tri(n, dtype=bool))
    new = np.zeros((B, slots), int), np.full(slots, n), np.ones((slots, n + slots), bool), past
    return lambda: net.extend(*new)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/clover.json``."""
    run_main(run, "clover", argv, STANDARD)


if __name__ == "__main__":
    main()
