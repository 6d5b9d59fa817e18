"""Doubling rounds, early rejection of EOS, and training along the trajectory that was decoded.

[yang-2025-taming]; the chapter is ``notebooks/decoding/consistency_trajectory.ipynb``.

1. `schedule`: sizes of the rounds, the factors of EOSER, and the decoder.
2. `trajectory`: many rows decoded together, stored and replayed.
3. `objectives`: advantages, likelihoods at the stored states, the clipped loss (needs torch).

Then `theory` (price of a round, length of greedy answers, exact gradients of small policies),
`variants` (equal rounds, random order, blocks; likelihoods of one-step and d1), `experiments`
(policies, tables and networks, that are tuned), `teaching`, and `entrants`, which
`paralg.decoding.arena` finds by itself.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Eoser": "schedule", "ascending": "schedule", "ascending_factors": "schedule",
    "doubling": "schedule", "linear_factors": "schedule",
    "Trajectory": "trajectory", "replay": "trajectory", "rollout": "trajectory",
    "advantages": "objectives", "log_probabilities": "objectives", "mean_weights": "objectives",
    "sum_weights": "objectives", "trajectory_loss": "objectives",
    "LengthModel": "theory", "all_paths": "theory", "cosine": "theory", "greedy_length": "theory",
    "parallel_distribution": "theory",
    "AtRandom": "variants", "PerBlockSession": "variants", "blocks": "variants",
    "from_traces": "variants", "masked_prompt": "variants", "one_step": "variants",
    "uniform": "variants",
    "explorer": "teaching.explorer",
})  # fmt: skip
