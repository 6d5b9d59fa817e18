"""Hooks that shape logits before a decoder sees them: temperature, top-k, guidance and more.

A hook is a callable ``shape(logits, at)`` on arrays of shape (B, n, V) and (n,).
Speculative methods compare two distributions p and q; both must be the *shaped* ones, which is why
the hook sits in the counting wrapper and not in a decoder.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import softmax

__all__ = ["AllowedTokens", "Chain", "Guidance", "Temperature", "TopK", "TopP"]


@dataclass(frozen=True)
class Temperature:
    """Divide by ``value`` > 0: below 1 sharper, above 1 flatter.  Greedy is no ``rng``, not zero.

    >>> Temperature(0.5)(np.array([[[0.0, 1.0]]]), np.array([0]))
    array([[[0., 2.]]])
    """

    value: float

    def __post_init__(self):
        checks.number("a temperature", self.value, above=0)

    def __call__(self, logits, at):
        return logits / self.value


@dataclass(frozen=True)
class TopP:
    """Keep the fewest tokens whose probabilities sum to at least ``p``, the likeliest first.

    Among equals the lowest token comes first; the likeliest token always stays.

    >>> logits = np.log(np.array([[[0.5, 0.3, 0.2]]]))
    >>> np.isfinite(TopP(0.6)(logits, np.array([0])))
    array([[[ True,  True, False]]])
    """

    p: float

    def __post_init__(self):
        checks.number("p", self.p, above=0, most=1)

    def __call__(self, logits, at):
        order, distribution = _descending(logits), softmax(logits)
        ranked = np.take_along_axis(distribution, order, axis=-1)
        return _kept(logits, order, np.cumsum(ranked, axis=-1) - ranked < self.p)


@dataclass(frozen=True)
class TopK:
    """Keep the k largest logits of each row, the lowest token first among equals.

    >>> TopK(2)(np.array([[[3.0, 1.0, 2.0]]]), np.array([0]))
    array([[[  3., -inf,   2.]]])
    """

    k: int

    def __post_init__(self):
        checks.integer("k", self.k, 1)

    def __call__(self, logits, at):
        return _kept(logits, _descending(logits), np.arange(logits.shape[-1]) < self.k)


@dataclass(frozen=True)
class AllowedTokens:
    """Forbid tokens by position: ``mask``, shape (L, V), is True where a token may stand."""

    mask: np.ndarray

    def __post_init__(self):
        object.__setattr__(self, "mask", checks.mask("mask", self.mask, np.shape(self.mask)))
        if self.mask.ndim != 2 or not self.mask.any(axis=1).all():
            raise ValueError("expected a mask of shape (L, V) with an allowed token in every row, "
                             f"got the shape {self.mask.shape}")  # fmt: skip

    def __call__(self, logits, at):
        if len(self.mask) <= max(at, default=0) or self.mask.shape[1] != logits.shape[-1]:
            expected = f"({max(at, default=0) + 1} or more, {logits.shape[-1]})"
            raise ValueError(f"mask must have the shape {expected}, got {self.mask.shape}")
        return np.where(self.mask[at], logits, -np.inf)


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance: l = l_u + scale · (l_c − l_u), two rows of one call.

    The unconditional row has the token ``null`` (no label) at the positions ``at`` of the label,
    wherever a layout of slots carries them.
    """

    scale: float
    at: tuple[int, ...]
    null: int

    def __post_init__(self):
        checks.number("scale", self.scale)
        checks.sizes(at=(checks.array("at", self.at, "i", least=0), "n"))
        checks.integer("null", self.null)

    def expand(self, x, carried=None):
        """Append to the B conditional rows their B unconditional twins.

        ``carried`` says of which position each column is the token, by default its own number.
        """
        carried = np.arange(x.shape[1]) if carried is None else np.asarray(carried)
        return np.concatenate([x, np.where(np.isin(carried, self.at), self.null, x)])

    def __call__(self, logits, at):
        conditional, unconditional = np.split(logits, 2)
        return unconditional + self.scale * (conditional - unconditional)


class Chain:
    """Apply hooks one after the other; at most the first may add rows.

    >>> hook = Chain(Temperature(0.5), TopK(1))
    >>> hook(np.array([[[0.0, 1.0]]]), np.array([0]))
    array([[[-inf,   2.]]])
    """

    def __init__(self, *hooks):
        for hook in hooks:
            checks.instance("a hook", hook, Callable)
        if any(hasattr(hook, "expand") for hook in hooks[1:]):
            raise ValueError("expected a hook that adds rows only in the first place")
        self.hooks = hooks
        if hooks and hasattr(hooks[0], "expand"):
            self.expand = hooks[0].expand

    def __call__(self, logits, at):
        for hook in self.hooks:
            logits = hook(logits, at)
        return logits


def _descending(logits):
    """Return the tokens of each row from the likeliest down, the lowest first among equals."""
    return np.argsort(-logits, axis=-1, kind="stable")


def _kept(logits, order, keep):
    """Return the logits with -inf where ``keep``, given in ``order``, is False."""
    kept = np.zeros(logits.shape, dtype=bool)
    np.put_along_axis(kept, order, np.broadcast_to(keep, order.shape), axis=-1)
    return np.where(kept, logits, -np.inf)
