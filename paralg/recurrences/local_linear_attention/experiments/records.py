"""The chapter's records; run as a module, this makes and writes them again."""

from __future__ import annotations

from pathlib import Path

from paralg.core.records import Records
from paralg.recurrences.local_linear_attention.experiments import memory, test_time

__all__ = ["records"]

records = Records(
    Path(__file__).with_name("records"),
    {"rules": test_time.rules, "widths": test_time.widths, "memory": memory.growth},
)

if __name__ == "__main__":
    records.main()
