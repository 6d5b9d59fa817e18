"""Scores of trained models: by distance from the source, by length, and what halting follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.block import UTBlock
from paralg.recurrences.universal_transformer.experiments.models import Seq2Seq, Tagger
from paralg.recurrences.universal_transformer.experiments.tasks import (
    GraphBatch,
    Pairs,
    Reachability,
    StringTask,
)

__all__ = [
    "ByDistance", "attention_share", "by_distance", "length_curve", "spearman", "string_accuracy",
]  # fmt: skip

_SEED = 2025


@dataclass(frozen=True, eq=False)
class ByDistance:
    """How a model does on nodes at each distance from the source."""

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
    """Score a model on graphs drawn with a fixed seed, or on given ones."""
    drawn = task if isinstance(task, GraphBatch) else task.draw(graphs, np.random.default_rng(seed))
    logits, run = model(drawn.symbols, attention_mask=drawn.attention_mask, **options)
    right = (logits.argmax(-1) == drawn.targets).numpy()
    distance, steps = drawn.distance.numpy(), run.steps.numpy()
    kinds = np.unique(distance)
    means = [[part[distance == k].mean() for k in kinds] for part in (right, steps)]
    reached = distance >= 0
    rho = spearman(steps[reached], distance[reached])
    return ByDistance(kinds, *map(np.array, means), float(right.mean()), rho)


def spearman(x: NDArray, y: NDArray) -> float:
    """Return Spearman's rank correlation; NaN if either side is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(side) - (len(side) + 1) / 2 for side in (x, y)]
    spread = np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float((ranks[0] * ranks[1]).sum() / spread) if spread > 0 else float("nan")


def string_accuracy(
    model: Seq2Seq, task: StringTask, length: int, *, rows: int = 100, seed: int = _SEED, **options
) -> tuple[float, float]:  # fmt: skip
    """Return the shares of right tokens and of whole sequences, written greedily."""
    pairs = task.draw(rows, np.random.default_rng([seed, length]), length=length)
    said = model.transduce(
        pairs.source, pairs.target.shape[1], position_ids=pairs.positions, **options
    ).tokens
    right = said == pairs.target
    return right.float().mean().item(), right.all(dim=1).float().mean().item()


@torch.no_grad()
def attention_share(
    model: Seq2Seq, task: StringTask, length: int, *, rows: int = 50, seed: int = _SEED
) -> tuple[float, NDArray[np.float64]]:  # fmt: skip
    """Measure how much of the decoder's attention lands on the digits it needs."""
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
    layers = [part for part in model.decoder.modules() if isinstance(part, UTBlock)]
    hooks = [
        layer.cross.register_forward_pre_hook(
            lambda cross, given: found.append(cross.weights(given[0], given[1], given[3]))
        )
        for layer in layers
    ]
    try:
        logits = model(pairs.source, pairs.target, position_ids=pairs.positions).logits
    finally:
        for hook in hooks:
            hook.remove()
    return logits, torch.stack(found)


def length_curve(model: nn.Module, task: StringTask, lengths, **options) -> dict[str, list[float]]:
    """Score a model at each length."""
    written = [string_accuracy(model, task, n, **options) for n in lengths]
    shares = [attention_share(model, task, n) for n in lengths]
    columns = {
        "token": [token for token, _ in written], "sequence": [whole for _, whole in written],
        "forced": [right for right, _ in shares], "looks": [mass.mean() for _, mass in shares],
    }  # fmt: skip
    return {name: [round(float(x), 4) for x in column] for name, column in columns.items()}
