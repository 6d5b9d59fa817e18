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

from collections.abc import Callable

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import RandomDraws, residual
from paralg.decoding.speculative_jacobi.acceptance import keeps
from paralg.decoding.speculative_jacobi.decoder import SpeculativeJacobi
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Model

__all__ = ["coupled", "extended", "fixed_point", "kept", "matched", "relabelled"]


class Kept(SpeculativeJacobi):
    """Leave unreached drafts and what they were drawn from: exact, and slow on images."""

    def unreached(self, i, p_i):
        """Do nothing."""


class Relabelled(SpeculativeJacobi):
    """Leave unreached drafts and replace their q by p: **not** the right distribution."""

    def unreached(self, i, p_i):
        """Claim that the draft was drawn from p."""
        if p_i[self.x[i]] > 0:
            self.q[i] = p_i


class Coupled(SpeculativeJacobi):
    """Test every unreached draft, and keep or repair it: a maximal coupling with p.

    It follows p as after a redraw, but changes with the least possible probability,
    1 - overlap(p, q).  Ours, not the paper's.
    """

    def unreached(self, i, p_i):
        """Keep the draft or repair it."""
        if not keeps(self.rng, p_i, self.q[i], self.x[i]):
            self.x[i] = self.rng.categorical(residual(p_i, self.q[i]))
        self.q[i] = p_i


class Extended(Coupled):
    """Do as `coupled`, and draft the position beyond the window from the p it got anyway.

    The initialiser is asked only for the first window and after a window that was accepted whole.
    Ours, not the paper's.
    """

    def refresh(self, p):
        """Treat the unreached drafts, then draw one more where there was none."""
        super().refresh(p)
        drafts = self.drafted - self.done
        if drafts < min(len(p), self.W):
            i = self.order[self.drafted]
            SpeculativeJacobi.unreached(self, i, p[drafts])
            self.drafted += 1


class Matched(SpeculativeJacobi):
    """Iterate plainly, as Jacobi: a draft is final if a fresh draw says the same.

    Exact, but a draft survives with probability Σ p q instead of Σ min(p, q).
    """

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


def _function(kind: type[SpeculativeJacobi], forwards: int) -> Callable[..., Decoded]:
    """Return the function of a subclass; operands are the same for all, and are said once."""

    def decode(model: Model, x, W: int = 15, **options) -> Decoded:
        return kind(model, x, W, **options).decode()

    decode.__name__ = decode.__qualname__ = name = kind.__name__.lower()
    decode.__doc__ = f"""{kind.__doc__.rstrip()}

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
    >>> {name}(HashConditional(4, 8), [4] * 8, W=3, rng=RandomDraws(0)).forwards
    {forwards}
    """
    return decode


kept = _function(Kept, forwards=5)
relabelled = _function(Relabelled, forwards=4)
coupled = _function(Coupled, forwards=3)
extended = _function(Extended, forwards=3)
matched = _function(Matched, forwards=6)


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
    2
    """
    run = FixedPoint(model, x, model.L if W is None else W, **({"rng": RandomDraws(0)} | options))
    noise = checks.array("noise", noise).astype(float)
    checks.finite("noise", noise)
    if noise.shape not in ((), (model.L, model.V)):
        raise ValueError(f"noise must be a number or have the shape {(model.L, model.V)}, got "
                         f"{noise.shape}")  # fmt: skip
    run.noise = np.broadcast_to(noise, run.q.shape)
    return run.decode()
