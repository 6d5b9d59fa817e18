"""All decoders on the same tasks, in the same units: what each costs and what it gets wrong.

A paper joins with a module ``entrants`` in its package, ``paralg.decoding.<paper>.entrants``, that
holds a tuple ``ENTRANTS``. The arena page runs all of them when it is executed: a shipped table
would go on showing the decoders of the day on which it was made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

import numpy as np

import paralg.decoding
from paralg.core import checks
from paralg.decoding.baselines import ancestral, static, threshold
from paralg.decoding.randomness import Random, RandomDraws
from paralg.decoding.tiers import Tier
from paralg.decoding.trace import Decoded
from paralg.figures import Table
from paralg.models.protocol import Model, UnsupportedCall

__all__ = ["PROMISES", "Entrant", "compete", "decode_all", "entrants", "order_of", "standings"]

PROMISES = ("sequential", "same trace", "same distribution", "none")
"""What a decoder promises: to be the baseline, to have its trace, to have its distribution, or
nothing."""


@dataclass(frozen=True)
class Entrant:
    """A decoder with all its options, ``(model, x, rng) -> Decoded``, ready to run on any model.

    ``promise`` is one of :data:`PROMISES`, ``against`` the sequential entrant it refers to.
    """

    name: str
    decode: Callable[[Model, np.ndarray, Random], Decoded]
    promise: str = "none"
    against: str = "static"

    def __post_init__(self) -> None:
        checks.instance("name", self.name, str)
        checks.one_of("promise", self.promise, PROMISES)


def order_of(model: Model, x: np.ndarray) -> np.ndarray | None:
    """Return the order for decoding from left to right: one is needed around given tokens only."""
    masked = np.flatnonzero(np.asarray(x) == model.V)
    prefix = len(masked) == 0 or masked[0] == model.L - len(masked)
    return None if prefix else masked


def _in_order(model: Model, x: np.ndarray, rng: Random) -> Decoded:
    """Sample from left to right; around given tokens that asks for any-order calls."""
    return ancestral(model, x, rng=rng, order=order_of(model, x))


SEQUENTIAL = (
    Entrant("static", lambda model, x, rng: static(model, x), "sequential"),
    Entrant("ancestral", _in_order, "sequential", "ancestral"),
    Entrant("threshold, τ = 0.9", lambda model, x, rng: threshold(model, x, 0.9)),
    Entrant("threshold, τ = 0.5", lambda model, x, rng: threshold(model, x, 0.5)),
)
"""The baselines: the likeliest token by confidence, draws from left to right, thresholds."""


def entrants() -> tuple[Entrant, ...]:
    """Return the baselines and the entrants of every paper, found by package.

    >>> [entrant.name for entrant in entrants()][:2]
    ['static', 'ancestral']
    """
    found = list(SEQUENTIAL)
    for module in iter_modules(paralg.decoding.__path__, "paralg.decoding."):
        if module.ispkg and find_spec(f"{module.name}.entrants"):
            found += import_module(f"{module.name}.entrants").ENTRANTS
    return tuple(found)


def decode_all(entrant: Entrant, tier: Tier, seed: int = 0) -> list[Decoded] | None:
    """Decode problem i from the stream (seed, i); None if the models do not answer the calls."""
    problems = enumerate(tier.problems)
    try:
        return [entrant.decode(model, x, RandomDraws(seed, i)) for i, (model, x) in problems]
    except UnsupportedCall:
        return None


def compete(tier: Tier, field: Sequence[Entrant] | None = None, seed: int = 0) -> dict:
    """Run all entrants, or those of ``field`` with their baselines, on a tier.

    Returned is what :func:`standings` shows: means over the problems for each entrant whose calls
    the models answer; ``same_trace`` is the share of problems with the trace of its baseline.
    """
    field = entrants() if field is None else field
    checks.instance("tier", tier, Tier), checks.instance("field", field, Sequence)
    for one in field:
        checks.instance("an entrant", one, Entrant)
    runs = {one.name: found for one in field if (found := decode_all(one, tier, seed)) is not None}
    scores = [_score(one, tier, runs) for one in field if one.name in runs]
    return {"tier": tier.name, "measure": tier.measure, "scores": scores}


def _score(entrant: Entrant, tier: Tier, runs: dict[str, list[Decoded]]) -> dict:
    results, baseline = runs[entrant.name], runs.get(entrant.against, ())
    same = [a.trace == b.trace for a, b in zip(results, baseline, strict=False)]
    costs = np.mean([(r.cost.calls, r.cost.rows, r.cost.tokens) for r in results], axis=0)
    return {
        "entrant": entrant.name, "promise": entrant.promise,
        **dict(zip(("forwards", "rows", "positions"), costs.tolist(), strict=True)),
        "quality": tier.quality(np.stack([r.tokens for r in results])),
        "same_trace": float(np.mean(same or [0])),
    }  # fmt: skip


def standings(found: dict) -> Table:
    """Return what :func:`compete` found as a table."""
    checks.instance("found", found, dict)
    quality = "{:.2f}" if found["measure"].startswith("nats") else "{:.0%}"
    rows = [(s["entrant"], f"{s['forwards']:.1f}", f"{s['rows']:.1f}", f"{s['positions']:,.0f}",
             quality.format(s["quality"]), s["promise"],
             "—" if s["promise"] == "sequential" else f"{s['same_trace']:.0%}")
            for s in found["scores"]]  # fmt: skip
    header = (found["tier"], "forwards", "rows", "positions", found["measure"], "promise",
              "trace of its baseline")  # fmt: skip
    return Table(header, rows)
