r"""Event forecasting: when the next aftershock comes and how strong it is, real earthquakes.

The head is that of a transformer Hawkes process (recalled; with our own term for the time that has
passed): after event j the intensity of mark k at elapsed time τ is

.. math:: \lambda_k(\tau) = \tfrac{1}{\tau_0}
          \operatorname{softplus}\!\left(b_k(h_j) + a_k(h_j) \log(1 + \tau / \tau_0)\right),

and the loss is the negative log-likelihood, its integral by Gauss–Legendre quadrature in
:math:`\log(1 + \tau/\tau_0)`.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from paralg.data import ridgecrest
from paralg.recurrences.aaren.model import Shape

__all__ = ["MARKS", "SHAPE", "hawkes", "likelihood", "loss", "poisson", "score", "tokens"]

MARKS = 2
"""Below magnitude 3, and from 3 on."""
SHAPE = Shape(3, 2 * MARKS, dropout=0.1)
_TRAIN, _VALIDATE = 0.6, 0.75
_LENGTH, _BATCH = 64, 16
_SCALE = 0.02
"""The τ₀ in hours: about the median gap."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


@functools.cache
def _catalogue() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return gaps in hours (the first is 0), marks, and the tokens of the model."""
    quakes = ridgecrest.load()
    gaps = np.diff(quakes.hours, prepend=quakes.hours[0])
    marks = (quakes.magnitudes >= 3).astype(np.int64)
    parts = (np.log1p(gaps / _SCALE) - 1, quakes.magnitudes - 3, marks)
    return gaps, marks, np.stack(parts, 1).astype(np.float32)


def tokens(first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens of events first … last − 2, and gaps and marks of the events after them."""
    gaps, marks, rows = _catalogue()
    part = slice(first + 1, last)
    return (torch.from_numpy(rows[first : last - 1]), torch.from_numpy(gaps[part]).float(),
            torch.from_numpy(marks[part]))  # fmt: skip


def ends() -> dict[str, tuple[int, int]]:
    """Return the events of the three parts, in order of time."""
    n = len(_catalogue()[0])
    one, two = round(_TRAIN * n), round(_VALIDATE * n)
    return {"train": (0, one), "validation": (one, two), "test": (two, n)}


def likelihood(outputs: Tensor, gaps: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-likelihood of each gap and of each mark given its gap, in nats.

    Parameters
    ----------
    outputs : Tensor, shape (…, 4)
        Offsets and slopes of the two intensities.
    gaps, marks : Tensor, shape (…)
    """
    offset, slope = outputs.double().chunk(2, -1)
    passed = torch.log1p(gaps.double() / _SCALE)
    now = softplus(offset + slope * passed[..., None]) / _SCALE
    total = now.sum(-1)
    return total.log() - _integral(offset, slope, passed), _mark(now, marks) - total.log()


def _mark(now: Tensor, marks: Tensor) -> Tensor:
    return now.gather(-1, marks[..., None]).squeeze(-1).log()


def _integral(offset: Tensor, slope: Tensor, passed: Tensor) -> Tensor:
    """Integrate both intensities over the gap, in x = log(1 + τ/τ₀), so that dτ = τ₀ e^x dx."""
    nodes = (torch.from_numpy(_NODES) + 1) / 2 * passed[..., None]
    rates = softplus(offset[..., None, :] + slope[..., None, :] * nodes[..., None]).sum(-1)
    return (rates * nodes.exp() * torch.from_numpy(_WEIGHTS)).sum(-1) * passed / 2


def loss(model: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
    """Draw runs of 64 events from the training part; return their negative log-likelihood."""
    last = ends()["train"][1]
    runs = [tokens(k, k + _LENGTH + 1) for k in rng.integers(0, last - _LENGTH, size=_BATCH)]
    rows, gaps, marks = (torch.stack(part) for part in zip(*runs, strict=True))
    time, mark = likelihood(model(rows), gaps, marks)
    return -(time.mean() + mark.mean()).float(), {"time": -time.mean().item()}


@torch.no_grad()
def score(model: nn.Module) -> dict[str, dict[str, float]]:
    """Return nats an event (lower is better) on validation and test, each event with 64 before it.

    Every event is predicted from the 64 events before it and nothing after.
    """
    model.eval()
    found = {}
    for split in ("validation", "test"):
        first, last = ends()[split]
        runs = [tokens(k - _LENGTH, k + 1) for k in range(first, last)]
        rows, gaps, marks = (torch.stack(part) for part in zip(*runs, strict=True))
        parts = likelihood(model(rows)[:, -1], gaps[:, -1], marks[:, -1])
        found[split] = _nats(*parts)
    return found


def _nats(time: Tensor, mark: Tensor) -> dict[str, float]:
    time, mark = -float(time.mean()), -float(mark.mean())
    return {"time": round(time, 4), "mark": round(mark, 4), "both": round(time + mark, 4)}


def poisson() -> dict[str, float]:
    """Return nats a test event of a constant rate and constant shares of marks, from training."""
    gaps, marks, _ = _catalogue()
    (_, one), (two, last) = ends()["train"], ends()["test"]
    rate, share = (one - 1) / gaps[1:one].sum(), np.bincount(marks[:one]) / one
    time, mark = np.log(rate) - rate * gaps[two:last], np.log(share[marks[two:last]])
    return _nats(torch.from_numpy(time), torch.from_numpy(mark))


def hawkes() -> dict[str, float]:
    r"""Return nats a test event of a Hawkes process with exponential kernels, fitted to training.

    .. math:: \lambda(t) = \mu + \sum_{t_i < t} \alpha e^{\eta (M_i - 3)} \beta e^{-\beta (t - t_i)}

    Marks are drawn independently with the shares of the training part.
    """
    from scipy.optimize import minimize

    gaps, marks, _ = _catalogue()
    magnitudes = ridgecrest.load().magnitudes
    (_, one), (two, last) = ends()["train"], ends()["test"]

    def nats(x):
        return -_hawkes(np.exp(x[:3]), x[3], gaps[:one], magnitudes[:one])[1:].mean()

    best = minimize(nats, [0.0, -1.0, 1.0, 0.5], method="Nelder-Mead", options={"maxiter": 4000})
    time = _hawkes(np.exp(best.x[:3]), best.x[3], gaps, magnitudes)[two:last]
    share = np.bincount(marks[:one]) / one
    return _nats(torch.from_numpy(time), torch.from_numpy(np.log(share[marks[two:last]])))


def _hawkes(rates, growth: float, gaps: np.ndarray, magnitudes: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of every gap; excitement decays between events: a scan, too."""
    base, jump, decay = rates
    jumps = jump * decay * np.exp(growth * (magnitudes - 3))
    excited, found = 0.0, np.zeros(len(gaps))
    for k, gap in enumerate(gaps):
        fade = np.exp(-decay * gap)
        found[k] = np.log(base + excited * fade) - base * gap - excited * (1 - fade) / decay
        excited = excited * fade + jumps[k]
    return found
