"""What takes long to find: ``python -m paralg.rounds.mpirigen.experiments.records``."""

import json
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.rounds.mpirigen.experiments import baselines, moves, runs
from paralg.rounds.mpirigen.labels import strip
from paralg.rounds.mpirigen.metric import averages, score
from paralg.rounds.mpirigen.texts import prompt

__all__ = ["records"]

WINDOWS = ((1, 0), (2, 0), (4, 0), (1, 1), (2, 2), (4, 4))


def retrieval() -> dict:
    """Scores and verdicts of both baselines, on fresh programs and on families held out."""
    found = {}
    for held in (False, True):
        corpus = [program for _, program in runs.trained(held)]
        for kind in (baselines.Nearest, baselines.Majority):
            name = f"{'held ' * held}{kind.__name__.lower()}"
            found[name] = runs.evaluate(kind(corpus), held)
    return found


def windows() -> dict:
    """Scores of the majority that sees so many lines behind the gap and before it."""
    corpus, found = [program for _, program in runs.trained()], {}
    parts = [strip(program) for _, program in runs.fresh()]
    for behind, ahead in WINDOWS:
        write = baselines.Majority(corpus, behind, ahead)
        means = averages([score(calls, write(lines)) for lines, calls in parts])
        found[f"{behind} + {ahead}"] = {k: round(v, 4) for k, v in means.items()}
    return found


def counts() -> dict:
    """Mean lines, symbols of the prompt and of the answer, and model calls, by form."""
    found = {}
    for name in ("append", "in-place"):
        network, rows = runs.load(name), []
        for _, program in runs.fresh()[:32]:
            lines, _ = strip(program)
            done = runs.write_all(network, name, lines)
            rows.append((len(lines), len(prompt(lines)), done.written, done.model_calls))
        keys = ("lines", "prompt", "written", "model calls")
        found[name] = dict(zip(keys, np.mean(rows, axis=0).round(2).tolist(), strict=True))
    return found


def official() -> dict:
    """What ``benchmarks.mpirigen_published`` found: it needs a clone of the authors' repository."""
    return json.loads((records.folder / "official.json").read_text())


MAKERS = (official, retrieval, windows, counts)
records = Records(Path(__file__).with_name("records"),
                  {make.__name__: make for make in MAKERS} | {"moves": moves.verdicts})  # fmt: skip

if __name__ == "__main__":
    records.main()
