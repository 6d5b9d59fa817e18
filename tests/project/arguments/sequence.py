"""Tensors in sequence: scans, mixers, models, tasks, caches."""

import numpy as np
import torch
from torch import nn

from paralg.sequence import (
    Batch,
    CausalAttention,
    ConvolutionBlock,
    Copying,
    Drift,
    HeadProjections,
    InductionHeads,
    KeyValueCache,
    PerceptronBlock,
    Recall,
    SequenceModel,
    Tracking,
    answers,
    linear_scan,
    scans,
    sinusoidal,
    state_bytes,
    stream,
    tensor_scan,
)
from tests.project.arguments import Call

COVERS = ("paralg.sequence",)
NOT = {"Mixer": "a protocol", "SequenceState": "a record",
       "StreamRun": "a result"}  # fmt: skip

G = torch.Generator().manual_seed(0)
MASK = torch.tensor([[True, True, False], [True, True, True]])
A, B, H0 = (torch.rand(shape, generator=G) for shape in ((2, 5, 3), (2, 5, 3), (2, 3)))
V = torch.randn(2, 3, 4, generator=G)
IDS = torch.tensor([[1, 2, 0], [4, 3, 2]])
DATA = Batch(IDS, IDS[:, :1], Batch.last(1))
FREE = "longer,broadcast,empty"


def loop(a, b, method, h0=None):
    h, states = torch.zeros_like(b[:, 0]) if h0 is None else h0, []
    for t in range(a.shape[1]):
        h = a[:, t] * h + b[:, t]
        states.append(h)
    return torch.stack(states, 1) if states else b


def added(combine, parts, method):
    return [part.int().cummax(1).values.bool() if part.dtype == torch.bool and part.numel()
            else torch.cumsum(part, 1).to(part.dtype) for part in parts]  # fmt: skip


def add(left, right):
    return [one + other for one, other in zip(left, right, strict=True)]


MIXER = CausalAttention(4, 2)
MODEL = SequenceModel(lambda: CausalAttention(4, 2), 5, 3, width=4, positions=sinusoidal)
VECTORS = SequenceModel(lambda: CausalAttention(4, 2), 4, 3, tokens=False, width=4)


def grown(k, v):
    cache = KeyValueCache().extended(torch.zeros(2, 1, 4), torch.zeros(2, 1, 3))
    return cache.extended(k, v).held()


def drawn(make):
    def run(rows, rng, size=2, **fields):
        seed = np.random.default_rng(1) if isinstance(rng, np.random.Generator) else rng
        return make(**fields).draw(rows, seed, size=size).inputs

    return run


RNG = np.random.default_rng(0)


def _task(make, size, **sizes):
    given = {"rows": 2, "rng": RNG, "size": size, **sizes}
    return Call(make.__name__, drawn(make), given, fine={"rows": "zero", "size": "none"})


CALLS = [
    *(Call("linear_scan", linear_scan, {"a": A, "b": B, "h0": H0, "method": method}, right=loop)
      for method in scans.LINEAR_METHODS),
    *(Call("tensor_scan", lambda parts, method, combine: tensor_scan(combine, parts, method=method),
           {"combine": add, "parts": [A, B], "method": method}, right=added)
      for method in scans.METHODS),
    Call("sinusoidal", sinusoidal, {"ids": 3.0, "width": 4, "longest": 100.0, "amplitude": 0.5,
                                    "layout": "split"},
         fine={"ids": "zero,negative", "amplitude": "zero,negative"}),
    Call("sinusoidal", sinusoidal, {"ids": torch.tensor([[0, 2], [5, 1]]), "width": 5},
         fine={"ids": FREE + ",negative,too large,more axes,fewer axes"}),
    Call("HeadProjections", HeadProjections, {"width": 4, "heads": 2}),
    Call("CausalAttention", CausalAttention, {"width": 4, "heads": 2}),
    Call("CausalAttention", lambda v, mask: MIXER(v, mask=mask), {"v": V, "mask": MASK}, rows="v",
         fine={"mask": "none"}),
    Call("CausalAttention", lambda v: MIXER(v), {"v": V}, rows="v", fine={"v": FREE}),
    Call("PerceptronBlock", lambda width, widen, dropout, mixer: PerceptronBlock(
        width, mixer, widen=widen, dropout=dropout),
        {"width": 4, "widen": 2, "dropout": 0.5, "mixer": nn.Linear(4, 4)},
        fine={"dropout": "zero"}),
    Call("ConvolutionBlock", lambda width, mixer: ConvolutionBlock(width, mixer),
         {"width": 4, "mixer": nn.Linear(4, 4)}),
    Call("SequenceModel", lambda **how: SequenceModel(**how),
         {"mixer": lambda: nn.Linear(4, 4), "inputs": 5, "outputs": 3, "width": 4, "layers": 1,
          "block": PerceptronBlock, "positions": sinusoidal, "seed": 1},
         fine={"layers": "zero", "seed": "zero", "positions": "none"}),
    Call("SequenceModel", lambda x, mask: MODEL(x, mask=mask), {"x": IDS, "mask": MASK},
         fine={"mask": "none"}),
    Call("SequenceModel", lambda x, mask: VECTORS(x, mask=mask), {"x": V, "mask": MASK},
         rows="x", fine={"mask": "none"}),
    Call("SequenceModel", lambda x: VECTORS.step(x, VECTORS.begin(2))[0], {"x": V[:, 0]},
         rows="x", fine={"x": FREE}),
    Call("SequenceModel", lambda x: VECTORS.extend(x, VECTORS.begin(2))[0], {"x": V},
         rows="x", fine={"x": FREE}),
    Call("SequenceModel", lambda batch: MODEL.begin(batch).nbytes, {"batch": 2},
         fine={"batch": "zero"}),
    Call("KeyValueCache", KeyValueCache, {"capacity": 3}),
    Call("KeyValueCache", grown, {"k": torch.ones(2, 3, 4), "v": torch.ones(2, 3, 3)},
         fine=dict.fromkeys("kv", "nan,inf,-inf")),
    Call("state_bytes", lambda state: state_bytes(state), {"state": (A, B)},
         right=lambda state: sum(part.nbytes for part in state)),
    Call("answers", answers, {"model": lambda x: x, "batch": DATA, "rows": 2}),
    Call("Batch", lambda inputs, targets, asked: Batch(inputs, targets, asked).answers(inputs),
         {"inputs": IDS, "targets": IDS[MASK], "asked": MASK},
         fine={"inputs": "complex,negative,too large,nan,booleans",
               "asked": "fewer axes",
               "targets": f"{FREE},more axes,fewer axes,complex,negative,too large,nan,booleans"}),
    *(Call("TokenTask", how, {"outputs": torch.rand(2, 3, 7), "batch": DATA}, rows="outputs",
           fine={"outputs": "longer,broadcast"}) for how in (Recall().loss, Recall().score)),
    Call("Drift", lambda outputs, targets: Drift().score(
        outputs, Batch(V, targets, Batch.last(1))).isnan(),
        {"outputs": V, "targets": V[:, -1:]},
        fine={"outputs": "nan,inf,-inf,longer,broadcast", "targets": "nan,inf,-inf"}),
    Call("Batch", lambda inputs, targets: Batch(inputs, targets).answers(inputs),
         {"inputs": IDS, "targets": IDS}, right=lambda inputs, targets: inputs,
         fine={"targets": f"{FREE},fewer axes"}),
    Call("stream", lambda inputs, at, window, reads: stream(
        MODEL, inputs, at, window=window, reads=reads).bytes,
        {"inputs": IDS[0], "at": np.array([1, 3]), "window": 1, "reads": 3},
        fine={"reads": "none,zero", "at": "broadcast,objects", "inputs": "longer"}),
    _task(Recall, 2, pairs=3, keys=4, values=3, fewest=1),
    _task(Copying, 5, length=6, data=2, letters=3),
    _task(InductionHeads, 5, length=6, letters=3),
    _task(Tracking, 5, length=6, things=3),
    _task(Drift, 2, width=2, segment=3, segments=2),
]  # fmt: skip
