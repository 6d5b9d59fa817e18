"""Streams from the walks, and what a frame is worth: cells, and the action that it shows.

A step of the stream is a frame of 8 × 12 tokens and one token for the action; one is enough, since
the walker has five. The paper's eleven are in `paralg.decoding.mineworld.actions`.
"""

from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.data.crafter_walks import COLUMNS, KINDS, MOVES, PLAYER, ROWS, load
from paralg.decoding.mineworld.layout import StreamShape

__all__ = ["SHAPE", "V", "Controllability", "as_tokens", "controllability", "controlled",
           "examples", "move_shown", "prompt_of"]  # fmt: skip

SHAPE = StreamShape(ROWS, COLUMNS, 1)
V = len(KINDS) + len(MOVES)
"""Kinds of cells, then actions."""


def as_tokens(actions) -> np.ndarray:
    """Turn numbers of actions into tokens, (..., 1)."""
    return np.asarray(actions)[..., None] + len(KINDS)


def prompt_of(frames: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Join frames (..., m, R, C) and numbers of actions (..., m) to streams (..., m (R C + 1))."""
    flat = frames.reshape(*frames.shape[:-2], -1)
    both = np.concatenate([flat, as_tokens(actions)], axis=-1)
    return both.reshape(*both.shape[:-2], -1)


def examples(rng: np.random.Generator, n: int, frames: int, split: str = "train",
             worlds: int | None = None) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Draw pieces of walks of some worlds, or all: (n, frames, R, C), actions (n, frames - 1)."""
    checks.integers(1, n=n, frames=frames)
    walks = load(split)
    world = rng.integers(len(walks.frames) if worlds is None else worlds, size=n)[:, None]
    at = rng.integers(walks.actions.shape[1] - frames + 2, size=n)[:, None]
    return walks.frames[world, at + np.arange(frames)], walks.actions[world, at + np.arange(
        frames - 1)]  # fmt: skip


def _scrolled(before: np.ndarray, move: int) -> np.ndarray:
    """Return a frame as a move scrolls it; cells that come into view are -1."""
    dy, dx = MOVES[move]
    padded = np.pad(before, 1, constant_values=-1)
    return padded[1 + dy : 1 + dy + ROWS, 1 + dx : 1 + dx + COLUMNS]


def controlled(before: np.ndarray, move: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells of the next frame a move determines, and which ones it brings into view.

    The former do not include creatures, the player and what lay beneath, all of which may change.
    """
    moved = _scrolled(before, move)
    new = moved < 0
    here = before == PLAYER
    return ~new & (moved < PLAYER) & ~here, new


def move_shown(before: np.ndarray, after: np.ndarray) -> int:
    """Return the move that explains two frames best: an inverse dynamics model.

    The crop scrolls by one cell, so of the five scrolls the one with the fewest different cells,
    things that may move left out, is the move; among equals the first one.

    >>> walks = load("test")
    >>> move_shown(*walks.frames[0, :2]) == walks.actions[0, 0]
    np.True_
    """
    shares = []
    for move in range(len(MOVES)):
        moved = _scrolled(before, move)
        fixed = (moved >= 0) & (moved < PLAYER) & (after < PLAYER)
        shares.append(np.mean(moved[fixed] != after[fixed]) if fixed.any() else 1.0)
    return int(np.argmin(shares))


class Controllability(NamedTuple):
    """Means over the moves of precision, recall and F1 of the moves that frames show."""

    precision: float
    recall: float
    f1: float


def controllability(asked, shown) -> Controllability:
    """Compare the moves that were asked for with those that generated frames show, both (n,).

    >>> controllability([0, 1, 1, 2], [0, 1, 2, 2]).f1
    0.7777777777777777
    """
    asked, shown = (checks.array(name, one, "i") for name, one in (("asked", asked), ("shown",
                    shown)))  # fmt: skip
    checks.sizes(asked=(asked, "n"), shown=(shown, "n"))
    rows = []
    for move in np.unique(asked):
        hits = np.sum((asked == move) & (shown == move))
        precision = hits / max(1, np.sum(shown == move))
        recall = hits / np.sum(asked == move)
        rows.append((precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)))
    return Controllability(*np.mean(rows, axis=0).tolist())
