"""CreditDecoding: tokens that were predicted before need less confidence to be committed.

[wang-2026-creditdecoding]; the chapter is ``notebooks/decoding/credit_decoding.ipynb``.

1. `account`: the credit of a token, its update and its fusion with the logits.
2. `decoder`: threshold decoding on fused logits, block after block.

Then `theory` (how far below the threshold credit reaches), `variants` (rewards, constants,
selectors), `fast` (credit without a table), `experiments`, `teaching`, and `entrants`, which
`paralg.decoding.arena` finds by itself.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "PAPER": "account", "RELEASED": "account", "TraceCredit": "account",
    "CreditSession": "decoder", "decode_with_credit": "decoder",
    "first_look": "theory", "floor": "theory", "standing_floor": "theory",
    "time_to_commit": "theory",
    "AdaptiveCredit": "variants", "FullCredit": "variants",
    "SparseCredit": "fast.sparse", "warm": "fast.compiled",
    "explorer": "teaching.explorer",
})  # fmt: skip
