"""MPIrigen's published predictions: ``python -m benchmarks.mpirigen_published FOLDER``.

FOLDER is a clone of the authors' repository, ``Scientific-Computing-Lab/MPI-rigen``. It has no
licence, so nothing of it is shipped but the numbers that this module returns.
"""

import csv
import json
import sys
from itertools import product
from pathlib import Path

from paralg.rounds.mpirigen.experiments.records import records
from paralg.rounds.mpirigen.variants import published_table

__all__ = ["compare"]

_RECORD = records.folder / "official.json"
_RESULTS = Path("MonoCoder", "final_results", "MPI-rigen")


def compare(folder: Path) -> dict:
    """Return rows compared, those within 1e-6 in all columns, the largest difference, examples.

    There are three tolerances, all calls or those of the common core, and a row for each limit.
    """
    texts = (folder / _RESULTS / "bpe_1000_examples.jsonl").read_text().splitlines()
    pairs = [(one["label"], one["pred"]) for one in map(json.loads, texts)]
    gaps, tables = [], {}
    for v, core in product(range(3), (False, True)):
        ours = published_table(pairs, v, core)
        name = folder / _RESULTS / f"scores_var_{v}{'_MCC' if core else ''}.csv"
        for limit, *cells in csv.reader(name.read_text().splitlines()[1:]):
            both = zip(ours[int(float(limit)) - 1], cells, strict=True)
            gaps.append(max(abs(float(b) - a) if b else float(a == a) for a, b in both))
        tables[f"v = {v}{', core' if core else ''}"] = [round(x, 3) for x in ours[-1]]
    return {"examples": len(pairs), "rows": len(gaps), "same": sum(gap < 1e-6 for gap in gaps),
            "largest": float(f"{max(gaps):.1g}"), "tables": tables}  # fmt: skip


if __name__ == "__main__":
    _RECORD.write_text(json.dumps(compare(Path(sys.argv[1])), indent=1) + "\n")
