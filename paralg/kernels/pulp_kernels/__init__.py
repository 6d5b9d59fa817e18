"""Classical classifiers on eight small cores [tabanelli-2023-dnn].

1. `team`: fork, join, reduce on p cores; what every core did is counted.
2. `kernels`: linear models, naive Bayes, neighbours, k-means, trees, each cut along its own axis.
3. `theory`: prices of loops as they were measured, cycles, bounds.
4. `variants`: soft float with flags and modes, kernel machines, probabilities.

Below them lies `fast`: soft float in integers and the arithmetics, trees as arrays, and batches in
compiled loops. `experiments` holds models, measured prices, runs and records.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Team": "team", "Inference": "team", "Phase": "team",
    "linear": "kernels", "naive_bayes": "kernels", "neighbours": "kernels",
    "centroids": "kernels", "forest": "kernels",
    "arithmetic": "fast.arithmetic", "Trees": "fast.operands", "rounded_down": "fast.operands",
    "soft": "fast.words", "batch": "fast.batch", "batch_centroids": "fast.batch",
    "packed": "fast.batch", "warm": "fast.batch", "Cluster": "theory", "prices": "theory",
    "counted_steps": "theory", "rounded_operation": "variants", "kernel_machine": "variants",
    "probabilities": "variants", "explorer": "teaching.explorer",
})  # fmt: skip
