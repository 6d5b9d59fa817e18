"""The static rule g: what a step of sequential decoding commits, as a function of the state.

Everything that can change the *answer* is a field of :class:`UnmaskingRule`.
What else a decoder is told (draft length, layout) changes the cost only, and that is what
"lossless" means: same rule, same trace.  Options that break it say so.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from paralg.core import checks
from paralg.decoding.prediction import Prediction, tie_keys
from paralg.models.counting import LogitsHook

__all__ = ["UnmaskingRule", "BoundRule", "checked_sizes", "with_threshold"]


@dataclass(frozen=True)
class UnmaskingRule:
    """Which masked positions one step of static decoding commits.

    - ``tokens``: per step; of a tuple each step takes the next (the last one repeats), as in
      ``block``.
    - ``order``: "confidence" or "left-to-right".
    - ``threshold``: commit every position with at least this confidence instead, and the best
      ``tokens`` ones if there is none; left to right, the leftmost run of confident positions.
    - ``block``: so many positions, counted from the first mask, are finished one block after the
      other.
    - ``cache``: what is frozen at the start of each block: nothing (None), what lies before it
      ("prefix"), or all outside it ("dual"). A cached network is *another* network, hence part of
      the rule.
    - ``first``: commit a block's first position from the forward that makes the cache, as models
      adapted from next-token prediction need it; see :class:`~paralg.decoding.adapters.Shifted`.
    - ``eos``: once a block consists of one of these tokens, fill the rest with it and stop.
    - ``confidence``: with an ``rng``, that of the likeliest token ("maximum") or of the drawn one
      ("sampled"), rounded to ``digits`` before they are compared.
    - ``ties``: seed of a random order among equals, the same for the whole run (so that the rule
      stays a function of the state); by default the lowest index wins.
    - ``shape``: a hook on the logits.

    >>> UnmaskingRule(tokens=2, block=8, cache="dual").cache
    'dual'
    """

    tokens: int | tuple[int, ...] = 1
    order: Literal["confidence", "left-to-right"] = "confidence"
    threshold: float | None = None
    block: int | tuple[int, ...] | None = None
    cache: Literal["prefix", "dual"] | None = None
    first: bool = False
    eos: tuple[int, ...] = ()
    confidence: Literal["maximum", "sampled"] = "maximum"
    digits: int = 12
    ties: int | None = None
    shape: LogitsHook | None = None

    def __post_init__(self):
        for name, sizes in (("tokens", self.tokens), ("block", self.block)):
            for size in () if sizes is None and name == "block" else _sizes(sizes) or (0,):
                checks.integer(name, size, 1)
        checks.one_of("order", self.order, ("confidence", "left-to-right"))
        checks.one_of("confidence", self.confidence, ("maximum", "sampled"))
        if self.cache is not None:
            checks.one_of("cache", self.cache, ("prefix", "dual"))
        if self.threshold is not None:
            checks.number("threshold", self.threshold, above=0)
        checks.integer("digits", self.digits)
        if self.ties is not None:
            checks.integer("ties", self.ties, -(2**63))
        if self.first and self.cache is None:
            raise ValueError("first=True commits from the forward that makes the cache: "
                             "expected cache 'prefix' or 'dual', got None")  # fmt: skip

    def quota(self, committed: int) -> int:
        """Return the size of the step that starts after ``committed`` tokens."""
        if not isinstance(self.tokens, tuple):
            return self.tokens
        ends = np.cumsum(self.tokens)
        left = ends[ends > committed] - committed
        return int(left[0]) if len(left) else self.tokens[-1]


def checked_sizes(sizes, least: int, most: float = np.inf) -> tuple[int, ...]:
    """Return sizes of rounds, none empty, whose sum lies in a range."""
    found = checks.array("sizes", sizes, "i", 1)
    checks.sizes(sizes=(found, "S"))
    if not least <= found.sum() <= most:
        more = "" if most == least else " or more"
        raise ValueError(f"expected sizes that sum to {least}{more}, got {found.tolist()}")
    return tuple(found.tolist())


def with_threshold(rule: UnmaskingRule | None, tau: float) -> UnmaskingRule:
    """Return a rule, by default the plain one, that commits from a confidence ``tau`` on."""
    rule = UnmaskingRule() if rule is None else rule
    checks.instance("rule", rule, UnmaskingRule)
    return replace(rule, threshold=checks.number("tau", tau, above=0))


class BoundRule:
    """A rule bound to a prompt: g itself; each position has a block, -1 before the first mask."""

    def __init__(self, rule: UnmaskingRule, start: np.ndarray, V: int):
        self.rule, self.V, self.L = rule, V, len(start)
        wanted = np.flatnonzero(start == V)
        self.wanted = len(wanted)
        begin = int(wanted[0]) if len(wanted) else self.L
        self.block_of = _block_numbers(self.L, begin, rule.block or max(self.L - begin, 1))
        self.blocks = np.unique(self.block_of[wanted])
        self.keys = tie_keys(rule.ties, self.L, V)

    def current(self, x: np.ndarray) -> int | None:
        """Return the first block that still has a mask, or None."""
        masked = np.flatnonzero(x == self.V)
        return int(self.block_of[masked[0]]) if len(masked) else None

    def span_of(self, block: int, last: int | None = None) -> tuple[int, int]:
        """Return the first position of ``block`` and the one after block ``last``."""
        last = block if last is None else last
        inside = np.flatnonzero((self.block_of >= block) & (self.block_of <= last))
        return int(inside[0]), int(inside[-1]) + 1

    def finished(self, x: np.ndarray) -> int | None:
        """Return the end token if some decoded block consists of it alone, else None."""
        for block in self.blocks if self.rule.eos else ():
            inside = x[self.block_of == block]
            if inside[0] in self.rule.eos and (inside == inside[0]).all():
                return int(inside[0])
        return None

    def step(self, x, prediction: Prediction, fresh: bool = False) -> np.ndarray:
        """Return the positions that g commits at state ``x``, in the order of commitment."""
        return self.path(x, prediction, 1, self.current(x), fresh)[0]

    def path(self, x, prediction: Prediction, d: int, last: int, fresh: bool = False):
        """Return up to ``d`` steps that g would take if the predictions at ``x`` never changed.

        Step 0 is exact; the later ones are drafts, without the threshold and in no block after
        ``last``. ``fresh`` says that the predictions come from the forward that made the cache.
        """
        ranked = self._ranked(x, prediction, last, fresh)
        y, steps = x.copy(), []
        while len(ranked) and len(steps) < d:
            count = self._count(y, prediction, ranked, first=not steps, fresh=fresh)
            steps.append(ranked[:count])
            y[steps[-1]] = prediction.tokens(steps[-1])
            ranked = ranked[count:]
            if self.finished(y) is not None:
                break
        return steps

    def _ranked(self, x, prediction, last: int, fresh: bool) -> np.ndarray:
        """Order the masked positions up to block ``last``: earlier blocks first, then the rule."""
        masked = np.flatnonzero((x == self.V) & (self.block_of <= last))
        if self.rule.order == "left-to-right" or not len(masked):
            return masked
        confidence = prediction.confidence[masked]
        order = np.lexsort((self.keys.position[masked], -confidence, self.block_of[masked]))
        ranked = masked[order]
        if self._forced(masked, fresh):
            ranked = np.concatenate([masked[:1], ranked[ranked != masked[0]]])
        return ranked

    def _forced(self, masked, fresh: bool) -> bool:
        """Say whether the block's first position is masked and has to be committed alone."""
        if not (fresh and self.rule.first):
            return False
        first = int(masked.min())
        return first == self.span_of(int(self.block_of[first]))[0]

    def _count(self, y, prediction, ranked, *, first: bool, fresh: bool) -> int:
        """Return how many of the ``ranked`` positions the next step takes."""
        here = ranked[self.block_of[ranked] == self.block_of[ranked[0]]]
        if first and self._forced(here, fresh):
            return 1
        confident = 0
        if first and self.rule.threshold is not None:
            confident = int((prediction.confidence[here] >= self.rule.threshold).cumprod().sum())
        quota = self.rule.quota(self.wanted - int((y == self.V).sum()))
        return confident or min(quota, len(here))


def _sizes(size: int | tuple[int, ...]) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size,)


def _block_numbers(L: int, begin: int, block: int | tuple[int, ...]) -> np.ndarray:
    """Return the block of each of L positions, -1 before ``begin``; the last size repeats."""
    ends = np.cumsum(_sizes(block))
    offset = np.arange(L) - begin
    number = np.searchsorted(ends, offset, side="right")
    beyond = np.maximum(offset - ends[-1], 0) // _sizes(block)[-1]
    number += np.where(number == len(ends), beyond, 0)
    number[:begin] = -1
    return number
