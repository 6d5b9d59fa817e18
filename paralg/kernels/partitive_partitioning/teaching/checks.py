"""Checks of the exercises on partitive partitioning."""

import numpy as np

from paralg.kernels.partitive_partitioning.twomeans import best_cut
from paralg.teach.checking import call, close_to, equal_to_oracle, exercise, numbers, require


@exercise("ex-partitive-partitioning-cut")
def cut(answer):
    """Threshold and sum of squares of 0, 1, 4, 12."""
    found = numbers(answer, 2, "threshold and sum of squares")
    close_to(found, [8, 26 / 3], tol=0.01, name="threshold and sum of squares", wrong={
        (2.5, 32.5): "that cut leaves 4 and 12 together: 0.5 + 32",
        (0.5, 98 / 3 * 2): "a single point on the left leaves three that are far apart",
    })  # fmt: skip
    return "Right: 0, 1, 4 have the mean 5/3 and the squares 26/3; 12 has none."


@exercise("ex-partitive-partitioning-penalty")
def penalty(answer):
    """Extra parameters of a second Gaussian in two dimensions."""
    close_to(answer, 6, name="the number of extra parameters", wrong={
        5: "the second share is a parameter, too",
        7: "of two shares one is free",
    })  # fmt: skip
    return "Right: 2 of a mean, 3 of a covariance, 1 of a share."


@exercise("ex-partitive-partitioning-stop")
def stop(answer):
    """First number of EM steps of the explorer at which the square is refused."""
    close_to(answer, 50, name="the number of steps", wrong={
        30: "after 30 steps agreement is still .91",
        20: "after 20 steps agreement is still .93",
    })  # fmt: skip
    return "Right: agreement is .895 after 50 steps."


@exercise("ex-partitive-partitioning-gain")
def gain(answer):
    """Threshold of the best cut of numbers, against the library."""
    rng = np.random.default_rng(0)
    cases = [np.array(one, float) for one in ([0, 1], [0, 1, 10], [5, 5, 5, 9], [3, 1, 2, 8, 9])]
    cases += [rng.normal(size=n) for n in (4, 9, 30)]

    hint = "sort; try all n - 1 cuts with prefix sums; return the middle beside the best cut"
    return equal_to_oracle(answer, lambda values: best_cut(values)[0], cases, 1e-9, hint=hint,
                           name="gives the best threshold")  # fmt: skip


@exercise("ex-partitive-partitioning-combine")
def combine(answer):
    """Combine count, mean and sum of squares of two shards."""
    rng = np.random.default_rng(1)

    def shard(n, shift):
        values = rng.normal(shift, 1, size=n)
        return values, (n, values.mean(), ((values - values.mean()) ** 2).sum())

    for n, m, shift in ((1, 1, 0), (3, 5, 2), (40, 7, 1e6)):
        (x, a), (y, b) = shard(n, shift), shard(m, shift + 3)
        both = np.concatenate([x, y])
        expected = [n + m, both.mean(), both.var() * (n + m)]
        got = numbers(call(answer, a, b), 3, "count, mean and squares")
        require(np.allclose(got, expected, rtol=1e-6), "gives count, mean and squares of all rows",
                "add n m / (n + m) times the squared gap of the means", failing=(a, b),
                expected=expected, got=got)  # fmt: skip
    return "Right for shards of 1 to 40 rows, far from the origin, too."
