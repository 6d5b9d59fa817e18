"""What the shipped models were trained on, with which sizes, losses and for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from paralg.recurrences.universal_transformer.experiments.models import Seq2Seq, Tagger
from paralg.recurrences.universal_transformer.experiments.tasks import (
    SYMBOLS,
    Reachability,
    StringTask,
)
from paralg.recurrences.universal_transformer.theory import layers_of_equal_parameters
from paralg.recurrences.universal_transformer.variants import UTConfig
from paralg.training import Plan

__all__ = ["NUMBERING", "RATES", "RECIPES", "GraphRecipe", "StringRecipe", "recipe"]  # fmt: skip

RATES = (2e-3, 4e-3)
"""Learning rates of the search for a recipe in which halting follows difficulty."""

_GRAPH = UTConfig(
    d_model=32, heads=4, d_ff=64, steps=7, norm="pre", position="none", step_signal="none"
)
_STRING = UTConfig(d_model=64, heads=4, d_ff=128, steps=4, norm="pre")
_LENGTHS = {
    "copy": (800, {}),
    "reverse": (800, {}),
    "add": (2000, {"copies": 500, "grow": 500, "batch": 64}),
}
NUMBERING = {"copy": "start", "reverse": "start", "add": "plus"}
"""How the source of each string task is numbered."""


@dataclass(frozen=True)
class GraphRecipe:
    """A run on reachability."""

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
    """A run on copy, reverse or add."""

    plan: Plan
    config: UTConfig
    task: StringTask
    plain: bool | str = False
    longest: int = 10
    copies: int = 0
    grow: int = 0
    shift: int = 50
    tested: tuple[int, ...] = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 28, 40)
    ponder: float = 0.01
    batch: int = 32

    def model(self, seed: int = 0) -> nn.Module:
        """Return the model with first weights of a seed."""
        return Seq2Seq(SYMBOLS, self.config, plain=self.plain, seed=seed)

    def lesson(self, step: int) -> tuple[StringTask, int]:
        """Return what is practised at a step, counted from 0, and up to which length."""
        if step < self.copies:
            return StringTask("copy"), self.longest
        grown = 1.0 if step >= self.copies + self.grow else (step - self.copies) / self.grow
        return self.task, 1 + int((self.longest - 1) * grown**2)


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
    thin = replace(_STRING, d_model=narrow, d_ff=2 * narrow)
    halting = replace(_STRING, steps=6, halting="position", halting_bias=-2.0, close=True)
    shapes = {
        "ut": (_STRING, False), "act": (halting, False),
        "deep": (_STRING, True), "layers": (_STRING, "every"),
        "narrow": (thin, True), "thin": (thin, "every"),
        "once": (replace(_STRING, signal_at="first"), False),
    }  # fmt: skip
    found = [
        _string(task, name, config, StringTask(task, NUMBERING[task]), plain=plain)
        for task in NUMBERING
        for name, (config, plain) in shapes.items()
    ]
    released = replace(_STRING, position_start="random")
    return [
        *found,
        _string("copy", "still", _STRING, StringTask("copy"), shift=0),
        _string("reverse", "still", _STRING, StringTask("reverse"), shift=0),
        _string("copy", "released", released, StringTask("copy"), shift=0),
        _string("add", "through", _STRING, StringTask("add")),
    ]


def _string(task: str, name: str, config: UTConfig, what: StringTask, **choices) -> StringRecipe:
    steps, own = _LENGTHS[task]
    return StringRecipe(Plan(f"{task}-{name}", steps, rate=3e-3), config, what, **own | choices)


RECIPES = {one.plan.name: one for one in (*_graph_recipes(), *_string_recipes())}


def recipe(name: str) -> GraphRecipe | StringRecipe:
    """Return a recipe by name."""
    if name not in RECIPES:
        raise ValueError(f"expected one of {', '.join(RECIPES)}, got {name!r}")
    return RECIPES[name]
