"""The runs that ship: ``python -m paralg.recurrences.aaren.experiments.runs NAME --seed 0``.

A name is ``TASK-KIND``. Both kinds of a task have the same plan, sizes and batches: equal steps,
not equal seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paralg.recurrences.aaren.experiments import control, events, forecast, gambling, speakers
from paralg.recurrences.aaren.experiments.model import KINDS, AarenConfig, build_model
from paralg.recurrences.aaren.experiments.recall import OneHotRecall
from paralg.sequence.network import SequenceModel
from paralg.training import Plan, Runs

__all__ = ["PAIRS", "RUNS", "TASKS", "LearnedTask", "build", "load", "log", "seeds"]


@dataclass(frozen=True)
class LearnedTask:
    """What is learned, by both kinds of model: sizes, loss, score, and for how many steps."""

    config: AarenConfig
    loss: Callable[..., tuple]
    score: Callable[[SequenceModel], Any]
    steps: int


def _recall(**sizes) -> LearnedTask:
    task = OneHotRecall(**sizes)
    return LearnedTask(task.config, task.train_loss, task.scores, 600)


PAIRS = (4, 8, 16)
"""Sizes of the joined recall."""
TASKS = {
    "speakers": LearnedTask(speakers.CONFIG, speakers.loss, speakers.score, 500),
    "recall": _recall(),
    **{f"pairs{n}": _recall(pairs=n, joined=True, layers=1) for n in PAIRS},
    "sunspots": LearnedTask(forecast.CONFIG, forecast.loss, forecast.score, 300),
    "quakes": LearnedTask(events.CONFIG, events.loss, events.score, 50),
    "gambling": LearnedTask(gambling.CONFIG, gambling.loss, gambling.score, 300),
    "pendulum": LearnedTask(control.CONFIG, control.loss, control.score, 400),
}
"""What is learned. Steps of "quakes" and "gambling" were chosen on validation data, by `choose`;
those of the others by what they cost, before any of them was scored."""


def _task(name: str) -> LearnedTask:
    return TASKS[name.rpartition("-")[0]]


def build(name: str, seed: int = 0) -> SequenceModel:
    """Return the untrained model of a run; ValueError if there is none of that name."""
    kind = RUNS.plan(name).name.rpartition("-")[2]
    return build_model(_task(name).config.of(kind), seed)


RUNS = Runs(
    folder=Path(__file__).with_name("weights"),
    plans={name: Plan(name, task.steps, 1e-3) for task_name, task in TASKS.items()
           for name in (f"{task_name}-{kind}" for kind in KINDS)},
    build=build, loss=lambda name: _task(name).loss,
    score=lambda model, name: _task(name).score(model),
    kept=("speakers-aaren-0", "speakers-transformer-0", "gambling-aaren-0"),
)  # fmt: skip
load, log = RUNS.load, RUNS.log


def seeds(task: str) -> list[int]:
    """Return the seeds of which the logs of both kinds ship.

    Parameters
    ----------
    task : str
        One of `TASKS`.

    Examples
    --------
    >>> seeds("speakers")
    [0, 1, 2]
    """
    return sorted(set.intersection(*(set(RUNS.seeds(f"{task}-{kind}")) for kind in KINDS)))


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.recurrences.aaren.experiments.runs"))
