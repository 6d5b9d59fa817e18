"""World models and their training: run this module with a name of `PLANS` and ``--seed``.

``world`` learns in raster order; ``w1`` … go on from it in the decoding order of a row offset, and
``w12`` once more in raster order, for comparison; ``few-short`` has eleven worlds and stops where
copying has been learned.
"""

import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from paralg.decoding.mineworld.decoder import decode
from paralg.decoding.mineworld.experiments import worlds
from paralg.decoding.mineworld.layout import SlotLayout, lay_out
from paralg.models import Network, Transformer, TransformerConfig
from paralg.training import Plan, Runs

__all__ = ["CONFIG", "FRAMES", "PLANS", "RUNS", "ORDERS", "evaluate", "load"]

FRAMES = 3  # of an example, the first of which is given
SHAPE = worlds.SHAPE
CONFIG = TransformerConfig(V=worlds.V, L=FRAMES * SHAPE.step - 1, rotary=True)
_WIDE = {"w": SHAPE.C}
ORDERS = {
    "world": _WIDE, "few-short": _WIDE,
    "w1": {"w": 1}, "w2": {"w": 2}, "w3": {"w": 3}, "w12": _WIDE,
}  # fmt: skip
"""Name of a run to the layout in which it is trained."""
_STEPS = {"world": 1400, "few-short": 400}
PLANS = {name: Plan(name, _STEPS[name], floor=0.05) if name in _STEPS
         else Plan(name, 200, rate=1e-3, floor=0.05) for name in ORDERS}  # fmt: skip
_BATCH, _FEW = 16, 11


def _build(name: str, seed: int) -> Transformer:
    """Return a new network, or the trained one that a run goes on from.

    The vector of a position starts as those of its frame, row and column together.
    """
    network = Transformer(CONFIG, seed)
    if name not in _STEPS:
        network.load_state_dict(RUNS.load("world", seed).state_dict())
        return network.train()
    with torch.no_grad():
        table = network.position.weight
        place = torch.arange(CONFIG.L)
        cell = place % SHAPE.step
        parts = torch.stack([place // SHAPE.step, 3 + cell // SHAPE.C, 12 + cell % SHAPE.C])
        table.copy_(table[parts].sum(dim=0) / 3**0.5)
    return network


@cache
def _layout(name: str) -> SlotLayout:
    return lay_out(SHAPE, given=SHAPE.step, frames=FRAMES - 1, **ORDERS[name])


def _stream(frames: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Join frames (n, m, R, C) and the actions between them, (n, m - 1)."""
    before = worlds.prompt_of(frames[:, :-1], actions)
    return np.concatenate([before, frames[:, -1].reshape(len(frames), -1)], axis=1)


def _nats(network: Transformer, layout: SlotLayout, x: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return the nats of cells (n, cells) and of actions (n, actions), all from one forward."""
    x, source, places = (torch.tensor(one) for one in (x, layout.sources, layout.places))
    tokens = torch.where(source < 0, CONFIG.V, x[:, source])
    logits, _ = network(tokens, places, torch.tensor(layout.mask))
    for drawn in (torch.tensor(layout.cells) >= 0, places % SHAPE.step == SHAPE.R * SHAPE.C):
        right = logits[:, drawn].log_softmax(dim=-1).gather(-1, x[:, places[drawn]][..., None])
        yield -right[..., 0]


def _loss(name: str):
    """Take the mean over the cells of all frames but the first, and over all actions."""

    def loss(network, rng, step):
        few = _FEW if name.startswith("few") else None
        x = _stream(*worlds.examples(rng, _BATCH, FRAMES, worlds=few))
        cells, actions = _nats(network, _layout(name), x)
        total = torch.cat([cells, actions], dim=1).mean()
        return total, {"cells": cells.mean().item(), "actions": actions.mean().item()}

    return loss


def evaluate(network: Network, w: int, n: int = 100, *, decoder=decode, **layout) -> dict:
    """Return what generated frames of the test worlds are worth, each from one true frame.

    Nats of the true cells; of the likeliest cells the share that is right, where the move
    determines them and where they come into view; precision, recall and F1 of the moves shown.
    """
    frames, actions = worlds.examples(np.random.default_rng(7), n, 2, "test")
    before, after, moves = frames[:, 0], frames[:, 1], actions[:, 0]
    with torch.inference_mode():
        one = lay_out(SHAPE, w, SHAPE.step, **layout)
        nats, _ = _nats(network.transformer, one, _stream(frames, actions))
    prompts = worlds.prompt_of(frames[:, :1], actions)
    made = decoder(network, prompts, SHAPE, w, **layout).frames[:, 0]
    fixed, new = (np.stack(one) for one in zip(*map(worlds.controlled, before, moves), strict=True))
    shown = [worlds.move_shown(a, b) for a, b in zip(before, made, strict=True)]
    right = made == after
    found = worlds.controllability(moves, np.array(shown))._asdict()
    return {"nats": nats.mean().item(), "determined": right[fixed].mean().item(),
            "new": right[new].mean().item(), "all": right.mean().item(), **found}  # fmt: skip


def _score(model: Transformer, name: str) -> dict[str, float]:
    found = evaluate(Network(model, "causal", name), **ORDERS[name])
    return {key: round(value, 4) for key, value in found.items()}


RUNS = Runs(
    Path(__file__).with_name("weights"), PLANS, _build, _loss, _score, half=True,
    facts=lambda model, name: {"parameters": model.parameters_count, "config": asdict(CONFIG)},
    kept={f"{name}-0" for name in ORDERS},
)  # fmt: skip


def load(name: str = "world", seed: int = 0) -> Network:
    """Return a shipped network."""
    return Network(RUNS.load(name, seed), "causal", f"{name}-{seed}")


if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.mineworld.experiments.runs"))
