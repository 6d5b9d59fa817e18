"""Train one of the chapter's models: ``python -m paralg.recurrences.mamba.train NAME --seed 0``.

A run is a function of recipe and seed: step s draws its rows from the stream (seed, s).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from paralg.models import training
from paralg.recurrences.mamba.model import MambaLM, decay_groups
from paralg.recurrences.mamba.recipes import RECIPES, Recipe, recipe
from paralg.recurrences.mamba.tasks import Batch
from paralg.recurrences.mamba.weights import FOLDER, Trained, save

__all__ = ["draw", "main", "plan_of", "train"]


def plan_of(chosen: Recipe) -> training.Plan:
    """Return how long and how fast a recipe trains: flat after the warm-up, or along a cosine.

    Examples
    --------
    >>> plan = plan_of(recipe("induction"))
    >>> [round(plan.rate_at(step), 5) for step in (0, 49, plan.steps)]
    [6e-05, 0.003, 0.0003]
    """
    floor = 0.1 if chosen.cosine else 1.0
    return training.Plan(chosen.name, chosen.steps, chosen.rate, chosen.warmup, floor,
                         chosen.decay, chosen.clip)  # fmt: skip


def draw(chosen: Recipe, rng: np.random.Generator) -> Batch:
    """Return a step's rows, of the task's length or of one drawn log-uniformly."""
    task = chosen.task
    if chosen.lengths is None:
        return task.draw(chosen.batch, rng)
    low, high = np.log(chosen.lengths)
    length = round(math.exp(rng.uniform(low, high)))
    rows = max(1, chosen.batch * task.length // length)
    return task.draw(rows, rng, length=length)


def train(
    chosen: Recipe, *, seed: int = 0, partial: Path | None = None, progress: bool = False
) -> Trained:
    """Train a model by its recipe.

    Parameters
    ----------
    chosen : Recipe
    seed : int
        Of the first weights and of all batches.
    partial, progress
        As for :func:`paralg.models.training.train`.

    Returns
    -------
    Trained
        Model and log.

    Cost
    ----
    About 15 ms a step on a quiet core for two layers of width 32 and 1,000 tokens.
    """

    def loss(model: MambaLM, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = draw(chosen, rng)
        logits = model(torch.from_numpy(batch.tokens), batch.asked)
        targets = torch.from_numpy(batch.targets)
        right = (logits.argmax(-1) == targets).float().mean().item()
        return cross_entropy(logits.flatten(0, 1), targets.flatten()), {"right": right}

    model = MambaLM(chosen.config, seed)
    groups = decay_groups(model, chosen.decay)
    optimiser = torch.optim.AdamW(groups, lr=chosen.rate, fused=True)
    how = {"seed": seed, "partial": partial, "progress": progress, "optimiser": optimiser}
    return Trained(model, training.train(plan_of(chosen), model, loss, **how))


def go(plan: training.Plan, *, seed: int, out: Path, progress: bool) -> str:
    """Train, score and save a run; return a line that says how it scored."""
    chosen, partial = replace(recipe(plan.name), steps=plan.steps), out / f"{plan.name}-{seed}.part"
    return save(train(chosen, seed=seed, partial=partial, progress=progress), out)


def main(argv: Iterable[str] | None = None) -> int:
    """Run the command line; return 0, 2 for a wrong request, 130 when interrupted."""
    plans = {name: plan_of(one) for name, one in RECIPES.items()}
    return training.command_line("paralg.recurrences.mamba.train", plans, go, FOLDER, argv)


if __name__ == "__main__":
    sys.exit(main())
