"""Any-subset autoregressive models (AS-ARM), and speculation with themselves (ASSD).

[guo-2026-self]; the chapter is ``notebooks/decoding/any_subset.ipynb``.

1. `streams`: one network under two masks, one order for each prompt, joint density in one call.
2. `drafting`: drafts from the network itself, or from counts of pairs.
3. `decoder`: draft, judge, keep what the joint allows.

Then `theory` (calls, tokens a round, orders, independence), `variants` (drafts by pairs, a lenient
test, none), `fast.cached` (keys and values kept), `experiments` (Sudoku, words, text), `teaching`,
and `entrants`, which `paralg.decoding.arena` finds by itself.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "lattice_order": "streams", "log_density": "streams",
    "BigramCounts": "drafting",
    "assd": "decoder", "bigram_assd": "variants",
    "call_bounds": "theory", "expected_tokens": "theory", "independent_joint": "theory",
    "order_joint": "theory", "order_spread": "theory",
    "independent": "variants", "lenient_assd": "variants",
    "cached_assd": "fast.cached", "cached_bigram_assd": "fast.cached",
    "explorer": "teaching.explorer",
})  # fmt: skip
