"""Parallel algorithms of forty-two papers, implemented in full and counted."""

__version__ = "0.1.0"

PARTS = (
    "kernels", "recurrences", "rounds", "decoding", "scaling", "learning", "discovery",
    "foundations",
)  # fmt: skip
