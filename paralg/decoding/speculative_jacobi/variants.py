"""Other tests and other treatments of unreached drafts, as subclasses of the plain decoder.

==================  ==========================================  ========================
function            what happens to an unreached draft          distribution
==================  ==========================================  ========================
(the plain one)     drawn anew from p, q becomes p              exact
`kept`              nothing                                     exact
`coupled`           tested: kept or repaired, q becomes p       exact
`extended`          as `coupled`, and the position beyond gets  exact
                    a draft from its p
`relabelled`        kept, but q becomes p                       **biased**
`matched`           drawn anew; the test is equality            exact
`fixed_point`       its likeliest token; the test is equality   that of the noise
==================  ==========================================  ========================

All take the operands of :func:`~paralg.decoding.speculative_jacobi.decoder.speculative_jacobi`.
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import RandomDraws
from paralg.decoding.speculative_jacobi.acceptance import keeps, missing
from paralg.decoding.speculative_jacobi.decoder import SpeculativeJacobi
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Model

__all__ = ["coupled", "extended", "fixed_point", "kept", "matched", "relabelled"]


class Kept(SpeculativeJacobi):
    """Leaves unreached drafts with the distribution that they were drawn from."""

    def unreached(self, i, p_i):
        """Do nothing."""


class Relabelled(SpeculativeJacobi):
    """Keeps unreached drafts and forgets what they were drawn from: wrong, to be shown wrong."""

    def unreached(self, i, p_i):
        """Claim that the draft was drawn from p."""
        if p_i[self.x[i]] > 0:
            self.q[i] = p_i


class Coupled(SpeculativeJacobi):
    """Runs the test on every unreached draft: it follows p afterwards, and rarely changes."""

    def unreached(self, i, p_i):
        """Keep the draft or repair it."""
        if not keeps(self.rng, p_i, self.q[i], self.x[i]):
            self.x[i] = self.rng.categorical(missing(p_i, self.q[i]))
        self.q[i] = p_i


class Extended(Coupled):
    """Drafts the position beyond the window, too, whose distribution the forward gave."""

    def refresh(self, p):
        """Treat the unreached drafts, then draw one more where there was none."""
        super().refresh(p)
        drafts = self.drafted - self.done
        if drafts < min(len(p), self.W):
            i = self.order[self.drafted]
            SpeculativeJacobi.unreached(self, i, p[drafts])
            self.drafted += 1


class Matched(SpeculativeJacobi):
    """Plain Jacobi iteration: a draft is final if a fresh draw says the same."""

    def accepts(self, i, p_i):
        """Draw from p and compare."""
        self._fresh = self.draw(i, p_i)
        return self.x[i] == self._fresh

    def replacement(self, i, p_i):
        """Return the draw that differed."""
        return self._fresh


class FixedPoint(Matched):
    """Jacobi iteration of a deterministic map: the likeliest token, after noise that is fixed."""

    noise: np.ndarray

    def draw(self, i, p_i):
        """Return the likeliest token, the lowest among equals to twelve digits."""
        with np.errstate(divide="ignore"):
            return int((np.log(p_i) + self.noise[i]).round(12).argmax())


def kept(model: Model, x, W: int = 15, **options) -> Decoded:
    """Decode with unreached drafts left as they are: exact, and slow on images.

    Parameters
    ----------
    model, x, W, options
        As for `speculative_jacobi`.

    Returns
    -------
    Decoded

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> kept(HashConditional(4, 8), [4] * 8, W=3, rng=RandomDraws(0)).forwards
    5
    """
    return Kept(model, x, W, **options).decode()


def relabelled(model: Model, x, W: int = 15, **options) -> Decoded:
    """Decode with unreached drafts kept and their q replaced by p: **not** the right distribution.

    Parameters
    ----------
    model, x, W, options
        As for `speculative_jacobi`.

    Returns
    -------
    Decoded

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> relabelled(HashConditional(4, 8), [4] * 8, W=3, rng=RandomDraws(0)).forwards
    5
    """
    return Relabelled(model, x, W, **options).decode()


def coupled(model: Model, x, W: int = 15, **options) -> Decoded:
    """Decode with every unreached draft tested, kept or repaired: a maximal coupling with p.

    Each draft follows its p as after a redraw, but changes with the least possible probability,
    1 - overlap(p, q). Ours, not the paper's.

    Parameters
    ----------
    model, x, W, options
        As for `speculative_jacobi`.

    Returns
    -------
    Decoded

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> coupled(HashConditional(4, 8), [4] * 8, W=3, rng=RandomDraws(0)).forwards
    5
    """
    return Coupled(model, x, W, **options).decode()


def extended(model: Model, x, W: int = 15, **options) -> Decoded:
    """Decode as `coupled`, and draft the position beyond the window from the p it got anyway.

    The initialiser is asked only for the first window and after a window that was accepted whole.
    Ours, not the paper's.

    Parameters
    ----------
    model, x, W, options
        As for `speculative_jacobi`.

    Returns
    -------
    Decoded

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> extended(HashConditional(4, 8), [4] * 8, W=3, rng=RandomDraws(0)).forwards
    5
    """
    return Extended(model, x, W, **options).decode()


def matched(model: Model, x, W: int = 15, **options) -> Decoded:
    """Decode by plain Jacobi iteration under sampling: accept while fresh draws equal the drafts.

    Exact, but a draft survives with probability Σ p q instead of Σ min(p, q).

    Parameters
    ----------
    model, x, W, options
        As for `speculative_jacobi`.

    Returns
    -------
    Decoded

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> matched(HashConditional(4, 8), [4] * 8, W=3, rng=RandomDraws(0)).forwards
    6
    """
    return Matched(model, x, W, **options).decode()


def fixed_point(model: Model, x, W: int | None = None, *, noise=0.0, **options) -> Decoded:
    r"""Iterate x ← F(x) to its fixed point, :math:`F_i(x) = \arg\max_v \log p(v|x_{<i}) + g_i(v)`.

    Parameters
    ----------
    model, x, options
        As for `speculative_jacobi`; ``rng``, by default ``RandomDraws(0)``, draws first drafts
        only.
    W : int, optional
        Drafts in the window; by default all positions.
    noise : float or array_like, shape (L, V)
        g; 0 is greedy decoding. Gumbel noise makes the fixed point a sample, and independent noise
        an independent one.

    Returns
    -------
    Decoded
        The tokens are those of one token a forward with the same noise.

    Cost
    ----
    At most N forwards for N tokens: after j of them the first j tokens are final.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> fixed_point(HashConditional(4, 8), [4] * 8).forwards
    3
    """
    run = FixedPoint(model, x, model.L if W is None else W,
                     **({"rng": RandomDraws(0)} | options))  # fmt: skip
    noise = checks.array("noise", noise).astype(float)
    checks.finite("noise", noise)
    if noise.shape not in ((), (model.L, model.V)):
        raise ValueError(f"noise must be a number or have the shape {(model.L, model.V)}, got "
                         f"{noise.shape}")  # fmt: skip
    run.noise = np.broadcast_to(noise, run.q.shape)
    return run.decode()
