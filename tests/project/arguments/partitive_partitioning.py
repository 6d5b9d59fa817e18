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
MIX = pp.fit(POINTS, SIDES)
WEIGHTS = np.ones(24)
pp.warm()
OWN = {"nmin": 10, "em_max": 50, "tau": 0.9, "em_tol": 1e-6, "ridge": 1e-3, "distance": 0.5,
       "entropy": 0.5, "cov": "full"}  # fmt: skip
CLOUD = {"points": "longer,booleans,broadcast"}
SEED = {"seed": "zero,negative", "attempt": "zero"}
ZERO = {"tau": "zero", "em_tol": "zero", "distance": "zero", "entropy": "zero"}


def rules(make):
    def verdict(**own):
        return pp.grow(POINTS, make(**own)).labels

    return Call(make.__name__, verdict, OWN, fine=ZERO)


CALLS = [
    Call("standardise", pp.standardise, {"points": POINTS}, fine=CLOUD),
    Call("best_cut", pp.best_cut, {"values": POINTS[:, 0], "weights": WEIGHTS},
         fine={"values": "booleans", "weights": "integers,booleans"}),
    Call("first_direction", pp.first_direction, {"scatter": np.array([[2.0, 1.0], [1.0, 3.0]])},
         fine={"scatter": "booleans"}),
    Call("two_means", lambda points, weights=None: getattr(
        pp.two_means(points, weights), "sides", 0),
         {"points": POINTS, "weights": WEIGHTS}, fine=CLOUD | {"weights": "integers,booleans"}),
    Call("two_means", lambda points: getattr(pp.two_means(points), "sides", 0),
         {"points": POINTS}, fine=CLOUD),
    Call("fit", lambda points, labels=None, weights=None, **how: pp.fit(
        points, labels, weights=weights, **how).bic,
         {"points": POINTS, "labels": SIDES, "cov": "tied", "weights": WEIGHTS, "tol": 1e-6,
          "most": 9, "ridge": 1e-3}, fine={"tol": "zero", "most": "zero", "ridge": "zero", "weights": "booleans"} | CLOUD),
    Call("bhattacharyya", pp.bhattacharyya, {"mix": MIX}),
    rules(pp.SplitRules), rules(pp.HarmonicRules), rules(pp.VarianceRules), rules(pp.DipRules),
    Call("BootstrapRules", lambda **own: pp.grow(POINTS, pp.BootstrapRules(**own)).k,
         {"replicates": 3, "level": 0.5, "seed": 1},
         fine={"seed": "zero,negative", "level": "zero"}),
    Call("MultistartRules", lambda **own: pp.grow(POINTS, pp.MultistartRules(**own)).k,
         {"starts": 4, "least": 0.2, "most": 8}, fine={"least": "zero"}),
    Call("AgreementRules", lambda fruitless: pp.grow(
        POINTS, pp.AgreementRules(fruitless=fruitless)).k, {"fruitless": 2},
        fine={"fruitless": "zero"}),
    Call("grow", lambda points, seed, rules=None, weights=None: pp.grow(
        points, rules, weights=weights, seed=seed).labels,
         {"points": POINTS, "rules": RULES, "weights": WEIGHTS, "seed": 1}, fine=SEED | CLOUD | {"weights": "booleans"}),
    Call("grow", lambda points: pp.grow(points, RULES).labels, {"points": POINTS}, fine=CLOUD),
    Call("grow_sharded", lambda one, rules=None: pp.grow_sharded([one, one], rules).labels,
         {"one": POINTS, "rules": RULES}, fine={"one": "longer,booleans,broadcast"}),
    Call("split_node", lambda points, key, rules=None, weights=None: pp.split_node(
        points, rules, weights=weights, key=key)[0].gain,
         {"points": POINTS, "weights": WEIGHTS, "key": 1, "rules": RULES},
         fine=CLOUD | {"key": "zero,negative", "weights": "booleans"}),
    Call("merge_leaves", lambda points, labels, rules=None: pp.merge_leaves(points, labels, rules)[0],
         {"points": POINTS, "labels": SIDES, "rules": RULES}, fine=CLOUD),
    Call("polish", lambda points, labels=None, rules=None: pp.polish(points, labels, rules).bic,
         {"points": POINTS, "labels": SIDES, "rules": RULES}, fine=CLOUD),
    Call("random_two_means", lambda **how: getattr(pp.random_two_means(**how), "sse", 0),
         {"points": POINTS, "attempt": 1, "seed": 1}, fine=CLOUD | SEED),
    Call("multistart", lambda **how: getattr(pp.multistart(**how), "p", 0),
         {"points": POINTS, "starts": 4, "least": 0.2, "most": 8, "seed": 1},
         fine=CLOUD | SEED | {"least": "zero"}),
    Call("dip", pp.dip, {"values": POINTS[:, 0]}, fine={"values": "longer,broadcast,booleans"}),
    Call("most_separable", lambda points, rules=None: pp.most_separable(points, rules).best,
         {"points": POINTS, "rules": RULES}, fine=CLOUD),
    Call("self_organizing_map", lambda **how: pp.self_organizing_map(**how).hits,
         {"points": POINTS, "rows": 2, "columns": 3, "epochs": 4}, fine=CLOUD),
    Call("free_parameters", pp.free_parameters, {"k": 2, "d": 3, "cov": "diag"}),
    Call("miss_probability", pp.miss_probability, {"p": 0.5, "restarts": 3},
         fine={"p": "zero", "restarts": "zero"}),
    Call("restarts_needed", pp.restarts_needed, {"p": 0.3, "failure": 0.01}),
    Call("tree_work", pp.tree_work, {"n": 9.0, "k": 4, "alpha": 0.5}, fine={"n": "zero"}),
    Call("tree_span", pp.tree_span, {"n": 9.0, "k": 4}, fine={"n": "zero"}),
    Call("scan_work", pp.scan_work, {"n": 9.0, "k_max": 4, "restarts": 2}, fine={"n": "zero"}),
    Call("brute_force", pp.brute_force, {"points": POINTS[:7]}, fine=CLOUD),
    Call("adjusted_rand", pp.adjusted_rand, {"one": SIDES, "other": 1 - SIDES},
         fine={"one": "negative,too large", "other": "negative,too large"}),
]  # fmt: skip
