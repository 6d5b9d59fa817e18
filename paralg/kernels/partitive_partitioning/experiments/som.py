"""A self-organising map as the ancestor's reduced input: few prototypes, weighted by their hits."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.kernels.partitive_partitioning.fast.checks import check_points

__all__ = ["Codebook", "self_organizing_map"]


class Codebook(NamedTuple):
    """Prototypes (m, d) that have hits, their hits (m,), and the prototype of each point (n,)."""

    prototypes: NDArray[np.float64]
    hits: NDArray[np.float64]
    nearest: NDArray[np.int64]


def self_organizing_map(
    points: ArrayLike, rows: int = 8, columns: int = 8, *, epochs: int = 20
) -> Codebook:
    """Train a batch map of ``rows`` by ``columns`` units on points (n, d), with no random number.

    It starts as a grid in the plane of the first two principal directions; in ``epochs`` passes the
    neighbourhood shrinks from half of the grid to half a unit [kohonen-1990-map].
    """
    points = check_points(points, 2)
    checks.integers(1, rows=rows, columns=columns, epochs=epochs)
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1)
    grid = grid.reshape(-1, 2).astype(float)
    centred = points - points.mean(axis=0)
    values, vectors = np.linalg.eigh(np.einsum("ni,nj->ij", centred, centred) / len(points))
    plane = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0))
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), range(plane.shape[1])])
    span = 2 * grid / max(1, max(rows, columns) - 1) - 1
    units = points.mean(axis=0) + np.einsum("md,kd->mk", span[:, : plane.shape[1]], plane)
    apart = ((grid[:, None] - grid) ** 2).sum(axis=2)
    for radius in np.geomspace(max(rows, columns) / 2, 0.5, epochs):
        near = np.exp(-apart / (2 * radius**2))[_nearest(points, units)]
        units = np.einsum("nm,nd->md", near, points) / near.sum(axis=0)[:, None]
    found = _nearest(points, units)
    used, nearest, hits = np.unique(found, return_inverse=True, return_counts=True)
    return Codebook(units[used], hits.astype(float), nearest)


def _nearest(points, units):
    return ((points[:, None] - units) ** 2).sum(axis=2).argmin(axis=1)
