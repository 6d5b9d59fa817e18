"""The runs that ship: ``python -m paralg.recurrences.aaren.experiments.runs NAME --seed 0``.

A name is ``TASK-KIND``. Both kinds of a task have the same plan, sizes and batches: equal steps,
not equal seconds.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from paralg.recurrences.aaren.experiments import control, events, forecast, gambling, speakers
from paralg.recurrences.aaren.experiments.model import KINDS, AarenConfig, build_model
from paralg.recurrences.aaren.experiments.recall import OneHotRecall
from paralg.sequence.network import SequenceModel
from paralg.training import Plan, Runs

__all__ = ["PAIRS", "RUNS", "TASKS", "LearnedTask", "build", "load", "log", "logs"]


class LearnedTask(NamedTuple):
    """What is learned, by both kinds of model: sizes, loss, score, and for how many steps."""

    config: AarenConfig
    loss: Callable[..., tuple]
    score: Callable[[SequenceModel], Any]
    steps: int


def _recall(**sizes) -> LearnedTask:
    task = OneHotRecall(**sizes)
    return LearnedTask(task.config, task.train_loss,
                       lambda model: {"right": round(task.right(model), 4)}, 600)  # fmt: skip


PAIRS = (4, 8, 16)
"""Sizes of the joined recall."""
_SETTINGS = {"speakers": (speakers, 500), "river": (forecast, 300), "quakes": (events, 50),
             "gambling": (gambling, 300), "pendulum": (control, 400)}  # fmt: skip
TASKS = {
    **{name: LearnedTask(one.CONFIG, one.loss, one.score, steps)
       for name, (one, steps) in _SETTINGS.items()},
    "recall": _recall(),
    **{f"pairs{n}": _recall(pairs=n, joined=True, layers=1) for n in PAIRS},
}  # fmt: skip
"""What is learned. Steps of "quakes" and "gambling" were chosen on validation data, in `records`;
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
load, log, logs = RUNS.load, RUNS.log, RUNS.logs

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.recurrences.aaren.experiments.runs"))
