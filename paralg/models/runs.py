"""What the shipped networks learn, how they are trained, and the files that came of it.

python -m paralg.models.runs NAME --seed 0

A name is data and mode, ``sudoku4-causal``.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from paralg.data import addition, digits, pydoc_text, sudoku4
from paralg.models.family import Family
from paralg.models.network import Network
from paralg.models.objectives import OBJECTIVES
from paralg.models.scores import score
from paralg.models.transformer import Transformer, TransformerConfig
from paralg.training import Plan, Runs

__all__ = [
    "FOLDER", "PLANS", "RUNS", "TASKS", "NetworkTask", "available", "load", "runs_in", "table",
]  # fmt: skip

FOLDER = Path(__file__).with_name("weights")
TEXT_LENGTH = 64
UNLABELLED = 0.1  # share of the digits that are shown without their label, for guidance
_BATCH, _BATCHES = 64, {"text-anyorder": 32}  # two streams are twice as long


@dataclass(frozen=True)
class NetworkTask:
    """Sequences of L tokens, the first few of which may be given, and the network that learns them.

    ``given`` is the least and largest number of leading tokens that are never masked, drawn per
    row; ``draw(n, rng, split)`` returns tokens of shape (n, L), of the split "train" or "test".
    """

    config: TransformerConfig
    given: tuple[int, int]
    draw: Callable[[int, np.random.Generator, str], NDArray[np.int64]]


def _draw_grids(n: int, rng: np.random.Generator, split: str) -> NDArray[np.int64]:
    """All grids belong to both splits: the distribution itself is to be learned."""
    return sudoku4.grids()[rng.integers(0, len(sudoku4.grids()), size=n)]


def _draw_digits(n: int, rng: np.random.Generator, split: str) -> NDArray[np.int64]:
    """Draw images with their label, or without one in a tenth of the cases."""
    x = digits.encode(*digits.load(split))
    x = x[rng.integers(0, len(x), size=n)]
    x[rng.random(n) < UNLABELLED, 0] = digits.NULL
    return x


TASKS = {
    "sudoku4": NetworkTask(
        TransformerConfig(V=sudoku4.SYMBOLS, L=sudoku4.CELLS), (0, 0), _draw_grids
    ),
    "addition": NetworkTask(
        TransformerConfig(V=len(addition.SYMBOLS), L=addition.LENGTH),
        (addition.PROMPT, addition.PROMPT),
        lambda n, rng, split: addition.sample(n, rng, split=split),
    ),
    "text": NetworkTask(
        TransformerConfig(V=len(pydoc_text.SYMBOLS), L=TEXT_LENGTH, width=96, rotary=True),
        (0, TEXT_LENGTH // 2),
        lambda n, rng, split: pydoc_text.windows(n, TEXT_LENGTH, rng, split=split),
    ),
    "digits": NetworkTask(
        TransformerConfig(V=digits.SYMBOLS, L=digits.LENGTH), (0, 0), _draw_digits
    ),
}

_STEPS = {
    "sudoku4-bidirectional": 2000, "sudoku4-causal": 1200, "sudoku4-anyorder": 8000,
    "addition-bidirectional": 3000, "addition-causal": 3000, "addition-anyorder": 3000,
    "text-bidirectional": 6000, "text-causal": 2000, "text-anyorder": 1200,
    "digits-causal": 500,
}  # fmt: skip
PLANS = {
    name: Plan(name, steps, rate=2e-3 if name.startswith("addition") else 3e-3, floor=0.05)
    for name, steps in _STEPS.items()
}
"""How long and how fast."""
_ASCENDING = ("text-anyorder",)  # after its random prompt a row is ordered from left to right


def _parts(name: str) -> tuple[NetworkTask, str]:
    if name not in PLANS:
        raise ValueError(f"no plan named {name!r}; expected one of {', '.join(PLANS)}")
    task, mode = name.rsplit("-", 1)
    return TASKS[task], mode


def _build(name: str, seed: int) -> Transformer:
    return Transformer(_parts(name)[0].config, seed)


def _loss(name: str):
    (task, mode), ascending = _parts(name), {"ascending": True} if name in _ASCENDING else {}

    def loss(transformer, rng, step):
        x = task.draw(_BATCHES.get(name, _BATCH), rng, "train")
        low, high = task.given
        given = rng.integers(low, high + 1, size=len(x))
        return OBJECTIVES[mode](transformer, x, given, rng, **ascending), {}

    return loss


def _score(transformer: Transformer, name: str) -> dict[str, float]:
    task, mode = name.rsplit("-", 1)
    return score(Network(transformer, mode, name), task)


def _facts(transformer: Transformer, name: str) -> dict:
    task, mode = name.rsplit("-", 1)
    return {"task": task, "mode": mode, "config": asdict(transformer.config),
            "parameters": transformer.parameters_count, "stored_as": "float16"}  # fmt: skip


def runs_in(folder: Path | str) -> Runs:
    """Return the runs of a folder: float16 weights, AdamW that decays every parameter."""
    return Runs(
        Path(folder), PLANS, _build, _loss, _score, half=True, facts=_facts,
        optimiser=lambda model, plan: torch.optim.AdamW(model.parameters(), lr=plan.rate),
    )  # fmt: skip


RUNS = runs_in(FOLDER)


def available(folder: Path | str = FOLDER) -> list[str]:
    """List the names of the trained networks in a folder, by default those that are shipped."""
    return sorted({name.rpartition("-")[0] for name in runs_in(folder).names()})


def load(name: str, folder: Path | str = FOLDER, seed: int = 0) -> Network | Family:
    """Load a trained network, or all networks trained on some data.

    Parameters
    ----------
    name : str
        Data and mode, as "addition-bidirectional", or data alone, as "addition".
    folder : path
        That of the shipped weights by default.
    seed : int
        Of the training.

    Returns
    -------
    Network or Family
        For data and mode a network in float32, whose ``config`` is the log of its run; for data
        alone a family. OSError if a file is damaged, ValueError, with the names that there are, if
        there are no such weights.

    Examples
    --------
    >>> load("sudoku4-causal")
    <Network sudoku4-causal: causal, V=4, L=16, 151684 parameters>
    """
    runs, names = runs_in(folder), available(folder)
    members = [name] if name in names else [n for n in names if n.rsplit("-", 1)[0] == name]
    if not members:
        raise ValueError(
            f"no weights named {name!r}; expected one of {', '.join(names) or '(none shipped)'}"
            + f"{', or data alone' if names else ''}, got {name!r}"
        )
    networks = [_network(runs, member, seed) for member in members]
    return networks[0] if name in names else Family(*networks)


def _network(runs: Runs, name: str, seed: int) -> Network:
    record = runs.log(name, seed)
    return Network(runs.load(name, seed), record["mode"], name, record)


def table(folder: Path | str = FOLDER) -> str:
    """Return a Markdown table of the networks in a folder, from their logs."""
    rows = [
        "| name | parameters | kB | steps | seed | CPU s | scores |",
        "|---|---|---|---|---|---|---|",
    ]
    runs = runs_in(folder)
    for stem in runs.names():
        name, _, seed = stem.rpartition("-")
        log = runs.log(name, int(seed))
        kilobytes = (runs.folder / f"{stem}.safetensors").stat().st_size // 1000
        scores = ", ".join(f"{key} {value:.4g}" for key, value in log["scores"].items())
        made = (log[key] for key in ("steps", "seed", "cpu_seconds"))
        cells = (f"`{name}`", f"{log['parameters']:,}", kilobytes, *made, scores)
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.models.runs"))
