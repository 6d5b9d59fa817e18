"""One figure style, the recurring figures, and explorers that run without a kernel.

What draws takes matplotlib's Axes first, and returns them.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "BLACK": "style", "BLUE": "style", "GREEN": "style", "GREY": "style", "ORANGE": "style",
    "PURPLE": "style", "SKY": "style", "VERMILION": "style", "YELLOW": "style",
    "MARKS": "style", "MEANINGS": "style", "PALETTE": "style",
    "ink": "style", "rc": "style", "use": "style",
    "recorded_speedup": "speedups", "speedup": "charts", "work_span": "charts",
    "name_lines": "charts",
    "gantt": "traces", "raster": "traces", "rasters": "traces",
    "scan_network": "networks", "tree": "networks",
    "Listing": "source", "show_source": "source",
    "Explorer": "explorer", "Table": "table",
})  # fmt: skip
