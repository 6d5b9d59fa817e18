"""Our evaluator on the published predictions: ``python -m …official FOLDER``.

FOLDER is a clone of the authors' repository, ``Scientific-Computing-Lab/MPI-rigen``. It has no
licence, so nothing of it is shipped but the numbers that this module returns.
"""

import csv
import json
import sys
from pathlib import Path

from paralg.rounds.mpirigen.variants import published_table

__all__ = ["compare"]

_RESULTS = Path("MonoCoder", "final_results", "MPI-rigen")


def compare(folder: Path) -> dict:
    """Return rows compared, those within 1e-6 in all columns, the largest difference, examples.

    There are three tolerances, all calls or those of the common core, and a row for each limit.
    """
    results = Path(folder) / _RESULTS
    texts = (results / "bpe_1000_examples.jsonl").read_text().splitlines()
    pairs = [(one["label"], one["pred"]) for one in map(json.loads, texts)]
    rows = same = 0
    largest, found = 0.0, {}
    for variance in range(3):
        for core in (False, True):
            ours = published_table(pairs, variance, core)
            name = f"scores_var_{variance}{'_MCC' if core else ''}.csv"
            with open(results / name, newline="") as lines:
                theirs = list(csv.reader(lines))[1:]
            for limit, *cells in theirs:
                row = ours[int(float(limit)) - 1]
                gaps = [abs(float(b or "nan") - a) if b else 0.0 if a != a else 1.0
                        for a, b in zip(row, cells, strict=True)]  # fmt: skip
                rows, same, largest = rows + 1, same + (max(gaps) < 1e-6), max(largest, *gaps)
            found[f"v = {variance}{', core' if core else ''}"] = [round(x, 3) for x in ours[-1]]
    return {"examples": len(pairs), "rows": rows, "same": same, "largest": float(f"{largest:.1g}"),
            "tables": found}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(compare(Path(sys.argv[1])), indent=1))
