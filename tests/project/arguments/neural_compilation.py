"""Compiled graph algorithms: one valid call of each public name, to make the bad ones from."""

import numpy as np

import paralg.rounds.neural_compilation as nc
from tests.project.arguments import Call

COVERS = ("paralg.rounds.neural_compilation",)
NOT = {"CompiledRun": "a result", "GATv2Output": "a result", "Squaring": "a result",
       "FaithfulnessReport": "a result", "explorer": "no argument", "DFS": "as BFS",
       "HighestIdBFS": "as BFS", "SelfFirstBFS": "as BFS",
       "CompiledAlgorithm": "made by its subclasses", "Write": "a plain tuple, checked when "
       "compiled"}  # fmt: skip

PATH = np.diag([1.0, 2.0, 1.5], 1) + np.diag([1.0, 2.0, 1.5], -1)
LAYER = nc.BFS().layers[0]
EYE = np.eye(2)


def program(key, beta):
    """Compile a program of one column."""
    made = nc.LayerProgram(("x",), {"x": key}, beta, {"x": nc.Write({"x": 1.0})})
    return nc.compile_layer(made).sender


CALLS = [
    Call("GATv2Weights", lambda **given: nc.GATv2Weights(**given).bias,
         {name: value for name, value in vars(LAYER).items()}),
    Call("gatv2_layer", lambda weights, z, edges, mask: nc.gatv2_layer(
        weights, z, edges, mask).z,
         {"weights": LAYER, "z": np.ones((3, 8)), "edges": np.zeros((3, 3, 2)),
          "mask": np.ones((3, 3), bool)}),
    Call("LayerProgram", program, {"key": 1.0, "beta": 2.0}, fine={"key": "zero,negative"}),
    Call("compile_layer", lambda program: nc.compile_layer(program).bias,
         {"program": nc.BFS().programs[0]}),
    Call("BFS", lambda beta: nc.BFS(beta).layers[0].sender, {"beta": 10.0}),
    Call("BellmanFord", lambda beta, keep, tie: nc.BellmanFord(beta, keep, tie).layers[0].edge,
         {"beta": 1e10, "keep": 1e-6, "tie": 1e-8}, fine={"keep": "zero,negative", "tie": "zero"}),
    *(Call("run_compiled", lambda algorithm, A, source: nc.run_compiled(
        algorithm, A, source).pointers,
           {"algorithm": one(), "A": PATH, "source": 1}, fine={"source": "zero"})
      for one in (nc.BFS, nc.BellmanFord, nc.DFS)),
    Call("leakage_bound", nc.leakage_bound, {"n": 5, "beta": 2.0, "gap": 0.5},
         fine={"beta": "zero", "gap": "zero"}),
    Call("min_plus_squaring", lambda A: nc.min_plus_squaring(A).distances[0, :2], {"A": PATH}),
    Call("light_cone", nc.light_cone,
         {"algorithm": nc.BFS(), "A": PATH, "source": 1, "rounds": 2},
         fine={"source": "zero", "rounds": "zero"}),
    Call("internal_faithfulness", nc.internal_faithfulness,
         {"attention": EYE, "reference": EYE[::-1].copy()}),
    Call("faithfulness", lambda attention, one, mask: nc.faithfulness(
        attention, {"one": one, "two": EYE}, mask).between,
         {"attention": EYE, "one": EYE[::-1].copy(), "mask": np.ones((2, 2), bool)}),
]  # fmt: skip
