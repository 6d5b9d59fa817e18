"""Doubling rounds and trajectories."""

import numpy as np

import paralg.decoding.consistency_trajectory as ct
from paralg.decoding import HashConditional, RandomDraws
from tests.project.arguments import Call

COVERS = ("paralg.decoding.consistency_trajectory",)
NOT = {
    "explorer": "no argument", "AtRandom": "takes a generator",
    "PerBlockSession": "a session, made by doubling", "Trajectory": "a record",
    "replay": "takes a record", "one_step": "takes a record", "from_traces": "takes traces",
    "log_probabilities": "takes a network", "trajectory_loss": "takes what it returns",
    "mean_weights": "takes the masks of a record", "sum_weights": "takes the masks of a record",
    "rollout": "takes a function", "cosine": "one line", "multi_information": "takes a table",
    "parallel_distribution": "takes a table", "Eoser": "factors are tried with greedy_length",
    "all_paths": "sizes are tuples",
}  # fmt: skip

TABLE, X = HashConditional(4, 6, 1, 0.3), np.array([0, 4, 4, 4, 4, 4])


def masked(share):
    done = ct.rollout(TABLE.denoise, X[None], 4, (2, 3), np.random.default_rng(0))
    return ct.masked_prompt(done, np.random.default_rng(0), share).tokens


CALLS = [
    Call("ascending", ct.ascending, {"L": 8}),
    Call("uniform", ct.uniform, {"L": 8, "S": 3}),
    Call("linear_factors", ct.linear_factors, {"S": 4, "low": 0.4, "high": 1.0},
         fine={"low": "zero", "high": "zero"}),
    Call("ascending_factors", ct.ascending_factors, {"S": 4, "low": 0.1, "high": 1.0},
         fine={"low": "zero", "high": "zero"}),
    Call("blocks", lambda b: ct.blocks((1, 2, 5), b), {"b": 2}),
    Call("LengthModel", lambda L, c: ct.LengthModel(L, c).V, {"L": 5, "c": 2}),
    Call("greedy_length", ct.greedy_length, {"L": 5, "c": 2, "factors": np.ones(5)},
         fine={"factors": "none,longer"}),
    Call("doubling", lambda x, temperature: ct.doubling(
        TABLE, x, (2, 3), rng=RandomDraws(0), temperature=temperature).tokens,
        {"x": X, "temperature": 0.7}),
    Call("advantages", ct.advantages, {"rewards": np.array([[1.0, 0.0], [0.5, 0.25]])},
         fine={"rewards": "longer,broadcast,empty"}),
    Call("masked_prompt", masked, {"share": 0.2}, fine={"share": "zero"}),
]  # fmt: skip
