"""What takes long to find: ``python -m paralg.rounds.mpirigen.experiments.records``."""

from collections import Counter
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.rounds.mpirigen.experiments import baselines, moves, runs
from paralg.rounds.mpirigen.experiments.execute import judge
from paralg.rounds.mpirigen.labels import strip
from paralg.rounds.mpirigen.metric import averages, score
from paralg.rounds.mpirigen.texts import prompt
from paralg.rounds.mpirigen.variants import legal

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
    for behind, ahead in WINDOWS:
        write, rows = baselines.Majority(corpus, behind, ahead), []
        for _, program in runs.fresh():
            lines, calls = strip(program)
            rows.append(score(calls, write(lines)))
        found[f"{behind} + {ahead}"] = {k: round(v, 4) for k, v in averages(rows).items()}
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


def grammar() -> dict:
    """Verdicts before and after the typestate of MPI has set the written calls right."""
    found = {}
    for name in ("append", "held-append"):
        write, words = runs.writer(runs.load(name), name), {"as written": [], "set right": []}
        changed = 0
        for _, program in runs.fresh("held" in name)[: runs.RUN]:
            lines, _ = strip(program)
            calls = write(lines)
            fixed = legal(calls, lines)
            words["as written"].append(judge(program, calls).word)
            words["set right"].append(judge(program, fixed).word)
            changed += {c.text for c in fixed} != {c.text for c in calls}
        found[name] = {key: dict(Counter(some)) for key, some in words.items()}
        found[name]["changed"] = changed
    return found


MAKERS = (retrieval, windows, counts, grammar)
records = Records(Path(__file__).with_name("records"),
                  {make.__name__: make for make in MAKERS} | {"moves": moves.verdicts})  # fmt: skip

if __name__ == "__main__":
    records.main()
