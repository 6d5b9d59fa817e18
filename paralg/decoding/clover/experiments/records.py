"""Held-out text by every drafter: ``python -m paralg.decoding.clover.experiments.records``."""

from itertools import product
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from paralg.core.records import Records
from paralg.data import pydoc_text
from paralg.decoding.baselines import ancestral
from paralg.decoding.clover.decoder import Clover, clover
from paralg.decoding.clover.experiments import runs
from paralg.decoding.clover.tree import Budgeted
from paralg.decoding.clover.variants import BestFirst, Drawn, Ranked, verify_drawn
from paralg.decoding.randomness import RandomDraws
from paralg.decoding.shaping import TopK
from paralg.decoding.trees import certain, verify_chosen
from paralg.models.counting import CountingModel

__all__ = ["DRAFTERS", "MASSES", "RATIOS", "SIZES", "records"]

DRAFTERS = ("medusa", "clover")
SIZES, MASSES, RATIOS = (1, 2, 4, 8, 16), (0.6, 0.8, 0.95), (0, 0.25)
_FILMED, IMPOSSIBLE = (2, 4, 8), 0.02  # a child to which the target gives less is drawn pale


def trees() -> dict:
    """Greedy: tokens a call, drafts a step, accepted drafts expected and found, by both rules."""
    rules = {"paper 4": Budgeted(4)} | {f"best {m}": BestFirst(m) for m in SIZES}
    plain = [ancestral(runs.target(), x, rng=RandomDraws(), shape=TopK(1), cache=True).tokens
             for x in runs.prompts()]  # fmt: skip
    ways = [(name, way, rule) for name in DRAFTERS for way, rule in rules.items()]
    ways += [("clover", f"paper {m}", Budgeted(m)) for m in (2, 8)]
    found = {}
    for name, way, rule in ways:
        decoded = _decoded(name, rule)
        same = all((run.tokens == x).all() for run, x in zip(decoded, plain, strict=True))
        found[f"{name} {way}"] = _summary(decoded) | {"same": bool(same)}
    return found


def _decoded(name: str, rule, sampled: bool = False, **options) -> list:
    return [clover(runs.target(), x, runs.heads(name), rule, **options,
                   rng=RandomDraws(0, i) if sampled else None)
            for i, x in enumerate(runs.prompts())]  # fmt: skip


def _summary(all_runs) -> dict[str, float]:
    """Mean tokens a call, drafts a step, and accepted drafts a step: expected and found."""
    events = [event for run in all_runs for event in run.trace.events]
    calls = sum(run.forwards for run in all_runs)
    steps = calls - len(all_runs)
    proposed = [event for event in events if event.what == "proposed"]
    accepted = sum(event.what == "accepted" for event in events)
    return {
        "tokens": round(sum(len(run.trace.commits) for run in all_runs) / calls, 4),
        "drafts": round(len(proposed) / steps, 4),
        "expected": round(sum(event.value for event in proposed) / steps, 4),
        "found": round(accepted / steps, 4),
    }  # fmt: skip


def sampling() -> dict:
    """The same with draws from the target: chosen children, and drawn ones with their own rule."""
    ways = {"best 4": (BestFirst(4), {}), "best 6": (BestFirst(6), {}),
            "drawn, 2·1·1": (Drawn((2, 1, 1)), {"verify": verify_drawn})}  # fmt: skip
    return {f"{name} {way}": _summary(_decoded(name, rule, sampled=True, **options))
            for name in ("medusa", "clover") for way, (rule, options) in ways.items()}  # fmt: skip


def nats() -> dict:
    """Nats of held-out characters at each head, and those of the target, which sees all before."""
    x, hidden = runs.states("test")
    x, found = torch.from_numpy(x), {}
    with torch.no_grad():
        for name in DRAFTERS:
            logits = runs.heads(name)(hidden, x)
            found[name] = [round(F.cross_entropy(one.flatten(0, 1), x[:, i:].flatten()).item(), 4)
                           for i, one in enumerate(logits, start=1)]  # fmt: skip
        target = runs.target().transformer
        own = target.head(target.norm(hidden))
        found["target"] = round(F.cross_entropy(own.flatten(0, 1), x.flatten()).item(), 4)
    return found


def films() -> dict:
    """Step by step, for the explorer: drafted tokens, parents, path products, accepted nodes."""
    found = {"prompts": [pydoc_text.decode(x[: runs.GIVEN]) for x in runs.prompts(2)]}
    for number, x in enumerate(runs.prompts(2)):
        for name in ("medusa", "clover"):
            for m in _FILMED:
                for mass, ratio in product(MASSES, RATIOS):
                    rule = Budgeted(m, mass, ratio)
                    found[f"{number} {name} {m} {mass} {ratio}"] = film(x, name, rule)
    return found


def film(x: np.ndarray, name: str, rule) -> list[list]:
    """Return each step: t₀ with the drafts, parents, products in percent, accepted nodes."""
    steps = []

    def watch(tree, p, rng):
        verdict = verify_chosen(tree, p, rng)
        steps.append([pydoc_text.decode(tree.tokens), tree.parents[1:].tolist(),
                      (100 * tree.joint[1:]).round().astype(int).tolist(), verdict.path[1:]])
        return verdict

    clover(runs.target(), x, runs.heads(name), rule, verify=watch)
    return steps


def hero() -> dict:
    """The step at which Clover's four drafts gain most over a product tree of Medusa's heads."""
    ways = {"medusa": Ranked.product(2, 2), "clover": Budgeted(4)}
    best, L = (0, {}), runs.target().L
    for x in runs.prompts(4):
        text = clover(runs.target(), x, runs.heads(), Budgeted(4)).tokens
        for place in range(runs.GIVEN, L - 5):
            known = np.where(np.arange(L) < place, text, runs.target().V)
            both = {name: _step(known, name, rule) for name, rule in ways.items()}
            gained = len(both["clover"]["accepted"]) - len(both["medusa"]["accepted"])
            if gained > best[0]:
                best = gained, {"text": pydoc_text.decode(text[:place]), **both}
    return best[1]


def _step(known: np.ndarray, name: str, rule) -> dict:
    """Return the first tree after a text, what is accepted, and which drafts the target allows."""
    run = Clover(CountingModel(runs.target()), known, runs.heads(name), rule, None, None, None,
                 verify_chosen)  # fmt: skip
    p, final = run.target.read(run.x)
    run.commit([int(p.argmax())])
    state = run.drafting.read(final, run.x[: run.order[0]])
    tree = rule.grow(run.drafting.expand, state, run.x[run.order[0]], 3)
    dist = run.target.verify(tree, run.x, 0)
    path = verify_chosen(tree, certain(dist), RandomDraws()).path
    allowed = dist[tree.parents[1:], tree.tokens[1:]] >= IMPOSSIBLE
    return {"tokens": pydoc_text.decode(tree.tokens), "parents": tree.parents[1:].tolist(),
            "percent": (100 * tree.joint[1:]).round().astype(int).tolist(),
            "accepted": path[1:], "possible": [True, *allowed.tolist()]}  # fmt: skip


MAKERS = (trees, sampling, nats, films, hero)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
