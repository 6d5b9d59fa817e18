"""Aaren: attention of a fixed query over every prefix."""

import numpy as np
import torch

from paralg.recurrences import aaren
from paralg.recurrences.aaren.attention import METHODS
from paralg.recurrences.aaren.theory import logs
from tests.project.arguments import Call

COVERS = ("paralg.recurrences.aaren",)
NOT = {"AttentionResult": "a result", "load": "names are tried in the tests of its runs",
       "log": "as load", "logs": "as load", "explorer": "has no argument"}  # fmt: skip

S, V, N = np.array([0.5, -1.0, 2.0]), np.arange(6.0).reshape(3, 2), np.array([True, False, True])
G = np.linspace(-1, 1, 6).reshape(3, 2)
ST = torch.tensor([[[0.5], [-1.0], [2.0]], [[0.0], [1.0], [0.5]]])
VT = torch.arange(12.0).view(2, 3, 1, 2)
MASK = torch.tensor([[True, False, True], [True, True, True]])
STATE = (torch.zeros(2, 1), torch.ones(2, 1), torch.ones(2, 1, 2))
LAYER, X = aaren.Aaren(4, 2), torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
MODEL = aaren.build_model(aaren.AarenConfig(4, 3, width=4, heads=2, layers=1))
EMPTY = aaren.empty((2,))
FLOW = "nan,inf,-inf"


def dense(scores, values, mask=None, **_):
    """Attend from every prefix, row by row; a value counts only where its token does."""
    scores, values = np.asarray(scores, float), np.asarray(values, float)
    there = np.isfinite(scores) if mask is None else np.isfinite(scores) & np.asarray(mask, bool)
    out = np.zeros(values.shape)
    for k in range(len(scores)):
        for at in np.ndindex(scores.shape[1:]):
            one = (slice(None, k + 1), *at)
            s, v = scores[one][there[one]], values[one][there[one]]
            if len(s):
                weights = np.exp(s - s.max())
                out[(k, *at)] = (weights[:, None] * v).sum(0) / weights.sum()
    return out


def dense_tensors(scores, values, mask=None, **_):
    scores, values = (x.double().numpy() for x in (scores, values))
    masks = [None] * len(scores) if mask is None else np.asarray(mask)[..., None].repeat(
        scores.shape[2], 2)  # fmt: skip
    rows = [dense(*row) for row in zip(scores, values, masks, strict=True)]
    return np.array(rows) if rows else np.zeros(values.shape)


def after(scores, values, state):
    """Attend with a token before: the state of one token of score 0 and value 1."""
    scores = torch.cat([state[0][:, None], scores], 1)
    values = torch.cat([(state[2] / state[1][..., None])[:, None], values], 1)
    return dense_tensors(scores, values)[:, 1:]


def _tensors(method):
    return Call("prefix_attention", lambda scores, values, mask, method, block: (
        aaren.prefix_attention(scores, values, mask, method=method, block=block)[0]),
        {"scores": ST, "values": VT, "mask": MASK, "method": method, "block": 2},
        right=dense_tensors)  # fmt: skip


CALLS = [
    Call("empty", aaren.empty, {"shape": (2, 3)}),
    Call("leaves", aaren.leaves, {"scores": S, "values": V, "mask": N},
         right=lambda scores, values, mask=None: (
             np.where(mask, np.asarray(scores, float), -np.inf), np.asarray(mask, float)
             * np.isfinite(scores),
             np.where((np.isfinite(scores) & mask)[:, None], values, 0))),
    Call("read", aaren.read, {"summary": (np.zeros(3), np.ones(3), V)},
         right=lambda summary: np.asarray(summary[2]) / np.where(
             np.equal(summary[1], 0), 1, summary[1])[..., None]),
    Call("prefixes", lambda **how: aaren.prefixes(**how).outputs,
         {"scores": S, "values": V, "mask": N, "method": "kogge-stone"}, right=dense),
    Call("prefixes", lambda **how: aaren.prefixes(**how).outputs,
         {"scores": S, "values": V, "method": "chunked", "chunk": 2}, right=dense),
    Call("cell", lambda score, value: aaren.read(aaren.cell(EMPTY, score, value)),
         {"score": 0.5, "value": V[0]},
         right=lambda score, value: np.where(np.isneginf(score), 0, np.asarray(value, float))),
    Call("cell", lambda summary: aaren.cell(summary, 0.5, V[0]),
         {"summary": (np.zeros(()), np.ones(()), np.ones(2))},
         fine={"summary": FLOW + ",integers,booleans,objects"}),
    Call("stream", lambda tokens: [out for out, _ in aaren.stream(tokens, EMPTY)],
         {"tokens": [(0.5, V[0]), (1.5, V[1])]},
         right=lambda tokens: dense(*map(np.array, zip(*tokens, strict=True)))),
    Call("stream_blocks", lambda **how: aaren.stream_blocks(**how).outputs,
         {"scores": S, "values": V, "size": 2}, right=dense),
    Call("decayed", aaren.decayed, {"rate": 0.5}, fine={"rate": "zero"}),
    Call("unstable_stream", aaren.unstable_stream, {"scores": S, "values": V}, right=dense),
    Call("attend", lambda **how: aaren.attend(**how)[0], {"scores": S, "values": V, "mask": N},
         right=lambda scores, values, mask=None: (
             dense(scores, values, mask)[-1] if len(scores) else np.zeros(np.shape(values)[1:]))),
    Call("weights", aaren.weights, {"scores": S},
         right=lambda scores: dense(scores, np.eye(len(scores)))),
    Call("gates", aaren.gates, {"scores": S},
         right=lambda scores: np.diagonal(dense(scores, np.eye(len(scores))))),
    Call("gates", logs, {"scores": S}, right=lambda scores: np.array([
        np.log(np.exp(np.asarray(scores, float)[: k + 1]).sum()) for k in range(len(scores))])),
    Call("gated", aaren.gated, {"scores": S, "values": V, "method": "brent-kung"}, right=dense),
    Call("gradients", aaren.gradients, {"scores": S, "values": V, "g": G, "method": "brent-kung"},
         fine={"g": FLOW, "values": FLOW, "scores": "empty"}),
    Call("cells", lambda **how: aaren.cells(**how)[0],
         {"queries": G[:2], "keys": V, "values": G},
         right=lambda queries, keys, values: np.array(
             [dense(np.asarray(keys, float) @ q / np.sqrt(2), values)[-1] if len(keys)
              else np.zeros(np.shape(values)[1]) for q in np.asarray(queries, float)]
         ).reshape(len(queries), np.shape(values)[1])),
    Call("block_parameters", aaren.block_parameters, {"kind": "aaren", "width": 4}),
    Call("acting_parameters", aaren.acting_parameters, {"width": 4, "heads": 2}),
    Call("state_numbers", aaren.state_numbers,
         {"kind": "aaren", "width": 4, "heads": 2, "tokens": 3}, fine={"tokens": "zero"}),
    *map(_tensors, METHODS),
    Call("prefix_attention", lambda scores, values, state: aaren.prefix_attention(
        scores, values, state=state)[0], {"scores": ST, "values": VT, "state": STATE},
        right=after, rows="state", fine={"state": "none"}),
    Call("warm", aaren.warm, {"dtypes": [torch.float64]}),
    Call("Aaren", aaren.Aaren, {"width": 4, "heads": 2}),
    Call("Aaren", lambda x, mask: LAYER(x, mask), {"x": X, "mask": MASK}, rows="x",
         fine={"mask": "none", "x": "longer,broadcast,empty"}),
    Call("Aaren", lambda x, method, block: LAYER(x, method=method, block=block),
         {"x": X, "method": "blocks", "block": 2}, fine={"x": "longer,broadcast,empty"}),
    Call("Aaren", lambda x, state: LAYER.step(x, state)[0], {"x": X[:, 0], "state": LAYER.begin(2)},
         rows="x state"),
    Call("Aaren", lambda batch: LAYER.begin(batch), {"batch": 2}, fine={"batch": "zero"}),
    Call("AarenConfig", aaren.AarenConfig,
         {"inputs": 3, "outputs": 2, "kind": "aaren", "width": 4, "layers": 1, "heads": 2,
          "dropout": 0.1, "amplitude": 0.2},
         fine={"dropout": "zero", "amplitude": "zero,negative"}),
    Call("build_model", aaren.build_model,
         {"config": aaren.AarenConfig(3, 2, width=4, heads=2), "seed": 1}, fine={"seed": "zero"}),
    Call("build_model", lambda x, mask: MODEL(x, mask=mask), {"x": X, "mask": MASK},
         fine={"mask": "none"}),
]  # fmt: skip
