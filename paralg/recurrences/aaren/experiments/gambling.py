"""Reinforcement learning from recorded choices: 330 people draw from four decks, real data.

Two decks win more at once and lose in the end, two the reverse; the people had to find out. The
model reads return to go, last deck and last loss of each choice, and learns which deck was taken;
asked for a high return, it should draw from the good decks. What the decks pay follows from the
data, so that a model can draw cards itself.
"""

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paralg.data.iowa_gambling import LOSSES, TRIALS, WINS, Decks, Games, load
from paralg.recurrences.aaren.experiments.model import AarenConfig
from paralg.sequence.network import SequenceModel

__all__ = ["BEST", "CONFIG", "baselines", "loss", "nats", "people", "roll_out", "score", "targets"]

CONFIG = AarenConfig(6, 4, dropout=0.1)
BEST = int(10 * (10 * WINS - LOSSES.sum(1)).max())
"""The return of a hundred cards from good decks alone."""
_SPLITS = {"train": (0, 200), "validation": (200, 250), "test": (250, 330)}
_BATCH, _GAMES = 32, 400
_RETURN, _LOSS = 1000.0, 250.0
"""Units in which a model reads returns and losses."""


def people(split: str) -> Games:
    """Return decks and losses of the people of a part, each of shape (n, 100), split at random."""
    rows = np.random.default_rng(0).permutation(330)[slice(*_SPLITS[split])]
    return Games(*(part[rows] for part in load()))


@functools.cache
def data(split: str) -> tuple[Tensor, Tensor]:
    """Return tokens (n, 100, 6) and the decks that were taken, (n, 100)."""
    games = people(split)
    acts = np.concatenate([np.eye(4)[games.choices], games.losses[..., None] / _LOSS], 2)
    tokens = decision_tokens(games.gains, _RETURN, acts[..., :0], acts)
    return tokens, torch.from_numpy(games.choices)


def decision_tokens(gains: NDArray, unit: float, seen: NDArray, acts: NDArray) -> Tensor:
    """Return tokens of games: return to go, what is seen now, and the act of the step before."""
    to_go = gains[:, ::-1].cumsum(1)[:, ::-1, None] / unit
    before = np.pad(acts[:, :-1], ((0, 0), (1, 0), (0, 0)))
    return torch.from_numpy(np.concatenate([to_go, seen, before], 2)).float()


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


def baselines() -> dict[str, float]:
    """Return nats a test choice of three tables of counts, from 1, of the training people."""
    contexts = {
        "shares of the decks": lambda c, x: 0 * c, "given the deck before": lambda c, x: c,
        "given deck and loss before": lambda c, x: 2 * c + (x > 0),
    }  # fmt: skip
    return {name: _table_nats(context) for name, context in contexts.items()}


def _table_nats(context) -> float:
    """Return nats of one table; its row 0 is that of first choices."""

    def entries(split):
        choices, losses = people(split)
        return np.pad(1 + context(choices, losses)[:, :-1], ((0, 0), (1, 0))), choices

    counts = np.ones((9, 4))
    np.add.at(counts, entries("train"), 1)
    shares = counts / counts.sum(1, keepdims=True)
    return float(-np.log(shares[entries("test")]).mean())


@torch.no_grad()
def roll_out(model: SequenceModel, target: float, rows: int = _GAMES) -> Games:
    """Return choices and losses (rows, 100) of a model that is asked for a return."""
    rng = np.random.default_rng([1, 11])
    decks, state, kept = Decks.shuffled(rows, rng), model.eval().begin(rows), []
    row = np.concatenate([np.full((rows, 1), target / _RETURN), np.zeros((rows, 5))], 1)
    for _ in range(TRIALS):
        logits, state = model.step(torch.from_numpy(row).float(), state)
        share = logits.double().softmax(1).numpy().cumsum(1)
        taken = np.minimum((rng.random((rows, 1)) > share).sum(1), 3)
        lost = decks.draw(taken)
        kept.append((taken, lost))
        to_go = row[:, 0] - (WINS[taken] - lost) / _RETURN
        row = np.column_stack([to_go, np.eye(4)[taken], lost / _LOSS])
    return Games(*(np.stack(part, 1) for part in zip(*kept, strict=True)))


def targets() -> dict[str, float]:
    """Return what models are asked for: three quantiles of the training people's returns."""
    won = np.quantile(people("train").gains.sum(1), (0.1, 0.5, 0.9)).tolist()
    return dict(zip(("low", "middle", "high"), won, strict=True))


def score(model: SequenceModel) -> dict[str, dict[str, float]]:
    """Return nats on validation and test people, and the mean return for each one asked for."""
    gained = {name: round(float(roll_out(model, target).gains.sum(1).mean()), 1)
              for name, target in targets().items()}  # fmt: skip
    found = {name: round(nats(model, name), 4) for name in ("validation", "test")}
    return {"nats": found, "gained": gained}
