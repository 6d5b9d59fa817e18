"""One training loop for all chapters: AdamW, warm-up, cosine, clipping, log, interruption.

A run is a function of plan and seed: step s draws its batch, and whatever torch draws (dropout),
from the seed (seed, s), so a run that is interrupted and started again ends in the same weights.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from paralg.training.files import write_whole

__all__ = ["Plan", "TrainingRun", "decay_groups", "train"]

_LOG_EVERY = 50
_KEEP_EVERY = 200


@dataclass(frozen=True)
class Plan:
    """How long and how fast a model is trained; what it learns is the caller's loss.

    Parameters
    ----------
    name : str
        Also the name of the files.
    steps : int
    rate : float
        Peak learning rate.
    warmup : int
        Steps of linear growth to the peak.
    floor : float
        Share of the peak left at the end of the cosine; 1 keeps the rate flat.
    decay : float
        Weight decay, on the parameters that `decay_groups` gives it to.
    clip : float
        Largest norm of the gradient.

    Examples
    --------
    >>> plan = Plan("example", steps=600)
    >>> [round(plan.rate_at(step), 5) for step in (0, 49, 600)]
    [6e-05, 0.003, 0.0003]
    """

    name: str
    steps: int
    rate: float = 3e-3
    warmup: int = 50
    floor: float = 0.1
    decay: float = 0.01
    clip: float = 1.0

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * (self.floor + (1 - self.floor) * (1 + math.cos(math.pi * done)) / 2)


Loss = Callable[[nn.Module, np.random.Generator, int], tuple[Tensor, Mapping[str, float]]]


class TrainingRun:
    """A run that can be interrupted: model, optimiser, steps done, what was logged.

    Parameters
    ----------
    plan : Plan
    model : Module
        Already initialised from the seed.
    loss : callable (model, rng, step) -> (Tensor, dict)
        Draws a batch from `rng`; returns the loss and numbers to log, each a mean over the batch.
        `step` counts from 0, for losses that change on the way.
    seed : int
    optimiser : Optimizer, optional
        For the model's parameters; by default AdamW with the groups of `decay_groups`.

    Attributes
    ----------
    rows : list of dict
        Step, mean loss and means of the other numbers over every fifty steps.
    """

    def __init__(
        self, plan: Plan, model: nn.Module, loss: Loss, seed: int = 0,
        optimiser: torch.optim.Optimizer | None = None,
    ):  # fmt: skip
        self.plan, self.model, self.loss, self.seed = plan, model, loss, seed
        self.optimiser = optimiser or torch.optim.AdamW(
            decay_groups(model, plan.decay), lr=plan.rate
        )
        self.done, self.seconds = 0, 0.0
        self.rows: list[dict[str, float]] = []
        self._recent: list[dict[str, float]] = []

    def step(self) -> float:
        """Take one step and return the loss before it."""
        start = time.process_time()
        self.model.train()
        rng = np.random.default_rng([self.seed, self.done])
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(int(rng.bit_generator.seed_seq.generate_state(1)[0]))
            loss, numbers = self.loss(self.model, rng, self.done)
        self._update(loss)
        self._record({"loss": loss.item(), **numbers})
        self.seconds += time.process_time() - start
        return loss.item()

    def _update(self, loss: Tensor) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate_at(self.done)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        self.optimiser.step()
        self.done += 1

    def _record(self, numbers: dict[str, float]) -> None:
        self._recent.append(numbers)
        if self.done % _LOG_EVERY == 0 or self.done == self.plan.steps:
            means = {key: float(np.mean([row[key] for row in self._recent])) for key in numbers}
            rounded = {key: round(mean, 5) for key, mean in means.items()}
            self.rows.append({"step": self.done, **rounded})
            self._recent = []

    def keep(self, path: Path) -> None:
        """Write everything needed to go on, whole or not at all."""
        buffer = io.BytesIO()
        state = {name: getattr(self, name) for name in ("seed", "done", "seconds", "rows")}
        state |= {"plan": asdict(self.plan), "recent": self._recent}
        state |= {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        torch.save(state, buffer)
        write_whole(path, buffer.getvalue())

    def resume(self, path: Path) -> None:
        """Go on from a file written by `keep`.

        Raises
        ------
        ValueError
            The file belongs to another plan or seed.
        """
        state = torch.load(path, weights_only=True)
        if (state["plan"], state["seed"]) != (asdict(self.plan), self.seed):
            raise ValueError(
                f"{path.name} was left by another run (seed {state['seed']}, "
                f"{state['plan']['steps']} steps), got seed {self.seed}, {self.plan.steps} steps; "
                "remove the file or repeat that run"
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.done, self.seconds = state["done"], state["seconds"]
        self.rows, self._recent = state["rows"], state["recent"]


def decay_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Split parameters into matrices, which decay, and vectors or marked ones, which do not.

    Parameters
    ----------
    model : Module
        A parameter with a true attribute ``_no_weight_decay`` is marked.
    decay : float
    """
    free, bound = [], []
    for parameter in model.parameters():
        marked = getattr(parameter, "_no_weight_decay", False) or parameter.ndim < 2
        (free if marked else bound).append(parameter)
    groups = [{"params": bound, "weight_decay": decay}, {"params": free, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def train(
    plan: Plan, model: nn.Module, loss: Loss, *, seed: int = 0, partial: Path | None = None,
    progress: bool = False, optimiser: torch.optim.Optimizer | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train a model in place and return the log of the run.

    Parameters
    ----------
    plan, model, loss, seed, optimiser
        As for `TrainingRun`.
    partial : path, optional
        File from which an interrupted run goes on, written every 200 steps and removed at the end.
    progress : bool
        Whether to show a bar on the standard error stream.

    Returns
    -------
    dict
        Name, seed, steps, CPU seconds, curve, plan, versions.

    Raises
    ------
    ValueError
        The partial file is that of another run.
    """
    run = TrainingRun(plan, model, loss, seed, optimiser)
    if partial is not None and partial.exists():
        run.resume(partial)
    bar = tqdm(range(run.done, plan.steps), desc=f"{plan.name} seed {seed}", initial=run.done,
               total=plan.steps, disable=not progress)  # fmt: skip
    try:
        for _ in bar:
            bar.set_postfix(loss=f"{run.step():.3f}", refresh=False)
            if partial is not None and run.done % _KEEP_EVERY == 0:
                run.keep(partial)
    except KeyboardInterrupt:
        if partial is not None:
            run.keep(partial)
        raise
    model.eval()
    if partial is not None:
        partial.unlink(missing_ok=True)
    return {
        "recipe": plan.name, "seed": seed, "steps": plan.steps,
        "cpu_seconds": round(run.seconds), "curve": run.rows, "plan": asdict(plan),
        "made_with": {"torch": torch.__version__, "numpy": np.__version__},
    }  # fmt: skip
