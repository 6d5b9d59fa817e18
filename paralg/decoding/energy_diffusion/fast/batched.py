"""Many sequences in lock step: one denoiser call and one energy call for a step of all of them.

Sequence b draws from the stream (seed, b) in the order of the plain sampler, so its tokens are
those of a run alone, whatever its neighbours do. (The released code reshapes candidates of B
sequences as if they were k of each, and mixes them for B > 1.)
"""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.random import uniform
from paralg.decoding.energy_diffusion.energies import CarryOver, Energy
from paralg.decoding.energy_diffusion.sampler import importance_weights
from paralg.decoding.energy_diffusion.theory import effective_samples
from paralg.decoding.randomness import softmax
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import Model, tokens_of

__all__ = ["BatchDecoded", "energy_diffusion_batch"]


@dataclass(frozen=True, eq=False)
class BatchDecoded:
    """Tokens (B, L), cost of the batch; calls, rows and mean ESS of each sequence alone, (B,)."""

    tokens: np.ndarray
    cost: Cost
    calls: np.ndarray
    rows: np.ndarray
    ess: np.ndarray


class Streams:
    """The numbers of ``RandomDraws(seed, b)`` for b = 0 … B-1, taken many at a time."""

    def __init__(self, seed: int, B: int):
        self.seed, self.drawn = seed, np.zeros(B, dtype=np.int64)

    def take(self, wanted: np.ndarray) -> np.ndarray:
        """Return the next number of b for every true entry of ``wanted``, (B, …), in C order."""
        flat = wanted.reshape(len(wanted), wanted[:1].size if len(wanted) else 0)
        number = np.where(flat, self.drawn[:, None] + flat.cumsum(axis=1), 0)
        self.drawn += flat.sum(axis=1)
        rows = np.arange(len(flat))[:, None]
        return uniform(self.seed, rows, number).reshape(wanted.shape)


def energy_diffusion_batch(
    model: Model, x, steps: int = 8, k: int = 2, *, seed: int = 0, energy: Energy | None = None,
    window: float = 1.0, temperature: float = 1.0, shape: LogitsHook | None = None,
) -> BatchDecoded:  # fmt: skip
    """Sample B sequences as `energy_diffusion` does one by one, in at most two calls a step.

    Parameters
    ----------
    model : Model
        Answers ``denoise``, and ``causal`` where no energy is given.
    x : ndarray of int, shape (B, L)
    steps, k, energy, window, temperature, shape
        As for `energy_diffusion`.
    seed : int
        Sequence b is that of ``rng=RandomDraws(seed, b)``.

    Examples
    --------
    >>> from paralg.decoding.sudoku import Sudoku4
    >>> model = Sudoku4()
    >>> puzzles = np.stack([model.puzzle(seed, 6) for seed in range(8)])
    >>> found = energy_diffusion_batch(model, puzzles, steps=2, k=4)
    >>> found.cost.calls, found.cost.rows
    (4, 80)
    """
    counted = CountingModel(model, shape)
    x = tokens_of(x, model.V, model.L).copy()
    steps, k = checks.integer("steps", steps, 1), checks.integer("k", k, 1)
    start = 1 - checks.number("window", window, 0, 1)
    energy = CarryOver(model) if energy is None and k > 1 else energy
    if k > 1 and not callable(energy):
        raise TypeError(f"energy must be an Energy, got {energy!r}")
    streams, B = Streams(checks.integer("seed", seed, -(2**63)), len(x)), len(x)
    calls, rows, ess, asked = (np.zeros(B) for _ in range(4))
    scored, times = Cost(), np.linspace(1.0, 0.0, steps + 1)
    for t, s in zip(times[:-1], times[1:], strict=True):
        masked = x == model.V
        rate = 1.0 - s / t
        shown = masked if rate >= 1 else masked & (streams.take(masked) < rate)
        open_ = shown.any(axis=1)
        if not open_.any():
            continue
        p = np.zeros((*x.shape, model.V))
        p[open_] = softmax(counted.denoise(x[open_]))
        calls[open_], rows[open_] = calls[open_] + 1, rows[open_] + 1
        if k == 1 or t < start - 1e-12:
            x = np.where(shown, _inverted(p, streams.take(shown)), x)
            continue
        wanted = np.repeat((masked & open_[:, None])[:, None], k, axis=1)
        y = np.where(wanted, _inverted(p[:, None], streams.take(wanted)), x[:, None])
        log_mu = np.zeros(wanted.shape)
        np.log(np.take_along_axis(p[:, None], y[..., None] % model.V, axis=-1)[..., 0],
               out=log_mu, where=wanted)  # fmt: skip
        energies = energy(x[open_], y[open_], log_mu[open_].sum(axis=-1))
        weights = np.ones((B, k)) / k
        weights[open_] = importance_weights(energies, temperature)
        best = _inverted(weights, streams.take(open_))
        x = np.where(shown, y[np.arange(B), best], x)
        scored += Cost(calls=1, rows=energies.size, tokens=energies.size * model.L)
        calls[open_], rows[open_] = calls[open_] + 1, rows[open_] + k
        ess[open_] += effective_samples(weights[open_])
        asked[open_] += 1
    return BatchDecoded(x, counted.cost + scored, calls.astype(int), rows.astype(int),
                        ess / np.maximum(asked, 1))  # fmt: skip


def _inverted(p: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return what ``RandomDraws.categorical`` makes of uniform numbers ``u``, shape p[..., 0]."""
    cumulative = p.cumsum(axis=-1)
    level = u[..., None] * cumulative[..., -1:]
    beyond = (cumulative <= level).sum(axis=-1)
    last = p.shape[-1] - 1 - (p[..., ::-1] > 0).argmax(axis=-1)
    return np.where(beyond < p.shape[-1], beyond, last)
