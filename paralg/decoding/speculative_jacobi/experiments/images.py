"""Sampling digits: prompts, hooks, initialisers that know the image, and what the samples say."""

from collections.abc import Callable, Sequence

import numpy as np

from paralg.data import digits
from paralg.decoding.randomness import RandomDraws, softmax
from paralg.decoding.shaping import AllowedTokens, Chain, Guidance, TopK
from paralg.decoding.speculative_jacobi.initialisers import Initialiser
from paralg.decoding.trace import Decoded

__all__ = ["acceptance_map", "agreement", "hook", "initialiser", "network", "prompts", "recognised",
           "sample", "summary", "surprise"]  # fmt: skip


def network():
    """Return the shipped causal network of digits."""
    from paralg.models import load

    return load("digits-causal")


def prompts(n: int) -> np.ndarray:
    """Return n empty images with the labels 0, 1, …, 9, 0, …, shape (n, 65)."""
    x = np.full((n, digits.LENGTH), digits.SYMBOLS)
    x[:, 0] = digits.LEVELS + np.arange(n) % digits.LABELS
    return x


def hook(k: int | None = None, scale: float | None = None) -> Chain:
    """Return what shapes the logits: guidance, then levels only at pixels, then the top k."""
    guidance = [] if scale is None else [Guidance(scale, at=(0,), null=digits.NULL)]
    return Chain(*guidance, AllowedTokens(digits.allowed()), *([] if k is None else [TopK(k)]))


def initialiser(kind: str = "random", declared: bool = False) -> Initialiser:
    """Return an initialiser that knows where the image is and how wide it is."""
    return Initialiser(kind, digits.SIDE, start=1, tokens=digits.LEVELS, declared=declared)


def sample(decode: Callable[..., Decoded], n: int, seed: int = 0, *, k: int | None = None,
           scale: float | None = None, **options) -> list[Decoded]:  # fmt: skip
    """Sample n images by a decoder with keys and values kept; image i has the stream (seed, i)."""
    model, shape = network(), hook(k, scale)
    return [decode(model, x, rng=RandomDraws(seed, i), shape=shape, cache=True, **options)
            for i, x in enumerate(prompts(n))]  # fmt: skip


def summary(runs: Sequence[Decoded]) -> dict[str, float]:
    """Return mean forwards, positions computed, and final tokens a forward."""
    forwards, positions = np.mean([(r.forwards, r.cost.tokens) for r in runs], axis=0)
    wanted = np.mean([len(r.trace.commits) for r in runs])
    return {"forwards": round(float(forwards), 3), "positions": round(float(positions), 1),
            "tokens": round(float(wanted / forwards), 3)}  # fmt: skip


def acceptance_map(runs: Sequence[Decoded]) -> np.ndarray:
    """Return the share of the tests at each pixel that kept the draft, shape (8, 8)."""
    counts = {}
    for what in ("accepted", "rejected"):
        at = [e.position for r in runs for e in r.trace.events if e.what == what]
        counts[what] = np.bincount(at, minlength=digits.LENGTH)[1:]
    tests = counts["accepted"] + counts["rejected"]
    return (counts["accepted"] / np.maximum(tests, 1)).reshape(digits.SIDE, digits.SIDE)


def agreement(one: Sequence[Decoded], other: Sequence[Decoded]) -> dict[str, float]:
    """Compare two samples: recognised digits, mean level, and z of each pixel's mean."""
    both = (np.stack([r.tokens for r in runs]) for runs in (one, other))
    a, b = (digits.decode(tokens).astype(float) for tokens in both)
    spread = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
    z = np.divide(a.mean(axis=0) - b.mean(axis=0), spread, out=np.zeros_like(spread),
                  where=spread > 0)  # fmt: skip
    return {"recognised": [recognised(x) for x in (a, b)],
            "level": [round(float(x.mean()), 4) for x in (a, b)],
            "z rms": round(float(np.sqrt((z[spread > 0] ** 2).mean())), 3),
            "z largest": round(float(np.abs(z).max()), 3)}  # fmt: skip


def surprise(runs: Sequence[Decoded]) -> tuple[float, float]:
    """Return mean nats a pixel of samples under the network that drew them, and its standard error.

    Unlike the means of pixels this is a statistic of whole images.
    """
    x = np.stack([r.tokens for r in runs])
    p = softmax(hook()(network().causal(x), np.arange(digits.LENGTH)))
    nats = -np.log(np.take_along_axis(p, x[..., None], axis=2)[:, 1:, 0]).mean(axis=1)
    return round(float(nats.mean()), 4), round(float(nats.std() / len(x) ** 0.5), 4)


def recognised(images: np.ndarray, labels: np.ndarray | None = None) -> float:
    """Return the share of images (n, 8, 8) in levels whose nearest class mean is their label."""
    train = digits.load("train")
    levels = digits.decode(digits.encode(*train))
    means = np.stack([levels[train.labels == c].mean(axis=0) for c in range(digits.LABELS)])
    distance = ((images[:, None] - means) ** 2).sum(axis=(2, 3))
    labels = np.arange(len(images)) % digits.LABELS if labels is None else labels
    return float((distance.argmin(axis=1) == labels).mean())
