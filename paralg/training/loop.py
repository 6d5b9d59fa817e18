"""One training loop for all chapters: AdamW, warm-up, cosine, clipping, log, interruption.

A run is a function of plan and seed: step s draws its batch, and whatever torch draws (dropout),
from the seed (seed, s), so a run that is interrupted and started again ends in the same weights.
"""

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

from paralg.core import checks
from paralg.training.files import write_whole

__all__ = ["Plan", "TrainingRun", "decay_groups", "train"]

_LOG_EVERY = 50
_KEEP_EVERY = 200
_KEPT = ("done", "seconds", "rows", "recent")


@dataclass(frozen=True)
class Plan:
    """How long and how fast a model is trained; what it learns is the caller's loss.

    Parameters
    ----------
    name : str
        Also the name of the files.
    steps, warmup : int
        All steps, and those of linear growth to the peak.
    rate, floor : float
        Peak learning rate; share of it left at the end of the cosine, 1 for a flat rate.
    decay, clip : float
        Weight decay, where `decay_groups` gives it; largest norm of the gradient.

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

    def __post_init__(self):
        checks.instance("name", self.name, str)
        checks.integer("steps", self.steps), checks.integer("warmup", self.warmup)
        checks.number("rate", self.rate, above=0), checks.number("floor", self.floor, 0, 1)
        checks.number("decay", self.decay, 0), checks.number("clip", self.clip, above=0)

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        checks.integer("step", step)
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * (self.floor + (1 - self.floor) * (1 + math.cos(math.pi * done)) / 2)


Loss = Callable[[nn.Module, np.random.Generator, int], tuple[Tensor, Mapping[str, float]]]


class TrainingRun:
    """A run that can be interrupted: model, optimiser, steps done, what was logged.

    ``rows`` has step, mean loss and means of the other numbers over every fifty steps.

    Parameters
    ----------
    plan : Plan
        How long and how fast.
    model : Module
        Already initialised from the seed.
    loss : callable (model, rng, step) -> (Tensor, dict)
        Draws a batch from `rng`; returns the loss and numbers to log, each a mean over the batch.
        `step` counts from 0, for losses that change on the way.
    seed : int
        Of everything that is drawn.
    optimiser : Optimizer, optional
        For the model's parameters; by default AdamW with the groups of `decay_groups`.
    """

    def __init__(
        self, plan: Plan, model: nn.Module, loss: Loss, seed: int = 0,
        optimiser: torch.optim.Optimizer | None = None,
    ):  # fmt: skip
        checks.instance("plan", plan, Plan), checks.instance("model", model, nn.Module)
        checks.instance("loss", loss, Callable), checks.integer("seed", seed)
        self.plan, self.model, self.loss, self.seed = plan, model, loss, seed
        groups = decay_groups(model, plan.decay)
        self.optimiser = optimiser or torch.optim.AdamW(groups, lr=plan.rate)
        self.done, self.seconds, self.rows, self.recent = 0, 0.0, [], []

    def step(self) -> float:
        """Take one step and return the loss before it."""
        start = time.process_time()
        self.model.train()
        rng = np.random.default_rng([self.seed, self.done])
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(int(rng.bit_generator.seed_seq.generate_state(1)[0]))
            loss, numbers = self.loss(self.model, rng, self.done)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate_at(self.done)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        self.optimiser.step()
        self.done += 1
        self._record({"loss": loss.item(), **numbers})
        self.seconds += time.process_time() - start
        return loss.item()

    def _record(self, numbers: dict[str, float]) -> None:
        self.recent.append(numbers)
        if self.done % _LOG_EVERY == 0 or self.done == self.plan.steps:
            means = {key: float(np.mean([row[key] for row in self.recent])) for key in numbers}
            self.rows.append({"step": self.done} | {k: round(mean, 5) for k, mean in means.items()})
            self.recent = []

    def keep(self, path: Path) -> None:
        """Write everything needed to go on, whole or not at all."""
        buffer = io.BytesIO()
        state = {name: getattr(self, name) for name in _KEPT}
        state |= {"plan": asdict(self.plan), "seed": self.seed}
        state |= {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        torch.save(state, buffer)
        write_whole(path, buffer.getvalue())

    def resume(self, path: Path) -> None:
        """Go on from a file written by `keep`; ValueError if it belongs to another plan or seed."""
        state = torch.load(path, weights_only=True)
        plan, seed = state["plan"], state["seed"]
        if (plan, seed) != (asdict(self.plan), self.seed):
            raise ValueError(
                f"{path.name} was left by another run (seed {seed}, {plan['steps']} steps), got "
                f"seed {self.seed}, {self.plan.steps} steps; remove the file or repeat that run"
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        vars(self).update({name: state[name] for name in _KEPT})


def decay_groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Split parameters into matrices, which decay, and vectors or marked ones, which do not.

    Parameters
    ----------
    model : Module
        A parameter with a true attribute ``_no_weight_decay`` is marked.
    decay : float
        Weight decay of the matrices.

    Examples
    --------
    >>> [group["weight_decay"] for group in decay_groups(nn.Linear(2, 3), 0.1)]
    [0.1, 0.0]
    """
    checks.instance("model", model, nn.Module), checks.number("decay", decay, 0)
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
    """Train a model in place; return its log: seed, steps, seconds, curve, plan, versions.

    Parameters
    ----------
    plan, model, loss, seed, optimiser
        As for `TrainingRun`.
    partial : path, optional
        File from which an interrupted run goes on, written every 200 steps and removed at the end;
        a ValueError if it is that of another run.
    progress : bool
        Whether to show a bar on the standard error stream.
    """
    run = TrainingRun(plan, model, loss, seed, optimiser)
    checks.instance("partial", partial, Path, type(None))
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
