"""Text without a prompt: samples, and a judge that no sampler has seen, counts of n-grams.

The judge is an interpolated Witten–Bell model [witten-1991-zero] of the training text: with c the
count of a context h followed by v, N that of h and D the number of different letters after h,
p(v|h) = (c + D p(v|h')) / (N + D), h' being h without its first letter.
"""

import numpy as np

from paralg.data import pydoc_text
from paralg.decoding.energy_diffusion.energies import Energy
from paralg.decoding.energy_diffusion.fast.batched import energy_diffusion_batch
from paralg.models.protocol import Model

__all__ = ["Judge", "entropy", "sample", "score"]

CHUNK = 20  # sequences in lock step


class Judge:
    """Nats under counts of n-grams up to ``order``, of all or the first ``letters`` of training."""

    def __init__(self, order: int = 6, letters: int | None = None):
        text = pydoc_text.load("train")[:letters].astype(np.int64)
        self.V, self.levels = len(pydoc_text.SYMBOLS), []
        for n in range(1, order + 1):
            grams, counts = np.unique(self._codes(text[None], n)[0, n - 1 :], return_counts=True)
            contexts, first = np.unique(grams // self.V, return_index=True)
            kinds = np.diff(first, append=len(grams))
            self.levels.append((grams, counts, contexts, np.add.reduceat(counts, first), kinds))

    def _codes(self, x: np.ndarray, n: int) -> np.ndarray:
        """Return the number of the n letters that end at each position, (B, L)."""
        code = np.zeros(x.shape, dtype=np.int64)
        for back in range(n):
            code[:, back:] += x[:, : x.shape[1] - back] * self.V**back
        return code

    def nats(self, x: np.ndarray) -> np.ndarray:
        """Return the nats of each letter given those before it, shape (B, L)."""
        p = np.full(x.shape, 1 / self.V)
        for n, (grams, counts, contexts, totals, kinds) in enumerate(self.levels, 1):
            codes = self._codes(x, n)
            c = _found(codes, grams, counts)
            N, D = (_found(codes // self.V, contexts, one) for one in (totals, kinds))
            better = np.where(N > 0, (c + D * p) / np.maximum(N + D, 1), p)
            p[:, n - 1 :] = better[:, n - 1 :]
        return -np.log(p)


def _found(codes, known, values) -> np.ndarray:
    """Return the values of codes, 0 of those that are not known."""
    place = np.minimum(known.searchsorted(codes), len(known) - 1)
    return np.where(known[place] == codes, values[place], 0)


def sample(model: Model, x: np.ndarray, steps: int, k: int, energy: Energy | None = None,
           **options) -> tuple[np.ndarray, float, float, float]:  # fmt: skip
    """Sample rows, some in lock step; return them with mean calls, rows and ESS."""
    runs = [energy_diffusion_batch(model, x[b : b + CHUNK], steps, k, seed=b, energy=energy,
                                   **options) for b in range(0, len(x), CHUNK)]  # fmt: skip
    parts = ([getattr(run, name) for run in runs] for name in ("tokens", "calls", "rows", "ess"))
    tokens, *counts = (np.concatenate(part) for part in parts)
    return (tokens, *(float(one.mean()) for one in counts))


def entropy(x: np.ndarray) -> float:
    """Return the entropy of the letters of all rows, in nats: low if samples repeat themselves."""
    share = np.bincount(x.ravel()) / x.size
    return float(-(share[share > 0] * np.log(share[share > 0])).sum())


def score(judge: Judge, x: np.ndarray, calls=0.0, rows=0.0, ess=0.0) -> dict[str, float]:
    """Return the judge's nats a letter with their error over rows, entropy, and the counts."""
    nats = judge.nats(x).mean(axis=1)
    found = {"nats": nats.mean(), "error": nats.std() / np.sqrt(len(x)), "entropy": entropy(x),
             "calls": calls, "rows": rows, "ess": ess}  # fmt: skip
    return {name: round(float(value), 4) for name, value in found.items()}
