"""Probabilistic partitive partitioning: one valid call of each public name, from which the bad ones are made."""

import numpy as np

import paralg.kernels.partitive_partitioning as paper
from tests.project.arguments import Call

COVERS = ("paralg.kernels.partitive_partitioning",)
NOT = {"Result": "a result", "warm": "no argument", "explorer": "no argument"}

XS = np.array([1.0, 2.0, 4.0])


def added(xs, **_):
    return np.sum(np.asarray(xs, float))


CALLS = [
    *(Call(f.__name__, lambda xs, f=f: f(xs).value, {"xs": XS}, right=added)
      for f in (paper.in_sequence, paper.in_parallel)),
    Call("compiled_sum", paper.compiled_sum, {"xs": XS}, right=added),
    Call("in_chunks", lambda xs, workers: paper.in_chunks(xs, workers).value,
         {"xs": XS, "workers": 2}, right=added),
    *(Call(f.__name__, f, {"n": 5}, fine={"n": "zero"})
      for f in (paper.tree_work, paper.tree_span)),
]  # fmt: skip
