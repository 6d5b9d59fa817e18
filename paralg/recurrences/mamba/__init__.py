"""Mamba: a selective state-space model as a linear recurrence that is scanned in parallel.

1. `recurrence`: the operands, how steps become discrete, the recurrence as a loop.
2. `block`: sizes; what makes step size, B and C from a token; the block, parallel and stepwise.
3. `model`: the language model of such blocks.

Then `theory` (one scan, gates, kernels, gradient, bytes), `variants` (what is selective, complex
rates, exact hold, other forms of the block), `fast` (one operator for tensors, every way to compute
it), `experiments` (tasks, trained models, scores, records) and `teaching`.
Nothing here imports torch or numba before a name is used that needs them.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "discretise": "recurrence", "selective_scan_loop": "recurrence",
    "BlockState": "block", "MambaBlock": "block", "MambaConfig": "block", "MambaLM": "model",
    "traffic": "theory",
    "VariantConfig": "variants", "VariantLM": "variants", "variant_block": "variants",
    "linear_scan": "fast.scan", "selective_scan": "fast.scan", "warm": "fast.compiled",
    "load": "experiments.runs", "log": "experiments.runs", "logs": "experiments.runs",
    "explorer": "teaching.explorer",
})  # fmt: skip
