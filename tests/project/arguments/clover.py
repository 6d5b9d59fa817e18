"""Clover."""

import numpy as np

import paralg.decoding.clover as cl
from paralg.decoding import HashConditional, RandomDraws
from paralg.decoding.clover import theory, variants
from paralg.decoding.clover.variants import UniformDrafter
from paralg.models import Network, TransformerConfig
from tests.project.arguments import Call

COVERS = ("paralg.decoding.clover", "paralg.decoding.clover.theory",
          "paralg.decoding.clover.variants")  # fmt: skip
NOT = {"explorer": "no argument", "UniformDrafter": "made for every call of clover"}

TABLE, X = HashConditional(4, 6, 1, 0.3), np.array([0, 4, 4, 4, 4, 4])
NET = Network.untrained(TransformerConfig(4, 6, width=16, layers=1, heads=2), "causal")
P, Q = np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.3, 0.2])
TREE = cl.BestFirst(3).grow(lambda i, states, tokens: (states, np.tile(P, (len(tokens), 1))),
                            np.zeros(9), 0, 2)  # fmt: skip
FREE = "longer,broadcast,empty,more axes,fewer axes,integers"


def decoded(x, order, end):
    drafter = UniformDrafter(4)
    return cl.clover(TABLE, x, drafter, rng=RandomDraws(0), order=order, end=end).tokens


CALLS = [
    Call("clover", decoded, {"x": X, "order": np.arange(1, 6), "end": 3},
         fine={"order": "none", "end": "none,zero"}),
    Call("CloverHeads", lambda K, seed: cl.CloverHeads(NET.transformer, K, seed),
         {"K": 2, "seed": 3}, fine={"seed": "zero"}),
    Call("expected_accepted", lambda tree: theory.expected_accepted(tree), {"tree": TREE}),
    Call("best_value", lambda dist, m: theory.best_value([dist, Q], m), {"dist": P, "m": 2},
         fine={"m": "zero"}),
    Call("best_value", lambda dists: theory.best_value(dists, 1), {"dists": [P]}),
    Call("acceptance_drawn", theory.acceptance_drawn, {"p": P, "q": Q, "k": 2},
         fine={"k": "zero"}),
    Call("roofline_speedup", theory.roofline_speedup,
         {"batch": np.array([1.0, 8.0]), "tokens": 2.5, "m": 4, "ridge": 150.0},
         fine={"batch": FREE, "m": "zero", "tokens": "zero"}),
    *(Call(f.__name__, lambda tree, p, f=f: repr(f(tree, p, RandomDraws(0))),
           {"tree": TREE, "p": np.tile(P, (4, 1))})
      for f in (variants.verify_drawn, variants.verify_ratio)),
    Call("Ranked", lambda paths: variants.Ranked(paths).m, {"paths": ((0,), (1,))}),
    Call("Ranked", lambda width: variants.Ranked.product(width, 2).m, {"width": 2}),
    Call("Drawn", lambda widths: variants.Drawn(widths).m, {"widths": (2, 1)}),
    Call("TableDrafter", lambda table, K: variants.TableDrafter(table, K).K,
         {"table": TABLE, "K": 2}),
    Call("BestFirst", cl.BestFirst, {"m": 4}, fine={"m": "zero"}),
    Call("Budgeted", cl.Budgeted, {"m": 4, "mass": 0.8, "ratio": 0.25},
         fine={"m": "zero", "mass": "zero", "ratio": "zero"}),
]  # fmt: skip
