"""Sudoku networks tuned for few rounds: run this module with a name of `RECIPES` and ``--seed``.

All start from the shipped ``sudoku4-bidirectional`` network.  An *update* is one rollout and
`INNER` optimiser steps on it.  It needs S forwards of 48 rows to roll out, and as many as there are
states to look at (S for CJ, 1 for the others) for the reference and for each inner step; d1, which
masks its prompt anew for each inner step, needs three for each, the old policy being the third.
"""

import copy
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from paralg.decoding.consistency_trajectory import objectives
from paralg.decoding.consistency_trajectory.experiments import sudoku
from paralg.decoding.consistency_trajectory.trajectory import Trajectory, rollout
from paralg.decoding.consistency_trajectory.variants import AtRandom, masked_prompt, one_step
from paralg.training import Plan, Runs

__all__ = [
    "HELD_OUT", "RECIPES", "RUNS", "TuningRecipe", "evaluate", "forwards", "ranking", "start",
]  # fmt: skip

PROMPTS, GROUP, INNER = 8, 6, 2
SYNC = 64
"""Updates after which the reference becomes the policy, as in the released settings."""

HELD_OUT = 2025


@dataclass(frozen=True)
class TuningRecipe:
    """Which states an update looks at, the rounds of the decoder, and how many updates."""

    objective: str
    sizes: tuple[int, ...]
    updates: int
    order: str = "confidence"
    rate: float = 3e-4
    beta: float = 0.04
    label: str = ""

    @property
    def name(self) -> str:
        """Objective, rounds, and what is unusual."""
        return "-".join([self.objective, *map(str, self.sizes), *self.label.split()])


def forwards(recipe: TuningRecipe) -> int:
    """Count the forwards of a whole run, each of `PROMPTS` times `GROUP` rows."""
    S = len(recipe.sizes)
    per = {"cj": S + S * (INNER + 1), "one_step": S + INNER + 1, "d1": S + 3 * INNER}
    return recipe.updates * per[recipe.objective]


RECIPES = {
    one.name: one
    for one in (
        TuningRecipe("cj", (1, 2, 9), 300), TuningRecipe("one_step", (1, 2, 9), 600),
        TuningRecipe("d1", (1, 2, 9), 400), TuningRecipe("cj", (4, 4, 4), 300),
        TuningRecipe("cj", (1, 2, 9), 300, "random", label="random"),
        TuningRecipe("cj", (1, 2, 9), 300, beta=0.4, label="held"),
        TuningRecipe("cj", (1, 2, 9), 300, label="fixed"),
        TuningRecipe("cj", (1, 2, 9), 60, rate=1e-3, label="fast"),
    )
}  # fmt: skip


def start() -> torch.nn.Module:
    """Return a fresh copy of the network that every run starts from."""
    from paralg.models import load

    return load("sudoku4-bidirectional").transformer


def ranking(order: str, rng: np.random.Generator):
    """Return the ranking of an order: confidence, or uniform scores."""
    return None if order == "confidence" else AtRandom(rng)


@dataclass
class Tuning:
    """The loss of a run: every `INNER` steps it rolls out, in between it uses what it kept.

    The reference becomes the policy every `SYNC` updates; "held" and "fixed" runs keep the first.
    A run that is interrupted goes on with a new rollout and its policy as reference.
    """

    recipe: TuningRecipe
    reference: torch.nn.Module | None = None
    kept: list[tuple] = field(default_factory=list)
    reward: dict[str, float] = field(default_factory=dict)

    def __call__(self, network, rng, step):
        """Return loss and logged numbers; see `paralg.training.train`."""
        due = step % (SYNC * INNER) == 0 and self.recipe.label not in ("held", "fixed")
        if self.reference is None or due:
            self.reference = copy.deepcopy(network).requires_grad_(requires_grad=False)
        if not self.kept:
            self.kept = self._roll_out(network, rng)
        view, weights, old, reference, advantage = self.kept.pop()
        log_p = objectives.log_probabilities(network, view)
        loss, divergence = objectives.trajectory_loss(
            log_p, old, reference, advantage, weights, beta=self.recipe.beta
        )
        return loss, self.reward | {"divergence": divergence.item()}

    def _roll_out(self, network, rng) -> list[tuple]:
        """Sample a group for each prompt; return what each inner step needs."""
        x = np.repeat(sudoku.puzzles(PROMPTS, rng), GROUP, axis=0)
        order = ranking(self.recipe.order, rng)
        predict = sudoku.from_network(network)
        found = rollout(predict, x, sudoku.MASK, self.recipe.sizes, rng, ranking=order)
        rewards = sudoku.valid(found.tokens)
        self.reward = {"reward": float(rewards.mean()),
                       "distinct": float(sudoku.distinct(found.tokens, GROUP).mean())}  # fmt: skip
        advantage = objectives.advantages(rewards.reshape(PROMPTS, GROUP)).ravel()
        if self.recipe.objective == "d1":
            return [self._kept(network, masked_prompt(found, rng), advantage) for _ in range(INNER)]
        view = found if self.recipe.objective == "cj" else one_step(found)
        return [self._kept(network, view, advantage)] * INNER

    def _kept(self, network, view: Trajectory, advantage) -> tuple:
        with torch.no_grad():
            both = (self.reference, network)
            reference, old = (objectives.log_probabilities(one, view) for one in both)
        return view, objectives.mean_weights(view.revealed), old, reference, advantage


def evaluate(network, sizes, order: str = "confidence", n: int = 400) -> dict[str, float]:
    """Sample six answers to each of ``n`` held-out puzzles: what the network is worth."""
    rng = np.random.default_rng(HELD_OUT)
    x = np.repeat(sudoku.puzzles(n, rng), GROUP, axis=0)
    found = rollout(sudoku.from_network(network), x, sudoku.MASK, sizes, rng,
                    ranking=ranking(order, rng)).tokens  # fmt: skip
    measures = (sudoku.distinct, sudoku.answers, sudoku.spread)
    scores = {one.__name__: float(np.mean(one(found, GROUP))) for one in measures}
    scores = {"valid": float(sudoku.valid(found).mean()), **scores}
    return {name: round(value, 4) for name, value in scores.items()}


def _facts(network, name: str) -> dict:
    recipe = RECIPES[name]
    return {"updates": recipe.updates, "forwards": forwards(recipe), "sizes": list(recipe.sizes),
            "order": recipe.order, "objective": recipe.objective}  # fmt: skip


def _optimiser(network, plan: Plan) -> torch.optim.Optimizer:
    return torch.optim.AdamW(network.parameters(), plan.rate, betas=(0.9, 0.99), weight_decay=0.1)


def _plan(recipe: TuningRecipe) -> Plan:
    return Plan(recipe.name, INNER * recipe.updates, recipe.rate, warmup=0, floor=1.0, decay=0.1,
                clip=0.2)  # fmt: skip


RUNS = Runs(
    Path(__file__).with_name("weights"), {name: _plan(one) for name, one in RECIPES.items()},
    build=lambda name, seed: start(), loss=lambda name: Tuning(RECIPES[name]),
    score=lambda model, name: evaluate(model, RECIPES[name].sizes, RECIPES[name].order),
    facts=_facts, optimiser=_optimiser, half=True,
    kept={*(f"cj-1-2-9-{seed}" for seed in range(3)), "cj-4-4-4-0"},
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.consistency_trajectory.experiments.runs"))
