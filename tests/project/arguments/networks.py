"""Shared networks, and how they are trained."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

import paralg.models as models
import paralg.training as training
from paralg.decoding import HashConditional, TopK
from tests.project.arguments import Call

COVERS = ("paralg.models", "paralg.training")
NOT = {"AttendingModel": "a protocol", "Model": "a protocol", "UnsupportedCall": "an error",
       "available": "no argument"}  # fmt: skip

SHAPE = models.TransformerConfig(V=4, L=6, width=16, layers=1, heads=2, rotary=True)
NETWORKS = {mode: models.Network.untrained(SHAPE, mode)
            for mode in ("bidirectional", "causal", "anyorder")}  # fmt: skip
X = np.array([[1, 4, 2, 4, 4, 3], [1, 4, 2, 4, 4, 0]])
FULL = np.array([[1, 3, 2, 0, 1, 3], [1, 0, 2, 2, 2, 0]])
AT = np.array([0, 4])
MASK = np.tri(3, dtype=bool)
FOLDER = Path(tempfile.mkdtemp())
training.peak_bytes(lambda: torch.ones(3).exp())  # imports what takes seconds


def asked(mode, call, x, **more):
    fine = {"x": "longer,broadcast,empty,too large", "at": "none,broadcast,empty,longer",
            "visible": "none,zero", "rank": "too large"}  # fmt: skip
    return Call("Network", lambda **how: getattr(NETWORKS[mode], call)(**how), {"x": x, **more},
                fine=fine)  # fmt: skip


def squared(model, rng, step):
    return model(torch.from_numpy(rng.normal(size=(8, 1))).float()).square().mean(), {}


def runs(folder=FOLDER, plans=None, build=lambda name, seed: nn.Linear(1, 1),
         loss=lambda name: squared, score=lambda model, name: {"scored": 1}):  # fmt: skip
    return training.Runs(folder, plans or {"flat": training.Plan("flat", steps=2)}, build=build,
                         loss=loss, score=score)  # fmt: skip


runs().train("flat")


def slots(tokens, position_ids, mask):
    return NETWORKS["causal"].attend(tokens, position_ids, mask)


PLAN = training.Plan("flat", steps=2)
WRITTEN = training.write_weights(nn.Linear(2, 3), FOLDER / "written")
CALLS = [
    *(Call("Runs", lambda _runs=runs, **how: _runs(**how).names(), {name: value})
      for name, value in (("folder", FOLDER), ("build", runs().build), ("loss", runs().loss),
                          ("score", runs().score))),
    Call("Runs", lambda plans: training.Runs(FOLDER, plans, *[str] * 3).names(),
         {"plans": {"flat": training.Plan("flat", steps=2)}}),
    *(Call("Runs", call, {"name": "flat", "seed": 0}, fine={"seed": "zero"})
      for call in (runs().log, runs().load,
                   lambda name, seed: runs().fit(name, seed)[1]["recipe"])),
    Call("Runs", lambda name: runs().logs(name)[0]["scores"], {"name": "flat"}),
    Call("TransformerConfig", models.TransformerConfig,
         {"V": 4, "L": 6, "width": 16, "layers": 1, "heads": 2}),
    Call("Transformer", models.Transformer, {"config": SHAPE, "seed": 1}, fine={"seed": "zero"}),
    Call("Transformer", lambda tokens, positions, mask: models.Transformer(SHAPE)(
        tokens, positions, mask)[0].detach(),
         {"tokens": torch.from_numpy(FULL[:, :3]), "positions": torch.arange(3),
          "mask": torch.from_numpy(MASK)},
         fine={"tokens": "longer,broadcast,empty", "mask": "none"}),
    Call("Network", models.Network,
         {"transformer": models.Transformer(SHAPE), "mode": "causal"}),
    asked("bidirectional", "denoise", X, at=AT, layout="rows"),
    asked("causal", "causal", FULL, at=AT),
    asked("anyorder", "anyorder", FULL, rank=np.arange(6), visible=3),
    Call("Network", slots, {"tokens": FULL[:, :3], "position_ids": np.arange(3), "mask": MASK},
         fine={"tokens": "longer,broadcast,empty"}),
    Call("Family", lambda one: models.Family(one).V, {"one": NETWORKS["causal"]}),
    Call("CountingModel", lambda model, shape: models.CountingModel(model, shape).V,
         {"model": HashConditional(4, 6), "shape": TopK(1)}, fine={"shape": "none"}),
    Call("load", models.load, {"name": "sudoku4-causal"}),
    Call("Plan", training.Plan,
         {"name": "one", "steps": 9, "rate": 0.1, "warmup": 2, "floor": 0.5, "decay": 0.1,
          "clip": 1.0}, fine={"name": "unknown,empty", "steps": "zero", "warmup": "zero",
                              "floor": "zero", "decay": "zero"}),
    Call("Plan", lambda step: training.Plan("one", 9).rate_at(step), {"step": 3},
         fine={"step": "zero"}),
    Call("TrainingRun", lambda model, **how: training.TrainingRun(model=model, **how).step(),
         {"plan": PLAN, "model": nn.Linear(1, 1), "loss": squared, "seed": 0},
         fine={"seed": "zero"}),
    Call("train", lambda **how: training.train(model=nn.Linear(1, 1), **how)["steps"],
         {"plan": PLAN, "loss": squared, "seed": 0, "partial": FOLDER / "three"},
         fine={"seed": "zero", "partial": "none"}),
    Call("read_weights", training.read_weights,
         {"model": nn.Linear(2, 3), "path": FOLDER / "written", "sha256": WRITTEN}),
    Call("decay_groups", lambda **how: training.decay_groups(**how)[0]["weight_decay"],
         {"model": nn.Linear(2, 3), "decay": 0.1}, fine={"decay": "zero"}),
    Call("write_whole", training.write_whole, {"path": FOLDER / "one", "content": b"abc"}),
    Call("write_weights", training.write_weights,
         {"model": nn.Linear(2, 3), "path": FOLDER / "two"}),
    Call("peak_bytes", training.peak_bytes, {"function": lambda: torch.ones(3).exp()}),
    Call("saved_tensors", training.saved_tensors,
         {"function": lambda: torch.ones(3, requires_grad=True).exp()}),
]  # fmt: skip
