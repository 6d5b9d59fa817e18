"""What was chosen on validation data: ``python -m paralg.recurrences.aaren.experiments.records``.

Every candidate is trained for both kinds, with seeds that no shipped run has; the best mean on
validation data is taken, and stands as a constant in the code.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from paralg.core.records import Records
from paralg.recurrences.aaren.experiments import events, gambling
from paralg.recurrences.aaren.experiments.model import KINDS, AarenConfig, build_model
from paralg.recurrences.aaren.experiments.recall import OneHotRecall
from paralg.sequence.network import SequenceModel
from paralg.training import Plan, train

__all__ = ["GRIDS", "CandidateGrid", "best", "records"]


class CandidateGrid(NamedTuple):
    """Values to choose from, seeds, and ``trial(kind, seed, **values) -> score``."""

    values: dict[str, tuple]
    seeds: tuple[int, ...]
    trial: Callable[..., float]
    largest: bool = False

    def tried(self, kind: str) -> dict[str, list[float]]:
        """Return what each candidate scored, a list over the seeds."""
        torch.set_num_threads(1)
        found = {}
        for chosen in itertools.product(*self.values.values()):
            row = dict(zip(self.values, chosen, strict=True))
            label = ", ".join(f"{name} {value}" for name, value in row.items())
            found[label] = [round(self.trial(kind, seed, **row), 4) for seed in self.seeds]
        return found


def _trained(config: AarenConfig, loss, steps: int, seed: int) -> SequenceModel:
    model = build_model(config, seed)
    train(Plan("trial", steps, 1e-3), model, loss, seed=seed)
    return model


def _quakes(kind: str, seed: int, memory: int, steps: int) -> float:
    """Return nats a validation event, time and mark together."""
    model = _trained(events.CONFIG.of(kind), partial(events.loss, memory=memory), steps, seed)
    return events.score(model, memory)["validation"]["both"]


def _gambling(kind: str, seed: int, steps: int) -> float:
    """Return nats a choice of the validation people."""
    model = _trained(gambling.CONFIG.of(kind), gambling.loss, steps, seed)
    return gambling.nats(model, "validation")


def _recall(kind: str, seed: int, amplitude: float) -> float:
    """Return the share of right answers on sequences of neither training nor test."""
    task = OneHotRecall()
    model = _trained(replace(task.config.of(kind), amplitude=amplitude), task.train_loss, 600, seed)
    return task.right(model, seed=2, rows=1024)


GRIDS = {
    "quakes": CandidateGrid(
        {"memory": (8, 16, 32, 64), "steps": (50, 100, 200)}, (10, 11), _quakes
    ),
    "gambling": CandidateGrid({"steps": (100, 200, 300)}, (10,), _gambling),
    "recall": CandidateGrid({"amplitude": (1.0, 0.2)}, (10,), _recall, largest=True),
}
MAKERS = {f"{name}-{kind}": partial(grid.tried, kind)
          for name, grid in GRIDS.items() for kind in KINDS}  # fmt: skip
records = Records(Path(__file__).with_name("records"), MAKERS | {"hawkes": events.hawkes})


def best(name: str) -> str:
    """Return the candidate with the best mean over kinds and seeds."""
    both, sign = (
        [records.read(f"{name}-{kind}") for kind in KINDS],
        -1 if GRIDS[name].largest else 1,
    )
    return min(both[0], key=lambda one: sign * np.mean([found[one] for found in both]))


if __name__ == "__main__":
    records.main()
