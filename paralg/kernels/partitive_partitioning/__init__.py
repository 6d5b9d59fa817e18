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
    **dict.fromkeys(("best_cut", "two_means"), "twomeans"), "fit": "mixture",
    **dict.fromkeys(("first_direction", "standardise"), "fast.checks"),
    **dict.fromkeys(("GaussianMix", "PartitionTree", "SplitVerdict", "TreeNode", "TwoMeans"),
                    "fast.results"),
    **dict.fromkeys(("SplitRules", "grow", "split_node"), "tree"),
    "merge_leaves": "merge",
    **dict.fromkeys(("adjusted_rand", "balanced_tree", "free_parameters", "restarts_needed"),
                    "theory"),
    **dict.fromkeys(("AgreementRules", "DipRules", "FeatureSearch", "HarmonicRules",
                     "MultistartCut", "MultistartRules", "dip", "most_separable", "multistart",
                     "random_two_means"), "variants"),
    **dict.fromkeys(("grow_sharded", "warm"), "fast.sharded"), "explorer": "teaching.explorer",
})  # fmt: skip
