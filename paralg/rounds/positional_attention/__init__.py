r"""Positional attention: who reads whom depends on positions only, so a layer is a round.

The paper is Back De Luca et al., "Positional Attention: Expressivity and Learnability of
Algorithmic Computation" [backdeluca-2025-positional]. The reading order:

1. `layer`: the model, its attention from positions.
2. `wiring`: a table of sources as queries and keys; the leak of a softmax.
3. `programs`: parallel algorithms as rounds with fixed wires, and two scans.

Then `fast` (a program compiled into weights; attention computed once), `variants` (the standard
and the rotary baseline; blocks, sorting, routing), `theory` (layers, parameters, the law of
errors), `experiments` (tasks, runs, measures) and `teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "PositionalAttention": "layer", "PositionalTransformer": "layer", "Shape": "layer",
    "leak": "wiring", "wire": "wiring",
    "Round": "programs", "RoundProgram": "programs", "RoundRun": "programs",
    "bitonic_sort": "variants", "max_subarray": "variants", "prefix_minima": "programs",
    "prefix_sums": "programs", "routed": "variants", "run_rounds": "programs",
    "Form": "fast.compiler", "compile_program": "fast.compiler", "perceptron_of": "fast.compiler",
    "RotaryTransformer": "variants", "StandardTransformer": "variants", "benes": "variants",
    "benes_settings": "variants", "max_subarray_shallow": "variants", "min_of_sums": "variants",
    "benes_layers": "theory", "error_growth": "theory",
    "parameters": "theory", "routing_layers": "theory", "scan_layers": "theory",
    "sort_layers": "theory",
    "FrozenMixing": "fast.frozen", "FrozenTransformer": "fast.frozen",
    "explorer": "teaching.explorer",
})  # fmt: skip
