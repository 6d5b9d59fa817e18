"""The shipped files made anew: ``python -m paralg.data.make NAME SOURCE … PATH``.

=================  ======================================================================
engel              the package's table
choptank           the package's table of days and cubic metres a second
ridgecrest         the catalogue's table
japanese_vowels    the two ``.ts`` files of the time-series archive, training part first
iowa_gambling      the folder with the collection's tables, ``choice_100.csv`` and others
pydoc_text         nothing: the topics of the running Python's documentation
digits             the package's table
uci_tables         the package's tables iris.csv, wine_data.csv, breast_cancer.csv
crafter_walks      nothing: walks in 64 worlds of the package ``crafter`` 1.8.3
=================  ======================================================================
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.data import crafter_walks, iowa_gambling, japanese_vowels, uci_tables
from paralg.data.pydoc_text import encode, extract

__all__ = ["MAKERS", "main"]

_STUDIES = {100: ("Horstmann", "SteingroverInPrep"), 150: ("Steingroever2011", "Wetzels")}

Arrays = dict[str, NDArray]


def _engel(table: str) -> Arrays:
    columns = np.loadtxt(table, delimiter=",", skiprows=1).T
    ordered = columns[:, np.argsort(columns[0], kind="stable")]
    return {"hundredths": np.round(100 * ordered).astype(np.uint32)}


def _choptank(table: str) -> Arrays:
    metres = np.loadtxt(table, delimiter="\t", skiprows=1, usecols=1)
    return {"hundredths": np.round(100 * metres / 0.3048**3).astype(np.uint32)}


def _ridgecrest(table: str) -> Arrays:
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = np.array([row["time_string"] for row in rows], "datetime64[ms]")
    magnitudes = np.array([round(100 * float(row["M"])) for row in rows], np.uint16)
    return {"hundredths": (times - times[0]).astype(np.int64) // 10, "magnitudes": magnitudes}


def _japanese_vowels(train: str, test: str) -> Arrays:
    every = _series(train) + _series(test)
    every_row = np.concatenate([series for series, _ in every])
    rows = np.rint(every_row / japanese_vowels.STEP).astype(np.int16)
    return {
        "rows": np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1])),
        "lengths": np.array([len(series) for series, _ in every], np.uint8),
        "labels": np.array([label for _, label in every], np.uint8),
    }


def _series(path: str) -> list[tuple[NDArray, int]]:
    """Read a ``.ts`` file: channels divided by colons, the label last."""
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#@":
            *channels, label = line.split(":")
            series = np.array([[float(x) for x in one.split(",")] for one in channels]).T
            found.append((series, int(label) - 1))
    return found


def _iowa_gambling(folder: str) -> Arrays:
    choices, losses = (
        np.concatenate([_study(Path(folder), kind, trials) for trials in _STUDIES])
        for kind in ("choice", "lo")
    )
    fifties = -losses // iowa_gambling.UNIT
    return {"choices": (choices - 1).astype(np.uint8), "fifties": fifties.astype(np.uint8)}


def _study(folder: Path, kind: str, trials: int) -> NDArray:
    """Return the first choices or losses of the wanted studies of one length."""
    names = np.array([row[-1] for row in _table(folder / f"index_{trials}.csv")])
    rows = np.array(_table(folder / f"{kind}_{trials}.csv"), float)[:, : iowa_gambling.TRIALS]
    return np.concatenate([rows[names == name].astype(int) for name in _STUDIES[trials]])


def _table(path: Path) -> list[list[str]]:
    """Read a table without its header and without the names of its rows."""
    with open(path, encoding="utf-8", newline="") as file:
        return [row[1:] for row in list(csv.reader(file))[1:]]


def _pydoc_text() -> Arrays:
    from pydoc_data.topics import topics

    return {"tokens": encode(extract(topics.values())).astype(np.uint8)}


def _digits(table: str) -> Arrays:
    rows = np.loadtxt(table, delimiter=",").astype(np.uint8)
    return {"images": rows[:, :-1].reshape(-1, 8, 8), "labels": rows[:, -1]}


def _uci_tables(*tables: str) -> Arrays:
    found = {}
    for name, table in zip(uci_tables.NAMES, tables, strict=True):
        rows = np.loadtxt(table, delimiter=",", skiprows=1)
        found |= {name: rows[:, :-1].astype(np.float32),
                  f"{name}_classes": rows[:, -1].astype(np.uint8)}  # fmt: skip
    return found


class _InOrder(dict):
    """A set that is read in the order in which it was filled, the same on every run."""

    add, remove = dict.setdefault, dict.pop


def _walk(seed: int) -> tuple[NDArray, NDArray]:
    """Walk through one world; return frames (401, 8, 12) and actions (400,)."""
    import crafter

    env, rng = crafter.Env(seed=seed, length=None), np.random.default_rng(seed)
    world, moves = env._world, np.array(crafter_walks.MOVES)[:, ::-1]  # the game has x first
    rows, columns = crafter_walks.ROWS, crafter_walks.COLUMNS
    plain_reset, env.render = world.reset, lambda size=None: None

    def reset(seed=None):
        plain_reset(seed)
        world._chunks = defaultdict(_InOrder)

    def frame():
        padded = np.pad(env._sem_view(), ((columns // 2,) * 2, (rows // 2,) * 2))
        x, y = env._player.pos
        return padded[x : x + columns, y : y + rows].T.astype(np.uint8)

    def is_free(move):
        material, thing = world[env._player.pos + moves[move]]
        return thing is None and material in ("grass", "sand", "path")

    world.reset = reset
    env.reset()
    frames, actions, left, move = [frame()], [], 0, 0
    for _ in range(400):
        stands = rng.random() < 0.08
        if not stands and not (left and is_free(move)):
            free = [one for one in (1, 2, 3, 4) if is_free(one)]
            move, left = (int(rng.choice(free)), int(rng.integers(3, 9))) if free else (0, 0)
        left = left if stands else max(0, left - 1)
        actions.append(0 if stands else move)
        env.step(actions[-1])
        env._player.inventory |= dict.fromkeys(("health", "food", "drink", "energy"), 9)
        frames.append(frame())
    return np.stack(frames), np.array(actions, np.uint8)


def _crafter_walks() -> Arrays:
    frames, actions = zip(*(_walk(seed) for seed in range(64)), strict=True)
    return {"frames": np.stack(frames), "actions": np.stack(actions)}


MAKERS = {
    "engel": _engel, "choptank": _choptank, "ridgecrest": _ridgecrest,
    "japanese_vowels": _japanese_vowels, "iowa_gambling": _iowa_gambling,
    "pydoc_text": _pydoc_text, "digits": _digits, "uci_tables": _uci_tables,
    "crafter_walks": _crafter_walks,
}  # fmt: skip


def main(name: str, *sources_and_path: str) -> None:
    """Write the file of a data set from its sources."""
    *sources, path = sources_and_path
    checks.one_of("name", name, MAKERS)
    np.savez_compressed(path, **MAKERS[name](*sources))


if __name__ == "__main__":
    main(*sys.argv[1:])
