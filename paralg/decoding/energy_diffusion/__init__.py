"""Candidates drawn in parallel from independent guesses, one kept by a sequence-level energy.

[xu-2025-energy]; the chapter is ``notebooks/decoding/energy_diffusion.ipynb``.

1. `energies`: the residual energy of a whole candidate, from an autoregressive model.
2. `sampler`: absorbing diffusion; draw k candidates, weigh them, keep one, mask most of it again.
3. `nce`: the same energy learned without such a model, by noise-contrastive estimation (torch).

Then `theory` (estimates of log Z, the exact distribution of finite k), `variants` (plain diffusion,
and what goes wrong: sign, commitment, positions), `fast` (many sequences in one call),
`experiments` (exact posteriors and bounds on tables, Sudoku, text, trained energies), `teaching`,
and `entrants`, which `paralg.decoding.arena` finds by itself.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Autoregressive": "energies", "CarryOver": "energies", "Energy": "energies",
    "energy_diffusion": "sampler", "importance_weights": "sampler",
    "NoiseContrastive": "nce",
    "PartitionBounds": "theory", "bias": "theory", "effective_samples": "theory",
    "log_partition": "theory", "reported_nats": "theory", "resampled": "theory",
    "sandwich": "theory",
    "masked_diffusion": "variants", "per_position": "variants", "whole": "variants",
    "wrong_sign": "variants",
    "energy_diffusion_batch": "fast.batched",
    "explorer": "teaching.explorer",
})  # fmt: skip
