"""Draft heads over ``text-causal``: ``python -m paralg.decoding.clover.experiments.runs NAME``.

The target is frozen, so its hidden states of the training windows are computed once. A run is
scored teacher-forced on held-out windows, and by decoding: tokens a call of the target.
"""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from paralg.data import pydoc_text
from paralg.decoding.clover.decoder import clover
from paralg.decoding.clover.experiments import ablations
from paralg.decoding.clover.heads import CloverHeads
from paralg.decoding.clover.tree import Budgeted
from paralg.decoding.clover.variants import BestFirst
from paralg.models import Network, load, masks
from paralg.training import Plan, Runs

__all__ = ["HEADS", "RULES", "RUNS", "accuracy", "distilled", "heads", "per_call", "prompts",
           "states", "target"]  # fmt: skip

WINDOWS, HELD_OUT, PROMPTS, GIVEN, BATCH = 3072, 512, 40, 24, 32
SHARE, STATE = 0.7, 10.0  # of distillation: weight of a head next to that before it; of the states

HEADS = {
    "medusa": ablations.MedusaHeads, "medusa-block": ablations.AugmentedMedusa,
    "clover": CloverHeads, "clover-no-block": ablations.UnaugmentedHeads,
    "shared": ablations.SharedHeads, "unit": ablations.UnitHeads, "softmax": ablations.SoftmaxGate,
    "silu": ablations.SiluGate, "perceptron": ablations.PerceptronHeads,
    "distil": ablations.UnaugmentedHeads, "block-perceptron": ablations.AugmentedPerceptron,
    "block-attention": ablations.AttentionHalf, "block-mlp": ablations.PerceptronHalf,
}  # fmt: skip
"""Name of a run → its heads: "shared" to "distil" vary "clover-no-block", what follows "clover"."""
RULES = {"m = 4": Budgeted(4), "best 16": BestFirst(16)}


@cache
def target() -> Network:
    """Return the network that is decoded."""
    return load("text-causal")


@cache
def states(split: str) -> tuple[np.ndarray, Tensor]:
    """Return windows (n, L) of a split and the target's hidden states (n, L, d)."""
    n = WINDOWS if split == "train" else HELD_OUT
    x = pydoc_text.windows(n, target().L, np.random.default_rng(0), split=split)
    slots = np.concatenate([np.full((n, 1), target().V), x[:, :-1]], axis=1)
    at, mask = np.arange(target().L), masks.causal(target().L)
    parts = [target().extend(part, at, mask)[1].hidden for part in np.array_split(slots, n // 128)]
    return x, torch.cat(parts).clone()


@cache
def heads(name: str = "clover", seed: int = 0) -> CloverHeads:
    """Return trained heads, over the network of `target`."""
    return RUNS.load(name, seed)


def prompts(n: int = PROMPTS, given: int = GIVEN) -> np.ndarray:
    """Return n held-out windows of which so many characters are given, (n, L)."""
    x = pydoc_text.windows(n, target().L, np.random.default_rng(1), split="test")
    x[:, given:] = target().V
    return x


def _nats(heads: CloverHeads, hidden: Tensor, x: Tensor) -> Tensor:
    """Mean cross-entropy of the next tokens, over heads and places."""
    return sum(F.cross_entropy(logits.flatten(0, 1), x[:, i:].flatten())
               for i, logits in enumerate(heads(hidden, x), start=1)) / heads.K  # fmt: skip


def distilled(heads: CloverHeads, hidden: Tensor, x: Tensor) -> Tensor:
    """The successor's loss: the target's distributions and states, a later head counting less."""
    with torch.no_grad():
        states = heads.target.norm(hidden)
        dist = heads.target.head(states).softmax(dim=-1)
    return sum(SHARE ** (i - 1) * (
        F.cross_entropy(heads.logits(own).flatten(0, 1), dist[:, i:].flatten(0, 1))
        + STATE * F.smooth_l1_loss(own, states[:, i:]))
        for i, own in enumerate(heads.states(hidden, x), start=1))  # fmt: skip


def _loss(name: str) -> Callable:
    def loss(heads, rng, step):
        x, hidden = states("train")
        rows = rng.integers(0, len(x), BATCH)
        one = distilled if name == "distil" else _nats
        return one(heads, hidden[rows], torch.from_numpy(x[rows])), {}

    return loss


def accuracy(heads: CloverHeads) -> dict[str, list[float]]:
    """Share of held-out tokens among the 1 and 5 likeliest of each head, teacher-forced."""
    x, hidden = states("test")
    with torch.no_grad():
        logits = heads(hidden, torch.from_numpy(x))
    found = {}
    for rank in (1, 5):
        hits = [(one.topk(rank).indices == torch.from_numpy(x[:, i:, None])).any(dim=-1)
                for i, one in enumerate(logits, start=1)]  # fmt: skip
        found[f"top {rank}"] = [round(hit.float().mean().item(), 4) for hit in hits]
    return found


def per_call(heads: CloverHeads, rule, n: int = PROMPTS) -> float:
    """Return tokens a call of the target, greedy, over held-out prompts; the prompt's call too."""
    runs = [clover(target(), x, heads, rule) for x in prompts(n)]
    return sum(len(run.trace.commits) for run in runs) / sum(run.forwards for run in runs)


def _score(heads: CloverHeads, name: str) -> dict:
    found = {rule: round(per_call(heads, one), 4) for rule, one in RULES.items()}
    return accuracy(heads) | {"tokens a call": found}


RUNS = Runs(
    Path(__file__).with_name("weights"),
    {name: Plan(name, 500, rate=4e-3, floor=0.02) for name in HEADS},
    build=lambda name, seed: HEADS[name](target().transformer, seed=seed),
    loss=_loss, score=_score, half=True,
    facts=lambda heads, name: {"parameters": sum(p.numel() for p in heads.parameters())},
    kept={"medusa-0", "clover-0"},
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.clover.experiments.runs"))
