"""What the shipped models were trained on, with which sizes, losses and for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from paralg.models.training import Plan
from paralg.recurrences.universal_transformer.config import UTConfig
from paralg.recurrences.universal_transformer.costs import layers_of_equal_parameters
from paralg.recurrences.universal_transformer.graphs import Reachability
from paralg.recurrences.universal_transformer.models import Seq2Seq, Tagger
from paralg.recurrences.universal_transformer.tasks import SYMBOLS, StringTask

__all__ = ["RATES", "RECIPES", "GraphRecipe", "StringRecipe", "recipe"]

RATES = (2e-3, 4e-3)
"""Learning rates of the search for a recipe in which halting follows difficulty."""

_GRAPH = UTConfig(
    d_model=32, heads=4, d_ff=64, steps=7, norm="pre", position="none", step_signal="none"
)
_STRING = UTConfig(d_model=64, heads=4, d_ff=128, steps=4, norm="pre", position_start="random")


@dataclass(frozen=True)
class GraphRecipe:
    """A run on reachability.

    Parameters
    ----------
    plan : Plan
    config : UTConfig
    loss : {"mixed", "expected"}
        See :mod:`objectives`.
    ponder : float
        Weight of the ponder cost.
    begin, length : int
        Step at which that weight begins to grow, and steps until it is whole.
    task : Reachability
    batch : int
        Graphs a step.
    """

    plan: Plan
    config: UTConfig
    loss: str = "mixed"
    ponder: float = 0.01
    begin: int = 0
    length: int = 0
    task: Reachability = Reachability()
    batch: int = 32

    def model(self, seed: int = 0) -> nn.Module:
        """Return the model with first weights of a seed."""
        return Tagger(2, 2, self.config, seed=seed)


@dataclass(frozen=True)
class StringRecipe:
    """A run on copy, reverse or add.

    Parameters
    ----------
    plan : Plan
    config : UTConfig
    task : StringTask
    plain : bool
        Whether to stack different layers.
    longest : int
        Lengths from 1 to this are drawn, one for each batch.
    tested : tuple of int
        Lengths at which the trained model is scored.
    ponder : float
    batch : int
        Sequences a step.
    """

    plan: Plan
    config: UTConfig
    task: StringTask
    plain: bool = False
    longest: int = 10
    tested: tuple[int, ...] = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 28, 40)
    ponder: float = 0.01
    batch: int = 32

    def model(self, seed: int = 0) -> nn.Module:
        """Return the model with first weights of a seed."""
        return Seq2Seq(SYMBOLS, self.config, plain=self.plain, seed=seed)


def _graph(name: str, rate: float = 4e-3, steps: int = 700, **choices) -> GraphRecipe:
    own = {k: choices.pop(k) for k in ("loss", "ponder", "begin", "length") if k in choices}
    config = replace(_GRAPH, **choices)
    return GraphRecipe(Plan(name, steps, rate=rate, decay=0.0), config, **own)


_OFFICIAL = {"halting": "position", "output": "blend"}
_LAW = {"halting": "position", "output": "accumulated", "halting_bias": -2.0, "loss": "expected"}
_SEARCH = {
    "official": _OFFICIAL,
    "ramp": _OFFICIAL | {"begin": 350, "length": 200},
    "low": _OFFICIAL | {"halting_bias": -2.0},
    "closed": _OFFICIAL | {"halting_bias": -2.0, "close": True},
    "expected": _LAW | {"close": True},
    "open": _LAW,
}  # fmt: skip


_VARIANTS = {
    "post": {"norm": "post"},
    **{name: {"recurrence": name} for name in ("highway", "skip", "depth", "gru", "lstm")},
}


def _graph_recipes() -> list[GraphRecipe]:
    found = [_graph("reach-fixed")]
    found += [_graph(f"reach-{name}", **choices) for name, choices in _VARIANTS.items()]
    for weight in (0.001, 0.1):
        found.append(_graph(f"reach-ponder-{weight:g}", 2e-3, ponder=weight, **_SEARCH["low"]))
    for name, choices in _SEARCH.items():
        for rate in RATES:
            found.append(_graph(f"reach-{name}-{1e3 * rate:g}", rate, **choices))
    return found


def _string_recipes() -> list[StringRecipe]:
    narrow = layers_of_equal_parameters(_STRING.d_model, _STRING.steps)
    shapes = {
        "ut": (_STRING, False),
        "act": (
            replace(_STRING, steps=6, halting="position", halting_bias=-2.0, close=True),
            False,
        ),
        "deep": (_STRING, True),
        "narrow": (replace(_STRING, d_model=narrow, d_ff=2 * narrow), True),
    }
    return [
        StringRecipe(Plan(f"{task}-{name}", 800, rate=3e-3), config, StringTask(task), plain)
        for task in ("copy", "reverse", "add")
        for name, (config, plain) in shapes.items()
    ]


RECIPES = {one.plan.name: one for one in (*_graph_recipes(), *_string_recipes())}


def recipe(name: str) -> GraphRecipe | StringRecipe:
    """Return a recipe by name.

    Raises
    ------
    ValueError
        There is none; the message lists them.
    """
    if name not in RECIPES:
        raise ValueError(f"expected one of {', '.join(RECIPES)}, got {name!r}")
    return RECIPES[name]
