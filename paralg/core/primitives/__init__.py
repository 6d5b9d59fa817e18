"""Map, reduce, scan, segmented scan and pack over any associative operator, each run counted."""

from paralg.core.primitives.counts import (
    blelloch_counts,
    brent_kung_counts,
    chunked_counts,
    kogge_stone_counts,
    reduce_counts,
    scan_counts,
    sequential_counts,
)
from paralg.core.primitives.elementwise import (
    MapResult,
    PackResult,
    ReduceResult,
    pack,
    pmap,
    reduce,
)
from paralg.core.primitives.operators import ADD, AFFINE, MAX, MIN, MUL, Operator, segmented
from paralg.core.primitives.scans import METHODS, ScanResult, scan, segmented_scan

__all__ = [
    "ADD", "AFFINE", "MAX", "METHODS", "MIN", "MUL", "MapResult", "Operator", "PackResult",
    "ReduceResult", "ScanResult", "blelloch_counts", "brent_kung_counts", "chunked_counts",
    "kogge_stone_counts", "pack", "pmap", "reduce", "reduce_counts", "scan", "scan_counts",
    "segmented", "segmented_scan", "sequential_counts",
]  # fmt: skip
