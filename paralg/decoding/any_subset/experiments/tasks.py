"""What is filled in: Sudoku grids, words of six letters, windows of real text; and how it went."""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np

from paralg.core import checks
from paralg.data import pydoc_text
from paralg.decoding.any_subset.streams import lattice_order, log_density
from paralg.decoding.baselines import ancestral
from paralg.decoding.randomness import RandomDraws
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import WeightedSequences
from paralg.decoding.trace import Decoded

__all__ = ["LETTERS", "decode_all", "infills", "one_by_one", "puzzles", "spelled", "summary",
           "valid", "word_counts", "words"]  # fmt: skip

LETTERS = "abcdefghijklmnopqrstuvwxyz"
Prompts = list[np.ndarray]


def puzzles(n: int, givens: int) -> Prompts:
    """Return n grids with so many given cells."""
    return [Sudoku4().puzzle(seed, givens) for seed in range(n)]


def infills(n: int, visible: int, L: int = 64, seed: int = 0) -> Prompts:
    """Return n windows of held-out text in which ``visible`` random characters are given."""
    rng = np.random.default_rng([seed, visible])
    x = pydoc_text.windows(n, L, rng, split="test").copy()
    for row in x:
        row[rng.permutation(L)[visible:]] = len(pydoc_text.SYMBOLS)
    return list(x)


@cache
def word_counts(length: int = 6, least: int = 3) -> dict[str, int]:
    """Return the words of so many letters that occur in the training text, with their counts."""
    found: dict[str, int] = {}
    for word in pydoc_text.decode(pydoc_text.load("train")).split():
        if len(word) == length:
            found[word] = found.get(word, 0) + 1
    return {word: n for word, n in sorted(found.items()) if n >= least}


def words(length: int = 6, least: int = 3) -> WeightedSequences:
    """Return the exact distribution of these words: a table of 26 tokens."""
    counts = word_counts(checks.integer("length", length, 1), checks.integer("least", least, 1))
    tokens = np.array([[LETTERS.index(letter) for letter in word] for word in counts])
    return WeightedSequences(tokens, np.array([*counts.values()], float), len(LETTERS))


def spelled(x, V: int = 27) -> str:
    """Spell tokens of letters and, as token 26, the space; a mask V is ``_``."""
    return "".join("_" if v == V else (*LETTERS, " ")[v] for v in np.asarray(x).tolist())


def one_by_one(model, x, *, rng, shape=None) -> Decoded:
    """Sample in the lattice order with one call for each token: the baseline."""
    return ancestral(model, x, rng=rng, order=lattice_order(x, model.V), shape=shape)


def decode_all(decode: Callable, model, prompts: Iterable, seed: int = 0, **options) -> list:
    """Decode prompt i from the stream (seed, i)."""
    return [decode(model, x, rng=RandomDraws(seed, i), **options) for i, x in enumerate(prompts)]


def summary(model, prompts: Prompts, runs: list[Decoded]) -> dict[str, float]:
    """Return means over runs: calls, tokens a round, positions, and nats of the model's joint.

    ``nats`` is the mean over runs of nats a written token, with the standard error of that mean;
    None if the model rules out what was written.
    """
    wanted = [int((x == model.V).sum()) for x in prompts]
    nats = np.array([-log_density(model, run.tokens, x).mean()
                     for x, run in zip(prompts, runs, strict=True)])  # fmt: skip
    finite = np.isfinite(nats).all()
    error = nats.std(ddof=1) / np.sqrt(len(nats)) if len(nats) > 1 and finite else 0.0
    rounds = sum(run.trace.rounds for run in runs)
    return {
        "calls": round(float(np.mean([run.forwards for run in runs])), 3),
        "most": max(run.forwards for run in runs),
        "over the bound": sum(run.forwards > u for run, u in zip(runs, wanted, strict=True)),
        "tokens a round": round(sum(wanted) / rounds, 3),
        "positions": round(float(np.mean([run.cost.tokens for run in runs])), 1),
        "nats": round(float(nats.mean()), 4) if finite else None, "error": round(float(error), 4),
    }  # fmt: skip


def valid(runs: list[Decoded]) -> float:
    """Return the share of valid grids."""
    return round(float(is_valid(np.stack([run.tokens for run in runs])).mean()), 4)
