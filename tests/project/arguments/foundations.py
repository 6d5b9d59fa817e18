"""The foundation pages: graphs of tasks, tiled Cholesky, recordings."""

import numpy as np

import paralg.foundations.measuring as measuring
import paralg.foundations.work_span as ws
from tests.project.arguments import Call

COVERS = ("paralg.foundations.measuring", "paralg.foundations.primitives",
          "paralg.foundations.work_span")  # fmt: skip
NOT = {"explorer": "no argument", "Recording": "a record", "load_recording": "no argument"}

A = np.diag([4.0, 5.0, 6.0, 7.0]) + np.ones((4, 4))
ORDER = list(ws.cholesky_dag(2).names)
RNG = np.random.default_rng(0)


def drawn(rng, n, density, longest):
    rng = np.random.default_rng(1) if isinstance(rng, np.random.Generator) else rng
    return ws.random_dag(rng, n, density=density, longest=longest)


def beside(running):
    with measuring.neighbour(running):
        return 0


CALLS = [
    *(Call(f.__name__, f, {"n": 5}, fine={"n": "zero"}) for f in (ws.chain_sum, ws.tree_sum)),
    Call("cholesky_dag", ws.cholesky_dag, {"t": 3}),
    Call("run_tiled_cholesky", ws.run_tiled_cholesky, {"A": A, "b": 2, "order": ORDER},
         right=lambda A, b, order: np.linalg.cholesky(np.asarray(A, float))),
    Call("run_tiled_cholesky", lambda order: ws.run_tiled_cholesky(A, 2, order),
         {"order": ORDER}),
    Call("graham_anomaly", lambda shorter: ws.graham_anomaly(shorter=shorter), {"shorter": 1},
         fine={"shorter": "zero"}),
    Call("random_dag", drawn, {"rng": RNG, "n": 4, "density": 0.5, "longest": 3},
         fine={"n": "zero", "density": "zero"}),
    Call("Dag", ws.Dag, {"names": ("a", "b"), "durations": (1, 2), "dependencies": ((), (0,))}),
    Call("Dag", lambda duration: ws.Dag(("a",), (duration,), ((),)).work, {"duration": 2}),
    Call("Dag", lambda needs: ws.Dag(("a", "b"), (1, 1), ((), (needs,))).span, {"needs": 0},
         fine={"needs": "zero"}),
    Call("Dag", lambda p: ws.chain_sum(4).schedule(p), {"p": 2}),
    Call("record", lambda rounds, about: sorted(measuring.record(rounds, about)),
         {"rounds": 1, "about": "here"}, fine={"about": "unknown,empty"}),
    Call("neighbour", beside, {"running": False}),
]  # fmt: skip
