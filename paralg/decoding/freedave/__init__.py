"""Free draft-and-verification: lossless parallel decoding for masked diffusion models.

[wu-2025-free]; the chapter is ``notebooks/decoding/freedave.ipynb``.

1. `drafting`: what static decoding would look like after 1, 2, …, d more steps.
2. `verification`: how far the drafts agree with what the model says of them.
3. `decoder`: draft, send, verify, move, block after block.

Then `theory` (how many forwards a sequence needs), `variants` (several anchors), `teaching`, and
`entrants`, which `paralg.decoding.arena` finds by itself.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "freedave": "decoder", "freedave_plus_plus": "decoder",
    "agreement_matrix": "verification", "verify": "verification",
    "verify_looped": "verification",
    "fewest_forwards": "theory", "greedy_forwards": "theory", "greedy_rows": "theory",
    "landings": "theory", "reach": "theory", "union_forwards": "theory",
    "multi_anchor": "variants",
    "explorer": "teaching.explorer",
})  # fmt: skip
