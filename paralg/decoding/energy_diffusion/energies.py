r"""Residual energies: how much a sequence-level model prefers a candidate to independent guesses.

[xu-2025-energy]  The denoiser fills the masks M of x independently,
:math:`\mu(y|x) = \prod_{i \in M} \mu_i(y_i|x)`. An energy corrects it:
:math:`p(y|x) = \mu(y|x)\, e^{-E(y,x)} / Z(x)`.

==============  ===============================================================================
``x``           the masked sequence, shape (L,), or several, (B, L)
``candidates``  k sequences that fill its masks, shape (k, L) or (B, k, L)
``log_mu``      log μ of each candidate, shape (k,) or (B, k)
E               of the same shape; low is good, infinite is impossible
==============  ===============================================================================

The optimal energy is :math:`E^* = -\log q(y|x) + \log \mu(y|x)` for the true conditional q.
"""

from typing import Protocol

import numpy as np

from paralg.core import checks
from paralg.models.protocol import Model, tokens_of

__all__ = ["Autoregressive", "CarryOver", "Energy", "log_conditionals", "operands"]


class Energy(Protocol):
    """What the sampler asks once a step: one call of all rows, which is counted as such."""

    def __call__(self, x, candidates, log_mu) -> np.ndarray:
        """Return the energies of ``candidates``, in the shape of ``log_mu``."""


class Autoregressive:
    r"""EDLM-AR: :math:`E = -\log p_{AR}(y) + \log \mu(y|x)`, over all positions; no training.

    Given tokens are the same in all candidates, so the corrected distribution is the conditional
    :math:`p_{AR}(y|x)`, with the evidence to the right of a mask taken into account, and
    Z = :math:`p_{AR}(x_{given})`. (The released code leaves out position 0, its begin token.)

    Parameters
    ----------
    model : Model
        Answers ``causal``; another model than the denoiser, or a family of both.

    Examples
    --------
    >>> from paralg.decoding.tables import TabularJoint
    >>> energy = Autoregressive(TabularJoint(np.array([[0.5, 0.0], [0.25, 0.25]])))
    >>> energy(np.array([2, 2]), np.array([[0, 0], [1, 1]]), np.log([0.25, 0.25])) + 0.0
    array([-0.69314718,  0.        ])
    """

    def __init__(self, model: Model):
        if not hasattr(model, "causal"):
            raise TypeError(f"model must answer causal, got {model!r}")
        self.model = model

    def __call__(self, x, candidates, log_mu):
        x, candidates, log_mu = operands(self.model, x, candidates, log_mu)
        log_p = log_conditionals(self.model, candidates.reshape(-1, self.model.L))
        scored = np.where(self.scored(x), log_p.reshape(candidates.shape), 0.0)
        return log_mu - scored.sum(axis=-1)

    def scored(self, x: np.ndarray) -> np.ndarray:
        """Say which positions count; ``x`` has an axis of length 1 for the candidates."""
        return np.ones(x.shape, dtype=bool)


class CarryOver(Autoregressive):
    r"""EDLM-coAR: given tokens have probability 1, so only masked positions are scored.

    Then Z = 1, since :math:`\sum_y \prod_{i \in M} p_{AR}(y_i|y_{<i})` telescopes from the last
    position. The corrected distribution is that of the autoregressive model with given tokens put
    in its way: it does not look at the evidence to the right of a mask. The code's default.

    Parameters
    ----------
    model : Model
        As for `Autoregressive`.
    """

    def scored(self, x):
        """Score masked positions only."""
        return x == self.model.V


def log_conditionals(model: Model, y: np.ndarray) -> np.ndarray:
    """Return log p(y_i | y_<i) of rows without masks, shape (k, L), in one ``causal`` call."""
    logits = model.causal(y := np.asarray(y))
    top = logits.max(axis=-1, keepdims=True)
    total = top[..., 0] + np.log(np.exp(logits - top).sum(axis=-1))
    return np.take_along_axis(logits, y[..., None], axis=-1)[..., 0] - total


def operands(model, x, candidates, log_mu) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check that ``candidates`` fill the masks of ``x``, which gets an axis for them."""
    x, y = (checks.array(*named, "i") for named in (("x", x), ("candidates", candidates)))
    log_mu = checks.array("log_mu", log_mu)
    several = "B " if x.ndim == 2 else ""
    checks.sizes(x=(x, several + str(model.L)), candidates=(y, f"{several}k {model.L}"),
                 log_mu=(log_mu, several + "k"))  # fmt: skip
    checks.finite("log_mu", log_mu)
    rows, x = tokens_of(y.reshape(-1, model.L), model.V, model.L), x[..., None, :]
    if (rows == model.V).any() or ((x != model.V) & (y != x)).any():
        raise ValueError(f"expected candidates that only fill the masks of {x}, got {y}")
    return x, y, log_mu
