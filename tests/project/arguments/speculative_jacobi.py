"""Speculative Jacobi decoding."""

import numpy as np

import paralg.decoding.speculative_jacobi as sj
from paralg.decoding import HashConditional, RandomDraws
from tests.project.arguments import Call

COVERS = ("paralg.decoding.speculative_jacobi",)
NOT = {"explorer": "no argument"}

TABLE, X = HashConditional(4, 6, 1, 0.3), np.array([0, 4, 4, 4, 4, 4])
P, Q = np.array([0.6, 0.4]), np.array([0.3, 0.7])


def decoder(decode):
    def call(x, W, order, initialiser):
        return decode(TABLE, x, W, rng=RandomDraws(0), order=order, initialiser=initialiser).tokens

    arguments = {"x": X, "W": 2, "order": np.arange(1, 6), "initialiser": sj.Initialiser()}
    return Call(decode.__name__, call, arguments,
                fine={"W": "zero", "order": "none", "initialiser": "none"})  # fmt: skip


CALLS = [
    *map(decoder, (sj.speculative_jacobi, sj.coupled, sj.extended, sj.kept, sj.matched,
                   sj.relabelled)),
    Call("fixed_point", lambda x, W, noise: sj.fixed_point(TABLE, x, W, noise=noise).tokens,
         {"x": X, "W": 2, "noise": np.zeros((6, 4))}, fine={"W": "zero,none"}),
    Call("Initialiser", sj.Initialiser, {"kind": "left", "width": 2, "start": 1, "tokens": 3},
         fine={"width": "none", "start": "zero", "tokens": "none"}),
    *(Call(f.__name__, f, {"p": P, "q": Q}) for f in (sj.overlap, sj.residual, sj.coincidence)),
    Call("verified", sj.verified, {"p": P, "q": Q, "drawn": P}, fine={"drawn": "none"}),
    Call("expected_tokens", sj.expected_tokens, {"rates": P, "bonus": True},
         fine={"rates": "longer,broadcast,empty"}),
    Call("forward_bounds", sj.forward_bounds, {"N": 64, "W": 15}, fine={"N": "zero", "W": "zero"}),
]  # fmt: skip
