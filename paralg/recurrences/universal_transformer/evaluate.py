"""Scores of trained models: by distance from the source, by length, and what halting follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.graphs import GraphBatch, Reachability
from paralg.recurrences.universal_transformer.layer import Layer
from paralg.recurrences.universal_transformer.models import Seq2Seq, Tagger
from paralg.recurrences.universal_transformer.tasks import Pairs, StringTask

__all__ = ["ByDistance", "by_distance", "length_curve", "looks", "spearman", "string_accuracy"]

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
    said = model.transduce(
        pairs.source, pairs.target.shape[1], positions=pairs.positions, **options
    ).tokens
    right = said == pairs.target
    return right.float().mean().item(), right.all(dim=1).float().mean().item()


@torch.no_grad()
def looks(
    model: Seq2Seq, task: StringTask, length: int, *, rows: int = 50, seed: int = _SEED
) -> tuple[float, NDArray[np.float64]]:  # fmt: skip
    """Measure how much of the decoder's attention lands on the digits it needs.

    Parameters
    ----------
    model : Seq2Seq
    task : StringTask
    length, rows, seed : int

    Returns
    -------
    float
        Share of right tokens when every token is predicted from the *right* ones before it.
    ndarray, shape (length,)
        For each target digit the mean attention to the source digits it is made of, in the head
        and step where that mean over all digits is largest.
    """
    pairs = task.draw(rows, np.random.default_rng([seed, length]), length=length)
    logits, attention = _attention(model, pairs)
    digits = np.arange(length)[:, None]
    mass = attention[..., digits, task.wanted(length)].sum(dim=-1).mean(dim=1)
    best = int(mass.mean(dim=-1).argmax())
    right = (logits.argmax(-1) == pairs.target).float().mean().item()
    return right, mass.flatten(0, 1)[best].numpy()


def _attention(model: Seq2Seq, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Return logits, and attention to the source, shape (steps, b, heads, n, m)."""
    found: list[Tensor] = []
    layers = [part for part in model.decoder.modules() if isinstance(part, Layer)]
    hooks = [
        layer.cross.register_forward_pre_hook(
            lambda cross, given: found.append(cross.weights(given[0], given[1], given[3]))
        )
        for layer in layers
    ]
    try:
        logits = model(pairs.source, pairs.target, positions=pairs.positions).logits
    finally:
        for hook in hooks:
            hook.remove()
    return logits, torch.stack(found)


def length_curve(model: nn.Module, task: StringTask, lengths, **options) -> dict[str, list[float]]:
    """Score a model at each length.

    Returns
    -------
    dict of str to list of float
        "token" and "sequence" of :func:`string_accuracy`; "forced" and "looks" of :func:`looks`,
        the latter as a mean over digits.
    """
    written = [string_accuracy(model, task, n, **options) for n in lengths]
    seen = [looks(model, task, n) for n in lengths]
    columns = {
        "token": [token for token, _ in written], "sequence": [whole for _, whole in written],
        "forced": [right for right, _ in seen], "looks": [mass.mean() for _, mass in seen],
    }  # fmt: skip
    return {name: [round(float(x), 4) for x in column] for name, column in columns.items()}
