"""One figure style, the recurring figures, and explorers that run without a kernel."""

from paralg.figures.explorer import Explorer
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
    rc,
    use,
)

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "MARKS",
    "MEANINGS",
    "ORANGE",
    "PALETTE",
    "PURPLE",
    "SKY",
    "VERMILION",
    "YELLOW",
    "Explorer",
    "Listing",
    "rc",
    "show_source",
    "use",
]
