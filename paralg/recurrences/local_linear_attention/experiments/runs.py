"""The chapter's runs.

python -m paralg.recurrences.local_linear_attention.experiments.runs NAME --seed 0
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from paralg.core import checks
from paralg.recurrences.local_linear_attention.experiments.models import MIXERS, network
from paralg.recurrences.local_linear_attention.experiments.test_time import TASKS
from paralg.sequence import SequenceModel
from paralg.training import Plan, Runs

__all__ = ["FOLDER", "PLANS", "RUNS", "build", "load", "log", "runs_in", "score", "seeds"]

FOLDER = Path(__file__).with_name("weights")
_STEPS = {"regression": 1500, "recall": 1500, "state": 1200}
_ROWS = {"regression": 32, "recall": 32, "state": 64}
PLANS = {
    f"{task}-{mixer}": Plan(f"{task}-{mixer}", _STEPS[task]) for task in TASKS for mixer in MIXERS
}


def build(name: str, seed: int = 0) -> SequenceModel:
    """Return the untrained model of a plan; ValueError for a name that is none."""
    checks.one_of("name", name, PLANS)
    kind, _, mixer = name.partition("-")
    sizes = TASKS[kind].inputs, TASKS[kind].outputs
    return network(mixer, *sizes, tokens=kind != "regression", seed=seed)


def _loss(name: str):
    kind = name.partition("-")[0]
    task, rows = TASKS[kind], _ROWS[kind]

    def loss(model, rng, step):
        batch = task.draw(rows, rng)
        out = model(batch.inputs)
        if batch.targets.is_floating_point():
            return task.loss(out, batch), {}
        return task.loss(out, batch), {"right": task.score(out, batch).mean().item()}

    return loss


@torch.no_grad()
def score(model: nn.Module, name: str, *, rows: int = 512, seed: int = 2026) -> dict[str, Any]:
    """Return the score at each asked position, mean over rows of a fixed seed, and theirs."""
    task = TASKS[name.partition("-")[0]]
    batch = task.draw(rows, np.random.default_rng(seed))
    curve = task.score(model(batch.inputs), batch).double().mean(0)
    rounded = [round(value, 4) for value in curve.tolist()]
    return {"mean": round(curve.mean().item(), 4), "curve": rounded}


def runs_in(folder: Path) -> Runs:
    """Return the runs of a folder."""

    def facts(model: nn.Module, name: str) -> dict[str, int]:
        return {"parameters": sum(p.numel() for p in model.parameters())}

    return Runs(folder, PLANS, build, _loss, score, facts=facts)


RUNS = runs_in(FOLDER)
load, log, seeds = RUNS.load, RUNS.log, RUNS.seeds


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.recurrences.local_linear_attention.experiments.runs"))
