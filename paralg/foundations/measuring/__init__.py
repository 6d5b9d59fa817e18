"""Page 3, measuring honestly.

The reading order:

1. `recording`: real timings with a known truth, and how they were made.
2. `teaching`: exercises, quiz and explorer.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "PASSES": "recording", "Recording": "recording", "load_recording": "recording",
    "neighbour": "recording", "record": "recording", "explorer": "teaching.explorer",
})  # fmt: skip
