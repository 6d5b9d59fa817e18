"""Tasks, and the runs that ship: ``python -m paralg.recurrences.mamba.experiments.runs NAME``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paralg.data import pydoc_text
from paralg.recurrences.mamba.experiments.scores import accuracy, bits_per_character, length_curve
from paralg.recurrences.mamba.model import MambaLM
from paralg.recurrences.mamba.variants import SELECTABLE, VariantConfig, VariantLM
from paralg.sequence import Batch, Copying, InductionHeads, TokenTask
from paralg.training import Plan, Runs, decay_groups

__all__ = [
    "RECIPES", "RUNS", "InductionHeads", "MambaRecipe", "SelectiveCopying", "Text",
    "decay_groups", "draw", "load", "log", "logs", "recipe", "score",
]  # fmt: skip

_NARROW = {"d_model": 32, "n_layer": 2, "d_state": 16}

SelectiveCopying = Copying


@dataclass(frozen=True)
class Text(TokenTask):
    """Predict each next character of `paralg.data.pydoc_text`, 27 symbols."""

    length: int = 128

    inputs = outputs = property(lambda self: len(pydoc_text.SYMBOLS))

    def draw(
        self, rows: int, rng: np.random.Generator, *, size: int | None = None, split: str = "train"
    ) -> Batch:
        """Return windows of ``size`` characters, and the character after each of them."""
        length = self.length if size is None else size
        windows = pydoc_text.windows(rows, length + 1, rng, split=split)
        return Batch.of(windows[:, :-1], windows[:, 1:])


@dataclass(frozen=True)
class MambaRecipe:
    """What a run learns, its plan, and how long the rows are that it is tested on."""

    plan: Plan
    task: TokenTask
    config: VariantConfig
    batch: int = 32
    lengths: tuple[int, int] | None = None
    tested: tuple[int, ...] = ()


def _copying(name: str, selective: tuple[str, ...] = SELECTABLE, **config) -> MambaRecipe:
    task = SelectiveCopying()
    sizes = VariantConfig(vocab_size=task.inputs, selective=selective, **_NARROW | config)
    plan = Plan(f"copying-{name}", 2000, floor=1.0)
    return MambaRecipe(plan, task, sizes, tested=(24, 32, 48, 96, 192, 384))


_CHOICES = {"lti": (), "delta": ("delta",), "b": ("B",), "delta-b": ("delta", "B"), "c": ("C",),
            "delta-c": ("delta", "C"), "b-c": ("B", "C"), "s6": SELECTABLE}  # fmt: skip
"""Every choice of what may depend on the token."""

_CHANGES = {
    "states-1": {"d_state": 1}, "states-4": {"d_state": 4}, "rank-1": {"dt_rank": 1},
    "rank-8": {"dt_rank": 8}, "zoh": {"discretisation": "zoh", "method": "kogge-stone"},
    "complex": {"complex_states": True, "d_state": 8, "method": "kogge-stone"},
}  # fmt: skip
"""One change each to the S6 network; eight complex states are as many numbers as sixteen real."""


def _induction(name: str, selective: tuple[str, ...] = SELECTABLE, **training) -> MambaRecipe:
    task = InductionHeads()
    sizes = VariantConfig(vocab_size=task.inputs, selective=selective, **_NARROW)
    tested = tuple(2**k for k in range(4, 18))
    return MambaRecipe(Plan(name, 3000), task, sizes, tested=tested, **training)


def _text(name: str, selective: tuple[str, ...] = SELECTABLE) -> MambaRecipe:
    task = Text(256)
    sizes = VariantConfig(d_model=64, n_layer=2, vocab_size=task.inputs, selective=selective)
    return MambaRecipe(Plan(name, 1000, decay=0.1), task, sizes, batch=16)


RECIPES = {
    one.plan.name: one
    for one in (
        *(_copying(name, chosen) for name, chosen in _CHOICES.items()),
        *(_copying(f"{name}-{form}", _CHOICES[name], architecture=form)
          for form in ("ungated", "h3") for name in ("s6", "lti")),
        *(_copying(f"s6-{name}", **change) for name, change in _CHANGES.items()),
        _induction("induction"), _induction("induction-mixed", lengths=(16, 1024), batch=64),
        _induction("induction-lti", ()), _text("text-s6"), _text("text-lti", ()),
    )
}  # fmt: skip


def recipe(name: str) -> MambaRecipe:
    """Return what a run learns; ValueError, with the names that there are, if there is none."""
    if name not in RECIPES:
        raise ValueError(f"expected one of {', '.join(RECIPES)}, got {name!r}")
    return RECIPES[name]


def draw(chosen: MambaRecipe, rng: np.random.Generator) -> Batch:
    """Return a step's rows, of the task's length or of one drawn log-uniformly."""
    task = chosen.task
    if chosen.lengths is None:
        return task.draw(chosen.batch, rng)
    low, high = np.log(chosen.lengths)
    length = round(np.exp(rng.uniform(low, high)))
    return task.draw(max(1, chosen.batch * task.length // length), rng, size=length)


def _loss(name: str):
    chosen = recipe(name)

    def loss(model, rng, step):
        batch = draw(chosen, rng)
        outputs = model(batch.inputs)
        right = chosen.task.score(outputs, batch).mean().item()
        return chosen.task.loss(outputs, batch), {"right": right}

    return loss


def score(model: MambaLM, name: str) -> dict[str, Any]:
    """Measure a model on its own task."""
    chosen = recipe(name)
    if isinstance(chosen.task, Text):
        return {"bits": round(bits_per_character(model), 4)}
    right = accuracy(model, chosen.task)
    curve = length_curve(model, chosen.task, chosen.tested)
    lengths = {str(n): round(share, 4) for n, share in zip(chosen.tested, curve, strict=True)}
    return {"token": round(right.token, 4), "row": round(right.row, 4), "lengths": lengths}


RUNS = Runs(
    Path(__file__).with_name("weights"), {name: one.plan for name, one in RECIPES.items()},
    build=lambda name, seed: VariantLM(recipe(name).config, seed), loss=_loss, score=score,
    stored=lambda model: model.backbone,  # the head is the embedding
)  # fmt: skip
load, log, logs = RUNS.load, RUNS.log, RUNS.logs


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.recurrences.mamba.experiments.runs"))
