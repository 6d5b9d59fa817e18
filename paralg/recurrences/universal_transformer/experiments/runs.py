"""What the shipped models were trained on, with which sizes, losses and for how long.

python -m paralg.recurrences.universal_transformer.experiments.runs NAME --seed 0
"""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from paralg.recurrences.universal_transformer.experiments import tasks
from paralg.recurrences.universal_transformer.experiments.evaluate import by_distance, length_curve
from paralg.recurrences.universal_transformer.experiments.models import Seq2Seq, Tagger
from paralg.recurrences.universal_transformer.recurrence import UTRun
from paralg.recurrences.universal_transformer.theory import layers_of_equal_parameters
from paralg.recurrences.universal_transformer.variants import UTConfig
from paralg.training import Plan, Runs

__all__ = [
    "NUMBERING", "RATES", "RECIPES", "RUNS", "GraphRecipe", "StringRecipe", "expected_loss",
    "load", "log", "ramp",
]  # fmt: skip

RATES = (2e-3, 4e-3)
"""Learning rates of the search for a recipe in which halting follows difficulty."""
NUMBERING = {"copy": "start", "reverse": "start", "add": "plus"}
"""How the source of each string task is numbered."""


def expected_loss(model: Tagger, targets: Tensor, run: UTRun, ponder: float) -> Tensor:
    """Return the loss expected over the halting distribution, plus the expected number of steps."""
    if not run.states:
        raise ValueError("the expected loss needs the states of all steps: run with keep=True")
    said = model.readout(model.core.last_norm(torch.stack(run.states)))
    repeated = targets.expand(len(said), *targets.shape)
    losses = cross_entropy(said.flatten(0, 2), repeated.flatten(), reduction="none")
    expected = (run.weights * losses.view(repeated.shape)).sum(dim=0)
    count = torch.arange(1, len(said) + 1, dtype=expected.dtype)
    return (expected + ponder * torch.tensordot(count, run.weights, dims=1)).mean()


def ramp(step: int, begin: int, length: int) -> float:
    """Return a factor that is 0 before `begin` and grows linearly to 1 over `length` steps."""
    return float(np.clip((step - begin) / length, 0, 1)) if length > 0 else float(step >= begin)


def _told(logits: Tensor, targets: Tensor, run: UTRun) -> dict[str, float]:
    right = (logits.argmax(-1) == targets).float().mean()
    return {"right": right.item(), "steps": run.steps.mean().item()}


@dataclass(frozen=True)
class GraphRecipe:
    """A run on reachability; `begin` and `length` are those of the ponder cost's ramp."""

    plan: Plan
    config: UTConfig
    objective: str = "mixed"
    ponder: float = 0.01
    begin: int = 0
    length: int = 0
    task: tasks.Reachability = tasks.Reachability()
    batch: int = 32

    def model(self, seed: int = 0) -> Tagger:
        """Return the model with first weights of a seed."""
        return Tagger(2, 2, self.config, seed=seed)

    def loss(self, model: Tagger, rng, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss: the paper's, of the mixed output, or the expected one."""
        batch = self.task.draw(self.batch, rng)
        expected = self.objective == "expected"
        logits, run = model(batch.symbols, attention_mask=batch.attention_mask, keep=expected)
        weight = self.ponder * ramp(step, self.begin, self.length)
        if expected:
            loss = expected_loss(model, batch.targets, run, weight)
        else:
            loss = cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
            loss = loss if self.config.halting is None else loss + weight * run.ponder
        return loss, _told(logits, batch.targets, run)

    def score(self, model: Tagger) -> dict[str, Any]:
        """Measure a model by distance."""
        found = by_distance(model, self.task)
        rho = None if np.isnan(found.correlation) else round(found.correlation, 4)
        return {
            "accuracy": round(found.accuracy, 4), "correlation": rho,
            "distance": found.distance.tolist(), "right": np.round(found.right, 4).tolist(),
            "taken": np.round(found.steps, 3).tolist(),
        }  # fmt: skip


@dataclass(frozen=True)
class StringRecipe:
    """A run on copy, reverse or add, after so many steps of copying, lengths growing so long."""

    plan: Plan
    config: UTConfig
    task: tasks.StringTask
    plain: bool | str = False
    longest: int = 10
    copies: int = 0
    grow: int = 0
    shift: int = 50
    tested: tuple[int, ...] = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 28, 40)
    ponder: float = 0.01
    batch: int = 32

    def model(self, seed: int = 0) -> Seq2Seq:
        """Return the model with first weights of a seed."""
        return Seq2Seq(tasks.SYMBOLS, self.config, plain=self.plain, seed=seed)

    def lesson(self, step: int) -> tuple[tasks.StringTask, int]:
        """Return what is practised at a step, counted from 0, and up to which length."""
        if step < self.copies:
            return tasks.StringTask("copy"), self.longest
        grown = 1.0 if step >= self.copies + self.grow else (step - self.copies) / self.grow
        return self.task, 1 + int((self.longest - 1) * grown**2)

    def loss(self, model: Seq2Seq, rng, step: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of strings of one length, whose indices are shifted by one number."""
        task, longest = self.lesson(step)
        pairs = task.draw(self.batch, rng, length=int(rng.integers(1, longest + 1)))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        shift = int(rng.integers(self.shift + 1))
        run = model(pairs.source, pairs.target, position_ids=pairs.positions, offset=shift,
                    generator=generator)  # fmt: skip
        loss = cross_entropy(run.logits.flatten(0, 1), pairs.target.flatten())
        if self.config.halting is not None and not self.plain:
            loss = loss + self.ponder * (run.encoder.ponder + run.decoder.ponder)
        return loss, _told(run.logits, pairs.target, run.decoder)

    def score(self, model: Seq2Seq) -> dict[str, Any]:
        """Measure a model at each length."""
        return {"lengths": list(self.tested)} | length_curve(model, self.task, self.tested)


_GRAPH = UTConfig(steps=7, norm="pre", position="none", step_signal="none")
_STRING = UTConfig(d_model=64, heads=4, d_ff=128, steps=4, norm="pre")
_LENGTHS = dict.fromkeys(("copy", "reverse"), (800, {}))
_LENGTHS["add"] = (2000, {"copies": 500, "grow": 500, "batch": 64})
_OFFICIAL = {"halting": "position", "output": "blend"}
_LOW = _OFFICIAL | {"halting_bias": -2.0}
_OPEN = _LOW | {"output": "accumulated", "objective": "expected"}
_SEARCH = {
    "official": _OFFICIAL, "ramp": _OFFICIAL | {"begin": 350, "length": 200}, "low": _LOW,
    "closed": _LOW | {"close": True}, "expected": _OPEN | {"close": True}, "open": _OPEN,
}  # fmt: skip


def _graph(name: str, rate: float = 4e-3, **choices) -> GraphRecipe:
    names = ("objective", "ponder", "begin", "length")
    own = {k: choices.pop(k) for k in names if k in choices}
    plan = Plan(f"reach-{name}", 700, rate=rate, decay=0.0)
    return GraphRecipe(plan, replace(_GRAPH, **choices), **own)


def _string(task: str, name: str, config: UTConfig, plain=False, **choices) -> StringRecipe:
    steps, own = _LENGTHS[task]
    what = tasks.StringTask(task, choices.pop("numbering", NUMBERING[task]))
    plan = Plan(f"{task}-{name}", steps, rate=3e-3)
    return StringRecipe(plan, config, what, plain, **own | choices)


_WIDTH = layers_of_equal_parameters(_STRING.d_model, _STRING.steps)
_THIN = replace(_STRING, d_model=_WIDTH, d_ff=2 * _WIDTH)
_SHAPES = {
    "ut": (_STRING, False),
    "act": (replace(_STRING, steps=6, halting="position", halting_bias=-2.0, close=True), False),
    "deep": (_STRING, True), "layers": (_STRING, "every"),
    "narrow": (_THIN, True), "thin": (_THIN, "every"),
    "once": (replace(_STRING, signal_at="first"), False),
}  # fmt: skip
_ALL = [
    _graph("fixed"), _graph("post", norm="post"),
    *(_graph(name, recurrence=name) for name in ("highway", "skip", "depth", "gru", "lstm")),
    *(_graph(f"ponder-{w:g}", 2e-3, ponder=w, **_LOW) for w in (0.001, 0.1)),
    *(_graph(f"{name}-{1e3 * rate:g}", rate, **choices)
      for name, choices in _SEARCH.items() for rate in RATES),
    *(_string(task, name, *shape) for task in NUMBERING for name, shape in _SHAPES.items()),
    *(_string(task, "still", _STRING, shift=0) for task in ("copy", "reverse")),
    _string("copy", "released", replace(_STRING, position_start="random"), shift=0),
    _string("add", "through", _STRING, numbering="start"),
]  # fmt: skip
RECIPES = {one.plan.name: one for one in _ALL}
RUNS = Runs(
    Path(__file__).with_name("weights"), {name: one.plan for name, one in RECIPES.items()},
    build=lambda name, seed: RECIPES[name].model(seed),
    loss=lambda name: RECIPES[name].loss,
    score=lambda model, name: RECIPES[name].score(model),
)  # fmt: skip
load, log = RUNS.load, RUNS.log


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.recurrences.universal_transformer.experiments.runs"))
