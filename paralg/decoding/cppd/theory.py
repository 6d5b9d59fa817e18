"""What slots lose, what counts give back, and when one call is faster than L + 1."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import product
from math import log2
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from paralg.core import checks

__all__ = ["Bits", "Latency", "bits", "fit_latency", "multi_information", "parallel",
           "parallel_given_counts"]  # fmt: skip

Texts = Mapping[str, float]
"""Texts → how probable each is, given one image."""


class Bits(NamedTuple):
    """Entropy of a text: its length, its counts given that, its order given both; the sum."""

    length: float
    counts: float
    order: float
    text: float


class Latency(NamedTuple):
    """Seconds of a reading: those of the encoder, and of each call of the decoder."""

    encoder: float
    call: float

    def seconds(self, calls: int) -> float:
        """Return the seconds of so many calls."""
        return self.encoder + calls * self.call


def _sums(texts: Texts, key: Callable) -> dict:
    """Return how probable each key of a text is."""
    checks.instance("texts", texts, Mapping)
    checks.probabilities("texts", list(texts.values()))
    found: dict = defaultdict(float)
    for text, p in texts.items():
        checks.instance("a text", text, str)
        if p > 0:
            found[key(text)] += p
    return dict(found)


def _bag(text: str) -> frozenset:
    return frozenset(Counter(text).items())


def _entropy(p: Mapping) -> float:
    return sum(v * log2(1 / v) for v in p.values())


def _slots(texts: Texts) -> list[dict[str, float]]:
    """Return for each slot how probable its characters are; "" where the text has ended."""
    places = range(max(map(len, _sums(texts, str)), default=0))
    return [_sums(texts, lambda text, i=i: text[i : i + 1]) for i in places]


def parallel(texts: Texts) -> dict[str, float]:
    """Return what slots that cannot see each other read of `texts`: the product of the marginals.

    >>> parallel({"ab": 0.5, "ba": 0.5})
    {'ab': 0.25, 'aa': 0.25, 'bb': 0.25, 'ba': 0.25}
    """
    found: dict[str, float] = defaultdict(float)
    for choice in product(*(slot.items() for slot in _slots(texts))):
        text = "".join(one or "\0" for one, _ in choice).rstrip("\0").replace("\0", " ")
        found[text] += float(np.prod([p for _, p in choice]))
    return dict(found)


def parallel_given_counts(texts: Texts) -> dict[str, float]:
    """Return what is left of `parallel` of `texts` when length and counts are known."""
    free, found = parallel(texts), defaultdict(float)
    for bag, p in _sums(texts, _bag).items():
        fitting = {text: q for text, q in free.items() if _bag(text) == bag}
        for text, q in fitting.items():
            found[text] += p * q / sum(fitting.values())
    return dict(found)


def multi_information(texts: Texts) -> float:
    r"""Return :math:`\sum_i H(y_i) - H(y)` in bits: what slots lose of `texts`.

    >>> multi_information({"ab": 0.5, "ba": 0.5})
    1.0
    """
    return sum(map(_entropy, _slots(texts))) - _entropy(_sums(texts, str))


def bits(texts: Texts) -> Bits:
    r"""Return the entropy of `texts` in bits, and its parts.

    >>> bits({"ab": 0.25, "ba": 0.25, "cc": 0.5})
    Bits(length=0.0, counts=1.0, order=0.5, text=1.5)
    """
    length, counts, text = (_entropy(_sums(texts, key)) for key in (len, _bag, str))
    return Bits(length, counts - length, text - counts, text)


def fit_latency(calls: ArrayLike, seconds: ArrayLike) -> Latency:
    """Fit seconds of readings with so many calls by least squares."""
    calls, seconds = checks.floats(calls=(calls, "n"), seconds=(seconds, "n"))
    if len(set(calls.tolist())) < 2:
        raise ValueError(f"calls must have two numbers of calls or more, got {calls.tolist()}")
    call, encoder = np.polyfit(calls, seconds, 1)
    return Latency(float(encoder), float(call))
