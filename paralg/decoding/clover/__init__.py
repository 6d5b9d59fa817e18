"""Clover: draft heads that read what the head before them drafted, and a tree of few good nodes.

[xiao-2024-clover]; the chapter is ``notebooks/decoding/clover.ipynb``.

1. `heads`: the augmenting block and the attention decoder, one light step for each level.
2. `tree`: which continuations are worth a place in the budget.
3. `decoder`: draft, verify in one call of the target, keep the accepted path, without loss.

Then `theory` (what a tree is worth, what a step costs), `variants` (other trees, drawn children),
`experiments` (Medusa's heads and other ablations, trained on the shared text network), `teaching`,
and `entrants` for `paralg.decoding.arena`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "CloverHeads": "heads", "Budgeted": "tree", "BestFirst": "variants", "clover": "decoder",
    "explorer": "teaching.explorer",
})  # fmt: skip
