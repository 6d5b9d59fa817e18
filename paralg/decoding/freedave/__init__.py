"""Free draft-and-verification: lossless parallel decoding for masked diffusion models.

[wu-2025-free]; the chapter is ``notebooks/decoding/freedave.ipynb``.
"""

from paralg.decoding.freedave.anchors import multi_anchor
from paralg.decoding.freedave.decoder import freedave, freedave_plus_plus
from paralg.decoding.freedave.explorer import explorer
from paralg.decoding.freedave.reach import (
    fewest_forwards,
    greedy_forwards,
    greedy_rows,
    landings,
    reach,
    union_forwards,
)
from paralg.decoding.freedave.verify import agreement_matrix, verify, verify_looped

__all__ = [
    "agreement_matrix", "explorer", "fewest_forwards", "freedave", "freedave_plus_plus",
    "greedy_forwards", "greedy_rows", "landings", "multi_anchor", "reach", "union_forwards",
    "verify", "verify_looped",
]  # fmt: skip
