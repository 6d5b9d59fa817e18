"""Reinforcement learning from recorded choices: 330 people draw from four decks, real data.

Two decks win more at once and lose in the end, two the reverse; the people had to find out. The
model reads return to go, last deck and last loss of each choice, and learns which deck was taken;
asked for a high return, it should draw from the good decks. What the decks pay follows from the
data, so that a model can draw cards itself.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paralg.data.iowa_gambling import LOSSES, TRIALS, WINS, load
from paralg.recurrences.aaren.experiments.model import AarenConfig
from paralg.sequence.network import SequenceModel

__all__ = [
    "BEST", "CONFIG", "QUANTILES", "Decks", "baselines", "data", "loss", "nats", "people",
    "returns", "roll_out", "score", "targets",
]  # fmt: skip

CONFIG = AarenConfig(6, 4, dropout=0.1)
QUANTILES = {"low": 0.1, "middle": 0.5, "high": 0.9}
"""Quantiles of the training people's returns that a model is asked for."""
BEST = int(10 * (10 * WINS - LOSSES.sum(1)).max())
"""The return of a hundred cards from good decks alone."""
_SPLITS = {"train": (0, 200), "validation": (200, 250), "test": (250, 330)}
_BATCH, _GAMES = 32, 400
_RETURN, _LOSS = 1000.0, 250.0
"""Units in which a model reads returns and losses."""


def people(split: str) -> tuple[NDArray, NDArray]:
    """Return decks and losses of the people of a part, each of shape (n, 100), split at random."""
    games, order = load(), np.random.default_rng(0).permutation(330)
    rows = order[slice(*_SPLITS[split])]
    return games.choices[rows], games.losses[rows]


def returns(choices: NDArray, losses: NDArray) -> NDArray:
    """Return what each game won in total, shape (n,)."""
    return (WINS[choices] - losses).sum(1)


@functools.cache
def data(split: str) -> tuple[Tensor, Tensor]:
    """Return tokens (n, 100, 6) and the decks that were taken, (n, 100)."""
    choices, losses = people(split)
    gains = WINS[choices] - losses
    to_go = np.cumsum(gains[:, ::-1], 1)[:, ::-1]
    before = np.concatenate([np.eye(4)[choices[:, :-1]], losses[:, :-1, None] / _LOSS], 2)
    before = np.pad(before, ((0, 0), (1, 0), (0, 0)))
    tokens = np.concatenate([to_go[..., None] / _RETURN, before], 2)
    return torch.from_numpy(tokens).float(), torch.from_numpy(choices)


def loss(model: nn.Module, rng: np.random.Generator, step: int) -> tuple[Tensor, dict]:
    """Draw people; return the cross-entropy of all their choices."""
    tokens, choices = data("train")
    rows = torch.from_numpy(rng.choice(len(tokens), _BATCH, replace=False))
    return cross_entropy(model(tokens[rows]).flatten(0, 1), choices[rows].flatten()), {}


@torch.no_grad()
def nats(model: nn.Module, split: str = "test") -> float:
    """Return nats a choice (lower is better; four equal decks are 1.386) of a part."""
    tokens, choices = data(split)
    return cross_entropy(model.eval()(tokens).flatten(0, 1), choices.flatten()).item()


_CONTEXTS = {
    "shares of the decks": lambda c, x: 0 * c, "given the deck before": lambda c, x: c,
    "given deck and loss before": lambda c, x: 2 * c + (x > 0),
}  # fmt: skip


def baselines() -> dict[str, float]:
    """Return nats a test choice of three tables of counts from the training people.

    Each count begins at 1, and first choices have a table of their own.
    """
    found = {}
    for name, context in _CONTEXTS.items():
        counts = np.ones((9, 4))
        np.add.at(counts, _table_entries(context, "train"), 1)
        shares = counts / counts.sum(1, keepdims=True)
        found[name] = float(-np.log(shares[_table_entries(context, "test")]).mean())
    return found


def _table_entries(context, split: str) -> tuple[NDArray, NDArray]:
    """Return row and column of every choice of a part in a table of counts."""
    choices, losses = people(split)
    rows = 1 + context(choices, losses)[:, :-1]
    return np.pad(rows, ((0, 0), (1, 0))), choices


@dataclass(frozen=True, eq=False)
class Decks:
    """Shuffled cards for many games at once: of each ten cards of a deck, one of each kind."""

    losses: NDArray  # (rows, 4, 100), what the cards of each deck lose, in order
    drawn: NDArray  # (rows, 4), cards taken so far; `draw` adds to it

    @classmethod
    def shuffled(cls, rows: int, rng: np.random.Generator) -> Decks:
        """Return new decks for so many games."""
        blocks = np.broadcast_to(LOSSES[:, None], (rows, 4, TRIALS // 10, 10))
        cards = rng.permuted(blocks, axis=3).reshape(rows, 4, TRIALS)
        return cls(cards, np.zeros((rows, 4), int))

    def draw(self, decks: NDArray) -> NDArray:
        """Take one card in every game; return what it loses, shape (rows,)."""
        own = np.arange(len(decks))
        lost = self.losses[own, decks, self.drawn[own, decks]]
        self.drawn[own, decks] += 1
        return lost


@torch.no_grad()
def roll_out(
    model: SequenceModel, target: float, rows: int = _GAMES, seed: int = 1
) -> tuple[NDArray, NDArray]:
    """Return choices and losses (rows, 100) of a model that is asked for a return."""
    rng = np.random.default_rng([seed, 11])
    decks, state, kept = Decks.shuffled(rows, rng), model.eval().begin(rows), []
    row = np.concatenate([np.full((rows, 1), target / _RETURN), np.zeros((rows, 5))], 1)
    for _ in range(TRIALS):
        logits, state = model.step(torch.from_numpy(row).float(), state)
        share = logits.double().softmax(1).numpy().cumsum(1)
        taken = np.minimum((rng.random((rows, 1)) > share).sum(1), 3)
        lost = decks.draw(taken)
        kept.append((taken, lost))
        to_go = row[:, :1] - (WINS[taken] - lost)[:, None] / _RETURN
        row = np.concatenate([to_go, np.eye(4)[taken], lost[:, None] / _LOSS], 1)
    return tuple(np.stack(part, 1) for part in zip(*kept, strict=True))


def targets() -> dict[str, float]:
    """Return the returns that models are asked for, by name."""
    won = returns(*people("train"))
    return {name: float(np.quantile(won, level)) for name, level in QUANTILES.items()}


def score(model: SequenceModel) -> dict[str, dict[str, float]]:
    """Return nats on validation and test people, and the mean return for each one asked for."""
    gained = {name: round(float(returns(*roll_out(model, target)).mean()), 1)
              for name, target in targets().items()}  # fmt: skip
    found = {name: round(nats(model, name), 4) for name in ("validation", "test")}
    return {"nats": found, "gained": gained}
