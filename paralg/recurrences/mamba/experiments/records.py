"""Records of the chapter's page: ``python -m paralg.recurrences.mamba.experiments.records``."""

from pathlib import Path

from paralg.core.records import Records
from paralg.recurrences.mamba.experiments.runs import InductionHeads, load
from paralg.recurrences.mamba.experiments.scores import accuracy, ngram_bits

__all__ = ["contexts", "distances", "records"]


def distances(size: int = 8192, asked: tuple[int, ...] = (64, 1024, 4096, 8000)) -> dict:
    """Return right answers by the distance back to the marker, in texts of one size, 24 each."""
    task, found = InductionHeads(), {}
    for name in ("induction", "induction-mixed"):
        model = load(name)
        shares = (accuracy(model, task, rows=24, size=size, distance=d).token for d in asked)
        found[name] = {str(d): round(share, 4) for d, share in zip(asked, shares, strict=True)}
    return found


def contexts() -> dict:
    """Return bits a character of counts in contexts of one to five characters, by split."""
    return {str(order): {split: round(ngram_bits(order, split=split), 6)
                         for split in ("test", "validation")}
            for order in range(1, 6)}  # fmt: skip


MAKERS = {"distances": distances, "contexts": contexts}
records = Records(Path(__file__).with_name("records"), MAKERS)

if __name__ == "__main__":
    records.main()
