"""Tiled Cholesky factorisation as a graph of tasks that can be scheduled and run.

The four kernels are those of every tiled factorisation: factor a diagonal tile, solve a tile
below it, and subtract a product from a diagonal or an off-diagonal tile.
"""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solve_triangular

from paralg.core import checks
from paralg.foundations.work_span.dags import Dag

__all__ = ["WEIGHTS", "cholesky_dag", "run_tiled_cholesky"]

WEIGHTS = {"factor": 1, "solve": 3, "square": 3, "product": 6}
"""Multiply-adds of each kernel on b × b tiles, in units of b³/6, leading term only."""


def cholesky_dag(t: int) -> Dag:
    """Return the tasks of a Cholesky factorisation of t × t tiles.

    Names are ``factor k``, ``solve i k``, ``square i k`` and ``product i j k``: step k of the
    right-looking algorithm, on tile row i and tile column j.

    Cost
    ----
    work t³, span 9t - 10 for t ≥ 2, both in the unit of `WEIGHTS`.

    Examples
    --------
    >>> dag = cholesky_dag(4)
    >>> len(dag), dag.work, dag.span
    (20, 64, 26)
    """
    checks.integer("t", t, 1)
    names: list[str] = []
    needs: list[tuple[int, ...]] = []
    writer: dict[tuple[int, int], int] = {}

    def task(name: str, tile: tuple[int, int], *reads: tuple[int, int]):
        needs.append(tuple(sorted({writer[x] for x in (tile, *reads) if x in writer})))
        names.append(name)
        writer[tile] = len(names) - 1

    for k in range(t):
        task(f"factor {k}", (k, k))
        for i in range(k + 1, t):
            task(f"solve {i} {k}", (i, k), (k, k))
        for i in range(k + 1, t):
            for j in range(k + 1, i):
                task(f"product {i} {j} {k}", (i, j), (i, k), (j, k))
            task(f"square {i} {k}", (i, i), (i, k))
    durations = tuple(WEIGHTS[name.split()[0]] for name in names)
    return Dag(tuple(names), durations, tuple(needs))


def run_tiled_cholesky(A: np.ndarray, b: int, order: Sequence[str]) -> np.ndarray:
    """Factor A = L Lᵀ by running the named tasks one after another in the given order.

    Parameters
    ----------
    A : ndarray, shape (n, n)
        Symmetric positive definite; ValueError unless n is a multiple of b.
    b : int
        Rows of a tile.
    order : sequence of str
        Task names of ``cholesky_dag(n // b)`` in any order that respects its arrows; the lower
        triangular L, of shape (n, n), has the same bits for every such order.
    """
    [A], b = checks.floats(A=(A, "n n")), checks.integer("b", b, 1)
    if len(A) % b:
        raise ValueError(f"A must be square with a multiple of {b} rows, got {A.shape}")
    checks.instance("order", order, Sequence)
    if sorted(order) != sorted(cholesky_dag(len(A) // b).names if len(A) else ()):
        raise ValueError(f"order must have every task of {len(A) // b} tiles once, got {order}")
    L = np.tril(A)

    def tile(i: int, j: int) -> np.ndarray:
        return L[i * b : (i + 1) * b, j * b : (j + 1) * b]

    try:
        for name in order:
            kernel, *place = name.split()
            _KERNELS[kernel](tile, *map(int, place))
    except np.linalg.LinAlgError as error:
        raise ValueError(f"A must be positive definite, got {A}") from error
    return L


def _factor(tile, k):
    tile(k, k)[:] = np.linalg.cholesky(tile(k, k) + np.tril(tile(k, k), -1).T)


def _solve(tile, i, k):
    tile(i, k)[:] = solve_triangular(tile(k, k), tile(i, k).T, lower=True).T


def _square(tile, i, k):
    tile(i, i)[:] -= np.tril(tile(i, k) @ tile(i, k).T)


def _product(tile, i, j, k):
    tile(i, j)[:] -= tile(i, k) @ tile(j, k).T


_KERNELS = {"factor": _factor, "solve": _solve, "square": _square, "product": _product}
