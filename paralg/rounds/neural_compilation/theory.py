"""Bounds and counts: leakage of a softmax, rounds, light cones, squaring in place of rounds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.rounds.neural_compilation.algorithms import CompiledAlgorithm, graph_operands, one_round

__all__ = ["Squaring", "leakage_bound", "light_cone", "min_plus_squaring"]


def leakage_bound(n: int, beta: float, gap: float) -> float:
    """Return what attention can give to all nodes but the best one, (n − 1) exp(−βΔ), at most 1.

    Parameters
    ----------
    n : int, nodes that are attended to
    beta, gap : float, inverse temperature; the best key minus the second best

    Examples
    --------
    >>> leakage_bound(5, 10.0, 1.0) < 2e-4
    True
    """
    checks.integer("n", n, 1), checks.number("beta", beta, 0), checks.number("gap", gap, 0)
    return float(min(1.0, (n - 1) * np.exp(-beta * gap)))


class Squaring(NamedTuple):
    """Distances between all pairs, infinite where there is no path, and what they cost."""

    distances: NDArray[np.float64]
    cost: Cost


def min_plus_squaring(A: ArrayLike) -> Squaring:
    """Return all distances by ⌈log₂ (n − 1)⌉ products of the weights with themselves, in (min, +).

    Parameters
    ----------
    A : array_like, shape (n, n), weights, none negative; 0 where there is no edge

    Returns
    -------
    Squaring
        Work n³ additions a product, span 1 + ⌈log₂ n⌉: an addition and a tree of minima.

    Examples
    --------
    >>> path = np.diag([1.0, 2.0], 1)
    >>> min_plus_squaring(path + path.T).distances[0].tolist()
    [0.0, 1.0, 3.0]
    """
    (A,) = checks.floats(A=(A, "n n"))
    n = checks.integer("the number of nodes", len(A), 1)
    checks.array("A", A, least=0)
    D = np.where(A > 0, A, np.inf)
    np.fill_diagonal(D, 0.0)
    products = max(0, n - 2).bit_length()
    for _ in range(products):
        D = np.min(D[:, :, None] + D[None], axis=1)
    span = 1 + max(0, n - 1).bit_length()
    return Squaring(D, Cost(work=products * n**3, span=products * span, rounds=products))


def light_cone(algorithm: CompiledAlgorithm, A: ArrayLike, source: int, rounds: int) -> NDArray:
    """Return which nodes' columns can tell, after some rounds, that a node's columns were changed.

    Parameters
    ----------
    algorithm : CompiledAlgorithm of one layer
    A, source, rounds
        As in `run_compiled`; how many rounds.

    Returns
    -------
    ndarray of bool, shape (n, n), row: whose reached flag was flipped, column: who differs

    Examples
    --------
    >>> from paralg.rounds.neural_compilation import BFS
    >>> path = np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1)
    >>> light_cone(BFS(), path, 0, 1).astype(int).tolist()
    [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    """
    checks.instance("algorithm", algorithm, CompiledAlgorithm), checks.integer("rounds", rounds)
    A, edges, masks = graph_operands(A, algorithm)
    n = len(A)
    start = algorithm.start(n, checks.integer("source", source, 0, n - 1))

    def after(z):
        for _ in range(rounds):
            z, _ = one_round(algorithm, z, edges, masks)
        return z

    row = algorithm.programs[0].row({"r1": 1})
    changed = start + np.eye(n)[:, :, None] * np.outer(1 - 2 * (start @ row), row)
    return np.array([(np.abs(after(z) - after(start)) > 1e-9).any(axis=1) for z in changed])
