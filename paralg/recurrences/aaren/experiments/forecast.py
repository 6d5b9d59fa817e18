"""Time-series forecasting: the next 96 days of a river from 120 of them, real data.

A window is standardised by its own mean and spread, and the forecast is brought back by them, as
in the input normalisation of the paper's baselines (recalled).
"""

import functools

import numpy as np
import torch
from torch import Tensor, nn

from paralg.data import choptank
from paralg.recurrences.aaren.experiments.model import AarenConfig

__all__ = ["CONFIG", "errors", "forecast", "loss", "naive", "score", "windows"]

CONTEXT, HORIZON = 120, 96
CONFIG = AarenConfig(1, HORIZON, dropout=0.1)
_SPLITS = {"train": (0.0, 0.7), "validation": (0.7, 0.8), "test": (0.8, 1.0)}
_BATCH = 32


@functools.cache
def _series(split: str) -> np.ndarray:
    """Return logarithms of a part, standardised by the training part; *forecasts* are new."""
    numbers = np.log(choptank.daily())
    ends = {name: [round(x * len(numbers)) for x in ends] for name, ends in _SPLITS.items()}
    train, (first, last) = numbers[slice(*ends["train"])], ends[split]
    part = numbers[max(0, first - CONTEXT) : last]
    return ((part - train.mean()) / train.std()).astype(np.float32)


def windows(split: str) -> tuple[Tensor, Tensor]:
    """Return all windows of a part: contexts (n, 120) and what came next (n, 96)."""
    whole = np.lib.stride_tricks.sliding_window_view(_series(split), CONTEXT + HORIZON)
    whole = torch.from_numpy(whole.copy())
    return whole[:, :CONTEXT], whole[:, CONTEXT:]


def _normal(context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return windows standardised by their own mean and spread, and these two."""
    middle, spread = context.mean(1, keepdim=True), context.std(1, keepdim=True) + 1e-3
    return (context - middle) / spread, middle, spread


def forecast(model: nn.Module, context: Tensor) -> Tensor:
    """Return the forecast after the last day of each context, shape (n, 96)."""
    inputs, middle, spread = _normal(context)
    return model(inputs[..., None])[:, -1] * spread + middle


def loss(model: nn.Module, rng: np.random.Generator, step: int) -> tuple[Tensor, dict]:
    """Draw windows of the training part; return the mean squared error."""
    series = _series("train")
    first = rng.integers(0, len(series) - CONTEXT - HORIZON + 1, size=_BATCH)
    rows = torch.from_numpy(series[first[:, None] + np.arange(CONTEXT + HORIZON)])
    return (forecast(model, rows[:, :CONTEXT]) - rows[:, CONTEXT:]).square().mean(), {}


def errors(predicted: Tensor, wanted: Tensor) -> dict[str, float]:
    """Return mean squared and mean absolute error, of the standardised series."""
    gap = predicted - wanted
    return {"mse": round(gap.square().mean().item(), 4), "mae": round(gap.abs().mean().item(), 4)}


def naive() -> dict[str, dict[str, float]]:
    """Return the errors of four answers without a network, the last one of ridge regression."""
    context, wanted = windows("test")
    return {
        "last day": errors(context[:, -1:].expand_as(wanted), wanted),
        "mean": errors(context.mean(1, keepdim=True).expand_as(wanted), wanted),
        "season": errors(_season(), wanted),
        "linear": errors(_ridge(context, strength()), wanted),
    }


def _season() -> Tensor:
    """Return the mean of the training years on the days that the test windows ask for."""
    numbers, train = choptank.daily(), _series("train")
    day = (np.arange(len(numbers)) % 365.25).astype(int)
    mean = np.bincount(day[: len(train)], train) / np.bincount(day[: len(train)])
    asked = day[round(_SPLITS["test"][0] * len(numbers)) :]
    return torch.from_numpy(np.lib.stride_tricks.sliding_window_view(mean[asked], HORIZON).copy())


@functools.cache
def strength() -> float:
    """Return the power of ten that makes the ridge regression best on validation windows."""
    context, wanted = windows("validation")
    tried = {10.0**k: errors(_ridge(context, 10.0**k), wanted)["mse"] for k in range(-1, 6)}
    return min(tried, key=tried.get)


def _ridge(context: Tensor, penalty: float) -> Tensor:
    squares, products = _moments()
    weights = torch.linalg.solve(squares + penalty * torch.eye(len(squares)), products)
    X, middle, spread = _normal(context)
    return X @ weights * spread + middle


@functools.cache
def _moments() -> tuple[Tensor, Tensor]:
    """Return the products of training windows, standardised, with themselves and what came next."""
    past, future = windows("train")
    X, middle, spread = _normal(past)
    return X.T @ X, X.T @ ((future - middle) / spread)


@torch.no_grad()
def score(model: nn.Module) -> dict[str, dict[str, float]]:
    """Return the errors on validation and test windows."""
    parts = {split: windows(split) for split in ("validation", "test")}
    return {split: errors(forecast(model.eval(), context), wanted)
            for split, (context, wanted) in parts.items()}  # fmt: skip
