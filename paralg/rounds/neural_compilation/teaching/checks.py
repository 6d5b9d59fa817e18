"""Checks of the exercises on compiled graph algorithms."""

import numpy as np

from paralg.rounds.neural_compilation import internal_faithfulness
from paralg.teach.checking import close_to, equal_to_oracle, exercise


@exercise("ex-neural-compilation-rounds")
def rounds(answer):
    """Rounds of compiled breadth-first search on a path of nine, from its end."""
    close_to(answer, 9, name="the number of rounds", wrong={
        8: "one more round sees that nothing changes", 5: "that would be from the middle",
        10: "the source is reached before the first round"})  # fmt: skip
    return "Right: eight rounds that reach a node, and one that finds nothing."


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
