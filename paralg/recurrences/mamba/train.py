"""Train one of the chapter's models: ``python -m paralg.recurrences.mamba.train NAME --seed 0``.

A run is a function of recipe and seed: step s draws its rows from the stream (seed, s).
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from paralg.recurrences.mamba.model import MambaLM, decay_groups
from paralg.recurrences.mamba.recipes import RECIPES, Recipe, recipe
from paralg.recurrences.mamba.tasks import Batch
from paralg.recurrences.mamba.weights import FOLDER, Trained, save

__all__ = ["Training", "main", "rate_at", "train"]

_LOG_EVERY = 50


class Training:
    """One run: model, optimiser, steps done, what was logged.

    Parameters
    ----------
    plan : Recipe
    seed : int

    Attributes
    ----------
    rows : list of dict
        Step, mean loss in nats and share of right tokens over every fifty steps.
    """

    def __init__(self, plan: Recipe, seed: int = 0):
        self.plan, self.seed, self.done = plan, seed, 0
        self.model = MambaLM(plan.config, seed)
        self.optimiser = torch.optim.AdamW(
            decay_groups(self.model, plan.decay), lr=plan.rate, fused=True
        )
        self.rows: list[dict[str, float]] = []
        self._recent: list[tuple[float, float]] = []

    def step(self) -> float:
        """Take one step and return the loss before it, in nats per asked token."""
        batch = self._draw()
        logits = self.model(torch.from_numpy(batch.tokens), batch.asked)
        targets = torch.from_numpy(batch.targets)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        self._update(loss)
        self._record(loss.item(), (logits.argmax(-1) == targets).float().mean().item())
        return loss.item()

    def _draw(self) -> Batch:
        rng = np.random.default_rng([self.seed, self.done])
        if self.plan.lengths is None:
            return self.plan.task.draw(self.plan.batch, rng)
        low, high = np.log(self.plan.lengths)
        length = round(math.exp(rng.uniform(low, high)))
        rows = max(1, self.plan.batch * self.plan.task.length // length)
        return self.plan.task.draw(rows, rng, length=length)

    def _update(self, loss: Tensor) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.plan, self.done)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        self.optimiser.step()
        self.done += 1

    def _record(self, loss: float, right: float) -> None:
        self._recent.append((loss, right))
        if self.done % _LOG_EVERY == 0 or self.done == self.plan.steps:
            loss, right = np.mean(self._recent, axis=0)
            means = {"loss": round(float(loss), 5), "right": round(float(right), 4)}
            self.rows.append({"step": self.done, **means})
            self._recent = []


def rate_at(plan: Recipe, step: int) -> float:
    """Return the learning rate of a step: linear warm-up, then flat or along a cosine to a tenth.

    Examples
    --------
    >>> plan = recipe("induction")
    >>> [round(rate_at(plan, step), 5) for step in (0, 49, plan.steps)]
    [6e-05, 0.003, 0.0003]
    """
    if step < plan.warmup:
        return plan.rate * (step + 1) / plan.warmup
    if not plan.cosine:
        return plan.rate
    done = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return plan.rate * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))


def train(plan: Recipe, *, seed: int = 0, progress: bool = False) -> Trained:
    """Train a model by its recipe.

    Parameters
    ----------
    plan : Recipe
    seed : int
        Of the first weights and of all batches.
    progress : bool
        Whether to show a bar on the standard error stream.

    Returns
    -------
    Trained
        Model and log.

    Cost
    ----
    About 15 ms a step on a quiet core for two layers of width 32 and 1,000 tokens.
    """
    run, start = Training(plan, seed), time.process_time()
    bar = tqdm(range(plan.steps), desc=f"{plan.name} seed {seed}", disable=not progress)
    for _ in bar:
        bar.set_postfix(loss=f"{run.step():.3f}", refresh=False)
    log = {
        "recipe": plan.name, "seed": seed, "steps": plan.steps,
        "cpu_seconds": round(time.process_time() - start), "curve": run.rows,
        "made_with": {"torch": torch.__version__, "numpy": np.__version__},
    }  # fmt: skip
    return Trained(run.model.eval(), log)


def main(argv: Iterable[str] | None = None) -> int:
    """Run the command line; return 0, or 2 for a wrong request."""
    parser = argparse.ArgumentParser(
        prog="python -m paralg.recurrences.mamba.train", description=__doc__
    )
    parser.add_argument("name", help=f"one of {', '.join(RECIPES)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder (%(default)s)")
    parser.add_argument("--nice", type=int, default=10, help="give way to others (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(%(default)s)")
    asked = parser.parse_args(argv)
    try:
        plan = recipe(asked.name)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if asked.steps is not None:
        plan = replace(plan, steps=asked.steps)
    os.nice(asked.nice)
    torch.set_num_threads(asked.threads)
    trained = train(plan, seed=asked.seed, progress=sys.stderr.isatty())
    print(save(trained, asked.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
