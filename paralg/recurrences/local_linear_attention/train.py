"""Train the small models: ``python -m paralg.recurrences.local_linear_attention.train NAME``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from paralg.models import training
from paralg.models.training import Plan
from paralg.recurrences.local_linear_attention.models import MIXERS, SequenceModel
from paralg.recurrences.local_linear_attention.tasks import (
    InContextRegression,
    PermutationState,
    Recall,
)

__all__ = ["FOLDER", "PLANS", "TASKS", "build", "load", "log", "main", "score", "seeds", "task_of"]

FOLDER = Path(__file__).with_name("weights")

TASKS = {"regression": InContextRegression(), "recall": Recall(), "state": PermutationState()}
_STEPS = {"regression": 1500, "recall": 1500, "state": 1200}
_ROWS = {"regression": 32, "recall": 32, "state": 64}
PLANS = {
    f"{task}-{mixer}": Plan(f"{task}-{mixer}", _STEPS[task]) for task in TASKS for mixer in MIXERS
}


def task_of(name: str):
    """Return the task of a plan's name."""
    return TASKS[name.partition("-")[0]]


def build(name: str, seed: int = 0) -> SequenceModel:
    """Return the untrained model of a plan.

    Raises
    ------
    ValueError
        No plan of that name.
    """
    if name not in PLANS:
        raise ValueError(f"expected one of {', '.join(PLANS)}, got {name!r}")
    kind, _, mixer = name.partition("-")
    return SequenceModel(mixer, TASKS[kind].sizes, tokens=kind != "regression", seed=seed)


def _loss(name: str):
    task, rows = task_of(name), _ROWS[name.partition("-")[0]]

    def loss(model, rng) -> tuple[Tensor, dict[str, float]]:
        batch = task.draw(rows, rng)
        return _errors(model(torch.from_numpy(batch.inputs)), batch)

    return loss


def _errors(out: Tensor, batch) -> tuple[Tensor, dict[str, float]]:
    """Return the loss: squared error per number, or nats per asked token with the share right."""
    targets, asked = torch.from_numpy(batch.targets), torch.from_numpy(batch.asked)
    if targets.is_floating_point():
        return (out - targets).square().mean(), {}
    right = (out.argmax(-1) == targets)[asked].float().mean().item()
    return torch.nn.functional.cross_entropy(out[asked], targets[asked]), {"right": right}


@torch.no_grad()
def score(model: SequenceModel, name: str, *, rows: int = 512, seed: int = 2026) -> dict[str, Any]:
    """Measure a model on rows drawn with a fixed seed.

    Returns
    -------
    dict
        ``curve``: squared error summed over outputs, or share of right answers, at each asked
        place, mean over rows; ``mean`` of it.
    """
    batch = task_of(name).draw(rows, np.random.default_rng(seed))
    out = model(torch.from_numpy(batch.inputs)).numpy()
    if batch.targets.dtype == np.float32:
        curve = ((out - batch.targets) ** 2).sum(-1).mean(0)
    else:
        curve = (out.argmax(-1) == batch.targets).mean(0)[batch.asked[0]]
    rounded = [round(float(value), 4) for value in curve]
    return {"mean": round(float(curve.mean()), 4), "curve": rounded}


def seeds(name: str, folder: Path | str = FOLDER) -> list[int]:
    """Return the seeds of the shipped runs of a plan, in order."""
    stems = (path.stem.rpartition("-") for path in Path(folder).glob(f"{name}-*.json"))
    return sorted(int(seed) for stem, _, seed in stems if stem == name and seed.isdecimal())


def log(name: str, seed: int = 0, folder: Path | str = FOLDER) -> dict[str, Any]:
    """Return the log of a shipped run; see `paralg.models.training.log`."""
    return training.log(folder, name, seed)


def load(name: str, seed: int = 0, folder: Path | str = FOLDER) -> SequenceModel:
    """Return a shipped model, ready to run; see `paralg.models.training.load`."""
    model = build(name, seed)
    training.load(model, folder, name, seed)
    return model


def _go(plan: Plan, *, seed: int, out: Path, progress: bool) -> str:
    model = build(plan.name, seed)
    partial = out / f"{plan.name}-{seed}.partial"
    record = training.train(
        plan, model, _loss(plan.name), seed=seed, partial=partial, progress=progress
    )
    record["parameters"] = sum(p.numel() for p in model.parameters())
    return training.save(model, record, score(model, plan.name), out)


def main(argv: Iterable[str] | None = None) -> int:
    """Run the command line; return 0, 2 for a wrong request, 130 when interrupted."""
    return training.command_line(
        "paralg.recurrences.local_linear_attention.train", PLANS, _go, FOLDER, argv
    )


if __name__ == "__main__":
    sys.exit(main())
