r"""Absorbing diffusion whose steps choose among k whole candidates by an energy.

[xu-2025-energy], Algorithm 1.  At time t, from 1 to 0, a token is masked with probability t
(log-linear noise). A step from t to s shows each masked position with probability :math:`(t-s)/t`
the token of one candidate and leaves the others masked: the rest of it is thrown away.
"""

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.decoding.energy_diffusion.energies import CarryOver, Energy
from paralg.decoding.randomness import Random, softmax
from paralg.decoding.trace import Decoded, Recorder
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import Model, tokens_of

__all__ = ["EnergyDiffusion", "energy_diffusion", "importance_weights"]


def energy_diffusion(
    model: Model, x, steps: int = 8, k: int = 2, *, rng: Random, energy: Energy | None = None,
    window: float = 1.0, temperature: float = 1.0, epsilon: float = 0.0,
    shape: LogitsHook | None = None,
) -> Decoded:  # fmt: skip
    r"""Sample in few steps: independent guesses, corrected by importance sampling of whole rows.

    Which positions a step shows does not depend on the candidates, so it is drawn first.

    Parameters
    ----------
    model : Model
        Answers ``denoise``, and ``causal`` where no energy is given.
    x : ndarray of int, shape (L,)
        Given tokens, and the mask ``V`` where one is wanted.
    steps : int
        S equal steps of time.
    k : int
        Candidates of a step (importance sampling size), the rows of one call; 1 is plain masked
        diffusion, without an energy.
    rng : Random
    energy : Energy, optional
        By default `CarryOver` of the model.
    window : float
        w: the energy is asked at times in [1 - w, 1] only.
    temperature : float
        Of the energy; weights are proportional to :math:`e^{-E/T}`.
    epsilon : float
        Time of the end: at 0 the last step shows everything; above, what is still masked gets its
        likeliest token (noise removal; the released code has 1e-5).
    shape : callable, optional
        A hook on the denoiser's logits.

    Returns
    -------
    Decoded
        Its trace has each candidate as a "proposed" row, with its normalised weight.

    Cost
    ----
    For a step that shows anything a call of one row, and in the window another of k rows.

    References
    ----------
    [xu-2025-energy], Algorithm 1; [sahoo-2024-simple] for k = 1.

    Examples
    --------
    >>> from paralg.decoding.randomness import RandomDraws
    >>> from paralg.decoding.sudoku import Sudoku4
    >>> model = Sudoku4()
    >>> found = energy_diffusion(model, model.puzzle(0, 6), steps=2, k=4, rng=RandomDraws(0))
    >>> found.forwards, found.cost.rows
    (4, 10)
    """
    run = EnergyDiffusion(model, x, steps, k, rng, energy, window, temperature, epsilon, shape)
    return run.decode()


class EnergyDiffusion:
    """One decoding; variants override what is shown, what weighs, and what is committed."""

    def __init__(self, model, x, steps, k, rng, energy=None, window=1.0, temperature=1.0,
                 epsilon=0.0, shape=None):  # fmt: skip
        self.model = CountingModel(model, shape)
        self.x = tokens_of(np.asarray(x)[None], model.V, model.L)[0].copy()
        self.k, self.rng = checks.integer("k", k, 1), rng
        self.energy = CarryOver(model) if energy is None and k > 1 else energy
        if k > 1 and not callable(self.energy):
            raise TypeError(f"energy must be an Energy, got {energy!r}")
        self.temperature = checks.number("temperature", temperature, above=0)
        self.start = 1 - checks.number("window", window, 0, 1)
        epsilon = checks.number("epsilon", epsilon, 0, 1)
        self.times = np.linspace(1.0, epsilon, checks.integer("steps", steps, 1) + 1)
        self.record = Recorder(self.x, model.V)
        self.scored = Cost()

    def decode(self) -> Decoded:
        """Go through the steps; stop when nothing is masked."""
        for t, s in zip(self.times[:-1], self.times[1:], strict=True):
            if len(shown := self.shown(t, s)):
                self.step(t, shown)
        rest = np.flatnonzero(self.x == self.model.V)
        if len(rest):
            p = self.guess()
            self.open_round(Cost())
            self.commit(rest, p[rest].round(12).argmax(axis=1))
        return Decoded(self.x, self.record.trace(), self.model.cost + self.scored)

    def shown(self, t: float, s: float) -> np.ndarray:
        """Draw the masked positions that a step from t to s shows."""
        masked = np.flatnonzero(self.x == self.model.V)
        return np.array([i for i in masked if self.rng.accept(1.0 - s / t)], dtype=int)

    def step(self, t: float, shown: np.ndarray) -> None:
        """Show tokens of one candidate at ``shown``; without an energy only these are drawn."""
        p = self.guess()
        if self.k == 1 or t < self.start - 1e-12:
            self.open_round(Cost())
            self.commit(shown, [self.rng.categorical(p[i]) for i in shown])
            return
        candidates, log_mu = self.candidates(p)
        weights = importance_weights(self.energies(candidates, log_mu), self.temperature)
        self.open_round(Cost(calls=1, rows=self.k, tokens=candidates.size))
        masked = np.flatnonzero(self.x == self.model.V)
        for row, (y, weight) in enumerate(zip(candidates, weights, strict=True)):
            self.record.record("proposed", masked, y[masked], np.full(len(masked), weight), row)
        self.choose(candidates, weights, shown)

    def guess(self) -> np.ndarray:
        """Return the independent distributions, shape (L, V): one call of one row."""
        return softmax(self.model.denoise(self.x[None]))[0]

    def candidates(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw k rows from the guesses; return them and their log μ."""
        y, masked = np.tile(self.x, (self.k, 1)), np.flatnonzero(self.x == self.model.V)
        for row in y:
            row[masked] = [self.rng.categorical(p[i]) for i in masked]
        return y, np.log(p[masked, y[:, masked]]).sum(axis=1)

    def energies(self, candidates, log_mu) -> np.ndarray:
        """Return the energies of the candidates, in one call."""
        return self.energy(self.x, candidates, log_mu)

    def choose(self, candidates: np.ndarray, weights: np.ndarray, shown: np.ndarray) -> None:
        """Draw one row by weight and commit what it has at ``shown``."""
        row = self.rng.categorical(weights)
        self.commit(shown, candidates[row, shown], row, weights[row])

    def commit(self, positions, tokens, row: int = 0, weight: float = np.nan) -> None:
        """Write tokens and record them."""
        self.x[positions] = tokens
        values = np.full(len(positions), weight)
        self.record.record("committed", positions, self.x[positions], values, row)

    def open_round(self, scoring: Cost) -> None:
        """Count what was asked since the last round, the energy's call included."""
        self.scored += scoring
        self.record.round(self.model.cost_since() + scoring)


def importance_weights(energies: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    r"""Return the normalised weights :math:`\propto e^{-E/T}`, computed from logarithms.

    Parameters
    ----------
    energies : ndarray, shape (..., k)
        Low is good; infinite is impossible. Where all are, the weights are equal.
    temperature : float
        T, above 0.

    Returns
    -------
    ndarray, shape (..., k)

    Examples
    --------
    >>> importance_weights(np.array([0.0, np.log(3), np.inf])).round(12)
    array([0.75, 0.25, 0.  ])
    """
    energies = checks.array("energies", energies).astype(float)
    checks.sizes(energies=(energies, "... k"))
    if not (energies > -np.inf).all() or not energies.shape[-1]:
        raise ValueError(f"energies must be numbers above -inf, got {energies}")
    log_w = -energies / checks.number("temperature", temperature, above=0)
    possible = np.isfinite(log_w).any(axis=-1, keepdims=True)
    return softmax(np.where(possible, log_w, 0.0))
