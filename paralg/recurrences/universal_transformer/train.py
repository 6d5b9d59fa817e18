"""Train one of the chapter's models: ``python -m paralg.recurrences.universal_transformer.train
NAME --seed 0``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from paralg.models import training
from paralg.recurrences.universal_transformer import objectives
from paralg.recurrences.universal_transformer.evaluate import by_distance, length_curve
from paralg.recurrences.universal_transformer.recipes import (
    RECIPES,
    GraphRecipe,
    StringRecipe,
    recipe,
)

__all__ = ["FOLDER", "load", "log", "loss_of", "main", "score", "train"]

FOLDER = Path(__file__).with_name("weights")


def loss_of(chosen: GraphRecipe | StringRecipe):
    """Return the loss of a recipe, as :class:`paralg.models.training.Run` wants it."""
    kind = _graph_loss if isinstance(chosen, GraphRecipe) else _string_loss
    return partial(kind, chosen, {"step": 0})


def _graph_loss(chosen, clock, model: nn.Module, rng) -> tuple[Tensor, dict[str, float]]:
    batch = chosen.task.draw(chosen.batch, rng)
    expected = chosen.loss == "expected"
    logits, run = model(batch.symbols, allowed=batch.allowed, keep=expected)
    weight = chosen.ponder * objectives.ramp(clock["step"], chosen.begin, chosen.length)
    clock["step"] += 1
    if expected:
        loss = objectives.expected_loss(model, batch.targets, run, weight)
    elif chosen.config.halting is None:
        loss = objectives.mixed_loss(logits, batch.targets, run, 0.0)
    else:
        loss = objectives.mixed_loss(logits, batch.targets, run, weight)
    right = (logits.argmax(-1) == batch.targets).float().mean().item()
    return loss, {"right": right, "steps": run.steps.mean().item()}


def _string_loss(chosen, clock, model: nn.Module, rng) -> tuple[Tensor, dict[str, float]]:
    task, longest = chosen.lesson(clock["step"])
    length = int(rng.integers(1, longest + 1))
    clock["step"] += 1
    pairs = task.draw(chosen.batch, rng, length=length)
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    shift = int(rng.integers(chosen.shift + 1))
    run = model(pairs.source, pairs.target, positions=pairs.positions, offset=shift,
                generator=generator)  # fmt: skip
    loss = nn.functional.cross_entropy(run.logits.flatten(0, 1), pairs.target.flatten())
    if chosen.config.halting is not None and not chosen.plain:
        loss = loss + chosen.ponder * run.ponder
    right = (run.logits.argmax(-1) == pairs.target).float().mean().item()
    return loss, {"right": right, "steps": run.decoder.steps.mean().item()}


def train(name: str, *, seed: int = 0, steps: int | None = None, progress: bool = False):
    """Train a model by its recipe and return it with the log.

    Parameters
    ----------
    name : str
        Of a recipe.
    seed : int
    steps : int, optional
        Instead of the recipe's.
    progress : bool

    Returns
    -------
    Module, dict
    """
    from dataclasses import replace

    chosen = recipe(name)
    plan = chosen.plan if steps is None else replace(chosen.plan, steps=steps)
    model = chosen.model(seed)
    record = training.train(plan, model, loss_of(chosen), seed=seed, progress=progress)
    return model, record


def score(model: nn.Module, chosen: GraphRecipe | StringRecipe) -> dict[str, Any]:
    """Measure a model on its own task.

    Returns
    -------
    dict
        For graphs: ``accuracy``, ``steps`` and, by distance, ``right`` and ``taken``, and
        ``correlation`` (None if N is constant). For strings: right tokens and whole sequences at
        each length tested.
    """
    if isinstance(chosen, GraphRecipe):
        found = by_distance(model, chosen.task)
        rho = None if np.isnan(found.correlation) else round(found.correlation, 4)
        return {
            "accuracy": round(found.accuracy, 4), "correlation": rho,
            "distance": found.distance.tolist(), "right": np.round(found.right, 4).tolist(),
            "taken": np.round(found.steps, 3).tolist(),
        }  # fmt: skip
    return {"lengths": list(chosen.tested)} | length_curve(model, chosen.task, chosen.tested)


def load(name: str, seed: int = 0, folder: Path | str = FOLDER) -> nn.Module:
    """Return a shipped model, ready to run.

    Raises
    ------
    ValueError
        No such recipe or run, or one of which only the log was kept.
    OSError
        The weights are not those of the log.
    """
    model = recipe(name).model()
    training.load(model, folder, name, seed)
    return model


def log(name: str, seed: int = 0, folder: Path | str = FOLDER) -> dict[str, Any]:
    """Return the log of a run.

    Raises
    ------
    ValueError
        No such run; the message lists those that there are.
    """
    return training.log(folder, name, seed)


def _go(plan: training.Plan, *, seed: int, out: Path, progress: bool) -> str:
    model, record = train(plan.name, seed=seed, steps=plan.steps, progress=progress)
    return training.save(model, record, score(model, recipe(plan.name)), out)


def main(argv: Iterable[str] | None = None) -> int:
    """Run the command line; return 0, or 2 for a wrong request."""
    plans = {name: chosen.plan for name, chosen in RECIPES.items()}
    return training.command_line(__spec__.name if __spec__ else __name__, plans, _go, FOLDER, argv)


if __name__ == "__main__":
    sys.exit(main())
