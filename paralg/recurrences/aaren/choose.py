"""What was chosen by looking at validation data: ``python -m paralg.recurrences.aaren.choose``.

Every candidate is trained for both kinds, with seeds that no shipped run has; the best mean on
validation data is taken. All scores are written to ``choices.json``, the chosen ones stand as
constants in the code, and a test compares the two.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from paralg.models import training
from paralg.recurrences.aaren import events, gambling
from paralg.recurrences.aaren.layer import KINDS
from paralg.recurrences.aaren.model import SequenceModel
from paralg.recurrences.aaren.recall import Recall
from paralg.recurrences.aaren.train import seeded

__all__ = ["FILE", "GRIDS", "SEEDS", "Grid", "best", "main", "rows"]

FILE = Path(__file__).with_name("choices.json")
SEEDS = {"quakes": (10, 11), "gambling": (10,), "recall": (10,)}


@dataclass(frozen=True)
class Grid:
    """Candidates, and how one of them is tried.

    Parameters
    ----------
    values : dict of str to tuple
        Name and candidates of each number that is chosen.
    trial : callable (kind, seed, **values) -> float
        Trains a model and returns its score on validation data.
    largest : bool
        Whether more is better.
    """

    values: dict[str, tuple]
    trial: Callable[..., float]
    largest: bool = False


def _trained(shape, loss, steps: int, seed: int) -> nn.Module:
    model = SequenceModel(shape, seed)
    training.train(training.Plan("trial", steps, 1e-3), model, seeded(loss), seed=seed)
    return model


def _quakes(kind: str, seed: int, memory: int, steps: int) -> float:
    """Return nats a validation event, time and mark together."""
    loss = partial(events.loss, memory=memory)
    model = _trained(events.SHAPE.of(kind), loss, steps, seed)
    return events.score(model, memory)["validation"]["both"]


def _gambling(kind: str, seed: int, steps: int) -> float:
    """Return nats a choice of the validation people."""
    model = _trained(gambling.SHAPE.of(kind), gambling.loss, steps, seed)
    return gambling.nats(model, "validation")


def _recall(kind: str, seed: int, amplitude: float) -> float:
    """Return the share of right answers on sequences that are neither of training nor of test."""
    task = Recall()
    shape = replace(task.shape.of(kind), amplitude=amplitude)
    model = _trained(shape, task.loss, 600, seed)
    tokens, wanted = task.draw(1024, np.random.default_rng([2, 99]))
    with torch.no_grad():
        return (model(tokens)[:, -1].argmax(1) == wanted).float().mean().item()


GRIDS = {
    "quakes": Grid({"memory": (8, 16, 32, 64), "steps": (50, 100, 200)}, _quakes),
    "gambling": Grid({"steps": (100, 200, 300)}, _gambling),
    "recall": Grid({"amplitude": (1.0, 0.2)}, _recall, largest=True),
}


def rows(name: str) -> list[dict]:
    """Return what was tried: values, and for each kind the scores of the seeds.

    Raises
    ------
    ValueError
        Nothing of that name was chosen.
    """
    if name not in GRIDS:
        raise ValueError(f"name must be one of {tuple(GRIDS)}, got {name!r}")
    return json.loads(FILE.read_text(encoding="utf-8"))[name]


def best(name: str) -> dict:
    """Return the values with the best mean over kinds and seeds."""
    sign = -1 if GRIDS[name].largest else 1
    found = min(rows(name), key=lambda row: sign * np.mean([row[kind] for kind in KINDS]))
    return {key: found[key] for key in GRIDS[name].values}


def _try(name: str) -> Iterator[dict]:
    """Yield what :func:`rows` will return, one candidate after the other."""
    grid = GRIDS[name]
    for values in itertools.product(*grid.values.values()):
        row = dict(zip(grid.values, values, strict=True))
        scores = {kind: [round(grid.trial(kind, seed, **row), 4) for seed in SEEDS[name]]
                  for kind in KINDS}  # fmt: skip
        yield row | scores


def main(names: list[str]) -> None:
    """Try the named grids, or all, and write their scores."""
    torch.set_num_threads(1)
    done = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for name in names or GRIDS:
        done[name] = []
        for row in _try(name):
            print(name, row, flush=True)
            done[name].append(row)
        FILE.write_text(_text(done), encoding="utf-8")


def _text(done: dict[str, list[dict]]) -> str:
    """Return JSON with a line for each candidate."""
    parts = (
        f' "{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in table) + "\n ]"
        for name, table in done.items()
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
