"""What the shipped models were trained on, with which sizes and for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace

from paralg.recurrences.mamba.config import SELECTABLE, MambaConfig
from paralg.recurrences.mamba.tasks import InductionHeads, SelectiveCopying, Task, Text

__all__ = ["RECIPES", "Recipe", "recipe"]

_NARROW = {"d_model": 32, "n_layer": 2, "d_state": 16}


@dataclass(frozen=True)
class Recipe:
    """One training run but for its seed.

    Parameters
    ----------
    name : str
        Also the name of the files.
    task : Task
    config : MambaConfig
    steps, batch : int
        Steps of AdamW, rows in a step at the task's own length.
    lengths : (int, int) or None
        Draw the length of each step log-uniformly between these, rows in proportion, so that a
        step has the same number of tokens.
    rate, decay, clip : float
        Peak learning rate, weight decay, largest norm of the gradient.
    warmup : int
        Steps of linear growth to the peak.
    cosine : bool
        Whether the rate falls to a tenth along a cosine afterwards.
    tested : tuple of int
        Lengths at which the trained model is scored.
    """

    name: str
    task: Task
    config: MambaConfig
    steps: int
    batch: int = 32
    lengths: tuple[int, int] | None = None
    rate: float = 3e-3
    decay: float = 0.01
    clip: float = 1.0
    warmup: int = 50
    cosine: bool = False
    tested: tuple[int, ...] = ()


def _copying(name: str, selective: tuple[str, ...], **config) -> Recipe:
    task = SelectiveCopying()
    shape = MambaConfig(vocab_size=task.vocab_size, selective=selective, **_NARROW | config)
    return Recipe(f"copying-{name}", task, shape, steps=2000, tested=(24, 32, 48, 96, 192, 384))


_CHANGES = {
    "states-1": {"d_state": 1},
    "states-4": {"d_state": 4},
    "rank-1": {"dt_rank": 1},
    "rank-8": {"dt_rank": 8},
    "zoh": {"discretisation": "zoh", "method": "kogge-stone"},
    "complex": {"complex_states": True, "d_state": 8, "method": "kogge-stone"},
}
"""One change each to the S6 network; eight complex states are as many numbers as sixteen real."""


def _copying_recipes() -> list[Recipe]:
    """Every choice of what may depend on the token; without gate; the H3 form; other sizes."""
    plans = []
    for bits in range(8):
        chosen = tuple(part for i, part in enumerate(SELECTABLE) if bits >> i & 1)
        names = {(): "lti", SELECTABLE: "s6"}
        plans.append(_copying(names.get(chosen, "-".join(chosen).lower()), chosen))
    for form in ("ungated", "h3"):
        plans.append(_copying(f"s6-{form}", SELECTABLE, architecture=form))
        plans.append(_copying(f"lti-{form}", (), architecture=form))
    plans.extend(_copying(f"s6-{name}", SELECTABLE, **change) for name, change in _CHANGES.items())
    return plans


def _induction_recipes() -> list[Recipe]:
    """One length; mixed lengths; one length without selection."""
    task = InductionHeads()
    shape = MambaConfig(vocab_size=task.vocab_size, **_NARROW)
    tested = tuple(2**k for k in range(4, 18))
    plan = Recipe("induction", task, shape, steps=3000, cosine=True, tested=tested)
    return [
        plan,
        replace(plan, name="induction-mixed", lengths=(16, 1024), batch=64),
        replace(plan, name="induction-lti", config=replace(shape, selective=())),
    ]


def _text_recipes() -> list[Recipe]:
    task = Text(256)
    plans = []
    for name, chosen in (("s6", SELECTABLE), ("lti", ())):
        shape = MambaConfig(d_model=64, n_layer=2, vocab_size=task.vocab_size, selective=chosen)
        plans.append(
            Recipe(f"text-{name}", task, shape, steps=1000, batch=16, decay=0.1, cosine=True)
        )
    return plans


RECIPES = {
    plan.name: plan for plan in (*_copying_recipes(), *_induction_recipes(), *_text_recipes())
}


def recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    ValueError
        There is none; the message lists them.
    """
    if name not in RECIPES:
        raise ValueError(f"expected one of {', '.join(RECIPES)}, got {name!r}")
    return RECIPES[name]
