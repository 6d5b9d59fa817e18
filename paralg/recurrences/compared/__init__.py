"""Five mixers in one small network, on three tasks: what a page on recurrences compares.

1. `mixers`: the five, and the network around them.
2. `theory`: what each keeps, does and waits for, counted.
3. `experiments`: the trained runs.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "MIXERS": "mixers", "network": "mixers",
    "NAMES": "theory", "needs": "theory",
    "SIZES": "experiments.runs", "TASKS": "experiments.runs", "evaluate": "experiments.runs",
    "load": "experiments.runs", "log": "experiments.runs", "logs": "experiments.runs",
    "explorer": "teaching.explorer",
})  # fmt: skip
