"""The comparison's runs: every mixer on every task, the same steps, batch and rate for all.

    python -m paralg.recurrences.compared.experiments.runs recall-mamba --seed 0
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.recurrences.compared.mixers import MIXERS, network
from paralg.sequence import Batch, Drift, Recall, SequenceModel, Tracking, answers
from paralg.training import Plan, Runs

__all__ = ["KEPT", "PER_POSITION", "RUNS", "SIZES", "TASKS", "evaluate", "load", "log", "logs"]

TASKS = {"recall": Recall(), "tracking": Tracking(), "drift": Drift()}
SIZES = {"recall": (2, 4, 8, 16, 24, 32), "tracking": (32, 64, 128), "drift": (2, 4)}
"""Sizes at which a trained model is scored: pairs, tokens, segments."""
PER_POSITION = {"tracking": 128, "drift": 2}
"""Size at which the score of every single position is kept, where positions are the question."""
PLANS = {
    f"{task}-{mixer}": Plan(f"{task}-{mixer}", 3000 if task == "recall" else 2000, rate=2e-3)
    for task in TASKS
    for mixer in MIXERS
}
KEPT = tuple(f"{task}-{mixer}-0" for task in PER_POSITION for mixer in MIXERS)
"""Runs whose weights ship, rounded to float16; of the others the log does."""
_ROWS = 32


def build(name: str, seed: int) -> SequenceModel:
    """Return the untrained model of a plan, ``TASK-MIXER``."""
    kind, mixer = name.split("-")
    task = TASKS[kind]
    return network(mixer, task.inputs, task.outputs, tokens=task.tokens, seed=seed)


def _loss(name: str):
    task = TASKS[name.split("-")[0]]

    def loss(model, rng, step):
        batch = task.draw(_ROWS, rng)
        outputs = model(batch.inputs)
        score = task.score(outputs.detach(), batch).mean().item()
        return task.loss(outputs, batch), {"score": score}

    return loss


def evaluate(
    model: SequenceModel, kind: str, size: int, *, rows: int = 256, seed: int = 1
) -> NDArray[np.float32]:
    """Score a model on fresh rows of one size, in ⌈rows / 64⌉ calls of it.

    Parameters
    ----------
    model : SequenceModel
    kind : str
        A key of ``TASKS``.
    size : int
        Pairs, tokens or segments; ValueError for one that the task does not have.
    rows, seed : int
        Rows, and the random stream they come from, which training never draws from.

    Returns
    -------
    ndarray, shape (k,)
        Share of right answers, or mean relative squared error, at each asked position.

    Examples
    --------
    >>> model = network("gru", TASKS["tracking"].inputs, TASKS["tracking"].outputs)
    >>> evaluate(model, "tracking", 5).shape
    (5,)
    """
    checks.instance("model", model, SequenceModel)
    task = TASKS[checks.one_of("kind", kind, TASKS)]
    checks.integer("rows", rows, 1), checks.integer("size", size, 1), checks.integer("seed", seed)
    batch = task.draw(rows, np.random.default_rng([seed, size, 2**31]), size=size)
    said = answers(model, batch)
    return task.score(said, Batch(said, batch.targets)).mean(0).numpy()


def score(model: SequenceModel, name: str) -> dict[str, float]:
    """Return the mean score at each of the task's ``SIZES``."""
    kind = name.split("-")[0]
    return {str(n): round(float(evaluate(model, kind, n).mean()), 4) for n in SIZES[kind]}


def positions(model: SequenceModel, name: str) -> dict[str, list[float]]:
    """Return the score at every position of sequences of the size in ``PER_POSITION``, if any."""
    kind = name.split("-")[0]
    found = evaluate(model, kind, PER_POSITION[kind]).tolist() if kind in PER_POSITION else []
    return {"positions": [round(one, 4) for one in found]}


RUNS = Runs(
    Path(__file__).with_name("weights"), PLANS, build, _loss, score, kept=KEPT, half=True,
    facts=positions,
)  # fmt: skip
load, log, logs = RUNS.load, RUNS.log, RUNS.logs

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.recurrences.compared.experiments.runs"))
