"""MineWorld: diagonal decoding of the frames of a world that answers actions.

[guo-2025-mineworld], [ye-2025-diagonal]; the chapter is ``notebooks/decoding/mineworld.ipynb``.

1. `schedule`: the wavefront, which call generates which cell, and what a cell sees.
2. `layout`: a stream of frames and actions as slots, with stand-ins and refreshes.
3. `decoder`: one call a diagonal; raster order is the widest row offset.

Then `theory` (Markov meshes: where diagonals are exact, what they lose elsewhere), `variants`
(playing frame by frame, the released attention over empty places), `fast` (a static cache),
`experiments` (worlds, action tokens of the paper's game, trained networks, records, peers),
`teaching`, and `entrants` for the arena.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Wavefront": "schedule",
    "StreamShape": "layout", "lay_out": "layout",
    "decode": "decoder", "exponential_race": "decoder",
    "released": "variants", "roll_out": "variants",
    "Mesh": "theory", "simulate": "theory",
    "explorer": "teaching.explorer",
})  # fmt: skip
