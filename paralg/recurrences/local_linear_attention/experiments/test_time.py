"""Tasks, and test-time regression: nothing is trained, every method predicts from what came before.

Recall and permutations come from :mod:`paralg.sequence`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from paralg.recurrences.local_linear_attention import variants
from paralg.recurrences.local_linear_attention.fast.attention import lla_attention
from paralg.sequence import Batch, Recall, Tracking

__all__ = [
    "GRID", "METHODS", "TASKS", "InContextRegression", "LabelledPairs", "best", "changing_maps",
    "errors", "predict", "rules", "segments", "widths",
]  # fmt: skip


def changing_maps(
    rows: int, length: int, segment: int, width: int, spread: float, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Return inputs of length 1 and their images, (rows, length, width): a region and a map a
    segment, centres uniform on the sphere, normal noise of variance spread²/width, normal maps.
    """
    shape = (rows, -(-length // segment), segment, width)
    centres = _unit(rng.normal(size=(*shape[:2], 1, width)))
    x = _unit(centres + spread * rng.normal(size=shape) / width**0.5)
    y = np.einsum("rpij,rpsj->rpsi", rng.normal(size=(*shape[:2], width, width)), x)
    return tuple(part.reshape(rows, -1, width)[:, :length] for part in (x, y))


def _unit(x: NDArray) -> NDArray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@dataclass(frozen=True)
class InContextRegression:
    """Predict images of `changing_maps` from earlier pairs; row i holds input i and label i - 1."""

    length: int = 64
    segment: int = 32
    width: int = 4
    spread: float = 0.5

    inputs = property(lambda self: 2 * self.width)
    outputs = property(lambda self: self.width)

    def draw(self, rows: int, rng: np.random.Generator) -> Batch:
        """Return independent rows; every position is asked."""
        x, y = changing_maps(rows, self.length, self.segment, self.width, self.spread, rng)
        before = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
        inputs = np.concatenate([x, before], axis=2).astype(np.float32)
        return Batch.of(inputs, y.astype(np.float32))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error of a number."""
        return (outputs - batch.targets).square().mean()

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the squared error summed over outputs, shape (b, n)."""
        return (outputs - batch.targets).square().sum(-1)


TASKS = {
    "regression": InContextRegression(),
    "recall": Recall(12, 32, 32, fewest=12, as_tokens=True),
    "state": Tracking(16),
}

METHODS = ("softmax", "lla", "mesa", "linear", "gla", "delta", "gated delta", "hybrid")

_SCALES = (1.0, 4.0, 16.0, 64.0)
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0)
_RATES = (0.25, 0.5, 1.0, 1.5)
GRID = {
    "softmax": [{"scale": s} for s in (*_SCALES, 256.0)],
    "mesa": [{"ridge": r} for r in _RIDGES],
    "lla": [{"scale": s, "ridge": r} for s in _SCALES for r in _RIDGES],
    "linear": [{"rate": r} for r in (0.5, 1.0, 2.0, 4.0)],
    "gla": [{"rate": r, "keep": a} for r in (1.0, 2.0, 4.0) for a in (0.8, 0.9, 0.95, 0.98)],
    "delta": [{"rate": r} for r in _RATES],
    "gated delta": [{"rate": r, "keep": a} for r in _RATES for a in (0.9, 0.95, 0.98, 0.99)],
    "hybrid": [{"scale": s, "rate": r} for s in (4.0, 16.0, 64.0) for r in (0.5, 1.0)],
}
"""Parameters tried for each method."""


class LabelledPairs(NamedTuple):
    """Sequences of keys and values."""

    k: Tensor
    v: Tensor


def segments(
    rows: int, length: int, segment: int, width: int, *, spread: float = 0.5, seed: int = 0
) -> LabelledPairs:
    """Draw sequences of `changing_maps`, values divided by the root of the width."""
    rng = np.random.default_rng(seed)
    k, v = changing_maps(rows, length, segment, width, spread, rng)
    return LabelledPairs(torch.from_numpy(k.copy()), torch.from_numpy(v / width**0.5))


def predict(
    stream: LabelledPairs, method: str, *, scale: float = 1.0, ridge: float = 1.0,
    rate: float = 1.0, keep: float = 1.0,
) -> Tensor:  # fmt: skip
    """Predict each value but the first from its key and the strict past, shape (b, n - 1, d).

    ``rate`` is the step of the delta rules and a factor of the sums of "linear" and "gla", whose
    state is divided by the number of keys in it; "hybrid" is `interpolate` with DeltaNet's slopes.
    """
    q, k, v = stream.k[:, 1:], stream.k[:, :-1], stream.v[:, :-1]
    if method == "lla":
        return lla_attention(q, k, v, ridge, qk_scale=scale, method="direct")
    if method == "softmax":
        return variants.interpolate(q, k, v, "softmax", scale=scale)
    if method == "linear":
        seen = torch.arange(1, q.shape[1] + 1, dtype=q.dtype)[:, None]
        return rate * ((q @ k.mT).tril() @ v) / seen
    if method == "gla":
        return rate * (1 - keep) * variants.gated_sum(q, k, v, torch.full_like(k[..., :1], keep))
    if method in ("delta", "gated delta"):
        steps, kept = (torch.full_like(k[..., :1], x) for x in (rate, keep))
        return variants.delta_rule(q, k, v, steps, kept)
    if method == "hybrid":
        return variants.interpolate(q, k, v, "delta", scale=scale, rate=rate)
    if method == "mesa":
        slopes = variants.SLOPES["mesa"](q, k, v, scale=scale, ridge=ridge)
        return (slopes @ q[..., None]).squeeze(-1)
    raise ValueError(f"method must be one of {METHODS}, got {method!r}")


def errors(stream: LabelledPairs, method: str, **parameters) -> Tensor:
    """Return the squared errors of `predict`, shape (b, n - 1)."""
    return (predict(stream, method, **parameters) - stream.v[:, 1:]).square().sum(-1)


def best(stream: LabelledPairs, method: str, grid: list[dict] | None = None) -> tuple[dict, Tensor]:
    """Return the parameters with the least mean error, and the errors with them."""
    tried = [(p, errors(stream, method, **p)) for p in (GRID[method] if grid is None else grid)]
    return min(tried, key=lambda pair: float(pair[1].mean()))


def rules(rows: int = 12, length: int = 512, segment: int = 64) -> dict[str, dict]:
    """Return each method's best parameters and errors: maps that change, and one map for all."""
    moving, still = (segments(rows, length, size, 8, seed=1) for size in (segment, length))
    record = {}
    for method in METHODS:
        found, error = best(moving, method)
        later = error[:, segment - 1 :].reshape(rows, -1, segment).mean((0, 1))
        record[method] = {
            "found": found, "moving": _rounded(error), "first": _rounded(error[:, : segment - 1]),
            "later": _rounded(later), "still": _rounded(best(still, method)[1]),
            "place": [_rounded(x) for x in later],
        }  # fmt: skip
    return record


def widths(rows: int = 4, length: int = 512) -> dict[str, dict[str, float]]:
    """Return the errors of the mean and of the line for segments of 64 of several widths."""
    streams = {str(d): segments(rows, length, 64, d, seed=2) for d in (4, 8, 16)}
    return {d: {m: _rounded(best(stream, m)[1]) for m in ("softmax", "lla")}
            for d, stream in streams.items()}  # fmt: skip


def _rounded(errors: Tensor) -> float:
    return round(float(errors.mean()), 6)
