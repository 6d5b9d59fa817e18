"""What each chapter of the part trades, in units that do not depend on a machine.

A decoder turns F₀ forwards that compute P₀ positions into F forwards and P positions.  If a forward
costs 1 at its first position and a price ρ at every further one, its time is F + ρ (P − F).  What
a decoder gains is then a curve over ρ, from F₀/F where positions are free to P₀/P where they are
all that counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.arena import PROMISES, entrants

__all__ = ["A100", "Trade", "price_here", "price_on", "trades"]

A100 = 312e12 / 2.039e12
"""Positions at which a forward of an NVIDIA A100 (80 GB, SXM) takes as long to compute as to fetch
its weights: 312 Tflop/s of 16-bit numbers over 2.039 TB/s, by the manufacturer's data sheet."""

ON_TIERS = (
    ("freedave", "addition", "FreeDave, d = 4", "the same model, in the next call"),
    ("credit_decoding", "grids", "credit, τ = 0.9", "no one"),
    ("consistency_trajectory", "grids", "doubling rounds, by confidence", "no one"),
    ("energy_diffusion", "grids", "energy diffusion, S = 2, k = 16", "a second model, as a weight"),
    ("any_subset", "grids", "ASSD, k = 5", "the same model, in one joint pass"),
    ("clover", "text", "Clover, m = 4", "the target model, a tree a call"),
)
TITLES = {"speculative_jacobi": "speculative Jacobi", "freedave": "FreeDave", "any_subset": "ASSD",
          "credit_decoding": "CreditDecoding", "consistency_trajectory": "doubling rounds",
          "energy_diffusion": "energy diffusion", "clover": "Clover", "mineworld": "MineWorld",
          "cppd": "CPPD", "multiverse": "Multiverse"}  # fmt: skip


@dataclass(frozen=True)
class Trade:
    """One chapter: its task, promise, verifier, and counts a problem without and with it.

    ``forwards`` and ``positions`` are pairs, (one at a time, this decoder).
    """

    chapter: str
    task: str
    promise: str
    verifier: str
    forwards: tuple[float, float]
    positions: tuple[float, float]

    def __post_init__(self) -> None:
        for name in ("chapter", "task", "promise", "verifier"):
            checks.instance(name, getattr(self, name), str)
        checks.one_of("promise", self.promise, PROMISES)
        pairs = {name: checks.array(name, getattr(self, name), least=1)
                 for name in ("forwards", "positions")}  # fmt: skip
        checks.sizes(**{name: (pair, "2") for name, pair in pairs.items()})

    @property
    def title(self) -> str:
        """The chapter as a figure writes it."""
        return TITLES.get(self.chapter, self.chapter)

    def speedup(self, price: float) -> float:
        """Return how many times faster it is at a price of a further position, from 0 to 1."""
        price = checks.number("price", price, 0, 1)
        before, after = (f + price * (p - f)
                         for f, p in zip(self.forwards, self.positions, strict=True))  # fmt: skip
        return before / after

    @property
    def even(self) -> float:
        """The price at which nothing is gained any more: 1 if it always gains, 0 if never."""
        (f0, f), (p0, p) = self.forwards, self.positions
        saved, added = f0 - f, (p - f) - (p0 - f0)
        return 0.0 if saved <= 0 else 1.0 if added <= saved else saved / added


def price_on(ridge: float, requests: int = 1) -> float:
    r"""Return the price of a position where weights are fetched once for all requests of a batch.

    Fetching takes as long as computing ``ridge`` positions, so a forward of p positions of each of
    b requests takes :math:`ridge + b p` and :math:`ρ = b / (ridge + b)`. Attention over kept keys
    would make a position dearer; launches, and fetching while computing, make it cheaper.

    >>> round(price_on(150, 50), 3)
    0.25
    """
    ridge, b = checks.number("ridge", ridge, above=0), checks.integer("requests", requests, 1)
    return b / (ridge + b)


def price_here(further: int = 16, seconds: float = 2.0) -> float:
    """Measure the price on this machine: the network of digits, behind 32 kept positions.

    A forward of ``further`` more positions against one of one position, in turns for ``seconds``.
    """
    from paralg.core.timing import compare
    from paralg.decoding.speculative_jacobi.experiments.images import network
    from paralg.models.masks import causal

    one, kept = network(), 32
    seconds = checks.number("seconds", seconds, above=0)
    n = kept + 1 + checks.integer("further", further, 1)
    slots, sees = np.full((1, n), one.V), causal(n)
    _, past = one.extend(slots[:, :kept], range(kept), sees[:kept, :kept])

    def forward(end):
        return one.extend(slots[:, kept:end], range(kept, end), sees[kept:end, :end], past)

    timings = compare({end: lambda end=end: forward(end) for end in (kept + 1, n)}, repeats=80,
                      budget=seconds)  # fmt: skip
    return max(0.0, (timings.ratio(n, kept + 1).median - 1) / further)


def trades(found: Sequence[dict]) -> list[Trade]:
    """Return the trades of all chapters, given what `compete` found on three tiers of networks.

    The chapters with a task of their own are counted there: digits are sampled, the others follow
    their closed forms.
    """
    checks.instance("found", found, Sequence)
    for one in found:
        checks.instance("an item of found", one, dict)
    scores = {one["tier"]: {s["entrant"]: s for s in one["scores"]} for one in found}
    missing = sorted({tier for _, tier, *_ in ON_TIERS} - scores.keys())
    if missing:
        raise ValueError(f"found must hold the tiers addition, grids and text, without {missing}")
    known, made = {one.name: one for one in entrants()}, []
    for chapter, tier, name, verifier in ON_TIERS:
        one = known[name]
        # a threshold is no baseline here: what is saved is saved against one token a forward
        base = "ancestral" if one.against == "ancestral" else "static"
        pair = scores[tier][base], scores[tier][name]
        made.append(Trade(chapter, tier, one.promise, verifier, *_counts(pair)))
    return [_digits(), *made, *_closed_forms()]


def _digits() -> Trade:
    from paralg.decoding.baselines import ancestral
    from paralg.decoding.speculative_jacobi import speculative_jacobi
    from paralg.decoding.speculative_jacobi.experiments.images import sample, summary

    pair = summary(sample(ancestral, 2)), summary(sample(speculative_jacobi, 2, W=16))
    return Trade("speculative_jacobi", "digits of 64 pixels", "same distribution",
                 "the same model, in the next call", *_counts(pair))  # fmt: skip


def _counts(pair: Sequence[dict]) -> tuple[tuple[float, ...], ...]:
    """Return forwards and positions, each without and with the decoder."""
    return tuple(tuple(one[key] for one in pair) for key in ("forwards", "positions"))


def _closed_forms() -> list[Trade]:
    from paralg.decoding.cppd import CharacterSet
    from paralg.decoding.mineworld import Wavefront
    from paralg.decoding.multiverse.theory import Reversal

    words, digits = Reversal(5, 8), CharacterSet("0123456789", longest=5)
    raster, wave = Wavefront(8, 12, 12), Wavefront(8, 12, 2)
    cells, loop = raster.total, digits.longest + 1
    return [
        Trade("mineworld", "a frame of 96 cells", "none", "no one", (raster.total, wave.total),
              (cells, cells + wave.R - 1)),  # each row but the last is refreshed once
        Trade("cppd", "five digits in an image", "none", "no one", (loop, 1), (loop, loop)),
        Trade("multiverse", "five words reversed", "none", "no one", (words.plain, words.calls),
              (words.plain, words.tokens)),
    ]  # fmt: skip
