"""All decoders on the same tasks, in the same units: what each costs and what it gets wrong.

A paper joins with a module ``entrants`` in its package, ``paralg.decoding.<paper>.entrants``, that
holds a tuple ``ENTRANTS``; nothing else has to change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

import numpy as np

import paralg.decoding
from paralg.decoding.ancestral import ancestral
from paralg.decoding.randomness import Random, RandomDraws
from paralg.decoding.static import static
from paralg.decoding.threshold import threshold
from paralg.decoding.tiers import Tier
from paralg.decoding.trace import Decoded
from paralg.figures import Table
from paralg.models.protocol import Model, UnsupportedCall

__all__ = ["PROMISES", "Entrant", "Results", "Score", "compete", "entrants", "play"]

PROMISES = ("sequential", "same trace", "same distribution", "none")
"""What a decoder promises: to be the baseline, to have its trace, to have its distribution, or
nothing."""

Decode = Callable[[Model, np.ndarray, Random], Decoded]


@dataclass(frozen=True)
class Entrant:
    """A decoder with all its options, ready to run on any model.

    Parameters
    ----------
    name : str
    decode : callable (model, x, rng) -> Decoded
        A greedy decoder ignores ``rng``.
    promise : str
        One of :data:`PROMISES`.
    against : str
        The sequential entrant that the promise refers to.

    Raises
    ------
    ValueError
        If the promise is unknown.
    """

    name: str
    decode: Decode
    promise: str = "none"
    against: str = "static"

    def __post_init__(self) -> None:
        if self.promise not in PROMISES:
            raise ValueError(f"expected promise to be one of {PROMISES}, got {self.promise!r}")


SEQUENTIAL = (
    Entrant("static", lambda model, x, rng: static(model, x), "sequential"),
    Entrant("ancestral", lambda model, x, rng: _in_order(model, x, rng), "sequential", "ancestral"),
    Entrant("threshold, τ = 0.9", lambda model, x, rng: threshold(model, x, 0.9)),
    Entrant("threshold, τ = 0.5", lambda model, x, rng: threshold(model, x, 0.5)),
)
"""The baselines: the likeliest token by confidence, draws from left to right, thresholds."""


def entrants() -> tuple[Entrant, ...]:
    """Return the baselines and the entrants of every paper, found by package.

    Examples
    --------
    >>> [entrant.name for entrant in entrants()][:2]
    ['static', 'ancestral']
    """
    found = list(SEQUENTIAL)
    for module in iter_modules(paralg.decoding.__path__, "paralg.decoding."):
        if module.ispkg and find_spec(f"{module.name}.entrants"):
            found += import_module(f"{module.name}.entrants").ENTRANTS
    return tuple(found)


@dataclass(frozen=True)
class Score:
    """Means over the games of a tier.

    Parameters
    ----------
    entrant : Entrant
    forwards, rows, positions : float
        Calls, rows and token positions of a game.
    quality : float
        As the tier measures it.
    same_trace : float
        Share of games with the trace of the entrant's baseline.
    """

    entrant: Entrant
    forwards: float
    rows: float
    positions: float
    quality: float
    same_trace: float


def play(entrant: Entrant, tier: Tier, seed: int = 0) -> list[Decoded] | None:
    """Decode every game of a tier, or return None if its models do not answer the decoder's calls.

    Parameters
    ----------
    entrant : Entrant
    tier : Tier
    seed : int
        Game i draws from the stream (seed, i).
    """
    games = enumerate(tier.games)
    try:
        return [entrant.decode(model, x, RandomDraws(seed, i)) for i, (model, x) in games]
    except UnsupportedCall:
        return None


def compete(tier: Tier, field: Sequence[Entrant] | None = None, seed: int = 0) -> Results:
    """Run all entrants on a tier.

    Parameters
    ----------
    tier : Tier
    field : sequence of Entrant, optional
        All of :func:`entrants` by default; the baselines that they name have to be among them.
    seed : int

    Returns
    -------
    Results
        Those who cannot play on the tier are left out.
    """
    field = entrants() if field is None else field
    played = {one.name: results for one in field if (results := play(one, tier, seed)) is not None}
    scores = [_score(one, tier, played) for one in field if one.name in played]
    return Results(tier, tuple(scores), played)


def _score(entrant: Entrant, tier: Tier, played: dict[str, list[Decoded]]) -> Score:
    results, baseline = played[entrant.name], played.get(entrant.against, ())
    same = [a.trace == b.trace for a, b in zip(results, baseline, strict=False)]
    costs = [(r.cost.calls, r.cost.rows, r.cost.tokens) for r in results]
    quality = tier.quality(np.stack([r.tokens for r in results]))
    return Score(entrant, *np.mean(costs, axis=0).tolist(), quality, float(np.mean(same or [0])))


def _in_order(model: Model, x: np.ndarray, rng: Random) -> Decoded:
    """Sample from left to right; around given tokens that asks for any-order calls."""
    masked = np.flatnonzero(np.asarray(x) == model.V)
    prefix = len(masked) == 0 or masked[0] == model.L - len(masked)
    return ancestral(model, x, rng=rng, order=None if prefix else masked)


@dataclass(frozen=True)
class Results:
    """What :func:`compete` found; a table when it is the last value of a cell.

    Parameters
    ----------
    tier : Tier
    scores : tuple of Score
    played : dict of str to list of Decoded
        Entrant to its games.
    """

    tier: Tier
    scores: tuple[Score, ...]
    played: dict[str, list[Decoded]]

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (self.tier.name, "forwards", "rows", "positions", self.tier.measure, "promise",
                "trace of its baseline")  # fmt: skip

    def rows(self) -> list[tuple[str, ...]]:
        """Return the cells as text."""
        return [(s.entrant.name, f"{s.forwards:.1f}", f"{s.rows:.1f}", f"{s.positions:,.0f}",
                 self.tier.show(s.quality), s.entrant.promise, _share(s))
                for s in self.scores]  # fmt: skip

    @property
    def table(self) -> Table:
        """The scores under their names."""
        return Table(self.header, self.rows())

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def _share(score: Score) -> str:
    return "—" if score.entrant.promise == "sequential" else f"{score.same_trace:.0%}"
