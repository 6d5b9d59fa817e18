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

__all__ = ["CONFIG", "LENGTHS", "MODES", "PLANS", "RUNS", "SIZES", "held_out", "load", "right",
           "score", "solve"]  # fmt: skip

CONFIG = TransformerConfig(V=tasks.VOCABULARY.V, L=128, width=64, layers=3, heads=4, rotary=True)
PLANS = {"reversal": Plan("reversal", 5000, rate=3e-3), "chain": Plan("chain", 2000, rate=3e-3)}
SIZES = {"reversal": (2, 5), "chain": (2, 6)}
"""Fewest and most items."""
LENGTHS, TESTED = (3, 8), 50
"""Letters of the shortest and of the longest word; problems of a size in a score."""

MODES = {"plain": tasks.PLAIN, "tagged": tasks.TAGGED}

_BATCH, _GROWS = 8, 0.5


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
        plain, tagged = (batch_loss(network, tasks.rows(problems, m)) for m in MODES.values())
        return (plain + tagged) / 2, {"plain": plain.item(), "tagged": tagged.item()}

    return loss


def solve(network, problem: tasks.Problem, mode: str, **options):
    """Write the answer of a problem by the engine."""
    prompt = tasks.VOCABULARY.encode(problem.prompt(mode))
    return multiverse(network, prompt, tasks.VOCABULARY, **options)


def right(network, problem: tasks.Problem, mode: str, **options) -> bool:
    """Tell whether the whole answer is right."""
    tokens = solve(network, problem, mode, **options).tokens
    return tasks.VOCABULARY.decode(tokens) == problem.text(mode)


def held_out(name: str, P: int, n: int) -> list[tasks.Problem]:
    """Return n problems of P items, of real words or of digits, that training does not draw."""
    if name == "reversal":
        return [tasks.real_words(P, LENGTHS, seed) for seed in range(n)]
    return [tasks.draw(name, P, np.random.default_rng([9, P, seed])) for seed in range(n)]


def score(model: Transformer, name: str) -> dict[str, dict[str, float]]:
    """Return the share of right answers by mode and number of items."""
    network, (low, high) = Network(model, "causal", name), SIZES[name]
    return {word: {str(P): float(np.mean([right(network, one, mode) for one in problems]))
                   for P in range(low, high + 1) for problems in [held_out(name, P, TESTED)]}
            for word, mode in MODES.items()}  # fmt: skip


RUNS = Runs(
    Path(__file__).with_name("weights"), PLANS, build, _loss, score, half=True,
    facts=lambda model, name: {"parameters": model.parameters_count, "config": asdict(CONFIG)},
    kept={"reversal-0"},
)  # fmt: skip


def load(name: str = "reversal", seed: int = 0) -> Network:
    """Return a shipped network."""
    return Network(RUNS.load(name, seed), "causal", f"{name}-{seed}")


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.multiverse.experiments.runs"))
