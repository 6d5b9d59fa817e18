r"""Event forecasting: when the next aftershock comes and how strong it is, real earthquakes.

The head is that of a transformer Hawkes process (recalled; with our own term for the time that has
passed): after event j the intensity of mark k at elapsed time τ is

.. math:: \lambda_k(\tau) = \tfrac{1}{c_j}
          \operatorname{softplus}\!\left(b_k(h_j) + a_k(h_j) \log(1 + \tau / c_j)\right),

with :math:`c_j` an exponential average of the gaps up to event j: aftershocks get rarer, and time
in units of the recent gap is alike in the training part and after it. The loss is the negative
log-likelihood, its integral by Gauss–Legendre quadrature in :math:`\log(1 + \tau/c_j)`.
"""

import functools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from paralg.core.primitives import AFFINE, scan
from paralg.data import ridgecrest
from paralg.recurrences.aaren.experiments.model import AarenConfig

__all__ = ["CONFIG", "MEMORY", "hawkes", "likelihood", "loss", "poisson", "recent", "score"]

CONFIG = AarenConfig(3, 4, dropout=0.1)
"""Out come offset and slope of two intensities, of magnitudes below 3 and from 3 on."""
_TRAIN, _VALIDATE = 0.6, 0.75
_LENGTH, _BATCH = 64, 16
MEMORY = 64
"""Gaps over which the unit of time is averaged; chosen on the validation part, in `records`."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


@functools.cache
def _catalogue(memory: int = MEMORY) -> tuple[np.ndarray, ...]:
    """Return gaps in hours (the first is 0), marks, units of time, and the tokens of the model."""
    quakes = ridgecrest.load()
    gaps = np.diff(quakes.hours, prepend=quakes.hours[0])
    marks = (quakes.magnitudes >= 3).astype(np.int64)
    keep, first = np.full(len(gaps), 1 - 1 / memory), float(gaps[1:memory].mean())
    units = scan(AFFINE, (keep, gaps / memory), initial=(1.0, first)).values[1]  # averages
    parts = (np.log1p(gaps / np.append(units[0], units[:-1])) - 1, quakes.magnitudes - 3, marks)
    return gaps, marks, units, np.stack(parts, 1).astype(np.float32)


def tokens(first: int, last: int, memory: int = MEMORY) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return tokens and units of events first … last − 2, gaps and marks of those after them."""
    gaps, marks, units, rows = _catalogue(memory)
    now, after = slice(first, last - 1), slice(first + 1, last)
    parts = (rows[now], units[now], gaps[after], marks[after])
    return tuple(map(torch.from_numpy, parts))


def _stacked(firsts: np.ndarray, memory: int) -> Iterator[Tensor]:
    """Yield the four parts of `tokens`, stacked over runs of 64 events."""
    runs = [tokens(first, first + _LENGTH + 1, memory) for first in firsts]
    return map(torch.stack, zip(*runs, strict=True))


def ends() -> dict[str, tuple[int, int]]:
    """Return the events of the three parts, in order of time."""
    n = len(_catalogue()[0])
    one, two = round(_TRAIN * n), round(_VALIDATE * n)
    return {"train": (0, one), "validation": (one, two), "test": (two, n)}


def likelihood(
    outputs: Tensor, units: Tensor, gaps: Tensor, marks: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the log-likelihood of each gap and of each mark given its gap, in nats.

    `outputs` (…, 4) are offsets and slopes of the two intensities; units and gaps are hours.
    """
    offset, slope = outputs.double().chunk(2, -1)
    passed = torch.log1p(gaps / units)
    now = softplus(offset + slope * passed[..., None]) / units[..., None]
    mark, total = now.gather(-1, marks[..., None]).squeeze(-1).log(), now.sum(-1).log()
    return total - _integral(offset, slope, passed), mark - total


def _integral(offset: Tensor, slope: Tensor, passed: Tensor) -> Tensor:
    """Integrate both intensities over the gap, in x = log(1 + τ/c), so that dτ = c e^x dx."""
    nodes = (torch.from_numpy(_NODES) + 1) / 2 * passed[..., None]
    rates = softplus(offset[..., None, :] + slope[..., None, :] * nodes[..., None]).sum(-1)
    return (rates * nodes.exp() * torch.from_numpy(_WEIGHTS)).sum(-1) * passed / 2


def loss(
    model: nn.Module, rng: np.random.Generator, step: int, memory: int = MEMORY
) -> tuple[Tensor, dict]:
    """Draw runs of 64 events from the training part; return their negative log-likelihood."""
    firsts = rng.integers(0, ends()["train"][1] - _LENGTH, size=_BATCH)
    rows, *rest = _stacked(firsts, memory)
    time, mark = likelihood(model(rows), *rest)
    return -(time.mean() + mark.mean()).float(), {"time": -time.mean().item()}


@torch.no_grad()
def score(model: nn.Module, memory: int = MEMORY) -> dict[str, dict[str, float]]:
    """Return nats an event (lower is better) on two parts, each predicted from the 64 before it."""
    found = {}
    for split in ("validation", "test"):
        rows, *rest = _stacked(np.arange(*ends()[split]) - _LENGTH, memory)
        parts = likelihood(model.eval()(rows)[:, -1], *(part[:, -1] for part in rest))
        found[split] = _nats(*parts)
    return found


def _nats(time: Tensor, mark: Tensor) -> dict[str, float]:
    time, mark = -float(time.mean()), -float(mark.mean())
    return {"time": round(time, 4), "mark": round(mark, 4), "both": round(time + mark, 4)}


def poisson() -> dict[str, float]:
    """Return nats a test event of a constant rate and constant shares of marks, from training."""
    gaps, one = _catalogue()[0], ends()["train"][1]
    rate = (one - 1) / gaps[1:one].sum()
    return _with_shares(np.log(rate) - rate * gaps)


def recent() -> dict[str, float]:
    """Return nats a test event of the rate 1 / c, with c the average of the recent gaps."""
    gaps, _, units, _ = _catalogue()
    before = np.append(units[0], units[:-1])
    return _with_shares(-np.log(before) - gaps / before)


def _with_shares(time: np.ndarray) -> dict[str, float]:
    """Return nats of test gaps, with marks drawn independently with the training part's shares."""
    marks, one, test = _catalogue()[1], ends()["train"][1], slice(*ends()["test"])
    share = np.bincount(marks[:one]) / one
    return _nats(torch.from_numpy(time[test]), torch.from_numpy(np.log(share[marks[test]])))


def hawkes() -> dict[str, float]:
    r"""Return nats a test event of a Hawkes process with exponential kernels, fitted to training.

    .. math:: \lambda(t) = \mu + \sum_{t_i < t} \alpha e^{\eta (M_i - 3)} \beta e^{-\beta (t - t_i)}
    """
    from scipy.optimize import minimize

    gaps, one = _catalogue()[0], ends()["train"][1]
    magnitudes = ridgecrest.load().magnitudes

    def nats(x):
        return -_hawkes(np.exp(x[:3]), x[3], gaps[:one], magnitudes[:one])[1:].mean()

    best = minimize(nats, [0.0, -1.0, 1.0, 0.5], method="Nelder-Mead", options={"maxiter": 4000})
    return _with_shares(_hawkes(np.exp(best.x[:3]), best.x[3], gaps, magnitudes))


def _hawkes(rates, growth: float, gaps: np.ndarray, magnitudes: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of every gap; the excitation decays between events."""
    base, jump, decay = rates
    fade, jumps = np.exp(-decay * gaps), jump * decay * np.exp(growth * (magnitudes - 3))
    after = scan(AFFINE, (fade, jumps), method="kogge-stone").values[1]
    excited = np.append(0.0, after[:-1])
    return np.log(base + excited * fade) - base * gaps - excited * (1 - fade) / decay
