"""Scores of trained models: by distance from the source, by length, and what halting follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from paralg.recurrences.universal_transformer.graphs import GraphBatch, Reachability
from paralg.recurrences.universal_transformer.models import Seq2Seq, Tagger
from paralg.recurrences.universal_transformer.tasks import StringTask

__all__ = ["ByDistance", "by_distance", "length_curve", "spearman", "string_accuracy"]

_SEED = 2025


@dataclass(frozen=True, eq=False)
class ByDistance:
    """How a model does on nodes at each distance from the source.

    Parameters
    ----------
    distance : ndarray of int, shape (k,)
        -1 stands for nodes that the source does not reach.
    right : ndarray, shape (k,)
        Share of right answers.
    steps : ndarray, shape (k,)
        Mean of N.
    accuracy : float
        Over all nodes.
    correlation : float
        Spearman's, between N and distance over reached nodes; NaN if N is constant.
    """

    distance: NDArray[np.int64]
    right: NDArray[np.float64]
    steps: NDArray[np.float64]
    accuracy: float
    correlation: float


@torch.no_grad()
def by_distance(
    model: Tagger, task: Reachability | GraphBatch, *, graphs: int = 500, seed: int = _SEED,
    **options,
) -> ByDistance:  # fmt: skip
    """Score a model on graphs drawn with a fixed seed, or on given ones.

    Parameters
    ----------
    model : Tagger
    task : Reachability or GraphBatch
    graphs, seed : int
    **options
        Of :class:`Recurrence`, as ``steps=10``.
    """
    drawn = task if isinstance(task, GraphBatch) else task.draw(graphs, np.random.default_rng(seed))
    logits, run = model(drawn.symbols, allowed=drawn.allowed, **options)
    right = (logits.argmax(-1) == drawn.targets).numpy()
    distance, steps = drawn.distance.numpy(), run.steps.numpy()
    kinds = np.unique(distance)
    means = [[part[distance == k].mean() for k in kinds] for part in (right, steps)]
    reached = distance >= 0
    rho = spearman(steps[reached], distance[reached])
    return ByDistance(kinds, *map(np.array, means), float(right.mean()), rho)


def spearman(x: NDArray, y: NDArray) -> float:
    """Return Spearman's rank correlation; NaN if either side is constant.

    Examples
    --------
    >>> spearman(np.array([1, 2, 2, 5]), np.array([0, 1, 3, 9])).__round__(3)
    0.949
    >>> spearman(np.ones(3), np.arange(3))
    nan
    """
    from scipy.stats import rankdata

    ranks = [rankdata(side) - (len(side) + 1) / 2 for side in (x, y)]
    spread = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float((ranks[0] * ranks[1]).sum() / spread) if spread > 0 else float("nan")


def string_accuracy(
    model: Seq2Seq, task: StringTask, length: int, *, rows: int = 100, seed: int = _SEED, **options
) -> tuple[float, float]:  # fmt: skip
    """Return the shares of right tokens and of whole sequences, written greedily.

    Parameters
    ----------
    model : Seq2Seq
    task : StringTask
    length, rows, seed : int
    **options
        `steps` of :class:`Recurrence`.
    """
    pairs = task.draw(rows, np.random.default_rng([seed, length]), length=length)
    said = model.transduce(pairs.source, pairs.target.shape[1], **options).tokens
    right = said == pairs.target
    return right.float().mean().item(), right.all(dim=1).float().mean().item()


def length_curve(model: nn.Module, task: StringTask, lengths, **options) -> dict[str, list[float]]:
    """Return :func:`string_accuracy` at each length, as lists under "token" and "sequence"."""
    pairs = [string_accuracy(model, task, n, **options) for n in lengths]
    return {
        "token": [round(token, 4) for token, _ in pairs],
        "sequence": [round(whole, 4) for _, whole in pairs],
    }
