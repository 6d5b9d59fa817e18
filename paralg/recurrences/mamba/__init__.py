"""Mamba: a selective state-space model as a linear recurrence that is scanned in parallel.

1. `recurrence`: the operands, how steps become discrete, the recurrence as a loop and as a scan.
2. `config`: the sizes of a model.
3. `block`: what makes step size, B and C from a token; the block, parallel and stepwise.
4. `model`: the language model of such blocks.

Then `theory` (gates, kernels, gradient, bytes), `variants` (what is selective, complex rates, exact
hold, other forms of the block), `fast` (one operator for tensors, every way to compute it),
`experiments` (tasks, scores, trained models) and `teaching`.
Nothing here imports torch or numba before a name is used that needs them.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Operands": "recurrence", "ScanRun": "theory", "discretise": "recurrence",
    "linear_states": "theory", "phi": "theory", "selective_scan_loop": "recurrence",
    "selective_scan_reference": "fast.counted",
    "MambaConfig": "config",
    "BlockState": "block", "MambaBlock": "block",
    "MambaLM": "model", "RMSNorm": "model",
    "Traffic": "theory", "aligned_kernels": "theory", "convolve": "theory",
    "convolve_fft": "theory", "gated_recurrence": "theory", "lag_matrix": "theory",
    "lti_kernel": "theory", "reverse_states": "theory", "saved_tensors": "theory",
    "traffic": "theory",
    "VariantConfig": "variants", "VariantLM": "variants", "variant_block": "variants",
    "linear_scan": "fast.scan", "selective_scan": "fast.scan", "selective_scan_fn": "fast.scan",
    "warm": "fast.compiled",
    "generate": "experiments.generation", "step_sizes": "experiments.generation",
    "InductionHeads": "experiments.tasks", "SelectiveCopying": "experiments.tasks",
    "Text": "experiments.tasks",
    "accuracy": "experiments.scores", "bits_per_character": "experiments.scores",
    "curve_rows": "experiments.scores", "length_curve": "experiments.scores",
    "ngram_bits": "experiments.scores",
    "decay_groups": "experiments.runs", "load": "experiments.runs", "log": "experiments.runs",
    "logs": "experiments.runs", "recipe": "experiments.runs",
    "explorer": "teaching.explorer",
})  # fmt: skip
