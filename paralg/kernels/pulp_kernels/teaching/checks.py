"""Checks of the exercises on classical kernels."""

import numpy as np

from paralg.kernels.pulp_kernels.experiments.runs import data, forest_of
from paralg.kernels.pulp_kernels.fast.softfloat import add
from paralg.kernels.pulp_kernels.kernels import forest
from paralg.kernels.pulp_kernels.team import Team
from paralg.kernels.pulp_kernels.theory import counted_steps
from paralg.teach.checking import close_to, equal_to_oracle, exercise


@exercise("ex-pulp-kernels-rows")
def rows(answer):
    """Largest speed-up of ten rows on eight cores."""
    close_to(answer, 5, name="the speed-up", wrong={
        8: "five cores have two rows each, three have none", 10: "of eight cores"})  # fmt: skip


@exercise("ex-pulp-kernels-trees")
def trees(answer):
    """Largest speed-up of twenty equal trees on eight cores."""
    close_to(answer, 20 / 3, tol=0.01, name="the speed-up", wrong={
        8: "one core has three trees", 2.5: "that is the mean number of trees"})  # fmt: skip


@exercise("ex-pulp-kernels-steps")
def steps(answer):
    """Steps of the vertical cut with dealt sums."""
    cases = [(c, d, p) for c in (1, 3, 10) for d in (1, 7, 64) for p in (1, 2, 8)]
    return equal_to_oracle(answer, counted_steps, cases, name="gives the span in steps",
                           hint="the last cores may have no features")  # fmt: skip


@exercise("ex-pulp-kernels-add")
def addition(answer):
    """Sum of two positive normal numbers with one exponent, as words."""
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 2**23, size=(40, 2)) + (rng.integers(1, 250, size=(40, 1)) << 23)
    return equal_to_oracle(answer, add, [tuple(pair) for pair in pairs.tolist()],
                           name="is the word of the sum", hint="the sum has 25 bits: one is "
                           "rounded away, and a tie goes to the even one")  # fmt: skip


@exercise("ex-pulp-kernels-tree")
def one_tree(answer):
    """Class of one tree by masks, against the walk."""
    tree, x = forest_of("tree"), data()[0][1200:1240]
    right = forest(Team(1), tree, x).answers.tolist()
    return equal_to_oracle(lambda i: answer(tree, x[i]), lambda i: right[i], range(len(x)),
                           name="finds the class of every digit",
                           hint="which leaves does a comparison rule out?")  # fmt: skip
