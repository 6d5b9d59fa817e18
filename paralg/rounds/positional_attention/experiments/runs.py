"""Trained models: ``python -m paralg.rounds.positional_attention.experiments.runs NAME --seed S``.

A name is a task and a kind of model, then what differs: "sum-standard", "min-positional-64" (a
training set of 64 rows), "sum-standard-1x16" (layers, hidden units), "sum-positional-n32",
"sum-positional-lengths", "river-positional". All models of a row see the same batches.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from paralg.data import choptank
from paralg.rounds.positional_attention.experiments.tasks import SCALES, WIDE, answer, draw
from paralg.rounds.positional_attention.layer import PositionalTransformer, Shape
from paralg.rounds.positional_attention.variants import RotaryTransformer, StandardTransformer
from paralg.training import Plan, Runs

__all__ = ["KINDS", "MAIN", "RUNS", "Recipe", "errors", "recipe_of", "river"]

HELD_OUT, ROWS = 2026, 2000
UNIT, DAYS, EDGES = 100.0, 8, (2, 5, 10, 20)
"""Cubic feet a second; days of a window; units between which floods are told apart."""
KINDS = {"positional": PositionalTransformer, "homogeneous": PositionalTransformer,
         "standard": StandardTransformer, "rotary": RotaryTransformer}  # fmt: skip
MAIN = ("sum", "min", "median", "max-subarray", "sort")
SETS = (64, 1024, 16384)
_NAME = re.compile(r"(?P<task>.+?)-(?P<kind>positional|homogeneous|standard|rotary)"
                   r"(?:-(?:(?P<rows>\d+)|(?P<layers>\d+)x(?P<hidden>\d+)|n(?P<n>\d+)"
                   r"|(?P<lengths>lengths)))?")  # fmt: skip


class Recipe(NamedTuple):
    """What a run trains; ``rows`` of 0 are fresh ones in every batch."""

    task: str
    kind: str
    n: int = 8
    layers: int = 4
    hidden: int = 32
    rows: int = 0
    lengths: bool = False

    @property
    def batch(self) -> int:
        """Return how many rows a batch has: 256, and half of it where only one thing is tried."""
        main = self.task in MAIN and self[2:] == (8, 4, 32, 0, False) and self.kind != "rotary"
        return (256 if main else 128) * 8 // self.n

    @property
    def shape(self) -> Shape:
        """Return the sizes of the model; log₂ n + 1 layers, if nothing else is asked for."""
        return Shape(self.n, outputs=self.n if self.task in WIDE else 1, layers=self.layers,
                     hidden=(self.hidden,), bias=self.kind != "homogeneous")  # fmt: skip


def recipe_of(name: str) -> Recipe:
    """Return what a name stands for."""
    task, kind, rows, layers, hidden, n, lengths = _NAME.fullmatch(name).groups()
    n = int(n or 8)
    return Recipe(task, kind, n, int(layers or np.log2(n) + 1), int(hidden or 32), int(rows or 0),
                  bool(lengths))  # fmt: skip


def river(above: float = 0) -> NDArray[np.float64]:
    """Return windows of eight days of the Choptank River, in units of 100 cubic feet a second.

    Their highest flow is above a number of `EDGES`, or 0, and at most the next: those above 0 are
    within the trained scale.
    """
    windows = np.lib.stride_tricks.sliding_window_view(choptank.daily() / UNIT, DAYS)
    edges, crest = (0, *EDGES, np.inf), windows.max(axis=1)
    return windows[(crest > above) & (crest <= edges[edges.index(above) + 1])]


def errors(model: nn.Module, recipe: Recipe, values: NDArray) -> NDArray[np.float64]:
    """Return squared errors of rows, shape (rows,): means over the nodes that answer."""
    x = torch.tensor(values, dtype=next(model.parameters()).dtype)
    with torch.no_grad():
        return _squares(model, recipe, x).double().numpy()


def _squares(model: nn.Module, recipe: Recipe, x: Tensor) -> Tensor:
    task = "sum" if recipe.task == "river" else recipe.task
    found, truth = model(x[..., None]), torch.from_numpy(answer(task, x.double().numpy())).to(x)
    if task in WIDE:
        upper = torch.triu(torch.ones(x.shape[-1], x.shape[-1]), 1).bool()
        return (found[..., : x.shape[-1]] - truth).square()[..., upper].mean(dim=-1)
    return (found[..., : truth.shape[-1], 0] - truth).square().mean(dim=-1)


def _batch(recipe: Recipe, rng: np.random.Generator) -> NDArray:
    count = recipe.batch
    if recipe.task == "river":
        low = river()
        return low[rng.integers(0, len(low), count)]
    if recipe.rows:
        known = draw(np.random.default_rng([HELD_OUT, recipe.rows]), recipe.rows, recipe.n)
        return known[rng.integers(0, recipe.rows, count)]
    return draw(rng, count, int(rng.integers(1, recipe.n + 1)) if recipe.lengths else recipe.n)


def _loss(name: str) -> Callable:
    recipe = recipe_of(name)

    def loss(model, rng, step):
        x = torch.from_numpy(_batch(recipe, rng)).float()
        return _squares(model, recipe, x).mean(), {}

    return loss


def _build(name: str, seed: int) -> nn.Module:
    recipe = recipe_of(name)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return KINDS[recipe.kind](recipe.shape)


def _score(model: nn.Module, name: str) -> dict:
    recipe = recipe_of(name)
    if recipe.task == "river":
        parts = {edge: river(edge) for edge in (0, *EDGES)}
        return {str(edge): float(f"{errors(model, recipe, part).mean():.4g}")
                for edge, part in parts.items()}  # fmt: skip
    sizes = range(1, 9) if recipe.lengths else (recipe.n,)
    found = {}
    for n in sizes:
        scales = SCALES[::4] if recipe.lengths else SCALES
        parts = ((c, draw(np.random.default_rng([HELD_OUT, c]), ROWS, n, c)) for c in scales)
        mean = {str(c): float(f"{errors(model, recipe, part).mean():.4g}") for c, part in parts}
        found |= {str(n): mean} if recipe.lengths else mean
    return found


THREE = ("positional", "homogeneous", "standard")
PAIR = ("positional", "standard")
NAMES = (
    *(f"{task}-{kind}" for task in MAIN for kind in THREE), "sum-rotary",
    *(f"{task}-{kind}" for task in ("minsum", "paths") for kind in PAIR),
    *(f"min-{kind}-{rows}" for rows in SETS for kind in PAIR),
    *(f"sum-{kind}-{layers}x{hidden}" for layers in (1, 4) for hidden in (2, 16) for kind in PAIR),
    *(f"sum-{kind}-n{n}" for n in (4, 16, 32) for kind in PAIR),
    *(f"sum-{kind}-lengths" for kind in PAIR), *(f"river-{kind}" for kind in THREE),
)  # fmt: skip
RUNS = Runs(
    Path(__file__).with_name("weights"),
    {name: Plan(name, steps, rate=4e-3, warmup=steps // 5, floor=0.0, decay=0.0)
     for name in NAMES for steps in [1500 if recipe_of(name).batch == 256 else 800]},
    build=_build, loss=_loss, score=_score,
    facts=lambda model, name: {"parameters": sum(p.numel() for p in model.parameters())},
    kept={f"{task}-{kind}-0" for task in ("sum", "min") for kind in THREE},
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.rounds.positional_attention.experiments.runs"))
