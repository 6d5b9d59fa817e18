"""The clouds of the chapter by name: generated ones, and the three real tables."""

import numpy as np

from paralg.core import checks
from paralg.data import uci_tables
from paralg.kernels.partitive_partitioning.fast.checks import standardise

__all__ = ["GENERATED", "SETS", "blobs", "cloud", "covariance_of"]


def blobs(k: int, n: int, d: int, seed: int = 0, box: float = 10.0):
    """Return k Gaussian blobs in a cube of half-side ``box``: points (n, d) and their blob (n,)."""
    checks.integers(1, k=k, n=n, d=d)
    rng, labels = np.random.default_rng(seed), np.arange(n) % k
    return rng.uniform(-box, box, size=(k, d))[labels] + rng.normal(size=(n, d)), labels


def _one(draw):
    return lambda n, seed: (draw(np.random.default_rng(seed), n), np.zeros(n, dtype=int))


def _at(*centres):
    def make(n, seed):
        labels = np.arange(n) % len(centres)
        return np.random.default_rng(seed).normal(size=(n, 2)) + np.array(centres)[labels], labels

    return make


def _moons(n, seed):
    angle, rng = np.pi * np.linspace(0, 1, n // 2), np.random.default_rng(seed)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([upper, [1, 0.5] - upper])
    return points + 0.08 * rng.normal(size=points.shape), np.repeat([0, 1], n // 2)


GENERATED = {
    "two blobs": (_at((0, 0), (5, 0)), 400),
    "three overlapping blobs": (_at((0, 0), (3.5, 0), (1.6, 3.15)), 600),
    "five blobs": (lambda n, seed: blobs(5, n, 5, seed), 1000),
    "eight blobs": (lambda n, seed: blobs(8, n, 10, seed), 1000),
    "Gaussian": (_one(lambda rng, n: rng.normal(size=(n, 4))), 500),
    "long Gaussian": (_one(lambda rng, n: rng.normal(size=(n, 2)) * [6, 1]), 500),
    "Student t": (_one(lambda rng, n: rng.standard_t(3, size=(n, 2))), 500),
    "exponential": (_one(lambda rng, n: rng.exponential(size=(n, 2))), 500),
    "square": (_one(lambda rng, n: rng.random((n, 2))), 1000),
    "five-cube": (_one(lambda rng, n: rng.random((n, 5))), 1000),
    "two moons": (_moons, 400),
}
"""How each is made, and how many points it has."""
SETS = (*GENERATED, *uci_tables.NAMES)


def cloud(name: str, seed: int = 0, n: int | None = None):
    """Return standardised points (n, d) and true labels (n,) of one of `SETS`."""
    checks.one_of("name", name, SETS)
    checks.integer("seed", seed)
    make, size = GENERATED.get(name, (lambda *_: uci_tables.load(name), 0))
    points, labels = make(size if n is None else checks.integer("n", n, 2), seed)
    return standardise(points), labels.astype(int)


def covariance_of(name: str) -> str:
    """Return the covariances that a set's tree has: axes only where columns are many."""
    return "diag" if name in ("wine", "breast_cancer") else "full"
