"""Checks of the exercises; each says which property failed, on the smallest input."""

from __future__ import annotations

import math

import numpy as np

from paralg.core.primitives import reduce_counts
from paralg.teach.checking import (
    call,
    close_to,
    counts_at_most,
    equal_to_oracle,
    exercise,
    numbers,
)

__all__ = ["CHECKS"]

CHECKS = {}  # filled by the decorator: label of the exercise → check


@exercise("ex-partitive-partitioning-span")
def span(answer):
    """The span of a tree over 1,000 numbers."""
    wrong = {999: "that is the work", 9: "2⁹ = 512 is less than 1,000"}
    close_to(answer, 10, name="the span", wrong=wrong)


@exercise("ex-partitive-partitioning-tree")
def tree(answer):
    """A tree sum: right for every length, and shallow.  The answer returns (value, span)."""
    cases = [np.arange(1.0, n + 1) for n in (1, 2, 3, 5, 8, 13)]
    praise = equal_to_oracle(
        lambda xs: _pair(answer, xs)[0], np.sum, cases, tol=1e-12, name="equals the sum"
    )
    for xs in cases:
        most = {"span": math.ceil(math.log2(len(xs)))}
        got = {"span": _pair(answer, xs)[1]}
        counts_at_most(got, most, case=xs, hint="add neighbours in pairs, level by level")
    return praise


def _pair(answer, xs):
    return numbers(call(answer, xs), 2, "returns (value, span)")


@exercise("ex-partitive-partitioning-work")
def work(answer):
    """Additions of a tree over n numbers, as a function of n."""
    return equal_to_oracle(answer, lambda n: reduce_counts(n).work, range(1, 20))
