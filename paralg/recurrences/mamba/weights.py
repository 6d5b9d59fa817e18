"""Shipped models: ``NAME-SEED.safetensors`` and ``NAME-SEED.json``, the log of its training.

Of runs that failed to learn, only the log is shipped: it is the result.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load as parse
from safetensors.torch import save as serialise

from paralg.models.weights import write_whole
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
    return sorted(path.stem for path in Path(folder).glob("*.safetensors"))


def log(name: str, seed: int = 0, folder: Path | str = FOLDER) -> dict:
    """Return the log of a run.

    Raises
    ------
    ValueError
        No such run; the message lists those that there are.
    """
    path = Path(folder) / f"{name}-{seed}.json"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in Path(folder).glob("*.json"))) or "none"
        raise ValueError(f"expected a run among {known}; got {path.stem!r}")
    return json.loads(path.read_text())


def logs(name: str, folder: Path | str = FOLDER) -> list[dict]:
    """Return the logs of all seeds of a run, in the order of the seeds.

    Raises
    ------
    ValueError
        There is none.
    """
    seeds = [path.stem.removeprefix(f"{name}-") for path in Path(folder).glob(f"{name}-*.json")]
    found = sorted(int(seed) for seed in seeds if seed.isdecimal())
    return [log(name, seed, folder) for seed in found] or [log(name, 0, folder)]


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
    record = log(name, seed, folder)
    path = Path(folder) / f"{name}-{seed}.safetensors"
    if not path.exists():
        raise ValueError(f"of {path.stem} only the log is kept; train it to get weights")
    blob = path.read_bytes()
    found = hashlib.sha256(blob).hexdigest()
    if found != record["sha256"]:
        raise OSError(f"{path.name}: expected SHA-256 {record['sha256']}, got {found}")
    model = MambaLM(recipe(name).config)
    model.backbone.load_state_dict(parse(blob))  # the head is the embedding
    return Trained(model.eval(), record)


def save(trained: Trained, folder: Path | str = FOLDER) -> str:
    """Score a model, write weights and log, and return a line that says how it scored."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{trained.log['recipe']}-{trained.log['seed']}"
    blob = serialise({k: v.contiguous() for k, v in trained.model.backbone.state_dict().items()})
    sha256 = hashlib.sha256(blob).hexdigest()
    record = trained.log | {"scores": score(trained), "sha256": sha256}
    write_whole(folder / f"{stem}.safetensors", blob)
    write_whole(folder / f"{stem}.json", (json.dumps(record, indent=1) + "\n").encode())
    return f"{stem}: {json.dumps(record['scores'])}, {record['cpu_seconds']} CPU seconds"


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
