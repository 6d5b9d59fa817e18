"""Shipped models: ``NAME-SEED.safetensors`` and ``NAME-SEED.json``, the log of its training.

Of runs that failed to learn, only the log is shipped: it is the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paralg.models import training
from paralg.recurrences.mamba.evaluate import accuracy, bits_per_character, length_curve
from paralg.recurrences.mamba.model import MambaLM
from paralg.recurrences.mamba.recipes import recipe
from paralg.recurrences.mamba.tasks import Text

__all__ = ["FOLDER", "Trained", "available", "load", "log", "logs", "save", "score"]

FOLDER = Path(__file__).with_name("weights")


@dataclass(frozen=True)
class Trained:
    """A model and how it came about.

    Parameters
    ----------
    model : MambaLM
    log : dict
        Recipe, seed, curve of the loss, versions, CPU seconds and, once saved, scores and hash.
    """

    model: MambaLM
    log: dict


def available(folder: Path | str = FOLDER) -> list[str]:
    """List the runs in a folder that kept their weights, as ``NAME-SEED``."""
    return training.available(folder)


def log(name: str, seed: int = 0, folder: Path | str = FOLDER) -> dict:
    """Return the log of a run; ValueError where there is none."""
    return training.log(folder, name, seed)


def logs(name: str, folder: Path | str = FOLDER) -> list[dict]:
    """Return the logs of all seeds of a run, in order; ValueError where there is none."""
    return training.logs(folder, name)


def load(name: str, seed: int = 0, folder: Path | str = FOLDER) -> Trained:
    """Return a shipped model, ready to run.

    Parameters
    ----------
    name : str
        Of a recipe.
    seed : int
    folder : path

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        No such run, or one of which only the log was kept.
    OSError
        The weights are not those of the log.
    """
    training.log(folder, name, seed)  # refuses a name before it is looked up among the recipes
    model = MambaLM(recipe(name).config)
    record = training.load(model.backbone, folder, name, seed)  # the head is the embedding
    return Trained(model.eval(), record)


def save(trained: Trained, folder: Path | str = FOLDER) -> str:
    """Score a model, write weights and log, and return a line that says how it scored."""
    return training.save(trained.model.backbone, trained.log, score(trained), folder)


def score(trained: Trained) -> dict:
    """Measure a model on its own task.

    Returns
    -------
    dict
        ``bits`` per character; or ``token`` and ``row``, shares of right tokens and of rows without
        a mistake, and ``lengths``, the share of right tokens at each length tested.
    """
    plan = recipe(trained.log["recipe"])
    if isinstance(plan.task, Text):
        return {"bits": round(bits_per_character(trained.model), 4)}
    right = accuracy(trained.model, plan.task)
    curve = length_curve(trained.model, plan.task, plan.tested)
    lengths = {str(n): round(share, 4) for n, share in zip(plan.tested, curve, strict=True)}
    return {"token": round(right.token, 4), "row": round(right.row, 4), "lengths": lengths}
