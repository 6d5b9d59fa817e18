"""Attention as an RNN: softmax attention with a fixed query is a recurrence, and scans in parallel.

The reading order:

1. `monoid`: what is kept of a set of tokens, and how two sets are joined.
2. `attention`: one scan of that operator gives attention over every prefix.
3. `streaming`: the same by a recurrent cell, or block by block.
4. `layer`: the query is learned, and torch trains it.

Then `theory` (gate, gradient, counts), `variants` (decay; forms that fail), `fast` (torch tensors:
scans, blocks, a fused kernel), `experiments` (the trained models) and `teaching`.
Nothing here imports torch or numba before a name is used that needs them.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "SOFTMAX": "monoid", "empty": "monoid", "leaves": "monoid", "read": "monoid",
    "AttentionResult": "attention", "prefixes": "attention",
    "cell": "streaming", "stream": "streaming", "stream_blocks": "streaming",
    "Aaren": "layer",
    "acting_parameters": "theory", "attend": "theory",
    "block_parameters": "theory", "cells": "theory", "gated": "theory", "gates": "theory",
    "gradients": "theory", "state_numbers": "theory", "weights": "theory",
    "decayed": "variants", "unstable_stream": "variants",
    "prefix_attention": "fast.prefix", "warm": "fast.kernel",
    "AarenConfig": "experiments.model", "build_model": "experiments.model",
    "load": "experiments.runs", "log": "experiments.runs", "logs": "experiments.runs",
    "explorer": "teaching.explorer",
})  # fmt: skip
