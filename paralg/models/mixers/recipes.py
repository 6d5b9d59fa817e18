"""The comparison's runs: every mixer on every task, the same steps, batch and rate for all.

    python -m paralg.models.mixers.recipes recall-mamba --seed 0
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from paralg.models import training
from paralg.models.mixers.choice import MIXERS
from paralg.models.mixers.stack import SequenceModel
from paralg.models.mixers.tasks import Drift, Recall, Tracking

__all__ = [
    "FOLDER", "KEPT", "PLANS", "TASKS", "evaluate", "fresh", "load", "log", "logs", "main",
]  # fmt: skip

FOLDER = Path(__file__).parent / "weights"

TASKS = {"recall": Recall(), "tracking": Tracking(), "drift": Drift()}

SIZES = {"recall": (2, 4, 8, 16, 24, 32), "tracking": (32, 64, 128), "drift": (2, 4)}
"""Sizes at which a trained model is scored: pairs, tokens, segments."""

PLACES = {"tracking": 128, "drift": 2}
"""Size at which the score of every single position is kept, where positions are the question."""

_ROWS = {"recall": 32, "tracking": 32, "drift": 32}
_STEPS = {"recall": 3000, "tracking": 2000, "drift": 2000}
_WIDTH = 64

PLANS = {
    f"{task}-{mixer}": training.Plan(f"{task}-{mixer}", _STEPS[task], rate=2e-3)
    for task in TASKS
    for mixer in MIXERS
}

KEPT = tuple(f"{task}-{mixer}-0" for task in PLACES for mixer in MIXERS)
"""Runs whose weights ship, rounded to float16; of the others the log does."""


def fresh(name: str, seed: int = 0) -> SequenceModel:
    """Return the untrained model of a plan.

    Parameters
    ----------
    name : str
        ``TASK-MIXER``, one of ``PLANS``.
    seed : int

    Raises
    ------
    ValueError
        There is no such plan.
    """
    if name not in PLANS:
        raise ValueError(f"expected one of {', '.join(PLANS)}, got {name!r}")
    kind, mixer = name.split("-")
    task = TASKS[kind]
    sizes = {"embed": task.embed, "width": _WIDTH, "seed": seed}
    return SequenceModel(mixer, task.inputs, task.outputs, **sizes)


def evaluate(model: SequenceModel, kind: str, size: int, *, rows: int = 256, seed: int = 1):
    """Score a model on fresh rows of one size.

    Parameters
    ----------
    model : SequenceModel
    kind : str
        A key of ``TASKS``.
    size : int
        Pairs, tokens or segments.
    rows, seed : int
        Rows, and their stream, which training never draws from.

    Returns
    -------
    ndarray, shape (k,)
        Share of right answers, or mean relative squared error, at each asked position.
    """
    task = TASKS[kind]
    batch = task.draw(rows, np.random.default_rng([seed, size, 2**31]), size=size)
    with torch.no_grad():
        outputs = torch.cat([model(part) for part in batch.inputs.split(64)])
    return task.score(outputs, batch).mean(0).numpy()


def train(plan: training.Plan, *, seed: int, out: Path, progress: bool) -> str:
    """Train, round, score, save; return how it went, as a line."""
    kind, stem = plan.name.split("-")[0], f"{plan.name}-{seed}"
    task, model = TASKS[kind], fresh(plan.name, seed)

    def loss(net, rng):
        batch = task.draw(_ROWS[kind], rng)
        outputs = net(batch.inputs)
        score = task.score(outputs.detach(), batch).mean().item()
        return task.loss(outputs, batch), {"score": score}

    partial = out / f"{stem}.partial"
    record = training.train(plan, model, loss, seed=seed, partial=partial, progress=progress)
    model.half().float()  # as the weights come back from a file
    keep = model if stem in KEPT else None
    return training.save(keep, record | {"places": places(model, kind)}, score(model, kind), out,
                         half=True)  # fmt: skip


def score(model: SequenceModel, kind: str) -> dict[str, float]:
    """Return the mean score at each of the task's ``SIZES``."""
    return {str(n): round(float(evaluate(model, kind, n).mean()), 4) for n in SIZES[kind]}


def places(model: SequenceModel, kind: str) -> list[float]:
    """Return the score at every position of sequences of the size in ``PLACES``, if any."""
    if kind not in PLACES:
        return []
    return [round(one, 4) for one in evaluate(model, kind, PLACES[kind]).tolist()]


def log(name: str, seed: int = 0) -> dict[str, Any]:
    """Return the log of a shipped run; ValueError where there is none."""
    return training.log(FOLDER, name, seed)


def logs(name: str) -> list[dict[str, Any]]:
    """Return the logs of all seeds of a run; ValueError where there is none."""
    return training.logs(FOLDER, name)


def load(name: str, seed: int = 0) -> SequenceModel:
    """Return a trained model.

    Raises
    ------
    ValueError
        No such run, or one of which only the log is shipped.
    OSError
        The weights are not those of the log.
    """
    model = fresh(name, seed)
    training.load(model, FOLDER, name, seed)
    return model


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0, or 2 for a wrong request."""
    return training.command_line("paralg.models.mixers.recipes", PLANS, train, FOLDER, argv)


if __name__ == "__main__":
    sys.exit(main())
