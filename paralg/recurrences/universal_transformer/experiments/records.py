"""Scores of trained models that take long, as shipped records.

python -m paralg.recurrences.universal_transformer.experiments.records [NAME ...]
"""

from pathlib import Path

from paralg.core.records import Records
from paralg.recurrences.universal_transformer.experiments.evaluate import (
    by_distance,
    string_accuracy,
)
from paralg.recurrences.universal_transformer.experiments.models import Seq2Seq
from paralg.recurrences.universal_transformer.experiments.runs import RECIPES, load
from paralg.recurrences.universal_transformer.experiments.tasks import Reachability, StringTask

__all__ = ["records"]


def rounds() -> dict[str, dict[str, float]]:
    """Share of right answers of the network of fixed depth, by rounds and distance."""
    model, task, shares = load("reach-fixed"), Reachability(nodes=30), {}
    for t in (1, 2, 3, 5, 7, 9, 12, 14, 16, 20):
        found = by_distance(model, task, graphs=100, steps=t)
        shares[t] = dict(zip(found.distance.tolist(), found.right.round(4).tolist(), strict=True))
    return shares


def numberings() -> dict[str, dict[str, float]]:
    """Share of right characters of reversed strings by the copying network, by length and index."""
    writer = load("copy-ut")
    return {
        how: {n: _right(writer, StringTask("reverse", how), n) for n in (10, 20, 40)}
        for how in ("start", "end")
    }


def steps() -> dict[str, dict[str, float]]:
    """Share of right characters by the number of steps, for a network and a length."""
    return {
        name: {t: _right(load(name), RECIPES[name].task, n, steps=t) for t in (*range(1, 7), 8, 16)}
        for name, n in (("copy-ut", 20), ("add-ut", 10))
    }


def _right(model: Seq2Seq, task: StringTask, length: int, **options) -> float:
    return round(string_accuracy(model, task, length, rows=50, **options)[0], 4)


MAKERS = {"rounds": rounds, "numberings": numberings, "steps": steps}
records = Records(Path(__file__).with_name("records"), MAKERS)

if __name__ == "__main__":
    records.main()
