"""Train one of the chapter's models: ``python -m paralg.recurrences.aaren.train NAME --seed 0``.

A name is ``TASK-KIND``. Both kinds of a task have the same plan, sizes and batches: equal steps,
not equal seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from paralg.models import training
from paralg.models.training import Plan
from paralg.recurrences.aaren import control, events, forecast, gambling, speakers
from paralg.recurrences.aaren.layer import KINDS
from paralg.recurrences.aaren.model import SequenceModel, Shape
from paralg.recurrences.aaren.recall import Recall

__all__ = [
    "FOLDER", "KEPT", "PAIRS", "PLANS", "TASKS", "Task", "build", "go", "load", "log", "main",
    "seeded", "seeds",
]  # fmt: skip

FOLDER = Path(__file__).with_name("weights")
KEPT = ("speakers-aaren-0", "speakers-transformer-0", "gambling-aaren-0")
"""Runs whose weights ship; of the others the log does."""


@dataclass(frozen=True)
class Task:
    """What is learned: sizes, loss, score, how long, and whether dropout follows from the seed.

    Where it does not, it is drawn from the process's own stream: such a run comes out the same only
    in a process of its own that nobody interrupts. The runs that were made so are kept.
    """

    shape: Shape
    loss: training.Loss
    score: Callable[[SequenceModel], Any]
    steps: int
    rate: float = 1e-3
    seeded: bool = True


def _recall(steps: int, **sizes) -> Task:
    task = Recall(**sizes)
    return Task(task.shape, task.loss, task.score, steps)


PAIRS = (4, 8, 16)
"""Sizes of the joined recall."""
TASKS = {
    "speakers": Task(speakers.SHAPE, speakers.loss, speakers.score, 500, seeded=False),
    "recall": _recall(600),
    **{f"pairs{n}": _recall(600, pairs=n, joined=True, layers=1) for n in PAIRS},
    "sunspots": Task(forecast.SHAPE, forecast.loss, forecast.score, 300, seeded=False),
    "quakes": Task(events.SHAPE, events.loss, events.score, 50),
    "gambling": Task(gambling.SHAPE, gambling.loss, gambling.score, 300),
    "pendulum": Task(control.SHAPE, control.loss, control.score, 400, seeded=False),
}
"""What is learned. Steps of "quakes" and "gambling" were chosen on validation data, by `choose`;
those of the others by what they cost, before any of them was scored."""
PLANS = {
    f"{name}-{kind}": Plan(f"{name}-{kind}", task.steps, task.rate)
    for name, task in TASKS.items()
    for kind in KINDS
}


def _task(name: str) -> tuple[Task, str]:
    if name not in PLANS:
        raise ValueError(f"expected one of {', '.join(PLANS)}, got {name!r}")
    task, _, kind = name.rpartition("-")
    return TASKS[task], kind


def build(name: str, seed: int = 0) -> SequenceModel:
    """Return the untrained model of a run.

    Raises
    ------
    ValueError
        No such run.
    """
    task, kind = _task(name)
    return SequenceModel(task.shape.of(kind), seed)


def seeded(loss: training.Loss) -> training.Loss:
    """Return a loss whose dropout follows from seed and step, as its batches do.

    Without this a run would depend on what the process drew before, and a run that was interrupted
    would go on in another way.
    """

    def run(model: nn.Module, rng: np.random.Generator):
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(int(rng.bit_generator.seed_seq.generate_state(1)[0]))
            return loss(model, rng)

    return run


def go(plan: Plan, *, seed: int = 0, out: Path = FOLDER, progress: bool = False) -> str:
    """Train, score and save a run; return a line that says how it scored."""
    task, _ = _task(plan.name)
    model, stem = build(plan.name, seed), f"{plan.name}-{seed}"
    partial = out / f"{stem}.part"
    loss = seeded(task.loss) if task.seeded else task.loss
    record = training.train(
        plan, model, loss, seed=seed, partial=partial, progress=progress
    )
    keep = model if stem in KEPT else None
    return training.save(keep, record, task.score(model), out)


def load(name: str, seed: int = 0) -> tuple[SequenceModel, dict[str, Any]]:
    """Return a shipped model, ready to run, and its log.

    Raises
    ------
    ValueError
        No such run, or one of which only the log is kept.
    OSError
        The weights are not those of the log.
    """
    model = build(name, seed)
    return model, training.load(model, FOLDER, name, seed)


def log(name: str, seed: int = 0) -> dict[str, Any]:
    """Return the log of a shipped run: plan, curve, scores, CPU seconds, versions.

    Raises
    ------
    ValueError
        No such run; the message lists those that there are.
    """
    return training.log(FOLDER, name, seed)


def seeds(task: str) -> list[int]:
    """Return the seeds of which the logs of both kinds ship.

    Examples
    --------
    >>> 0 in seeds("speakers")
    True
    """
    kinds = [{path.stem.rpartition("-")[2] for path in FOLDER.glob(f"{task}-{kind}-*.json")}
             for kind in KINDS]  # fmt: skip
    return sorted(map(int, set.intersection(*kinds)))


def main(argv: Iterable[str] | None = None) -> int:
    """Run the command line; return 0, 2 for a wrong request, 130 when interrupted."""
    return training.command_line("paralg.recurrences.aaren.train", PLANS, go, FOLDER, argv)


if __name__ == "__main__":
    sys.exit(main())
