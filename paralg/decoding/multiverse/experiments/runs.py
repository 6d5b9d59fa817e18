"""Small networks that write both ways: run this module with a name of `PLANS` and ``--seed``."""

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from paralg.decoding.multiverse.engine import multiverse
from paralg.decoding.multiverse.experiments import tasks
from paralg.models import Network, Transformer, TransformerConfig
from paralg.training import Plan, Runs

__all__ = ["CONFIG", "LENGTHS", "PLANS", "RUNS", "SIZES", "load", "score", "solve"]

CONFIG = TransformerConfig(V=tasks.VOCABULARY.V, L=128, width=64, layers=3, heads=4, rotary=True)
PLANS = {"reversal": Plan("reversal", 2000, rate=2e-3), "chain": Plan("chain", 1500, rate=2e-3)}
SIZES = {"reversal": (2, 5), "chain": (2, 6)}
"""Fewest and most items."""
LENGTHS = (3, 8)
"""Letters of the shortest and of the longest word."""

_BATCH, _TESTS, _GROWS = 8, 150, 0.5


def build(name: str, seed: int) -> Transformer:
    """Return a new network: positions enter by rotation alone, as in the paper's model."""
    network = Transformer(CONFIG, seed)
    with torch.no_grad():
        network.position.weight.zero_()
    network.position.requires_grad_(requires_grad=False)
    return network


def batch_loss(network: Transformer, batch: dict[str, np.ndarray]) -> torch.Tensor:
    """Return the mean nats of the tokens that the model is to write."""
    of = {key: torch.from_numpy(value) for key, value in batch.items()}
    logits, _ = network(of["tokens"], of["positions"], of["mask"])
    chosen = of["weights"] > 0
    return F.cross_entropy(logits[chosen], of["targets"][chosen])


def _loss(name: str):
    """Draw problems of one size, and write each both ways; sizes grow over the first half."""
    (few, many), (short, long) = SIZES[name], LENGTHS

    def loss(network, rng, step):
        grown = min(1.0, step / (_GROWS * PLANS[name].steps))
        P = int(rng.integers(few, few + 2 + round((many - few - 1) * grown)))
        lengths = (short, short + 1 + round((long - short - 1) * grown))
        problems = [tasks.draw(name, P, rng, lengths) for _ in range(_BATCH)]
        both = {mode: batch_loss(network, tasks.rows(problems, mode))
                for mode in (tasks.PLAIN, tasks.TAGGED)}  # fmt: skip
        plain, tagged = both.values()
        return (plain + tagged) / 2, {"plain": plain.item(), "tagged": tagged.item()}

    return loss


def solve(network, problem: tasks.Problem, mode: str, **options):
    """Write the answer of a problem by the engine."""
    prompt = tasks.VOCABULARY.encode(problem.prompt(mode))
    return multiverse(network, prompt, tasks.VOCABULARY, **options)


def score(network, problems, mode: str) -> float:
    """Return the share of problems whose whole answer is right."""
    return float(np.mean([
        tasks.VOCABULARY.decode(solve(network, one, mode).tokens) == one.text(mode)
        for one in problems
    ]))  # fmt: skip


def _score(model: Transformer, name: str) -> dict[str, float]:
    network, (low, high) = Network(model, "causal", name), SIZES[name]
    sizes = [low + i % (high - low + 1) for i in range(_TESTS)]
    if name == "reversal":
        problems = [tasks.real_words(P, LENGTHS, seed) for seed, P in enumerate(sizes)]
    else:
        problems = [tasks.draw(name, P, np.random.default_rng([9, i])) for i, P in enumerate(sizes)]
    return {word: score(network, problems, mode)
            for word, mode in (("plain", tasks.PLAIN), ("tagged", tasks.TAGGED))}  # fmt: skip


RUNS = Runs(
    Path(__file__).with_name("weights"), PLANS, build, _loss, _score, half=True,
    facts=lambda model, name: {"parameters": model.parameters_count, "config": asdict(CONFIG)},
    kept={"reversal-0", "reversal-1", "reversal-2", "chain-0"},
)  # fmt: skip


def load(name: str = "reversal", seed: int = 0) -> Network:
    """Return a shipped network."""
    return Network(RUNS.load(name, seed), "causal", f"{name}-{seed}")


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.multiverse.experiments.runs"))
