"""What the networks do: ``python -m paralg.decoding.mineworld.experiments.records``."""

from functools import partial
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.data.crafter_walks import MOVES
from paralg.decoding.mineworld import decode, exponential_race, released
from paralg.decoding.mineworld.experiments import runs, worlds
from paralg.decoding.mineworld.layout import STAND_INS
from paralg.decoding.randomness import softmax
from paralg.decoding.shaping import TopP

__all__ = ["records"]

SHAPE = worlds.SHAPE
WAYS = {"raster": 12, "w = 3": 3, "w = 2": 2, "w = 1": 1}
TUNED = {"raster": "w12", "w = 2": "w2", "w = 1": "w1"}
STEPS = 12


def _rounded(found: dict) -> dict:
    return {key: round(float(value), 4) for key, value in found.items()}


def orders() -> dict:
    """Every order by the raster-trained network and by the one that went on in that order."""
    found = {}
    for way, w in WAYS.items():
        found[way] = _rounded(runs.evaluate(runs.load(), w))
        found[f"{way}, tuned"] = _rounded(runs.evaluate(runs.load(f"w{w}"), w))
    return found


def switches() -> dict:
    """The raster-trained network: stand-ins, no refresh, and the released decoder."""
    network, found = runs.load(), {}
    for way, w in WAYS.items():
        for stand_in in STAND_INS[: 2 if w < SHAPE.C else 1]:  # of one frame, first is previous
            found[f"{way}, {stand_in}"] = _rounded(runs.evaluate(network, w, stand_in=stand_in))
        found[f"{way}, no refresh"] = _rounded(runs.evaluate(network, w, refresh=False))
        found[f"{way}, released"] = _rounded(runs.evaluate(network, w, decoder=released))
    return found


def trap() -> dict:
    """A copy of the last frame, a network of eleven worlds stopped early, and the shipped one."""
    frames, actions = worlds.examples(np.random.default_rng(7), 100, 2, "test")
    copy = frames[:, 0] == frames[:, 1]
    ignored = worlds.controllability(actions[:, 0], np.zeros(len(copy), int))._asdict()
    found = {"copy": {"all": copy.mean()} | ignored}
    for name in ("few-short", "world"):
        found[name] = runs.evaluate(runs.load(name), SHAPE.C)
    return {name: _rounded(one) for name, one in found.items()}


def sampling() -> dict:
    """Drawn frames, top-p 0.8 as in the paper's evaluation."""
    found = {}
    for way, name in TUNED.items():
        drawn = partial(decode, draw=exponential_race(np.random.default_rng(0)), hook=TopP(0.8))
        found[way] = _rounded(runs.evaluate(runs.load(name), WAYS[way], decoder=drawn))
    return found


def video() -> dict:
    """Two frames whose actions are known, one after the other or overlapping: the second one."""
    frames, actions = worlds.examples(np.random.default_rng(8), 60, 3, "test")
    given, found = worlds.prompt_of(frames[:, :1], actions[:, :1]), {}
    ways = [("world", 12, False)]
    ways += [(name, 2, overlap) for name in ("world", "w2") for overlap in (False, True)]
    for name, w, overlap in ways:
        network, moves, made = runs.load(name), [], []
        for row, action, start in zip(given, actions, frames, strict=True):
            one = decode(network, row, SHAPE, w, actions=worlds.as_tokens(action[1:]),
                         overlap=overlap)  # fmt: skip
            made.append(one.frames[1] == start[2])
            moves.append(worlds.move_shown(one.frames[0], one.frames[1]))
        key = f"{name}, w = {w}{', overlapping' if overlap else ''}"
        f1 = worlds.controllability(actions[:, 1], np.array(moves)).f1
        found[key] = _rounded({"calls": one.cost.calls, "all": np.mean(made), "f1": f1})
    return found


def play() -> dict:
    """Share of actions that frames show, and of right cells, by the step of a roll-out."""
    frames, actions = worlds.examples(np.random.default_rng(9), 60, STEPS + 1, "test")
    found = {}
    for way, name in TUNED.items():
        network, last, shown, right = runs.load(name), frames[:, 0], [], []
        for step in range(STEPS):  # all films at once; alone each is a `roll_out`
            given = worlds.prompt_of(last[:, None], actions[:, [step]])
            made = decode(network, given, SHAPE, WAYS[way]).frames[:, 0]
            read = list(map(worlds.move_shown, last, made))
            shown.append(round(float(np.mean(read == actions[:, step])), 4))
            right.append(round(float(np.mean(made == frames[:, step + 1])), 4))
            last = made
        found[way] = {"shown": shown, "cells": right}
    return found


def actions() -> dict:
    """Another action than the true one: does the frame show it? And which action comes next?"""
    frames, moves = worlds.examples(np.random.default_rng(10), 60, 3, "test")
    network, shown = runs.load(), []
    walkable = [worlds.KINDS.index(kind) for kind in ("grass", "sand", "path")]
    for film in frames:
        for move, (dy, dx) in enumerate(MOVES):
            if move and film[0, 4 + dy, 6 + dx] in walkable:
                given = worlds.prompt_of(film[:1], np.array([move]))
                made = decode(network, given, SHAPE, 2).frames[0]
                shown.append(worlds.move_shown(film[0], made) == move)
    x = worlds.prompt_of(frames[:, :2], moves)[:, :-1]
    n = x.shape[1] + 1
    slots = np.concatenate([np.full((len(x), 1), network.V), x], axis=1)
    p = softmax(network.attend(slots, np.arange(n), np.tri(n, dtype=bool))[:, -1])
    again = np.mean(moves[:, 1] == moves[:, 0])
    return {"asked": len(shown), "shown": sum(shown), "repeats": round(float(again), 4),
            "next": round(float(np.mean(p.argmax(1) == worlds.as_tokens(moves[:, 1])[:, 0])), 4)}


MAKERS = (orders, switches, trap, sampling, video, play, actions)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
