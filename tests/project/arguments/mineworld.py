"""MineWorld."""

import numpy as np

import paralg.decoding.mineworld as mw
from paralg.decoding.mineworld import theory
from paralg.models import Network, TransformerConfig
from tests.project.arguments import Call
from tests.project.arguments.data import RNG, own

COVERS = ("paralg.decoding.mineworld", "paralg.decoding.mineworld.theory")
NOT = {"explorer": "no argument"}

NET = Network.untrained(TransformerConfig(V=5, L=24, width=16, layers=1, heads=2), "causal")
SHAPE, PROMPT = mw.StreamShape(2, 3), np.array([0, 1, 2, 3, 0, 1, 4])


def frame(prompt, w, actions):
    return mw.decode(NET, prompt, SHAPE, w, actions=actions, stand_in="newest").frames


def released(prompt, w):
    return mw.released(NET, prompt, SHAPE, w).frames


CALLS = [
    Call("Wavefront", lambda **sizes: mw.Wavefront(**sizes).calls,
         {"R": 2, "C": 3, "w": 2, "frames": 2}),
    Call("simulate", mw.simulate, {"R": 2, "C": 3, "w": 2}),
    Call("StreamShape", mw.StreamShape, {"R": 2, "C": 3, "A": 1}, fine={"A": "zero"}),
    Call("lay_out", lambda **how: mw.lay_out(SHAPE, **how).places,
         {"w": 2, "given": 7, "frames": 1, "stand_in": "first"}, fine={"given": "zero"}),
    Call("decode", frame, {"prompt": PROMPT, "w": 2, "actions": np.array([[4]])},
         fine={"prompt": "empty,more axes", "actions": "empty"}),
    Call("released", released, {"prompt": PROMPT, "w": 2}, fine={"prompt": "empty,more axes"}),
    Call("roll_out", lambda frames, actions, w, context: mw.roll_out(
        NET, frames, actions, SHAPE, w, context=context).frames,
        {"frames": np.zeros((1, 2, 3), int), "actions": np.array([[4], [3]]), "w": 2,
         "context": 1}, fine={"frames": "longer", "actions": "longer,broadcast"}),
    Call("exponential_race", own(lambda rng: mw.exponential_race(rng)(np.full(3, 1 / 3))),
         {"rng": RNG}),
    Call("lost", theory.lost, {"wave": mw.Wavefront(2, 3, 2), "r": 1, "c": 1},
         fine={"r": "zero", "c": "zero"}),
    Call("visible_sets", theory.visible_sets, {"R": 2, "C": 3, "w": 2}),
    *(Call("Mesh", getattr(mw.Mesh(2, 2), name), {"w": 1})
      for name in ("sampled", "total_variation", "divergence", "information")),
    Call("Mesh", mw.Mesh(2, 2).conditional,
         {"i": 3, "seen": np.array([True, True, False, False])}, fine={"i": "zero"}),
    Call("Mesh", lambda R, C, bias: mw.Mesh(R, C, bias).p, {"R": 2, "C": 2, "bias": 0.5},
         fine={"bias": "zero,negative"}),
]  # fmt: skip
