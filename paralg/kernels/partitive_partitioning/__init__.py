r"""Probabilistic partitive partitioning: a tree of two-way splits that a mixture validates.

The paper is Sultan, "Probabilistic partitive partitioning (PPP)" (2020); of it only the abstract
could be read. What is here is a reconstruction on the author's earlier program. The reading order:

1. `twomeans`: two halves of a cloud, the same on every run.
2. `mixture`: one Gaussian or two, by expectation maximisation; BIC.
3. `tree`: a tree of validated splits, level by level on an engine.
4. `merge`: clusters that one Gaussian explains as well; all clusters moved together.

Then `theory` (parameters, restarts, work and span), `variants` (restarts, the ancestor's rules, a
gate for one hump, bootstrap, feature sets, a self-organising map), `fast` (results, compiled steps,
shards of rows), `experiments` (clouds, records) and `teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "TwoMeans": "twomeans", "best_cut": "twomeans", "first_direction": "twomeans",
    "two_means": "twomeans", "standardise": "fast.checks",
    "GaussianMix": "mixture", "fit": "mixture", "bhattacharyya": "theory",
    "PartitionTree": "fast.results", "SplitRules": "tree", "SplitVerdict": "fast.results",
    "TreeNode": "fast.results", "grow": "tree", "split_node": "tree",
    "merge_leaves": "merge", "polish": "merge",
    "AgreementRules": "variants", "BootstrapRules": "variants", "DipRules": "variants",
    "FeatureSearch": "variants", "HarmonicRules": "variants", "MultistartCut": "variants",
    "MultistartRules": "variants", "VarianceRules": "variants", "dip": "variants",
    "most_separable": "variants", "multistart": "variants", "random_two_means": "variants",
    "grow_sharded": "fast.sharded", "warm": "fast.sharded",
    "adjusted_rand": "theory", "brute_force": "theory", "free_parameters": "theory", "miss_probability": "theory",
    "restarts_needed": "theory", "scan_work": "theory", "tree_span": "theory",
    "tree_work": "theory", "self_organizing_map": "experiments.som",
    "explorer": "teaching.explorer",
})  # fmt: skip
