"""Doubling rounds and trajectories."""

import numpy as np
import torch

import paralg.decoding.consistency_trajectory as ct
from paralg.decoding import (
    HashConditional,
    RandomDraws,
    TabularJoint,
    UnmaskingRule,
    static,
    static_run,
)
from tests.project.arguments import Call

COVERS = ("paralg.decoding.consistency_trajectory",)
NOT = {"explorer": "no argument"}

TABLE, X = HashConditional(4, 6, 1, 0.3), np.array([0, 4, 4, 4, 4, 4])


START = np.array([[0, 2, 2, 2], [2, 1, 2, 2]])
DONE = ct.Trajectory(START, np.array([[0, 1, 0, 1], [1, 1, 0, 0]]),
                     np.array([[-1, 0, 1, 1], [1, -1, 0, 1]]), 2)  # fmt: skip
JOINT = TabularJoint.random(2, 3)
SEEN, KEPT = torch.from_numpy(DONE.states), torch.from_numpy(DONE.revealed)
LOGP = torch.log(torch.full(KEPT.shape, 0.25)) - 0.1
FREE = "longer,broadcast,empty"


def even(x):
    return np.zeros((*np.shape(x), 2))


def network(x):
    return torch.zeros((*x.shape, 2))


def rolled(start, V, sizes, rng, ranking, temperature):
    rng = np.random.default_rng(0) if isinstance(rng, np.random.Generator) else rng
    return ct.rollout(even, start, V, sizes, rng, ranking=ranking, temperature=temperature)


def session(x, rule, ranking, temperature):
    return static_run(ct.PerBlockSession(TABLE, x, rule, RandomDraws(0), ranking=ranking,
                                         temperature=temperature)).tokens  # fmt: skip


def scored(of, **more):
    paths = ct.all_paths(2, 2, (1, 1))

    def call(logits, **how):
        return getattr(paths, of)(logits, **how)

    return Call("all_paths", call, {"logits": np.zeros((9, 2, 2)), **more})


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
    Call("masked_prompt", ct.masked_prompt,
         {"trajectory": DONE, "rng": np.random.default_rng(0)}),
    *(Call(f.__name__, f, {"trajectory": DONE}) for f in (ct.replay, ct.one_step)),
    Call("Trajectory", lambda **parts: ct.Trajectory(**parts).states,
         {"start": DONE.start, "tokens": DONE.tokens, "round_of": DONE.round_of, "V": 2},
         fine={"round_of": "too large"}),
    Call("rollout", rolled, {"start": START, "V": 2, "sizes": np.array([1, 2]),
                             "rng": np.random.default_rng(0), "ranking": ct.Eoser(1, [0.5]),
                             "temperature": 0.5},
         fine={"start": FREE, "sizes": "longer,too large", "ranking": "none",
               "temperature": "zero"}),
    Call("rollout", lambda predict: ct.rollout(predict, START, 2, (1, 2), np.random.default_rng(0)),
         {"predict": even}),
    Call("from_traces", lambda traces: ct.from_traces(traces).states,
         {"traces": [static(TABLE, X).trace]}),
    Call("doubling", lambda sizes: ct.doubling(TABLE, X, sizes).tokens,
         {"sizes": np.array([2, 3])}, fine={"sizes": "none"}),
    Call("PerBlockSession", session, {"x": X, "rule": UnmaskingRule(tokens=2),
                                      "ranking": ct.Eoser(1, [0.5]), "temperature": 0.5},
         fine={"rule": "none", "ranking": "none"}),
    Call("AtRandom", ct.AtRandom, {"rng": RandomDraws(0)}),
    Call("Eoser", lambda factors, eos: ct.Eoser(eos, factors)(1, np.ones(2), np.array([0, 2])),
         {"factors": np.array([0.4, 1.0]), "eos": 2},
         fine={"factors": "longer,broadcast", "eos": "zero"}),
    Call("Eoser", lambda confidence, tokens: ct.Eoser(2, [0.5])(0, confidence, tokens),
         {"confidence": np.array([0.5, 0.2]), "tokens": np.array([2, 0])},
         fine={"confidence": "nan,inf,-inf", "tokens": "negative,too large"}),
    Call("parallel_distribution", ct.parallel_distribution,
         {"joint": JOINT, "rounds": [np.array([0]), np.array([2, 1])]},
         fine={"rounds": "shorter,empty,broadcast"}),
    Call("all_paths", ct.all_paths, {"V": 2, "L": 2, "sizes": np.array([1, 1]),
                                     "logits": np.zeros((9, 2, 2))},
         fine={"logits": "none"}),
    scored("probabilities"), scored("answers"), scored("expected", reward=np.ones(8)),
    scored("gradient", reward=np.ones(8), how="mean"),
    Call("cosine", ct.cosine, {"a": np.array([[1.0, 2.0]]), "b": np.array([[0.5, 0.1]])}),
    *(Call(f.__name__, f, {"revealed": DONE.revealed}, fine={"revealed": FREE})
      for f in (ct.mean_weights, ct.sum_weights)),
    Call("log_probabilities", lambda network, trajectory: ct.log_probabilities(
        network, trajectory), {"network": lambda x, at: (network(x),), "trajectory": DONE}),
    Call("trajectory_loss", ct.trajectory_loss,
         {"log_p": LOGP, "old": LOGP, "reference": LOGP + 0.05, "advantage": np.array([0.5, -0.5]),
          "weights": ct.sum_weights(DONE.revealed), "clip": 0.5, "beta": 0.04},
         fine={"clip": "zero", "beta": "zero", **dict.fromkeys(
             ("log_p", "old", "reference"), "nan,inf,-inf")}),  # of a token that was given
]  # fmt: skip
