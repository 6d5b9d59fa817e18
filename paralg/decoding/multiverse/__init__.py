"""Multiverse: text that forks and joins itself, over one log of keys and values.

[yang-2025-multiverse]; the chapter is ``notebooks/decoding/multiverse.ipynb``.

1. `grammar`: blocks of goal, paths and conclusion; the attention mask and the position ids.
2. `engine`: tags that the model writes fork and join its own generation.

Then `theory` (the graph behind a text, work, span, calls, break-even), `variants` (other places,
joins that compute again), `fast` (the network in fewer operations), `experiments` (tasks, a model
that speaks a text, networks, curator, satisfiability), `teaching`, and `entrants` for the arena.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Layout": "grammar", "TAGS": "grammar", "Vocabulary": "grammar", "parse": "grammar",
    "Written": "engine", "multiverse": "engine",
    "Reversal": "theory", "calls": "theory", "cost_of": "theory",
    "explorer": "teaching.explorer",
})  # fmt: skip
