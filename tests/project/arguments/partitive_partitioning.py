"""Partitive partitioning: one valid call of each public name, from which the bad ones are made."""

import numpy as np

import paralg.kernels.partitive_partitioning as pp
from tests.project.arguments import Call

COVERS = ("paralg.kernels.partitive_partitioning",)
NOT = {name: "a result" for name in (
    "FeatureSearch", "GaussianMix", "MultistartCut", "PartitionTree", "SplitVerdict", "TreeNode",
    "TwoMeans")} | {"explorer": "no argument", "warm": "no argument"}  # fmt: skip

LINE = np.linspace(-1, 1, 12)
POINTS = np.stack([np.concatenate([LINE, LINE + 9]), np.tile(LINE**3, 2)], axis=1)
SIDES = np.repeat([0, 1], 12)
RULES = pp.SplitRules(nmin=10)
pp.warm()
OWN = {"nmin": 10, "em_max": 50, "tau": 0.9, "em_tol": 1e-6, "ridge": 1e-3, "cov": "full"}
CLOUD = {"points": "longer,booleans,broadcast"}
SEED = {"seed": "zero,negative", "attempt": "zero", "key": "zero,negative"}


def rules(make):
    return Call(make.__name__, lambda **own: pp.grow(POINTS, make(**own)).labels, OWN,
                fine={"tau": "zero", "em_tol": "zero"})  # fmt: skip


CALLS = [
    Call("standardise", pp.standardise, {"points": POINTS}, fine=CLOUD),
    Call("best_cut", pp.best_cut, {"values": POINTS[:, 0]},
         fine={"values": "booleans,longer,broadcast"}),
    Call("first_direction", pp.first_direction, {"scatter": np.array([[2.0, 1.0], [1.0, 3.0]])},
         fine={"scatter": "booleans"}),
    Call("two_means", lambda points: getattr(pp.two_means(points), "sides", 0),
         {"points": POINTS}, fine=CLOUD),
    Call("fit", lambda points, labels=None, **how: pp.fit(points, labels, **how).bic,
         {"points": POINTS, "labels": SIDES, "cov": "tied", "tol": 1e-6, "most": 9, "ridge": 1e-3},
         fine={"tol": "zero", "most": "zero", "ridge": "zero"} | CLOUD),
    *map(rules, (pp.SplitRules, pp.HarmonicRules, pp.DipRules, pp.AgreementRules,
                 pp.MultistartRules)),
    Call("grow", lambda points, seed, rules=None: pp.grow(points, rules, seed=seed).labels,
         {"points": POINTS, "rules": RULES, "seed": 1}, fine=SEED | CLOUD),
    Call("grow_sharded", lambda one, rules=None: pp.grow_sharded([one, one], rules).labels,
         {"one": POINTS, "rules": RULES}, fine={"one": "longer,booleans,broadcast"}),
    Call("split_node", lambda points, key, rules=None: pp.split_node(
        points, rules, key=key)[0].gain,
         {"points": POINTS, "key": 1, "rules": RULES}, fine=CLOUD | SEED),
    Call("merge_leaves", lambda points, labels, rules=None: pp.merge_leaves(
        points, labels, rules)[0], {"points": POINTS, "labels": SIDES, "rules": RULES}, fine=CLOUD),
    Call("random_two_means", lambda **how: getattr(pp.random_two_means(**how), "sse", 0),
         {"points": POINTS, "attempt": 1, "seed": 1}, fine=CLOUD | SEED),
    Call("multistart", lambda **how: getattr(pp.multistart(**how), "p", 0),
         {"points": POINTS, "starts": 4, "least": 0.2, "most": 8, "seed": 1},
         fine=CLOUD | SEED | {"least": "zero"}),
    Call("dip", pp.dip, {"values": POINTS[:, 0]}, fine={"values": "longer,broadcast,booleans"}),
    Call("most_separable", lambda points, rules=None: pp.most_separable(points, rules).best,
         {"points": POINTS, "rules": RULES}, fine=CLOUD),
    Call("free_parameters", pp.free_parameters, {"k": 2, "d": 3, "cov": "diag"}),
    Call("restarts_needed", pp.restarts_needed, {"p": 0.3, "failure": 0.01}),
    Call("balanced_tree", pp.balanced_tree, {"n": 9.0, "k": 4}, fine={"n": "zero"}),
    Call("adjusted_rand", pp.adjusted_rand, {"one": SIDES, "other": 1 - SIDES},
         fine={"one": "negative,too large", "other": "negative,too large"}),
]  # fmt: skip
