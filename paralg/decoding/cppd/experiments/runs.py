"""Readers of strips: ``python -m paralg.decoding.cppd.experiments.runs NAME --seed S``.

A name is a reader and, after a hyphen, a task other than digits: "pd-words". All see 32 strips an
update; the reduced recipe is pre-norm, scaled and with batch norm.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from paralg.decoding.cppd.blocks import LayerConfig
from paralg.decoding.cppd.experiments.encoder import Encoder
from paralg.decoding.cppd.experiments.strips import TASKS, Pictures, StripTask
from paralg.decoding.cppd.loss import cppd_loss, smoothed
from paralg.decoding.cppd.model import CPPD, read
from paralg.decoding.cppd.variants import AutoregressiveReader, CTCReader, SlotReader, with_context
from paralg.training import Plan, Runs

__all__ = ["READERS", "RUNS", "ReaderRecipe", "exact", "pictures", "reader_of"]

BATCH, HELD_OUT, STRINGS = 32, 2026, 2000
WIDTH, HEADS = 64, 4


@dataclass(frozen=True)
class ReaderRecipe:
    """What a run trains: kind of reader, weights of both tasks, and how its layers differ."""

    kind: str = "cppd"
    counting: float = 0.0
    ordering: float = 0.0
    pre_norm: bool = True
    batch_norm: bool = True
    scaled: bool = True

    def build(self, task: StripTask) -> nn.Module:
        """Return the untrained model."""
        config = LayerConfig(WIDTH, HEADS, pre_norm=self.pre_norm)
        encoder = Encoder(*task.shape, config, batch_norm=self.batch_norm)
        if self.kind == "cppd":
            return CPPD(task.vocabulary, encoder, config, scaled=self.scaled)
        if self.kind == "plugged":
            return with_context(SlotReader(task.vocabulary, encoder, config))
        kinds = {"ar": AutoregressiveReader, "ctc": CTCReader, "slots": SlotReader}
        return kinds[self.kind](task.vocabulary, encoder, config)

    def loss(self, model: nn.Module, pictures: Pictures):
        """Return the loss of a batch, and its parts where there are some."""
        images, labels = torch.from_numpy(pictures.images), model.vocabulary.encode(pictures.texts)
        if self.kind == "ctc":
            return model.loss(images, labels), {}
        characters = torch.from_numpy(labels.characters)
        if self.kind == "ar":
            return smoothed(model(images, characters), characters), {}
        output = model(images)
        if not output.counts.numel():
            return smoothed(output.characters, characters), {}
        parts = cppd_loss(output, labels, counting=self.counting, ordering=self.ordering)
        names = ("characters", "counts", "slots")
        return parts.total, {name: getattr(parts, name).item() for name in names}


READERS = {
    "pd": ReaderRecipe(), "cppd-0.1": ReaderRecipe("cppd", 0.1, 0.1), "ar": ReaderRecipe("ar"),
    "cppd": ReaderRecipe("cppd", 1.0, 1.0), "ctc": ReaderRecipe("ctc"),
    "cc-only": ReaderRecipe("cppd", 0.1, 0.0), "co-only": ReaderRecipe("cppd", 0.0, 0.1),
    "slots": ReaderRecipe("slots"), "plugged": ReaderRecipe("plugged", 0.1, 0.1),
    "post-norm": ReaderRecipe(pre_norm=False), "no-batch-norm": ReaderRecipe(batch_norm=False),
    "published": ReaderRecipe("cppd", 1.0, 1.0, pre_norm=False, scaled=False),
}  # fmt: skip
OF_WORDS = ("pd", "cppd-0.1", "ar", "cppd", "ctc")
OF_WRITERS = ("pd", "ar")
UPDATES = {"digits": 1000, "writers": 1000, "words": 2000}


def reader_of(name: str) -> tuple[ReaderRecipe, str]:
    """Return reader and task of a run's name."""
    reader, _, task = name.rpartition("-")
    return (READERS[reader], task) if task in TASKS else (READERS[name], "digits")


def pictures(task: str, n: int = STRINGS, part: str = "test") -> Pictures:
    """Return held-out pictures, the same on every call."""
    return TASKS[task].draw(n, np.random.default_rng(HELD_OUT), part)


def exact(model: nn.Module, held_out: Pictures) -> float:
    """Return the share of pictures that are read without an error, by any of the readers."""
    images = torch.from_numpy(held_out.images)
    slots = isinstance(model, CPPD | SlotReader)
    texts = (read(model, images) if slots else model.read(images)).texts
    return float(np.mean([a == b for a, b in zip(texts, held_out.texts, strict=True)]))


def _loss(name: str) -> Callable:
    reader, task = reader_of(name)
    return lambda model, rng, step: reader.loss(model, TASKS[task].draw(BATCH, rng))


def _build(name: str, seed: int) -> nn.Module:
    reader, task = reader_of(name)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return reader.build(TASKS[task])


def _score(model: nn.Module, name: str) -> dict[str, float]:
    task = reader_of(name)[1]
    parts = ("test", "random") if task == "words" else ("test",)
    return {part: round(exact(model, pictures(task, part=part)), 4) for part in parts}


def _optimiser(model: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    how = {"betas": (0.9, 0.98), "weight_decay": plan.decay}
    return torch.optim.AdamW(model.parameters(), plan.rate, **how)


NAMES = (*READERS, *(f"{one}-words" for one in OF_WORDS), *(f"{one}-writers" for one in OF_WRITERS))
RUNS = Runs(
    Path(__file__).with_name("weights"),
    {name: Plan(name, UPDATES[reader_of(name)[1]], rate=2e-3, warmup=200, floor=0.05)
     for name in NAMES},
    build=_build, loss=_loss, score=_score, half=True, optimiser=_optimiser,
    facts=lambda model, name: {"parameters": sum(p.numel() for p in model.parameters())},
    kept={f"{name}-0" for name in ("pd", "cppd-0.1", "ar", "cppd", "ctc")},
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.cppd.experiments.runs"))
