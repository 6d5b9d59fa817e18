"""The runs that ship: ``python -m paralg.recurrences.mamba.experiments.runs NAME --seed 0``."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from paralg.recurrences.mamba.experiments.scores import accuracy, bits_per_character, length_curve
from paralg.recurrences.mamba.experiments.tasks import InductionHeads, SelectiveCopying, Text
from paralg.recurrences.mamba.model import MambaLM
from paralg.recurrences.mamba.variants import SELECTABLE, VariantConfig, VariantLM
from paralg.sequence import Batch, TokenTask
from paralg.training import Plan, Runs, decay_groups

__all__ = [
    "FOLDER", "RECIPES", "RUNS", "MambaRecipe", "decay_groups", "draw", "load", "log", "logs",
    "recipe", "runs_in", "score",
]  # fmt: skip

FOLDER = Path(__file__).with_name("weights")
_NARROW = {"d_model": 32, "n_layer": 2, "d_state": 16}


@dataclass(frozen=True)
class MambaRecipe:
    """What a run learns, beside its plan."""

    plan: Plan
    task: TokenTask
    config: VariantConfig
    batch: int = 32
    lengths: tuple[int, int] | None = None
    tested: tuple[int, ...] = ()


def _copying(name: str, selective: tuple[str, ...], **config) -> MambaRecipe:
    task = SelectiveCopying()
    sizes = VariantConfig(vocab_size=task.inputs, selective=selective, **_NARROW | config)
    plan = Plan(f"copying-{name}", 2000, floor=1.0)
    return MambaRecipe(plan, task, sizes, tested=(24, 32, 48, 96, 192, 384))


_CHANGES = {
    "states-1": {"d_state": 1},
    "states-4": {"d_state": 4},
    "rank-1": {"dt_rank": 1},
    "rank-8": {"dt_rank": 8},
    "zoh": {"discretisation": "zoh", "method": "kogge-stone"},
    "complex": {"complex_states": True, "d_state": 8, "method": "kogge-stone"},
}
"""One change each to the S6 network; eight complex states are as many numbers as sixteen real."""


def _copying_recipes() -> list[MambaRecipe]:
    """Every choice of what may depend on the token; without gate; the H3 form; other sizes."""
    found = []
    for bits in range(8):
        chosen = tuple(part for i, part in enumerate(SELECTABLE) if bits >> i & 1)
        names = {(): "lti", SELECTABLE: "s6"}
        found.append(_copying(names.get(chosen, "-".join(chosen).lower()), chosen))
    for form in ("ungated", "h3"):
        found.append(_copying(f"s6-{form}", SELECTABLE, architecture=form))
        found.append(_copying(f"lti-{form}", (), architecture=form))
    found.extend(_copying(f"s6-{name}", SELECTABLE, **change) for name, change in _CHANGES.items())
    return found


def _induction_recipes() -> list[MambaRecipe]:
    """One length; mixed lengths; one length without selection."""
    task = InductionHeads()
    sizes = VariantConfig(vocab_size=task.inputs, **_NARROW)
    tested = tuple(2**k for k in range(4, 18))
    one = MambaRecipe(Plan("induction", 3000), task, sizes, tested=tested)
    mixed = replace(one, plan=Plan("induction-mixed", 3000), lengths=(16, 1024), batch=64)
    lti = replace(one, plan=Plan("induction-lti", 3000), config=replace(sizes, selective=()))
    return [one, mixed, lti]


def _text_recipe(name: str, chosen: tuple[str, ...]) -> MambaRecipe:
    task = Text(256)
    sizes = VariantConfig(d_model=64, n_layer=2, vocab_size=task.inputs, selective=chosen)
    return MambaRecipe(Plan(f"text-{name}", 1000, decay=0.1), task, sizes, batch=16)


RECIPES = {
    one.plan.name: one
    for one in (*_copying_recipes(), *_induction_recipes(), _text_recipe("s6", SELECTABLE),
                _text_recipe("lti", ()))
}  # fmt: skip


def recipe(name: str) -> MambaRecipe:
    """Return what a run learns, and how.

    Parameters
    ----------
    name : str

    Raises
    ------
    ValueError
        There is none; the message lists them.

    Examples
    --------
    >>> recipe("induction").plan.steps
    3000
    """
    if name not in RECIPES:
        raise ValueError(f"expected one of {', '.join(RECIPES)}, got {name!r}")
    return RECIPES[name]


def draw(chosen: MambaRecipe, rng: np.random.Generator) -> Batch:
    """Return a step's rows, of the task's length or of one drawn log-uniformly."""
    task = chosen.task
    if chosen.lengths is None:
        return task.draw(chosen.batch, rng)
    low, high = np.log(chosen.lengths)
    length = round(math.exp(rng.uniform(low, high)))
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


def runs_in(folder: Path) -> Runs:
    """Return the runs of a folder."""
    plans = {name: one.plan for name, one in RECIPES.items()}
    return Runs(
        folder, plans, build=lambda name, seed: VariantLM(recipe(name).config, seed), loss=_loss,
        score=score, stored=lambda model: model.backbone,  # the head is the embedding
    )  # fmt: skip


RUNS = runs_in(FOLDER)
load, log, logs = RUNS.load, RUNS.log, RUNS.logs


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.recurrences.mamba.experiments.runs"))
