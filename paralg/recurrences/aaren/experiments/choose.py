"""What was chosen on validation data: ``python -m paralg.recurrences.aaren.experiments.choose``.

Every candidate is trained for both kinds, with seeds that no shipped run has; the best mean on
validation data is taken. All scores are written to ``choices.json``, the chosen ones stand as
constants in the code, and a test compares the two.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from paralg.recurrences.aaren.experiments import events, gambling
from paralg.recurrences.aaren.experiments.model import KINDS, AarenConfig, build_model
from paralg.recurrences.aaren.experiments.recall import OneHotRecall
from paralg.sequence.network import SequenceModel
from paralg.training import Plan, train, write_whole

__all__ = ["FILE", "GRIDS", "SEEDS", "CandidateGrid", "best", "main", "rows"]

FILE = Path(__file__).with_name("choices.json")
SEEDS = {"quakes": (10, 11), "gambling": (10,), "recall": (10,)}


class CandidateGrid(NamedTuple):
    """Names and candidates of what is chosen, and ``trial(kind, seed, **values) -> score``."""

    values: dict[str, tuple]
    trial: Callable[..., float]
    largest: bool = False


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
    "quakes": CandidateGrid({"memory": (8, 16, 32, 64), "steps": (50, 100, 200)}, _quakes),
    "gambling": CandidateGrid({"steps": (100, 200, 300)}, _gambling),
    "recall": CandidateGrid({"amplitude": (1.0, 0.2)}, _recall, largest=True),
}


def rows(name: str) -> list[dict]:
    """Return what was tried, one of `GRIDS`: values, and for each kind the scores of the seeds."""
    if name not in GRIDS:
        raise ValueError(f"name must be one of {tuple(GRIDS)}, got {name!r}")
    return json.loads(FILE.read_text(encoding="utf-8"))[name]


def best(name: str) -> dict:
    """Return the values with the best mean over kinds and seeds."""
    sign = -1 if GRIDS[name].largest else 1
    found = min(rows(name), key=lambda row: sign * np.mean([row[kind] for kind in KINDS]))
    return {key: found[key] for key in GRIDS[name].values}


def main(names: list[str]) -> None:
    """Try the named grids, or all, and write their scores, a line for each candidate."""
    torch.set_num_threads(1)
    done = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for name in names or GRIDS:
        grid, done[name] = GRIDS[name], []
        for values in itertools.product(*grid.values.values()):
            row = dict(zip(grid.values, values, strict=True))
            scores = {kind: [round(grid.trial(kind, seed, **row), 4) for seed in SEEDS[name]]
                      for kind in KINDS}  # fmt: skip
            done[name].append(row | scores)
            print(name, done[name][-1], flush=True)
        parts = (f' "{one}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in table) + "\n ]"
                 for one, table in done.items())  # fmt: skip
        write_whole(FILE, ("{\n" + ",\n".join(parts) + "\n}\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:])
