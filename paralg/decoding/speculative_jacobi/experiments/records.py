"""The chapter's sweeps: ``python -m paralg.decoding.speculative_jacobi.experiments.records``."""

from itertools import product
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.data import digits, pydoc_text
from paralg.decoding.baselines import ancestral
from paralg.decoding.randomness import RandomDraws
from paralg.decoding.shaping import TopK
from paralg.decoding.speculative_jacobi.decoder import speculative_jacobi
from paralg.decoding.speculative_jacobi.experiments.images import (
    acceptance_map,
    agreement,
    hook,
    initialiser,
    network,
    prompts,
    recognised,
    sample,
    summary,
    surprise,
)
from paralg.decoding.speculative_jacobi.variants import (
    coupled,
    extended,
    fixed_point,
    kept,
    matched,
)
from paralg.decoding.trace import Decoded

__all__ = ["DECODERS", "film", "filmed", "records", "unfold"]

DECODERS = {"redraw": speculative_jacobi, "couple": coupled, "extend": extended, "keep": kept,
            "plain Jacobi": matched}  # fmt: skip
IMAGES = 30


def _tried(decode, n=IMAGES, kind="random", declared=False, **options) -> dict:
    return summary(sample(decode, n, initialiser=initialiser(kind, declared), **options))


def windows() -> dict:
    """Forwards and positions by window and initialiser, of plain and coupled redraws."""
    found = {}
    for W in (0, 1, 2, 4, 8, 16, 32):
        found[str(W)] = {
            "random": _tried(speculative_jacobi, W=W),
            "uniform, declared": _tried(speculative_jacobi, W=W, declared=True),
            "left": _tried(speculative_jacobi, W=W, kind="left"),
            "above": _tried(speculative_jacobi, W=W, kind="above"),
            "extended, above": _tried(extended, W=W, kind="above"),
        }
    return found


def initialisers() -> dict:
    """Every kind, one-hot and declared, at W = 15."""
    kinds = ("random", "left", "above", "left-likeliest", "left-draw")
    return {kind: {name: _tried(speculative_jacobi, W=15, kind=kind, declared=declared)
                   for name, declared in (("one-hot", False), ("declared", True))}
            for kind in kinds}  # fmt: skip


def top_k() -> dict:
    """Plain and speculative Jacobi at W = 16 under several K."""
    return {str(k): {"speculative": _tried(speculative_jacobi, W=16, k=k),
                     "above": _tried(speculative_jacobi, W=16, k=k, kind="above"),
                     "plain Jacobi": _tried(matched, W=16, k=k)}
            for k in (1, 2, 4, 8)}  # fmt: skip


def treatments() -> dict:
    """Forwards by treatment of unreached drafts, at three windows."""
    return {name: {f"W = {W}, {kind}": _tried(decode, W=W, kind=kind)
                   for W in (8, 16, 32) for kind in ("random", "above")}
            for name, decode in DECODERS.items()}  # fmt: skip


def guidance() -> dict:
    """Scales of classifier-free guidance at W = 16: cost, and what is recognised."""
    found = {}
    for scale in (None, 1, 2, 3):
        runs = sample(speculative_jacobi, 100, W=16, scale=scale, initialiser=initialiser())
        levels = digits.decode(np.stack([r.tokens for r in runs]))
        found[str(scale)] = summary(runs) | {"recognised": recognised(levels)}
    return found


def samples() -> dict:
    """A hundred images one token a forward against a hundred by speculative Jacobi, and data."""
    slow = sample(ancestral, 100)
    fast = sample(speculative_jacobi, 100, seed=1, W=15, initialiser=initialiser())
    test = digits.load("test")
    data = digits.decode(digits.encode(*test))
    return agreement(slow, fast) | {
        "nats": [surprise(slow), surprise(fast)],
        "lengths": np.bincount(np.concatenate([r.trace.accepted for r in fast])).tolist(),
        "data": [recognised(data, test.labels), round(float(data.mean()), 4)],
        "slow": summary(slow), "fast": summary(fast),
        "map": acceptance_map(fast).round(3).tolist(),
        "images": [digits.decode(r.tokens).tolist() for r in fast[:10]],
    }  # fmt: skip


def noise() -> dict:
    """Fixed points at two windows: the likeliest image, and samples by Gumbel noise held fixed."""
    model, found = network(), {}
    for W in (16, 64):
        runs = [fixed_point(model, x, W, noise=gumbel(i, model), rng=RandomDraws(0, i),
                            initialiser=initialiser(), shape=hook(), cache=True)
                for i, x in enumerate(prompts(IMAGES))]  # fmt: skip
        found[f"W = {W}"] = {"greedy": _tried(fixed_point, 10, W=W), "noise": summary(runs)}
    return found


def gumbel(seed: int, model) -> np.ndarray:
    """Return Gumbel noise, shape (L, V)."""
    return np.random.default_rng(seed).gumbel(size=(model.L, model.V))


def text() -> dict:
    """Second halves of eight windows of held-out text, one token a forward and by windows of 8."""
    from paralg.models import load

    model = load("text-causal")
    x = pydoc_text.windows(8, model.L, np.random.default_rng(0), split="test")
    x[:, model.L // 2 :] = model.V

    def runs(decode, shape=None, **options):
        return summary([decode(model, row, rng=RandomDraws(0, i), cache=True, shape=shape,
                               **options) for i, row in enumerate(x)])  # fmt: skip

    found = {"one token a forward": runs(ancestral)}
    for name in ("redraw", "extend", "plain Jacobi"):
        found[name] = runs(DECODERS[name], W=8)
        found[f"{name}, top-1"] = runs(DECODERS[name], TopK(1), W=8)
    return found


def film(run: Decoded) -> str:
    """Return the rounds of a run, each as "tokens sent,accepted,last final token"."""
    rounds = []
    for n in range(run.trace.rounds):
        tokens = {what: [str(e.token) for e in run.trace.events if e.round == n and e.what == what]
                  for what in ("proposed", "accepted", "committed")}  # fmt: skip
        sent, accepted, final = tokens.values()
        rounds.append(f"{''.join(sent)},{len(accepted)},{''.join(final[len(accepted) :])}")
    return " ".join(rounds)


def unfold(rounds: str) -> list[tuple[int, str, int, str]]:
    """Return each round of a film: first draft, tokens sent, accepted, final tokens."""
    found, first = [], 0
    for one in rounds.split():
        sent, accepted, last = one.split(",")
        final = sent[: int(accepted)] + last
        found.append((first, sent, int(accepted), final))
        first += len(final)
    return found


def filmed(W: int, k: int, kind: str, name: str) -> Decoded:
    """Return the run of a film: a 3 under a window, a top-K, an initialiser and a treatment."""
    return DECODERS[name](network(), prompts(4)[3], W=W, rng=RandomDraws(0, 3), shape=hook(k),
                          cache=True, initialiser=initialiser(kind))  # fmt: skip


def films() -> dict:
    """One image by many settings, round by round, for the explorer."""
    settings = product((1, 4, 15, 31), (1, 8), ("random", "left", "above"),
                       ("redraw", "couple", "extend", "plain Jacobi"))  # fmt: skip
    return {" ".join(map(str, setting)): film(filmed(*setting)) for setting in settings}


MAKERS = (windows, initialisers, top_k, treatments, guidance, samples, noise, text, films)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
