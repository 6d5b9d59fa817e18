"""What the networks do: ``python -m paralg.decoding.mineworld.experiments.records``."""

from functools import partial
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.data.crafter_walks import MOVES, load
from paralg.decoding.mineworld import decode, exponential_race, released, roll_out
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
        for stand_in in STAND_INS if w < SHAPE.C else STAND_INS[:1]:
            found[f"{way}, {stand_in}"] = _rounded(runs.evaluate(network, w, stand_in=stand_in))
        found[f"{way}, no refresh"] = _rounded(runs.evaluate(network, w, refresh=False))
        as_released = partial(runs.evaluate, network, w, decoder=released)
        found[f"{way}, released"] = _rounded(as_released())
    return found


def trap() -> dict:
    """Networks of eleven worlds, and a copy of the last frame."""
    frames, actions = worlds.examples(np.random.default_rng(7), 100, 2, "test")
    copy = frames[:, 0] == frames[:, 1]
    shown = np.zeros(len(copy), int)
    found = {"copy": {"all": copy.mean()} | worlds.controllability(actions[:, 0], shown)._asdict()}
    for name in ("few-short", "few", "world"):
        found[name] = runs.evaluate(runs.load(name), SHAPE.C)
    return {name: _rounded(one) for name, one in found.items()}


def sampling() -> dict:
    """Drawn frames, top-p 0.8 as in the paper's evaluation."""
    found = {}
    for way, name in TUNED.items():
        draw = exponential_race(np.random.default_rng(0))
        drawn = partial(decode, draw=draw, hook=TopP(0.8))
        found[way] = _rounded(runs.evaluate(runs.load(name), WAYS[way], decoder=drawn))
    return found


def video() -> dict:
    """Two frames whose actions are known, one after the other or overlapping: the second one."""
    frames, actions = worlds.examples(np.random.default_rng(8), 60, 3, "test")
    given, found = worlds.prompt_of(frames[:, :1], actions[:, :1]), {}
    ways = [("world", 12, False)]
    ways += [(name, 2, overlap) for name in ("world", "w2") for overlap in (False, True)]
    for name, w, overlap in (*ways, ("w2-overlap", 2, True)):
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
    frames, actions = worlds.examples(np.random.default_rng(9), 30, STEPS + 1, "test")
    found = {}
    for way, name in TUNED.items():
        network, shown, right = runs.load(name), [], []
        for film, moves in zip(frames, actions, strict=True):
            made = roll_out(network, film[:1], worlds.as_tokens(moves), SHAPE, WAYS[way]).frames
            pairs = zip([film[0], *made], made, strict=False)
            shown.append([worlds.move_shown(a, b) for a, b in pairs] == moves)
            right.append((made == film[1:]).mean(axis=(1, 2)))
        found[way] = {"shown": np.mean(shown, axis=0).round(4).tolist(),
                      "cells": np.mean(right, axis=0).round(4).tolist()}  # fmt: skip
    return found


def actions() -> dict:
    """Another action than the true one: does the frame show it? And which action comes next?"""
    frames, moves = worlds.examples(np.random.default_rng(10), 60, 3, "test")
    network, shown, free = runs.load(), [], ("grass", "sand", "path")
    walkable = [worlds.KINDS.index(kind) for kind in free]
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
            "next": round(float(np.mean(p.argmax(1) == worlds.as_tokens(moves[:, 1])[:, 0])), 4),
            "worlds": len(load("test").frames)}  # fmt: skip


MAKERS = (orders, switches, trap, sampling, video, play, actions)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
