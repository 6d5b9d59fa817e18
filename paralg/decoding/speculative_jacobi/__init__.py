"""Speculative Jacobi decoding: many tokens of a sample from each forward, without training.

[teng-2025-accelerating]; the chapter is ``notebooks/decoding/speculative_jacobi.ipynb``.

1. `acceptance`: keep a draft or repair it, so that the result has the wanted distribution.
2. `initialisers`: where the first draft of a position comes from.
3. `decoder`: fill the window, one forward, verify, redraw, slide.

Then `theory` (how many tokens to expect), `variants` (other treatments of unreached drafts, plain
Jacobi iteration and its fixed point), `experiments` (handwritten digits), `teaching`, and
`entrants`, which `paralg.decoding.arena` finds by itself.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "speculative_jacobi": "decoder", "Initialiser": "initialisers",
    "overlap": "acceptance", "residual": "acceptance",
    "coincidence": "theory", "expected_tokens": "theory", "forward_bounds": "theory",
    "verified": "theory",
    "coupled": "variants", "extended": "variants", "fixed_point": "variants", "kept": "variants",
    "matched": "variants", "relabelled": "variants",
    "explorer": "teaching.explorer",
})  # fmt: skip
