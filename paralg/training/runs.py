"""The runs that a chapter ships, ``NAME-SEED.safetensors`` and its log ``NAME-SEED.json``.

Of a run that failed to learn, or whose model is too large, the log alone is kept: it is the result.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from paralg.core import checks
from paralg.training.files import read_weights, write_weights, write_whole
from paralg.training.loop import Loss, Plan, train

__all__ = ["Runs"]


@dataclass(frozen=True)
class Runs:
    """Plans, models, losses and scores of a chapter, and the folder with what came of them.

    Parameters
    ----------
    folder : path
        Where the shipped runs are.
    plans : dict of str to Plan
        How each is trained.
    build : callable (name, seed) -> Module
        The untrained model; its first weights depend on the seed alone.
    loss : callable (name) -> callable (model, rng, step) -> (Tensor, dict)
        What a run learns, as `train` takes it.
    score, facts : callable (model, name) -> dict
        What the trained model is worth, for the log; further entries beside the scores.
    kept : container of str, optional
        ``NAME-SEED`` of the runs whose weights are written; all by default, of the others the log.
    half : bool
        Whether weights are rounded to float16, before the model is scored and in the file.
    optimiser : callable (model, plan) -> Optimizer, optional
        Instead of AdamW over `decay_groups`.
    stored : callable (model) -> Module
        The part of the model whose weights are stored; the rest follows from it.

    Examples
    --------
    >>> import tempfile
    >>> def loss(model, rng, step):
    ...     x = torch.from_numpy(rng.normal(size=(8, 1))).float()
    ...     return (model(x) - 2 * x).square().mean(), {}
    >>> runs = Runs(
    ...     Path(tempfile.mkdtemp()), {"double": Plan("double", steps=60, rate=0.1)},
    ...     build=lambda name, seed: nn.Linear(1, 1), loss=lambda name: loss,
    ...     score=lambda model, name: {"slope": round(model.weight.item())})
    >>> runs.train("double").partition(",")[0], runs.log("double")["scores"]
    ('double-0: {"slope": 2}', {'slope': 2})
    """

    folder: Path
    plans: Mapping[str, Plan]
    build: Callable[[str, int], nn.Module]
    loss: Callable[[str], Loss]
    score: Callable[[nn.Module, str], Mapping[str, Any]]
    kept: Container[str] | None = None
    half: bool = False
    facts: Callable[[nn.Module, str], Mapping[str, Any]] | None = None
    optimiser: Callable[[nn.Module, Plan], torch.optim.Optimizer] | None = None
    stored: Callable[[nn.Module], nn.Module] = lambda model: model

    def __post_init__(self):
        checks.instance("folder", self.folder, Path), checks.instance("plans", self.plans, Mapping)
        for name in ("build", "loss", "score"):
            checks.instance(name, getattr(self, name), Callable)

    def plan(self, name: str) -> Plan:
        """Return a plan; ValueError, with the names that there are, if there is none."""
        return self.plans[checks.one_of("name", name, self.plans)]

    def names(self) -> list[str]:
        """List the runs in the folder that kept their weights, as ``NAME-SEED``."""
        return sorted(path.stem for path in self.folder.glob("*.safetensors"))

    def seeds(self, name: str) -> list[int]:
        """Return the seeds of the logs of a run, in order."""
        ends = [path.stem.removeprefix(f"{name}-") for path in self.folder.glob(f"{name}-*.json")]
        return sorted(int(end) for end in ends if end.isdecimal())

    def log(self, name: str, seed: int = 0) -> dict[str, Any]:
        """Return plan, curve, scores, seconds, versions and hash of a run; ValueError if none."""
        checks.instance("name", name, str), checks.integer("seed", seed)
        path = self.folder / f"{name}-{seed}.json"
        if not path.exists():
            known = ", ".join(sorted(one.stem for one in self.folder.glob("*.json"))) or "none"
            raise ValueError(f"expected a run among {known}; got {path.stem!r}")
        return json.loads(path.read_text())

    def logs(self, name: str) -> list[dict[str, Any]]:
        """Return the logs of all seeds of a run, in the order of the seeds; ValueError if none."""
        return [self.log(name, seed) for seed in self.seeds(name)] or [self.log(name)]

    def load(self, name: str, seed: int = 0) -> nn.Module:
        """Return a shipped model, ready to run; OSError if the weights are not those of the log."""
        record = self.log(name, seed)
        path = self.folder / f"{name}-{seed}.safetensors"
        if not path.exists():
            raise ValueError(f"of {path.stem} only the log is kept; train it to get weights")
        model = self.build(name, seed)
        read_weights(self.stored(model), path, record["sha256"])
        return model.eval()

    def fit(
        self, name: str, seed: int = 0, *, steps: int | None = None, partial: Path | None = None,
        progress: bool = False,
    ) -> tuple[nn.Module, dict[str, Any]]:  # fmt: skip
        """Train a model and return it with the log of the run; nothing is written but `partial`."""
        plan = self.plan(name) if steps is None else replace(self.plan(name), steps=steps)
        checks.integer("seed", seed)
        model = self.build(name, seed)
        optimiser = self.optimiser and self.optimiser(model, plan)
        record = train(plan, model, self.loss(name), seed=seed, partial=partial,
                       progress=progress, optimiser=optimiser)  # fmt: skip
        return model, record

    def train(self, name: str, seed: int = 0, *, out: Path | None = None, **how: Any) -> str:
        """Train, score and write a run, going on where an interrupted one stopped.

        It goes to the folder `out`, by default that of the shipped runs; ``steps`` and ``progress``
        are those of `fit`. ValueError for no such plan, or a partial state of another run; what is
        returned says how it scored.
        """
        out = self.folder if out is None else Path(out)
        self.plan(name)
        out.mkdir(parents=True, exist_ok=True)
        partial = out / f"{name}-{seed}.partial"
        model, record = self.fit(name, seed, partial=partial, **how)
        return self.save(model, record, out)

    def save(self, model: nn.Module, record: dict[str, Any], out: Path | None = None) -> str:
        """Score a trained model, write it and its log; return a line that says how it scored."""
        out, name = self.folder if out is None else Path(out), record["recipe"]
        stem = f"{name}-{record['seed']}"
        if self.half:
            model.half().float()  # as the weights come back from a file
        with torch.no_grad():
            scores = dict(self.score(model, name))
            facts = dict(self.facts(model, name)) if self.facts else {}
        record = record | facts | {"scores": scores}
        if self.kept is None or stem in self.kept:
            path = out / f"{stem}.safetensors"
            record["sha256"] = write_weights(self.stored(model), path, half=self.half)
        write_whole(out / f"{stem}.json", (json.dumps(record, indent=1) + "\n").encode())
        return f"{stem}: {json.dumps(scores)}, {record['cpu_seconds']} CPU seconds"

    def main(self, argv: Iterable[str] | None = None, *, module: str) -> int:
        """Run ``python -m MODULE NAME --seed 0``: 0, 2 if wrong, 130 if interrupted."""
        parser = argparse.ArgumentParser(
            f"python -m {module}", description="Train, score and write one of the chapter's models."
        )
        parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(self.plans)}")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--steps", type=int, help="instead of the plan's")
        parser.add_argument("--out", type=Path, default=self.folder, help="folder (%(default)s)")
        parser.add_argument("--nice", type=int, default=10, help="give way (%(default)s)")
        parser.add_argument("--threads", type=int, default=1, help="(%(default)s)")
        asked = parser.parse_args(None if argv is None else list(argv))
        os.nice(asked.nice)
        threads = torch.get_num_threads()
        torch.set_num_threads(asked.threads)
        try:
            print(self.train(asked.name, asked.seed, out=asked.out, steps=asked.steps,
                             progress=sys.stderr.isatty()))  # fmt: skip
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print(f"interrupted; the same command goes on from {asked.out}", file=sys.stderr)
            return 130
        finally:
            torch.set_num_threads(threads)
        return 0
