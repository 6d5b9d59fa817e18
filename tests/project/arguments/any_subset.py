"""Any-subset speculation."""

import numpy as np

import paralg.decoding.any_subset as asm
from paralg.decoding import HashConditional, RandomDraws
from paralg.models import Network, TransformerConfig
from tests.project.arguments import Call

COVERS = ("paralg.decoding.any_subset",)
NOT = {"explorer": "no argument"}

TABLE, X = HashConditional(4, 6, 1, 0.3), np.array([0, 4, 4, 1, 4, 4])
NETWORK = Network.untrained(TransformerConfig(4, 6, width=16, layers=1, heads=2), "anyorder")
JOINT = {(0, 0): 0.5, (1, 1): 0.5}


def decoder(decode, model=TABLE, **options):
    def call(x, k, order):
        return decode(model, x, k, rng=RandomDraws(0), order=order, **options).tokens

    return Call(decode.__name__, call, {"x": X, "k": 2, "order": np.array([4, 1, 5, 2])},
                fine={"order": "none"})  # fmt: skip


CALLS = [
    *map(decoder, (asm.assd, asm.bigram_assd, asm.independent)),
    *(decoder(decode, NETWORK) for decode in (asm.cached_assd, asm.cached_bigram_assd)),
    *(Call(f.__name__, lambda model, f=f: f(model, X, 2, rng=RandomDraws(0)).tokens,
           {"model": model})
      for f, model in ((asm.assd, TABLE), (asm.cached_assd, NETWORK))),
    Call("lenient_assd", lambda x, tolerance: asm.lenient_assd(
        TABLE, x, 2, tolerance=tolerance, rng=RandomDraws(0)).tokens,
         {"x": X, "tolerance": 0.2}, fine={"tolerance": "zero"}),
    Call("lattice_order", asm.lattice_order, {"x": X, "V": 4},
         fine={"x": "longer,broadcast,empty"}),
    Call("log_density", lambda x, start, order: asm.log_density(TABLE, x, start, order=order),
         {"x": np.array([0, 1, 2, 1, 3, 0]), "start": X, "order": np.array([4, 1, 5, 2])},
         fine={"order": "none"}),
    Call("order_joint", lambda x, order: list(asm.order_joint(TABLE, x, order).values()),
         {"x": X, "order": np.array([4, 1, 5, 2])}, fine={"order": "none"}),
    Call("order_spread", lambda x: asm.order_spread(TABLE, x), {"x": np.array([0, 4, 4, 1, 1, 1])}),
    Call("BigramCounts", lambda x, V: asm.BigramCounts(x, V).after(0), {"x": X, "V": 4},
         fine={"x": "longer,broadcast"}),
    Call("call_bounds", asm.call_bounds, {"u": 12, "k": 3}, fine={"u": "zero"}),
    Call("expected_tokens", asm.expected_tokens, {"rates": np.array([0.2, 0.5])},
         fine={"rates": "longer,broadcast,empty"}),
    Call("independent_joint", lambda p: list(asm.independent_joint(p).values()), {"p": JOINT}),
]  # fmt: skip
