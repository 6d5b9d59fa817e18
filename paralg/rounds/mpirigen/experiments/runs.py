"""Small networks that write the calls: run this module with a name of `PLANS` and ``--seed``."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

from paralg.models import Network, Transformer, TransformerConfig, masks
from paralg.rounds.mpirigen.experiments import tokens
from paralg.rounds.mpirigen.experiments.execute import judge
from paralg.rounds.mpirigen.experiments.programs import FAMILIES, HELD_OUT, sample
from paralg.rounds.mpirigen.labels import strip
from paralg.rounds.mpirigen.metric import averages, score
from paralg.rounds.mpirigen.texts import FORMS, LINE, PARALLEL, Completion, complete, serialise
from paralg.rounds.mpirigen.variants import complete_in_place
from paralg.training import Plan, Runs

__all__ = ["CONFIG", "PLANS", "RUNS", "SEEN", "evaluate", "form_of", "fresh", "load", "trained",
           "write_all"]  # fmt: skip

CONFIG = TransformerConfig(V=len(tokens.all_symbols()), L=512, layers=2, rotary=True)
BATCH, TRAINED, WINDOW, TESTED, RUN = 8, 4000, 500, 96, 32
GIVEN, KNOWN = 0.1, (16, 32)
"""Loss weight of given symbols (the paper's is 1); drawn programs that training has, too."""
LONG, SHORT = (
    (2200, "append in-place shifted held-append held-in-place held-shifted"),
    (700, "short unnumbered anonymous"),
)
PLANS = {name: Plan(name, steps, rate=3e-3) for steps, names in (LONG, SHORT)
         for name in names.split()}  # fmt: skip
"""``held-…`` do not train on `HELD_OUT`; ``short`` is the appended text, with fewer steps,
and ``shifted`` with line numbers that do not always begin at 1: see `renumber`."""
SEEN = tuple(name for name in FAMILIES if name not in HELD_OUT)


def form_of(name: str) -> str:
    """Return the form of a plan's text."""
    form = name.removeprefix("held-").replace("-", " ")
    return form if form in FORMS else "append"


@cache
def trained(held: bool = False) -> list[tuple[str, str]]:
    """Return the training programs with their families."""
    return sample(TRAINED, 0, SEEN if held else tuple(FAMILIES))


@cache
def fresh(held: bool = False) -> list[tuple[str, str]]:
    """Return programs that are not trained on, of all families or of those held out."""
    if held:
        return sample(TESTED, 2, HELD_OUT)
    drawn = sample(TESTED + len(KNOWN), 2)
    return [one for k, one in enumerate(drawn) if k not in KNOWN]


def _text(name: str, program: str) -> list[int]:
    lines, calls = strip(program)
    if name == "anonymous":
        hidden = tokens.Anonymous(lines)
        lines, calls = hidden.lines, hidden.hide(calls)
    return tokens.encode(serialise(lines, calls, form_of(name)))


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


def weigh(text: Sequence[int], form: str) -> list[float]:
    """Return the weights of symbols: 1 for what is to be written, `GIVEN` for what is given.

    In place, the symbol behind a line counts as well: it decides whether there is a call.
    """
    if form != "in place":
        asked = text.index(tokens.encode([PARALLEL])[0]) + 1
        return [GIVEN] * asked + [1.0] * (len(text) - asked)
    end, names, weights, inside = *tokens.encode([LINE]), tokens.names(), [], False
    for k, symbol in enumerate(text):
        inside = symbol in names or (inside and symbol != end)
        first = k == 0 or text[k - 1] == end
        weights.append(1.0 if inside or first else GIVEN)
    return weights


def batch_loss(network: Transformer, texts: Sequence[Sequence[int]], form: str) -> torch.Tensor:
    """Return the mean nats of the symbols of some texts, weighed."""
    x = pad_sequence([torch.tensor([network.config.V, *text]) for text in texts], True)
    weight = pad_sequence([torch.tensor(weigh(text, form)) for text in texts], True)
    mask = torch.from_numpy(masks.causal(weight.shape[1]))
    states, _ = network.states(x[:, :-1], torch.arange(weight.shape[1]), mask)
    written = weight > 0
    nats = F.cross_entropy(network.head(states[written]), x[:, 1:][written], reduction="none")
    return (nats * weight[written]).sum() / weight.sum()


def renumber(text: Sequence[int], rng: np.random.Generator) -> list[int]:
    """Return an appended text, every second time with its lines numbered from elsewhere.

    Then the number in a label cannot be counted: it has to be copied.
    """
    zero = tokens.encode(["L0"])[0]
    inside = [zero < symbol < zero + tokens.LINES for symbol in text]
    last = max(symbol for symbol, number in zip(text, inside, strict=True) if number)
    shift = int(rng.integers(zero + tokens.LINES - last)) if rng.random() < 0.5 else 0
    return [symbol + shift * number for symbol, number in zip(text, inside, strict=True)]


def _loss(name: str):
    def loss(network, rng, step):
        first = int(rng.integers(TRAINED - WINDOW + 1))
        window = _texts(name)[first : first + WINDOW]
        texts = [window[k] for k in rng.integers(WINDOW, size=BATCH)]
        if "shifted" in name:
            texts = [renumber(text, rng) for text in texts]
        return batch_loss(network, texts, form_of(name)), {}

    return loss


def write_all(network: Network, name: str, lines: Sequence[str]) -> Completion:
    """Let a network complete stripped lines in the form of its training."""
    reader, form = tokens.NetworkReader(network), form_of(name)
    if name == "anonymous":
        hidden = tokens.Anonymous(lines)
        done = complete(reader, hidden.lines)
        return done._replace(calls=hidden.show(done.calls))
    if form == "in place":
        return complete_in_place(reader, lines)
    return complete(reader, lines, form)


def evaluate(write: Callable, held: bool = False, run: int = RUN) -> dict:
    """Return mean scores of a writer on fresh programs, by v; location by family; verdicts.

    The verdicts are those of the first ``run`` programs, on two to four ranks.
    """
    found, families, words = [[], [], []], {}, []
    for k, (family, program) in enumerate(fresh(held)):
        lines, calls = strip(program)
        written = write(lines)
        for v, rows in enumerate(found):
            rows.append(score(calls, written, v))
        families.setdefault(family, []).append(found[0][-1]["location"])
        if k < run:
            words.append(judge(program, written).word)
    scores = {f"v = {v}": {key: round(value, 4) for key, value in averages(rows).items()}
              for v, rows in enumerate(found)}  # fmt: skip
    means = {family: round(float(np.mean(some)), 4) for family, some in families.items()}
    return scores | {"families": means, "verdicts": words}


def _score(model: Transformer, name: str) -> dict:
    network = Network(model, "causal", name)
    run = 0 if name in SHORT[1].split() else RUN // (1 + ("held" in name))
    return evaluate(lambda lines: write_all(network, name, lines).calls, "held" in name, run)


RUNS = Runs(
    Path(__file__).with_name("weights"), PLANS, build, _loss, _score, half=True,
    facts=lambda model, name: {"parameters": model.parameters_count, "config": asdict(CONFIG)},
    kept={"append-0", "in-place-0", "held-append-0"},
)  # fmt: skip


def load(name: str = "append", seed: int = 0) -> Network:
    """Return a shipped network."""
    return Network(RUNS.load(name, seed), "causal", f"{name}-{seed}")


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.rounds.mpirigen.experiments.runs"))
