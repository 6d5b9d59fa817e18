"""Trained counterparts: ``python -m paralg.rounds.neural_compilation.experiments.runs NAME``."""

import sys
from pathlib import Path

import numpy as np
import torch

from paralg.rounds.neural_compilation.experiments.network import HintNetwork, HintRollout, rollout
from paralg.rounds.neural_compilation.experiments.traces import TASKS, TraceBatch, draw
from paralg.training import Plan, Runs

__all__ = ["RUNS", "SIZES", "held_out"]

SIZES, BATCH, WIDTH, HELD_OUT = (4, 6, 8, 10, 12), 32, 32, 2026
STEPS = dict.fromkeys(TASKS, 1000) | {"bfs-short": 100}


def held_out(name: str, n: int, graphs: int = 64, p: float = 0.25) -> TraceBatch:
    """Return held-out graphs of a task, the same on every call."""
    return draw(TASKS[name], n, graphs, np.random.default_rng([HELD_OUT, n]), p)


def _build(name: str, seed: int) -> HintNetwork:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return HintNetwork(TASKS[name.removesuffix("-short")], WIDTH)


def _loss(name: str):
    task = TASKS[name.removesuffix("-short")]

    def loss(model, rng, step):
        batch = draw(task, int(rng.choice(SIZES)), BATCH, rng)
        return HintRollout(model, batch, keep=False).loss, {}

    return loss


def _score(model: HintNetwork, name: str) -> dict[str, float]:
    parts = {n: held_out(model.task.name, n) for n in (*SIZES, 24)}
    return {str(n): round(rollout(model, part).accuracy(part, model.task), 4)
            for n, part in parts.items()}  # fmt: skip


RUNS = Runs(
    Path(__file__).with_name("weights"),
    {name: Plan(name, steps, decay=0.0) for name, steps in STEPS.items()},
    build=_build, loss=_loss, score=_score, half=True,
    facts=lambda model, name: {"parameters": sum(p.numel() for p in model.parameters())},
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.rounds.neural_compilation.experiments.runs"))
