"""Positional attention: one valid call of each public name, from which the bad ones are made."""

import numpy as np
import torch

import paralg.rounds.positional_attention as pa
from tests.project.arguments import Call

COVERS = ("paralg.rounds.positional_attention",)
NOT = {"Round": "made by the programs", "RoundProgram": "made by the programs",
       "RoundRun": "a result", "Form": "tried by perceptron_of",
       "PositionalAttention": "made by the model", "explorer": "no argument",
       "FrozenMixing": "tried by FrozenTransformer"}  # fmt: skip

SMALL = pa.Shape(4, width=4, layers=2, hidden=(4,))
VALUES = torch.linspace(-1, 1, 8).reshape(2, 4, 1)
A, B = pa.Form(0, {0: 1.0}), pa.Form(0, {1: 1.0})


def model(kind=pa.PositionalTransformer):
    torch.manual_seed(0)
    return kind(SMALL)


def applied(kind):
    def run(shape, values):
        torch.manual_seed(0)
        return kind(shape)(values).detach()

    return Call(kind.__name__, run, {"shape": SMALL, "values": VALUES},
                fine={"values": "more axes,fewer axes,broadcast,longer,empty"},
                rows="values")  # fmt: skip


def wired(sources, gap):
    attention = pa.PositionalTransformer(SMALL).mixers[0]
    pa.wire(attention, sources, gap)
    return attention.query_key.weight.detach()


def runs(name, **arguments):
    return Call(name, lambda **given: len(getattr(pa, name)(**given).rounds), arguments)


CALLS = [
    Call("Shape", lambda nodes, width, heads, layers, bias: repr(pa.Shape(
        nodes, width=width, heads=heads, layers=layers, bias=bias)),
        {"nodes": 4, "width": 8, "heads": 2, "layers": 2, "bias": True}),
    *(applied(kind) for kind in (pa.PositionalTransformer, pa.StandardTransformer,
                                 pa.RotaryTransformer)),
    Call("FrozenTransformer", lambda model, values: pa.FrozenTransformer(model)(values),
         {"model": model(), "values": VALUES}, fine={"values": "broadcast,longer,empty"},
         rows="values"),
    Call("leak", pa.leak, {"n": 8, "gap": 20.0}, fine={"gap": "zero,negative"}),
    Call("wire", wired, {"sources": [[4, 0, 1, 2], [0, 1, 2, 3]], "gap": 40.0}),
    *(runs(name, n=8) for name in ("prefix_sums", "prefix_minima", "max_subarray", "bitonic_sort",
                                   "max_subarray_shallow", "min_of_sums")),
    runs("routed", n=4, hops=2, bound=1.0), runs("benes", n=4, bound=1.0),
    Call("run_rounds", lambda program, values: pa.run_rounds(program, values).outputs,
         {"program": pa.prefix_sums(4), "values": np.ones((4, 1))}, fine={"values": "more axes"}),
    Call("perceptron_of", lambda outputs, inputs, depth: pa.perceptron_of(
        outputs, inputs, depth)[0], {"outputs": [B + (A - B).relu()], "inputs": 2, "depth": 1}),
    Call("compile_program", lambda program, gap: repr(pa.compile_program(program, gap).shape),
         {"program": pa.prefix_sums(4), "gap": 60.0}),
    Call("benes_settings", pa.benes_settings, {"destinations": np.array([2, 0, 3, 1])}),
    Call("scan_layers", pa.scan_layers, {"n": 8}), Call("sort_layers", pa.sort_layers, {"n": 8}),
    Call("routing_layers", pa.routing_layers, {"n": 8, "hops": 2}),
    Call("benes_layers", pa.benes_layers, {"n": 8, "hops": 2}),
    Call("parameters", pa.parameters, {"shape": SMALL, "standard": True}),
    Call("error_growth", pa.error_growth, {"scale": 3.0, "rejected": True}),
]  # fmt: skip
