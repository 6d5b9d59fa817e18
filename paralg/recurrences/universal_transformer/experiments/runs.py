"""The chapter's runs.

python -m paralg.recurrences.universal_transformer.experiments.runs NAME --seed 0
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.experiments import objectives
from paralg.recurrences.universal_transformer.experiments.evaluate import by_distance, length_curve
from paralg.recurrences.universal_transformer.experiments.recipes import (
    RECIPES,
    GraphRecipe,
    StringRecipe,
    recipe,
)
from paralg.training import Runs

__all__ = ["FOLDER", "RUNS", "load", "log", "loss_of", "runs_in", "score"]

FOLDER = Path(__file__).with_name("weights")


def loss_of(chosen: GraphRecipe | StringRecipe):
    """Return the loss of a recipe, as :class:`paralg.training.Runs` wants it."""
    return partial(_graph_loss if isinstance(chosen, GraphRecipe) else _string_loss, chosen)


def _graph_loss(chosen, model: nn.Module, rng, step: int) -> tuple[Tensor, dict[str, float]]:
    batch = chosen.task.draw(chosen.batch, rng)
    expected = chosen.loss == "expected"
    logits, run = model(batch.symbols, attention_mask=batch.attention_mask, keep=expected)
    weight = chosen.ponder * objectives.ramp(step, chosen.begin, chosen.length)
    if expected:
        loss = objectives.expected_loss(model, batch.targets, run, weight)
    else:
        weight = 0.0 if chosen.config.halting is None else weight
        loss = objectives.mixed_loss(logits, batch.targets, run, weight)
    right = (logits.argmax(-1) == batch.targets).float().mean().item()
    return loss, {"right": right, "steps": run.steps.mean().item()}


def _string_loss(chosen, model: nn.Module, rng, step: int) -> tuple[Tensor, dict[str, float]]:
    task, longest = chosen.lesson(step)
    length = int(rng.integers(1, longest + 1))
    pairs = task.draw(chosen.batch, rng, length=length)
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    shift = int(rng.integers(chosen.shift + 1))
    run = model(pairs.source, pairs.target, position_ids=pairs.positions, offset=shift,
                generator=generator)  # fmt: skip
    loss = nn.functional.cross_entropy(run.logits.flatten(0, 1), pairs.target.flatten())
    if chosen.config.halting is not None and not chosen.plain:
        loss = loss + chosen.ponder * run.ponder
    right = (run.logits.argmax(-1) == pairs.target).float().mean().item()
    return loss, {"right": right, "steps": run.decoder.steps.mean().item()}


def score(model: nn.Module, chosen: GraphRecipe | StringRecipe) -> dict[str, Any]:
    """Measure a model on its own task: by distance for graphs, at each length for strings."""
    if isinstance(chosen, GraphRecipe):
        found = by_distance(model, chosen.task)
        rho = None if np.isnan(found.correlation) else round(found.correlation, 4)
        return {
            "accuracy": round(found.accuracy, 4), "correlation": rho,
            "distance": found.distance.tolist(), "right": np.round(found.right, 4).tolist(),
            "taken": np.round(found.steps, 3).tolist(),
        }  # fmt: skip
    return {"lengths": list(chosen.tested)} | length_curve(model, chosen.task, chosen.tested)


def runs_in(folder: Path) -> Runs:
    """Return the runs of a folder."""
    return Runs(
        folder, {name: one.plan for name, one in RECIPES.items()},
        build=lambda name, seed: recipe(name).model(seed),
        loss=lambda name: loss_of(recipe(name)),
        score=lambda model, name: score(model, recipe(name)),
    )  # fmt: skip


RUNS = runs_in(FOLDER)
load, log = RUNS.load, RUNS.log


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.recurrences.universal_transformer.experiments.runs"))
