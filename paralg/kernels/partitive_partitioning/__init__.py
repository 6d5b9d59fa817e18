r"""Probabilistic partitive partitioning: a tree of two-way splits that a mixture validates.

The paper is Sultan, "Probabilistic partitive partitioning (PPP)" (2020); of it only the abstract
could be read. What is here is a reconstruction on the author's earlier program. The reading order:

1. `twomeans`: two halves of a cloud, the same on every run.
2. `mixture`: one Gaussian or two, by expectation maximisation; BIC.
3. `tree`: a tree of validated splits, level by level on an engine.
4. `merge`: clusters that one Gaussian explains as well.

Then `theory` (parameters, restarts, work and span), `variants` (restarts, the ancestor's rules, a
gate for one hump, feature sets), `fast` (checks, results, compiled passes, shards of rows),
`experiments` (clouds, records) and `teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "best_cut": "twomeans", "two_means": "twomeans", "fit": "mixture", "merge_leaves": "merge",
    "first_direction": "fast.checks", "standardise": "fast.checks", "TwoMeans": "fast.results",
    "GaussianMix": "fast.results", "PartitionTree": "fast.results", "TreeNode": "fast.results",
    "SplitVerdict": "fast.results", "SplitRules": "tree", "grow": "tree", "split_node": "tree",
    "adjusted_rand": "theory", "balanced_tree": "theory", "free_parameters": "theory",
    "restarts_needed": "theory", "AgreementRules": "variants", "DipRules": "variants",
    "FeatureSearch": "variants", "HarmonicRules": "variants", "MultistartCut": "variants",
    "MultistartRules": "variants", "dip": "variants", "most_separable": "variants",
    "multistart": "variants", "random_two_means": "variants", "grow_sharded": "fast.sharded",
    "warm": "fast.sharded", "explorer": "teaching.explorer",
})  # fmt: skip
