"""Small networks that write the calls: run this module with a name of `PLANS` and ``--seed``."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from paralg.models import Network, Transformer, TransformerConfig, masks
from paralg.rounds.mpirigen.experiments.programs import FAMILIES, HELD_OUT, sample
from paralg.rounds.mpirigen.experiments.tokens import (
    Anonymous,
    NetworkReader,
    encode,
    symbols,
)
from paralg.rounds.mpirigen.metric import averages, score
from paralg.rounds.mpirigen.serialise import complete, serialise
from paralg.rounds.mpirigen.strip import Call, strip
from paralg.training import Plan, Runs

__all__ = ["CONFIG", "PLANS", "RUNS", "SEEN", "form_of", "load", "tested", "trained", "writer"]

CONFIG = TransformerConfig(V=len(symbols()), L=512, width=64, layers=2, heads=4, rotary=True)
STEPS, BATCH, TRAINED, TESTED = 2000, 8, 4000, 96
PLANS = {name: Plan(name, STEPS, rate=3e-3) for name in (
    "append", "unnumbered", "in-place", "anonymous", "held-append", "held-in-place")}  # fmt: skip
"""``held-…`` do not train on the families of `HELD_OUT`."""
SEEN = tuple(name for name in FAMILIES if name not in HELD_OUT)
_FORMS = {"in-place": "in place", "held-in-place": "in place", "unnumbered": "unnumbered"}


def form_of(name: str) -> str:
    """Return the form of a plan's text."""
    return _FORMS.get(name, "append")


@cache
def trained(held: bool = False) -> list[tuple[str, str]]:
    """Return the training programs with their families."""
    return sample(TRAINED, 0, SEEN if held else tuple(FAMILIES))


@cache
def tested(held: bool = False) -> list[tuple[str, str]]:
    """Return programs that are not trained on, of all families or of those held out."""
    known = {program for _, program in trained()}
    fresh = sample(2 * TESTED, 2, HELD_OUT if held else tuple(FAMILIES))
    return [one for one in fresh if one[1] not in known][:TESTED]


def _text(name: str, program: str) -> list[int]:
    lines, calls = strip(program)
    if name == "anonymous":
        hidden = Anonymous(lines)
        lines, calls = hidden.lines, hidden.hide(calls)
    return encode(serialise(lines, calls, form_of(name)))


@cache
def _texts(name: str) -> list[list[int]]:
    """Return the training texts, those of like length side by side: less padding in a batch."""
    return sorted((_text(name, program) for _, program in trained("held" in name)), key=len)


def build(name: str, seed: int) -> Transformer:
    """Return a new network: positions enter by rotation alone, as in the paper's model."""
    network = Transformer(CONFIG, seed)
    with torch.no_grad():
        network.position.weight.zero_()
    network.position.requires_grad_(requires_grad=False)
    return network


def batch_loss(network: Transformer, texts: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return the mean nats of all symbols of some texts, the paper's objective."""
    length = max(map(len, texts))
    x = torch.full((len(texts), length + 1), -100)
    x[:, 0] = network.config.V
    for row, text in zip(x, texts, strict=True):
        row[1 : len(text) + 1] = torch.tensor(text)
    mask = torch.from_numpy(masks.causal(length))
    states, _ = network.states(x[:, :-1].clamp(min=0), torch.arange(length), mask)
    written = x[:, 1:] >= 0
    return F.cross_entropy(network.head(states[written]), x[:, 1:][written])


def _loss(name: str):
    def loss(network, rng, step):
        texts, first = _texts(name), int(rng.integers(TRAINED - BATCH + 1))
        return batch_loss(network, texts[first : first + BATCH]), {}

    return loss


def writer(network: Network, name: str) -> Callable[[Sequence[str]], list[Call]]:
    """Return what writes the calls of stripped lines with a trained network."""

    def write(lines: Sequence[str]) -> list[Call]:
        hidden = Anonymous(lines) if name == "anonymous" else None
        given = hidden.lines if hidden else lines
        calls = complete(NetworkReader(network), given, form_of(name)).calls
        return hidden.show(calls) if hidden else calls

    return write


def _score(model: Transformer, name: str) -> dict[str, dict[str, float]]:
    """Return the scores on fresh programs: of all families, or of those held out."""
    write, found = writer(Network(model, "causal", name), name), []
    for _, program in tested("held" in name):
        lines, calls = strip(program)
        found.append(score(calls, write(lines)))
    return {key: round(value, 4) for key, value in averages(found).items()}


RUNS = Runs(
    Path(__file__).with_name("weights"), PLANS, build, _loss, _score, half=True,
    facts=lambda model, name: {"parameters": model.parameters_count, "config": asdict(CONFIG)},
    kept={"append-0", "in-place-0", "held-append-0"},
)  # fmt: skip


def load(name: str = "append", seed: int = 0) -> Network:
    """Return a shipped network."""
    return Network(RUNS.load(name, seed), "causal", f"{name}-{seed}")


if __name__ == "__main__":
    np.seterr(all="raise")
    sys.exit(RUNS.main(module="paralg.rounds.mpirigen.experiments.runs"))
