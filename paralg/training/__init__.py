"""How every trained chapter trains: one loop, one bookkeeping of its runs.

1. `loop`: a `Plan` says how long and how fast; `train` follows it, can be interrupted, and repeats
   itself bit by bit.
2. `runs`: `Runs` is all that a chapter ships: its plans, models, losses, scores, and the files.
3. `files`: weights and logs, written whole and checked when they are read.
4. `memory`: `saved_tensors`, what a forward pass keeps for the backward pass; `peak_bytes`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Plan": "loop", "TrainingRun": "loop", "decay_groups": "loop", "train": "loop",
    "Runs": "runs",
    "peak_bytes": "memory", "saved_tensors": "memory",
    "read_weights": "files", "write_weights": "files", "write_whole": "files",
})  # fmt: skip
