"""Sudoku for many rows at once: the exact model, a network, puzzles, and what samples are worth.

Rows are grids of 16 cells, the mask is 4.
"""

import numpy as np

from paralg.data.sudoku4 import CELLS, SYMBOLS, grids, is_valid

__all__ = [
    "MASK", "answers", "distinct", "exact", "from_network", "puzzles", "solutions", "spread",
    "valid",
]  # fmt: skip

MASK = SYMBOLS
_ONE_HOT = (grids()[:, :, None] == np.arange(SYMBOLS)).reshape(len(grids()), -1).astype(float)


def exact(x: np.ndarray) -> np.ndarray:
    """Return the logits (B, 16, 4) of the uniform distribution over all grids that agree.

    Where no grid agrees they are uniform.

    >>> np.exp(exact(np.full((1, 16), MASK)))[0, 0]
    array([0.25, 0.25, 0.25, 0.25])
    """
    mass = (_agree(x) @ _ONE_HOT).reshape(len(x), CELLS, SYMBOLS)
    total = mass.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        return np.log(np.where(total > 0, mass / np.maximum(total, 1), 1 / SYMBOLS))


def _agree(x: np.ndarray) -> np.ndarray:
    """Say which grids agree with the known cells of each row, as numbers (B, 288)."""
    known = ((x[:, :, None] == np.arange(SYMBOLS)).reshape(len(x), -1)).astype(float)
    return (known @ _ONE_HOT.T == (x < MASK).sum(axis=1)[:, None]).astype(float)


def from_network(network):
    """Return ``predict`` of a transformer, on one thread and without gradients."""
    import torch

    from paralg.models.slots import to_numpy, without_gradients

    def predict(x):
        with without_gradients():
            return to_numpy(network(torch.from_numpy(x), torch.arange(CELLS))[0])

    return predict


def puzzles(n: int, rng: np.random.Generator, givens: int = 4) -> np.ndarray:
    """Draw n grids with all but ``givens`` cells masked, shape (n, 16)."""
    x = grids()[rng.integers(0, len(grids()), n)]
    hidden = rng.random(x.shape).argsort(axis=1) >= givens
    return np.where(hidden, MASK, x)


def valid(x: np.ndarray) -> np.ndarray:
    """Reward of finished grids (B, 16): 1 where valid."""
    return is_valid(x).astype(float)


def ignored(sizes: tuple[int, ...], n: int, rng: np.random.Generator, givens: int = 4) -> float:
    """Return the mean nats of dependence that rounds in random order ignore.

    Over grids, prompts and orders: log-probability of the grid given its prompt, minus that of its
    cells drawn round by round, each independently of the others of its round.
    """
    prompt = puzzles(n, rng, givens)
    y = np.stack([grids()[rng.choice(np.flatnonzero(row))] for row in _agree(prompt)])
    order = np.where(prompt == MASK, rng.random(prompt.shape), 2).argsort(axis=1)
    x, lost, begin = prompt.copy(), -np.log(solutions(prompt)), 0
    for size in sizes:
        new = order[:, begin : begin + size]
        log_p = np.take_along_axis(exact(x), y[..., None], axis=-1)[..., 0]
        lost = lost - np.take_along_axis(log_p, new, axis=1).sum(axis=1)
        np.put_along_axis(x, new, np.take_along_axis(y, new, axis=1), axis=1)
        begin += size
    return float(lost.mean())


def solutions(x: np.ndarray) -> np.ndarray:
    """Count the grids that agree with each row."""
    return _agree(x).sum(axis=1).astype(int)


def distinct(x: np.ndarray, group: int) -> np.ndarray:
    """Count the different valid grids among each ``group`` of consecutive rows."""
    rows = x.reshape(-1, group, CELLS)
    return np.array([len(np.unique(some[is_valid(some)], axis=0)) for some in rows])


def answers(x: np.ndarray, group: int) -> float:
    """Return the mean number of different answers, valid or not, in a group of rows."""
    rows = x.reshape(-1, group, CELLS)
    return float(np.mean([len(np.unique(some, axis=0)) for some in rows]))


def spread(x: np.ndarray, group: int) -> float:
    """Return the probability that two valid grids of one group differ, over all such pairs."""
    pairs = same = 0
    for some in x.reshape(-1, group, CELLS):
        counts = np.unique(some[is_valid(some)], axis=0, return_counts=True)[1]
        pairs += counts.sum() * (counts.sum() - 1)
        same += (counts * (counts - 1)).sum()
    return float(1 - same / pairs) if pairs else float("nan")
