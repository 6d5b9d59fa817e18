"""Scores of trained models: by distance from the source, by length, and what halting follows."""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.block import MultiHeadAttention, UTBlock
from paralg.recurrences.universal_transformer.experiments import tasks
from paralg.recurrences.universal_transformer.experiments.models import Seq2Seq, Tagger

__all__ = [
    "ByDistance", "attention_share", "attention_weights", "by_distance", "length_curve", "spearman",
    "string_accuracy",
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
    model: Tagger, task: tasks.Reachability | tasks.GraphBatch, *, graphs: int = 500, **options
) -> ByDistance:
    """Score a model on graphs drawn with a fixed seed, or on given ones."""
    given = isinstance(task, tasks.GraphBatch)
    drawn = task if given else task.draw(graphs, np.random.default_rng(_SEED))
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

    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def string_accuracy(
    model: Seq2Seq, task: tasks.StringTask, length: int, *, rows: int = 100, **options
) -> tuple[float, float]:
    """Return the shares of right tokens and of whole sequences, written greedily."""
    pairs = task.draw(rows, np.random.default_rng([_SEED, length]), length=length)
    said = model.transduce(
        pairs.source, pairs.target.shape[1], position_ids=pairs.positions, **options
    ).tokens
    right = said == pairs.target
    return right.float().mean().item(), right.all(dim=1).float().mean().item()


def attention_weights(part: MultiHeadAttention, x: Tensor, keys: Tensor, mask) -> Tensor:
    """Return which state attends to which key and how much, shape (b, heads, m, n)."""
    q, k = part.split(part.q(x)), part.split(keys)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    scores = scores if mask is None else scores.masked_fill(~mask.unsqueeze(-3), -torch.inf)
    return scores.softmax(dim=-1)


@torch.no_grad()
def attention_share(
    model: Seq2Seq, task: tasks.StringTask, length: int, *, rows: int = 50
) -> tuple[float, NDArray[np.float64]]:
    """Measure how much of the decoder's attention lands on the digits it needs."""
    pairs, found = task.draw(rows, np.random.default_rng([_SEED, length]), length=length), []

    def hook(cross, given):
        found.append(attention_weights(cross, given[0], given[1], given[3]))

    with ExitStack() as hooks:
        for part in model.decoder.modules():
            if isinstance(part, UTBlock):
                hooks.enter_context(part.cross.register_forward_pre_hook(hook))
        logits = model(pairs.source, pairs.target, position_ids=pairs.positions).logits
    digits = np.arange(length)[:, None]
    mass = torch.stack(found)[..., digits, task.wanted(length)].sum(dim=-1).mean(dim=1)
    best = int(mass.mean(dim=-1).argmax())  # of all steps and heads
    right = (logits.argmax(-1) == pairs.target).float().mean().item()
    return right, mass.flatten(0, 1)[best].numpy()


def length_curve(model: nn.Module, task: tasks.StringTask, lengths) -> dict[str, list[float]]:
    """Score a model at each length."""
    written = [string_accuracy(model, task, n) for n in lengths]
    shares = [attention_share(model, task, n) for n in lengths]
    columns = {
        "token": [token for token, _ in written], "sequence": [whole for _, whole in written],
        "forced": [right for right, _ in shares], "looks": [mass.mean() for _, mass in shares],
    }  # fmt: skip
    return {name: [round(float(x), 4) for x in column] for name, column in columns.items()}
