"""The clouds of the chapter by name: generated ones, and the three real tables."""

import numpy as np

from paralg.core import checks
from paralg.data import uci_tables
from paralg.kernels.partitive_partitioning.fast.checks import standardise
from paralg.kernels.partitive_partitioning.tree import SplitRules

__all__ = ["GENERATED", "SETS", "blobs", "cloud", "covariance_of"]


def blobs(k: int, n: int, d: int, spread: float = 1.0, seed: int = 0, box: float = 10.0):
    """Return k Gaussian blobs in a cube of half-side ``box``: points (n, d) and their blob (n,)."""
    checks.integers(1, k=k, n=n, d=d)
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % k
    centres = rng.uniform(-box, box, size=(k, d))
    return centres[labels] + spread * rng.normal(size=(n, d)), labels


def _one(draw):
    def make(n, seed):
        return draw(np.random.default_rng(seed), n), np.zeros(n, dtype=int)

    return make


def _moons(n, seed):
    rng, half = np.random.default_rng(seed), n // 2
    angle = np.pi * np.linspace(0, 1, half)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate([upper, [1, 0.5] - upper]) + 0.08 * rng.normal(size=(2 * half, 2))
    return points, np.repeat([0, 1], half)


def _two(n, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return rng.normal(size=(n, 2)) + [5, 0] * labels[:, None], labels


GENERATED = {
    "two blobs": (_two, 400),
    "three overlapping blobs": (lambda n, seed: _overlapping(n, seed), 600),
    "five blobs": (lambda n, seed: blobs(5, n, 5, seed=seed), 1000),
    "eight blobs": (lambda n, seed: blobs(8, n, 10, seed=seed), 1000),
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


def _overlapping(n, seed):
    rng, labels = np.random.default_rng(seed), np.arange(n) % 3
    centres = np.array([[0.0, 0.0], [4.5, 0.0], [2.0, 4.0]])
    return centres[labels] + rng.normal(size=(n, 2)), labels


def cloud(name: str, seed: int = 0, n: int | None = None):
    """Return standardised points (n, d) and true labels (n,) of one of `SETS`."""
    checks.one_of("name", name, SETS)
    checks.integer("seed", seed)
    if name in uci_tables.NAMES:
        points, labels = uci_tables.load(name)
    else:
        make, size = GENERATED[name]
        points, labels = make(size if n is None else checks.integer("n", n, 2), seed)
    return standardise(points), labels.astype(int)


def covariance_of(name: str) -> str:
    """Return the covariances that a set's tree has: axes only where columns are many."""
    return "diag" if name in ("wine", "breast_cancer") else SplitRules.cov
