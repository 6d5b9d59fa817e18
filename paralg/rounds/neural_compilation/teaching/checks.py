"""Checks of the exercises on compiled graph algorithms."""

import numpy as np

from paralg.rounds.neural_compilation.algorithms import BFS, run_compiled
from paralg.rounds.neural_compilation.experiments.faithfulness import internal_faithfulness
from paralg.rounds.neural_compilation.theory import min_plus_squaring
from paralg.rounds.neural_compilation.variants import HighestIdBFS
from paralg.teach.checking import close_to, entries, equal_to_oracle, exercise, require


@exercise("ex-neural-compilation-rounds")
def rounds(answer):
    """Rounds of compiled breadth-first search on a path of nine, from its end."""
    close_to(answer, 9, name="the number of rounds", wrong={
        8: "these are the rounds in which something changes; one more sees that nothing does",
        5: "that would be from the middle",
        10: "the source is reached before the first round",
    })  # fmt: skip
    return "Right: eight rounds that reach a node, and one that finds nothing."


@exercise("ex-neural-compilation-moves")
def moves(answer):
    """Token moves of depth-first search on a star with seven leaves, from its centre."""
    close_to(answer, 15, name="the number of moves", wrong={
        14: "the arrival at the root is a move, too",
        8: "each leaf is left again",
        16: "the root is not left: the run ends there",
    })  # fmt: skip
    return "Right: 2 · 8 − 1, an arrival at each node and a return from each leaf."


@exercise("ex-neural-compilation-fint")
def faithful(answer):
    """F_int of two attentions, against the library."""
    rng = np.random.default_rng(0)
    cases = [(np.eye(2), np.eye(2)), (np.eye(2), np.eye(2)[::-1].copy())]
    cases += [(rng.dirichlet(np.ones(n), n), rng.dirichlet(np.ones(n), n)) for n in (1, 3, 5)]
    return equal_to_oracle(answer, internal_faithfulness, cases, tol=1e-9, name="gives F_int",
                           hint="half of the absolute differences of a row, then the mean of "
                           "the rows")  # fmt: skip


@exercise("ex-neural-compilation-least")
def least(answer):
    """A minimum out of LeakyReLU."""
    values = (-3.0, -0.5, 0.0, 0.25, 2.0)
    return equal_to_oracle(answer, min, [(x, y) for x in values for y in values], tol=1e-12,
                           name="gives the smaller of two numbers",
                           hint="relu(v) is a sum of LeakyReLU(v) and LeakyReLU(−v); mind what "
                           "the slope 0.2 leaves on both sides")  # fmt: skip


@exercise("ex-neural-compilation-squaring")
def squaring(answer):
    """All distances by min-plus squaring."""
    rng = np.random.default_rng(1)

    def graph(n):
        A = np.triu((rng.random((n, n)) < 0.5) * rng.integers(1, 9, (n, n)), 1)
        return (A + A.T).astype(float)

    def oracle(A):
        return min_plus_squaring(A).distances

    path = np.diag([1.0, 2.0, 3.0], 1)
    cases = [(path + path.T,), *((graph(n),) for n in (1, 2, 5, 9))]
    return equal_to_oracle(answer, oracle, cases, tol=1e-12, name="gives all distances",
                           hint="0 on the diagonal, infinity where there is no edge, and as many "
                           "products as it takes for 2^k to reach n − 1")  # fmt: skip


@exercise("ex-neural-compilation-key")
def highest(answer):
    """Key of a breadth-first search that prefers the highest reached id."""
    r, id_ = entries(answer, ("r", "id"))

    class Asked(BFS):
        key = {"r": float(r), "id": float(id_)}

    rng = np.random.default_rng(2)
    for n in (1, 3, 6, 12):
        A = np.triu(rng.random((n, n)) < 0.5, 1).astype(float)
        A += A.T
        run, right = (run_compiled(one, A) for one in (Asked(), HighestIdBFS()))
        require((run.values == right.values).all() and (run.pointers == right.pointers).all(),
                "points to the highest reached neighbour",
                "what must win first: being reached, or the id?", failing=A.tolist(),
                expected=right.pointers.tolist(), got=run.pointers.tolist())  # fmt: skip
    return "Right: the reached flag outweighs every id, and a larger id gives a larger key."
