"""Shipped records: agreement on every arithmetic, digests of every engine, seconds by cores.

``python -m paralg.kernels.pulp_kernels.experiments.records NAME ...`` makes them again.
"""

import json
from pathlib import Path

import paralg.kernels.pulp_kernels as pk
from paralg.core.engine.digests import digests_by_engine
from paralg.core.records import Records
from paralg.kernels.pulp_kernels.experiments.runs import agreement, digest

__all__ = ["records"]

COUNTS = {"logistic regression": 597, "linear SVM": 597, "SVM of pairs": 100, "RBF SVM": 100,
          "naive Bayes": 597, "neighbours": 100, "k-means": 1797, "tree": 597,
          "forest": 597}  # fmt: skip
"""Inputs of each kernel; k-means has the 1,797 digits for points."""


def parity():
    """Count answers equal to scikit-learn's by kernel and arithmetic, on one core and on eight."""
    return {name: {"of": count} | {
        words: [agreement(name, pk.Team(p, pk.arithmetic(words)), count) for p in (1, 8)]
        for words in ("float64", "float32", "soft")} for name, count in COUNTS.items()}  # fmt: skip


def engines():
    """Return digests on this process, worker processes, a Dask cluster and MPI ranks."""
    given = ((1, "processes"), (2, "processes"), (3, "processes"), (2, "dask"))
    found = {"this process": digest(), "cores backwards": digest(order=range(7, -1, -1))}
    return found | digests_by_engine(digest, given, digest.__module__)



def seconds():
    """Return median and note of all that the benchmark recorded, by its tables, sizes, methods."""
    path = Path(__file__).parents[4] / "benchmarks" / "results" / "pulp_kernels.json"
    found: dict = {}
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        sizes = found.setdefault(row["bench"], {}).setdefault(str(row["size"]), {})
        sizes[row["method"]] = float(f"{row['seconds']:.4g}"), row["note"]
    return found


records = Records(Path(__file__).with_name("records"),
                  {"parity": parity, "engines": engines, "seconds": seconds})  # fmt: skip

if __name__ == "__main__":
    records.main()
