"""✎ Probabilistic partitive partitioning against what a user would pick instead: same inputs, same run."""

from __future__ import annotations

import numpy as np

if __package__ in (None, ""):  # started as a file
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import _common
from paralg.core.timing import compare
from paralg.kernels.partitive_partitioning import compiled_sum, in_sequence, tree_span, tree_work
from paralg.kernels.partitive_partitioning.experiments.peers import numpy_sum

OURS = "tree, compiled"
STANDARD = _common.Standard(
    chapter="partitive_partitioning", task="✎ Sum of n numbers", bench="✎ sum", ours=OURS, peer="numpy.sum",
    size_name="numbers", headline=2**16, counted=lambda n: tree_work(n) / tree_span(n),
    counted_name="additions of a chain over rounds of the tree",
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Time sums of several lengths."""
    rows = []
    for n in [2**8] if quick else [2**8, 2**12, 2**16]:
        xs = np.random.default_rng(0).random(n)
        methods = {OURS: lambda xs=xs: compiled_sum(xs), "chain": lambda xs=xs: in_sequence(xs),
                   "numpy.sum": lambda xs=xs: numpy_sum(xs)}  # fmt: skip
        timings = compare(methods, repeats=3 if quick else 9, threads=1, min_seconds=1e-3)
        rows += _common.rows_of(timings, "✎ sum", n, OURS, {"numpy.sum": "✎ adds in SIMD lanes"})
    return rows


def main(argv: list[str] | None = None) -> None:
    """Print the table; write ``results/partitive_partitioning.json`` and the chapter's standard speed-up."""
    _common.main(run, "partitive_partitioning", argv, STANDARD)


if __name__ == "__main__":
    main()
