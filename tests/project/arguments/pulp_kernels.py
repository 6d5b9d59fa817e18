"""Classical kernels: one valid call of each public name, from which the bad ones are made."""

import numpy as np

import paralg.kernels.pulp_kernels as pk
from tests.project.arguments import Call

COVERS = ("paralg.kernels.pulp_kernels",)
MORE = "longer,broadcast"  # another number of inputs or of centres
FINE = {"x": MORE, "points": MORE, "centres": MORE, "labels": "too large", "tol": "zero",
        "trees": "integers,longer,broadcast", "coef0": "zero,negative"}  # fmt: skip
NOT = {"Inference": "a result", "Phase": "made by a team", "Trees": "tried by forest",
       "explorer": "no argument", "warm": "no argument", "packed": "tried by batch"}  # fmt: skip

RNG = np.random.default_rng(0)
W, X, B = RNG.normal(size=(3, 4)), RNG.normal(size=(2, 4)), RNG.normal(size=3)
V, S, LABELS = RNG.random((3, 4)) + 1, RNG.normal(size=(5, 4)), np.array([0, 1, 2, 1, 0])
TREE = pk.Trees(
    np.array([1, 0, 0]),
    np.array([0.1, 0, 0]),
    np.array([1, -1, -1]),
    np.array([2, -1, -1]),
    np.array([[1.0, 1], [1, 0], [0, 1]]),
    np.array([0]),
)
DUAL, SIZES = RNG.normal(size=(2, 5)), np.array([2, 2, 1])
ONE, TWO = (pk.linear(pk.Team(p), W, B, X) for p in (1, 2))
pk.warm()


def answers(function, **arguments):
    """Call a kernel on two cores; arguments by their order, x last."""

    def run(**given):
        run = function(pk.Team(2), **given)
        return run.answers, run.scores

    return Call(function.__name__, run, arguments, fine=FINE)


CALLS = [
    Call("Team", lambda p: pk.linear(pk.Team(p), W, B, X).answers, {"p": 2}),
    answers(pk.linear, weights=W, bias=B, x=X, cut="vertical", how="tree"),
    answers(pk.naive_bayes, means=W, precisions=V, offset=B, x=X, how="dealt"),
    answers(pk.neighbours, samples=S, labels=LABELS, x=X, k=3),
    answers(pk.centroids, points=S, centres=S[:2].copy(), most=4, tol=0.5),
    answers(pk.forest, trees=TREE, x=X, vote="hard"),
    answers(pk.kernel_machine, vectors=S, dual=DUAL, sizes=SIZES, bias=B, x=X, kernel="poly",
            gamma=0.5, degree=2, coef0=0.25),
    Call("probabilities", lambda run: pk.probabilities(pk.Team(1), run).answers, {"run": ONE}),
    Call("arithmetic", lambda name, fraction, bits: pk.arithmetic(name, fraction, bits).encode(
        [0.5]), {"name": "fixed", "fraction": 8, "bits": 16}, fine={"fraction": "zero"}),
    Call("soft", lambda name: pk.soft(name, [1], [2]), {"name": "add"}),
    Call("rounded_down", lambda: pk.rounded_down(np.array([0.1])), {}),
    Call("rounded_operation", pk.rounded_operation,
         {"name": "add", "a": 5, "b": 7, "mode": "up"}, fine={"a": "zero", "b": "zero"}),
    Call("batch", lambda x, weights, bias, threads: pk.batch(
        "linear", x, weights, bias, threads=threads), {"x": X, "weights": W, "bias": B,
        "threads": 2}, fine=FINE),
    Call("batch", lambda kernel: pk.batch(kernel, X, W, B), {"kernel": "linear"}),
    Call("batch", lambda x, samples, labels, k: pk.batch("neighbours", x, samples, labels, k),
         {"x": X, "samples": S, "labels": LABELS, "k": 2}, fine=FINE),
    Call("batch", lambda trees, x: pk.batch("forest", x, trees),
         {"trees": TREE, "x": X}, fine=FINE),
    Call("batch_centroids", pk.batch_centroids,
         {"points": S, "centres": S[:2].copy(), "most": 3, "threads": 1}, fine=FINE),
    Call("Cluster", lambda fork, barrier, banks: pk.Cluster(
        fork=fork, barrier=barrier, banks=banks).time(TWO.phases),
        {"fork": 60.0, "barrier": 25.0, "banks": 16},
        fine={"fork": "zero", "barrier": "zero", "banks": "zero"}),
    Call("prices", pk.prices, {"backend": "fast", "unit": "cycles", "bare": True}),
    Call("counted_steps", pk.counted_steps,
         {"c": 10, "d": 64, "p": 8, "cut": "vertical", "how": "tree"}),
]  # fmt: skip
