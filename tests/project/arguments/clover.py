"""Clover."""

import numpy as np

import paralg.decoding.clover as cl
from paralg.decoding import HashConditional, RandomDraws
from paralg.decoding.clover.variants import UniformDrafter
from paralg.models import Network, TransformerConfig
from tests.project.arguments import Call

COVERS = ("paralg.decoding.clover",)
NOT = {"explorer": "no argument"}

TABLE, X = HashConditional(4, 6, 1, 0.3), np.array([0, 4, 4, 4, 4, 4])
NET = Network.untrained(TransformerConfig(4, 6, width=16, layers=1, heads=2), "causal")


def decoded(x, order, end):
    drafter = UniformDrafter(4)
    return cl.clover(TABLE, x, drafter, rng=RandomDraws(0), order=order, end=end).tokens


CALLS = [
    Call("clover", decoded, {"x": X, "order": np.arange(1, 6), "end": 3},
         fine={"order": "none", "end": "none,zero"}),
    Call("CloverHeads", lambda K, seed: cl.CloverHeads(NET.transformer, K, seed),
         {"K": 2, "seed": 3}, fine={"seed": "zero"}),
    Call("BestFirst", cl.BestFirst, {"m": 4}, fine={"m": "zero"}),
    Call("Budgeted", cl.Budgeted, {"m": 4, "mass": 0.8, "ratio": 0.25},
         fine={"m": "zero", "mass": "zero", "ratio": "zero"}),
]  # fmt: skip
