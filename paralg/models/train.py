"""Train one of the shipped networks: ``python -m paralg.models.train NAME``.

A run is a function of (recipe, seed) alone: step s draws everything from the stream (seed, s), one
thread computes, so an interrupted run that is started again ends in the same weights.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from paralg.models.evaluate import score
from paralg.models.network import Network
from paralg.models.objectives import OBJECTIVES
from paralg.models.tasks import RECIPES, TASKS, Recipe, recipe
from paralg.models.transformer import Transformer
from paralg.models.weights import rounded, save, write_whole

__all__ = ["Training", "main", "train"]

_LOG_EVERY = 50


class Training:
    """The state of a run: network, optimiser, steps done, losses logged.

    Parameters
    ----------
    plan : Recipe
    seed : int

    Attributes
    ----------
    done : int
        Steps taken.
    rows : list of dict
        Mean loss of every fifty steps.
    seconds : float
        CPU seconds spent, over all sessions.
    """

    def __init__(self, plan: Recipe, seed: int = 0) -> None:
        self.plan, self.seed, self.task = plan, seed, TASKS[plan.task]
        self.transformer = Transformer(self.task.shape, seed)
        self.optimiser = torch.optim.AdamW(self.transformer.parameters(), lr=plan.rate)
        self.done, self.seconds = 0, 0.0
        self.rows: list[dict[str, float]] = []
        self._recent: list[float] = []

    def step(self) -> float:
        """Take one step of AdamW and return the loss before it, in nats per token."""
        start = time.process_time()
        rng = np.random.default_rng([self.seed, self.done])
        x = self.task.draw(self.plan.batch, rng, "train")
        low, high = self.task.given
        given = rng.integers(low, high + 1, size=len(x))
        options = {"ascending": True} if self.plan.ascending else {}
        loss = OBJECTIVES[self.plan.mode](self.transformer, x, given, rng, **options)
        self._update(loss)
        self.done += 1
        self._record(float(loss.detach()))
        self.seconds += time.process_time() - start
        return float(loss.detach())

    def _update(self, loss: torch.Tensor) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate_at(self.done)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.transformer.parameters(), self.plan.clip)
        self.optimiser.step()

    def _record(self, loss: float) -> None:
        self._recent.append(loss)
        if self.done % _LOG_EVERY == 0 or self.done == self.plan.steps:
            rate = self.plan.rate_at(self.done - 1)
            mean = round(float(np.mean(self._recent)), 5)
            self.rows.append({"step": self.done, "loss": mean, "rate": round(rate, 8)})
            self._recent = []

    def network(self) -> Network:
        """Return the network as it will be read back: weights rounded to float16."""
        config = {"recipe": asdict(self.plan), "seed": self.seed, "steps": self.done}
        versions = {"torch": torch.__version__, "numpy": np.__version__}
        return Network(
            rounded(self.transformer),
            self.plan.mode,
            self.plan.name,
            config | {"made_with": versions},
        )

    def keep(self, path: Path) -> None:
        """Write everything needed to go on, whole or not at all."""
        buffer = io.BytesIO()
        torch.save(self._state(), buffer)
        write_whole(path, buffer.getvalue())

    def _state(self) -> dict[str, Any]:
        return {
            "plan": asdict(self.plan),
            "seed": self.seed,
            "done": self.done,
            "seconds": self.seconds,
            "rows": self.rows,
            "recent": self._recent,
            "transformer": self.transformer.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def resume(self, path: Path) -> None:
        """Go on from a file written by :meth:`keep`.

        Raises
        ------
        ValueError
            If the file belongs to another recipe or seed.
        """
        state = torch.load(path, weights_only=True)
        if (state["plan"], state["seed"]) != (asdict(self.plan), self.seed):
            raise ValueError(
                f"{path.name} was left by another run (seed {state['seed']}, "
                f"{state['plan']['steps']} steps), got seed {self.seed}, {self.plan.steps} steps; "
                "remove the file or repeat that run"
            )
        self.transformer.load_state_dict(state["transformer"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.done, self.seconds = state["done"], state["seconds"]
        self.rows, self._recent = state["rows"], state["recent"]


def train(
    plan: Recipe,
    out: Path | str,
    *,
    seed: int = 0,
    keep_every: int = 200,
    progress: bool = False,
) -> Network:
    """Train a network, score it and write weights, configuration and log.

    Parameters
    ----------
    plan : Recipe
    out : path
        Folder for ``NAME.safetensors``, ``NAME.json``, ``NAME.log`` and, while the run lasts,
        ``NAME.partial``, from which an interrupted run goes on.
    seed : int
    keep_every : int
        Steps between two writes of the partial state.
    progress : bool
        Show a bar on the standard error stream.

    Returns
    -------
    Network
        As it will be read back; its `config` holds the scores.

    Raises
    ------
    ValueError
        If a partial state of another run lies in `out`.

    Cost
    ----
    One thread; a step takes 20 to 60 ms for 16 positions, 0.2 to 0.4 s for 64 on one core.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    partial = out / f"{plan.name}.partial"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = Training(plan, seed)
        if partial.exists():
            run.resume(partial)
        _run(run, partial, keep_every, progress)
        return _finish(run, out)
    finally:
        torch.set_num_threads(threads)


def _run(run: Training, partial: Path, keep_every: int, progress: bool) -> None:
    steps = range(run.done, run.plan.steps)
    bar = tqdm(steps, desc=run.plan.name, initial=run.done, total=run.plan.steps,
               disable=not progress)  # fmt: skip
    try:
        for step in bar:
            loss = run.step()
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            if (step + 1) % keep_every == 0:
                run.keep(partial)
    except KeyboardInterrupt:
        run.keep(partial)
        raise


def _finish(run: Training, out: Path) -> Network:
    network = run.network()
    network.config["cpu_seconds"] = round(run.seconds)
    network.config["scores"] = score(network, run.plan.task)
    save(network, out)
    write_whole(out / f"{run.plan.name}.log", _log(run, network.config))
    (out / f"{run.plan.name}.partial").unlink(missing_ok=True)
    return network


def _log(run: Training, config: dict[str, Any]) -> bytes:
    ends = {"cpu_seconds": config["cpu_seconds"], "scores": config["scores"]}
    begin = {key: config[key] for key in ("recipe", "seed", "made_with")}
    return "".join(json.dumps(row) + "\n" for row in (begin, *run.rows, ends)).encode()


def _arguments(argv: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m paralg.models.train", description=__doc__)
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(RECIPES)}")
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("trained"), help="folder (%(default)s)")
    parser.add_argument("--nice", type=int, default=10, help="give way to others (%(default)s)")
    return parser.parse_args(argv)


def main(argv: Iterable[str] | None = None) -> int:
    """Run the command line; return 0, 2 for a wrong request, 130 when interrupted."""
    asked = _arguments(argv)
    try:
        plan = recipe(asked.name)
        if asked.steps is not None:
            plan = replace(plan, steps=asked.steps)
        os.nice(asked.nice)
        network = train(plan, asked.out, seed=asked.seed, progress=sys.stderr.isatty())
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; the same command goes on from {asked.out}", file=sys.stderr)
        return 130
    print(json.dumps({"name": network.name, **network.config["scores"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
