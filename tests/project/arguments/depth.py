"""The Universal Transformer."""

from dataclasses import replace
from functools import cache, partial

import networkx as nx
import torch

import paralg.recurrences.universal_transformer as ut
from tests.project.arguments import Call

COVERS = ("paralg.recurrences.universal_transformer",)
NOT = {"HaltingState": "a result", "UTRun": "a result", "explorer": "no argument",
       "DepthRecurrence": "tried with Recurrence", "sinusoidal": "of paralg.sequence"}  # fmt: skip

torch.manual_seed(0)
X, Y = torch.randn(2, 4, 8), torch.randn(2, 3, 8)
IDS = torch.tensor([3, 1, 2, 0])
MASK = torch.tensor([[True, True, True, False], [True, True, False, False]])
SEEN = torch.tensor([[True, False, True], [True, True, False]])
SQUARE = MASK[:, None].expand(2, 4, 4)
P = torch.full((3, 2, 4), 0.25)
CONFIG = ut.UTConfig(d_model=8, heads=2, d_ff=16, steps=3)
SIZES = {"d_model": 8, "heads": 2, "d_ff": 16, "steps": 3, "layers_inside": 1, "before": 1,
         "after": 1, "epsilon": 0.01, "halting_bias": 1.0, "tau": 0.01, "dropout": 0.5}  # fmt: skip
NAMES = {"norm": "post", "transition": "fc", "recurrence": "basic", "position": "sinusoid",
         "step_signal": "sinusoid", "combine": "add", "layout": "split", "position_start": "zero",
         "signal_at": "every", "halting": "position", "output": "blend", "gates": "si"}  # fmt: skip


@cache
def core(kind=ut.Recurrence, cross=False, **switches):
    torch.manual_seed(0)
    return kind(replace(CONFIG, **switches), cross=cross).eval()


def run(kind=ut.Recurrence, **switches):
    def call(x, **options):
        return core(kind, "context" in options, **switches)(x, **options).output.detach()

    return call


def compacted(x, **options):
    return ut.run_compacted(core(halting="position", freeze=True), x, **options).output


ATTENTION = ut.MultiHeadAttention(8, 2)


def attention(x, keys, values, mask):
    return ATTENTION(x, keys, values, mask).detach()


def halted(p, epsilon):
    return ut.halt([float(q) for q in p], epsilon=epsilon)


@cache
def block(cross):
    torch.manual_seed(0)
    make = partial(ut.TransitionFunction, 8, 16)
    return ut.UTBlock(8, 2, make, cross=cross).eval()


def made(d_model, heads, dropout):
    return ut.UTBlock(d_model, heads, partial(ut.TransitionFunction, 8, 16), dropout=dropout)


SIGNAL, UNIT, TRANSITION = ut.CoordinateSignal(8), ut.HaltingUnit(8), ut.TransitionFunction(8, 16)
GROUP = torch.tensor([0, 0, 1, 1])
OPEN = {"x": "empty,longer,broadcast",
        "padding_mask": "none", "position_ids": "negative,too large,none",
        "probabilities": "integers,none", "steps": "zero,none", "offset": "zero",
        "context_mask": "none"}  # fmt: skip
CALLS = [
    Call("UTConfig", ut.UTConfig, SIZES,
         fine={"steps": "zero", "before": "zero", "after": "zero", "halting_bias": "zero,negative",
               "tau": "zero", "dropout": "zero", "layers_inside": ""}),
    Call("UTConfig", ut.UTConfig, NAMES, fine={"halting": "none"}),
    *(Call(kind.__name__, run(kind, **switches), arguments, rows="x context", fine=OPEN)
      for kind, switches in ((ut.Recurrence, {}), (ut.Recurrence, {"halting": "position"}),
                             (ut.PlainStack, {}))
      for arguments in ({"x": X, "padding_mask": MASK}, {"x": X, "steps": 3, "offset": 2},
                        {"x": X, "position_ids": IDS},
                        {"x": X, "context": Y, "context_mask": SEEN})),
    Call("Recurrence", run(), {"x": X, "probabilities": P, "padding_mask": MASK}, fine=OPEN,
         rows="x"),
    Call("run_compacted", compacted, {"x": X, "padding_mask": MASK}, fine=OPEN, rows="x"),
    Call("MultiHeadAttention", ut.MultiHeadAttention, {"d_model": 8, "heads": 2}),
    Call("MultiHeadAttention", attention,
         {"x": X, "keys": Y, "values": Y, "mask": SEEN[:, None].expand(2, 4, 3)},
         rows="x keys values", fine={"mask": "none,broadcast,as integer"}),
    Call("UTBlock", made, {"d_model": 8, "heads": 2, "dropout": 0.1}, fine={"dropout": "zero"}),
    Call("UTBlock", lambda transition: ut.UTBlock(8, 2, transition),
         {"transition": partial(ut.TransitionFunction, 8, 16)}),
    Call("UTBlock", lambda x, **how: block(False)(x, **how).detach(),
         {"x": X, "padding_mask": MASK, "attention_mask": SQUARE}, rows="x",
         fine={"x": "", "padding_mask": "none", "attention_mask": "none,broadcast"}),
    Call("UTBlock", lambda x, **how: block(True)(x, **how).detach(),
         {"x": X, "context": Y, "context_mask": SEEN[:, None].expand(2, 4, 3)}, rows="x context",
         fine={"context_mask": "none,broadcast"}),
    Call("TransitionFunction", ut.TransitionFunction, {"d_model": 8, "d_ff": 16}),
    Call("TransitionFunction", lambda x: TRANSITION(x).detach(), {"x": X},
         fine={"x": "longer,broadcast,empty,more axes,fewer axes"}, rows="x"),
    Call("CoordinateSignal", ut.CoordinateSignal, {"d_model": 8}),
    Call("CoordinateSignal", SIGNAL, {"x": X, "position_ids": IDS, "step": 2}, rows="x",
         fine={"x": "broadcast,empty,longer,more axes,fewer axes",
               "position_ids": "negative,too large", "step": "zero,negative,fraction"}),
    Call("HaltingUnit", ut.HaltingUnit, {"d_model": 8, "bias": 1.0},
         fine={"bias": "zero,negative"}),
    Call("HaltingUnit", lambda x: UNIT(x, GROUP).detach(), {"x": X[0]}, rows="x",
         fine={"x": "longer,broadcast,empty,more axes,fewer axes"}),
    Call("start_halting", ut.start_halting, {"padding_mask": MASK, "dtype": torch.float32},
         fine={"padding_mask": "more axes,fewer axes,longer,broadcast,empty"}),
    Call("advance", lambda p, epsilon: ut.advance(ut.start_halting(MASK, P.dtype), p, epsilon),
         {"p": P[0], "epsilon": 0.01}),
    Call("mix", ut.mix, {"output": X, "state": X + 1, "w": P[0], "rule": "blend"},
         rows="output state w"),
    Call("coefficients", ut.coefficients, {"weights": P[:, 0, 0].numpy()},
         right=lambda weights: ut.coefficients([float(w) for w in weights])),
    Call("halt", ut.halt, {"p": P[:, 0, 0].numpy(), "epsilon": 0.25}, right=halted),
    Call("Reachability", lambda nodes, window, roots: ut.Reachability(nodes, window, roots),
         {"nodes": 6, "window": 3, "roots": 0.25}, fine={"roots": "zero"}),
    Call("from_networkx", ut.from_networkx, {"graph": nx.path_graph(3), "source": 2},
         fine={"source": "zero,as float,boolean"}),
    *(Call(made.__name__, made, {"symbols": 5, "config": CONFIG, "seed": 1, **more},
           fine={"seed": "zero"})
      for made, more in ((ut.Tagger, {"classes": 3}), (ut.Seq2Seq, {}))),
]  # fmt: skip
