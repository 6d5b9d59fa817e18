"""One figure style, the recurring figures, and explorers that run without a kernel.

What draws takes matplotlib's Axes first, and returns them.
"""

from paralg.figures.charts import speedup, work_span
from paralg.figures.explorer import Explorer
from paralg.figures.networks import scan_network, tree
from paralg.figures.source import Listing, show_source
from paralg.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MARKS,
    MEANINGS,
    ORANGE,
    PALETTE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    ink,
    rc,
    use,
)
from paralg.figures.table import Table
from paralg.figures.traces import gantt, raster, rasters
from paralg.figures.words import alt_text, name_lines

__all__ = [
    "BLACK", "BLUE", "GREEN", "GREY", "MARKS", "MEANINGS", "ORANGE", "PALETTE", "PURPLE", "SKY",
    "VERMILION", "YELLOW", "Explorer", "Listing", "Table", "alt_text", "gantt", "ink",
    "name_lines", "raster", "rasters", "rc", "scan_network", "show_source", "speedup", "tree",
    "use", "work_span",
]  # fmt: skip
