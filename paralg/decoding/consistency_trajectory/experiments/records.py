"""Sweeps: ``python -m paralg.decoding.consistency_trajectory.experiments.records``."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.decoding.consistency_trajectory import schedule
from paralg.decoding.consistency_trajectory.experiments import runs, sudoku
from paralg.decoding.consistency_trajectory.theory import LengthModel
from paralg.decoding.consistency_trajectory.trajectory import rollout
from paralg.decoding.consistency_trajectory.variants import AtRandom

__all__ = ["SCHEDULES", "lengths_of", "records"]

GAMES, ANSWERS = 3000, 4000
ORDERS = ("confidence", "random")
SCHEDULES = {
    12: ((1, 2, 9), (4, 4, 4), (9, 2, 1), (1, 1, 2, 8), (3,) * 4, (8, 2, 1, 1), (1, 1, 2, 2, 3, 3),
         (2,) * 6, (3, 3, 2, 2, 1, 1), (1,) * 12, (12,)),
    16: ((1, 2, 4, 9), (4,) * 4, (9, 4, 2, 1), (1, 1, 2, 4, 8), (4, 3, 3, 3, 3),
         (1, 1, 1, 1, 2, 2, 4, 4), (2,) * 8, (1,) * 16, (16,)),
}  # fmt: skip
"""Masked cells → the rounds that are tried."""


def _rates(predict: Callable, n: int, games: int) -> dict:
    found = {}
    for sizes in SCHEDULES[n]:
        for order in ORDERS:
            rng = np.random.default_rng(1)
            x = sudoku.puzzles(games, rng, givens=16 - n)
            y = rollout(predict, x, sudoku.MASK, sizes, rng, ranking=runs.ranking(order, rng))
            found[f"{order}: {' '.join(map(str, sizes))}"] = float(sudoku.valid(y.tokens).mean())
    return found


def rates() -> dict:
    """Valid grids for all schedules and both orders, exact model and network."""
    network = sudoku.from_network(runs.start())
    return {"exact, 12": _rates(sudoku.exact, 12, GAMES),
            "exact, 16": _rates(sudoku.exact, 16, GAMES),
            "network, 12": _rates(network, 12, GAMES // 2)}  # fmt: skip


def lengths_of(model: LengthModel, sizes, ranking: Callable | None, n: int = ANSWERS) -> np.ndarray:
    """Sample n answers; return the number of each length 0..L."""
    rng = np.random.default_rng(3)
    rank = AtRandom(rng) if ranking == "random" else ranking
    x = np.full((n, model.L), model.V)
    y = rollout(model.denoise, x, model.V, sizes, rng, ranking=rank).tokens
    return np.bincount((y == model.c).argmax(axis=1) + model.L * (y < model.c).all(axis=1),
                       minlength=model.L + 1)  # fmt: skip


def _left_to_right(s, confidence, tokens):
    return np.broadcast_to(-np.arange(confidence.shape[-1], dtype=float), confidence.shape)


def lengths() -> dict:
    """How long sampled answers of eight positions are, for two alphabets and many rankings."""
    one, few, found = (1,) * 8, schedule.ascending(8), {}
    for c in (2, 10):
        model = LengthModel(8, c)
        ways = {"left to right": (one, _left_to_right), "random order": (one, "random"),
                "confidence": (one, None), "ascending": (few, None)}  # fmt: skip
        for low in (0.4, 0.1, 0.01):
            ways[f"EOSER {low}"] = (one, schedule.Eoser(c, schedule.linear_factors(8, low)))
        ways["ascending, EOSER 0.01"] = (few, schedule.Eoser(c, schedule.ascending_factors(3)))
        found |= {f"c = {c}, {name}": lengths_of(model, *how).tolist()
                  for name, how in ways.items()}  # fmt: skip
    return found


def transfer() -> dict:
    """What the start and the tuned networks are worth in rounds that they were not tuned for."""
    ways = {"1 2 9": ((1, 2, 9), "confidence"), "4 4 4": ((4, 4, 4), "confidence"),
            "1 2 9, random": ((1, 2, 9), "random"), "one by one": ((1,) * 12, "confidence"),
            "one by one, random": ((1,) * 12, "random")}  # fmt: skip
    networks = {"start": runs.start()}
    for stem in runs.RUNS.names():
        name, _, seed = stem.rpartition("-")
        networks[stem] = runs.RUNS.load(name, int(seed))
    return {name: {way: runs.evaluate(network, *how) for way, how in ways.items()}
            for name, network in networks.items()}  # fmt: skip


def choices() -> dict:
    """How many answers there are to the held-out puzzles, and how many six draws would find."""
    n = sudoku.solutions(sudoku.puzzles(400, np.random.default_rng(runs.HELD_OUT)))
    return {"solutions": float(n.mean()), "unique": float((n == 1).mean()),
            "distinct": float((n * (1 - (1 - 1 / n) ** runs.GROUP)).mean())}  # fmt: skip


MAKERS = (rates, lengths, transfer, choices)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
