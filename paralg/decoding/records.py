"""The tables of the arena page, as shipped records: ``python -m paralg.decoding.records``."""

from functools import partial
from pathlib import Path

from paralg.core.records import Records
from paralg.decoding.arena import compete
from paralg.decoding.tiers import tier

__all__ = ["PROBLEMS", "records"]

PROBLEMS = {"tables": 20, "sudoku": 20, "addition": 10, "text": 2}


def _compete(name: str) -> dict:
    return compete(tier(name, PROBLEMS[name]))


records = Records(
    Path(__file__).with_name("records"), {name: partial(_compete, name) for name in PROBLEMS}
)

if __name__ == "__main__":
    records.main()
