"""Data sets and generators, graphs of others, edge lists."""

import tempfile
from pathlib import Path

import networkx as nx
import numpy as np

from paralg.data import (
    addition,
    arcs,
    crafter_walks,
    digits,
    edge_lists,
    graphs,
    iowa_gambling,
    japanese_vowels,
    make,
    pendulum,
    pydoc_text,
    source,
    sudoku4,
    uci_tables,
)
from tests.project.arguments import Call

COVERS = tuple(f"paralg.data.{name}" for name in (
    "addition", "arcs", "choptank", "crafter_walks", "digits", "edge_lists", "engel", "graphs",
    "iowa_gambling", "japanese_vowels", "make", "pendulum", "pydoc_text", "ridgecrest", "source",
    "sudoku4", "uci_tables",
))  # fmt: skip
NOT = {name: "a record" for name in ("ArcList", "Digits", "Games", "Households", "Utterances",
       "Quakes", "Episodes", "EdgeFormat", "Walks", "ClassTable")} | {
       name: "no argument" for name in ("daily", "households", "allowed", "grids", "les_miserables",
       "stdlib_imports", "topic_words")} | {
       "EdgeListError": "an error", "read_only": "takes arrays of the library"}  # fmt: skip

RNG = np.random.default_rng(0)
N, M = np.array([456, 7]), np.array([123, 999])
STATE, TORQUE = np.array([[0.1, 0.2], [3.0, -0.5]]), np.array([0.5, -1.0])
FREE = "longer,broadcast,empty"
FOLDER = Path(tempfile.mkdtemp())
np.savetxt(FOLDER / "digits", np.zeros((2, 65)), delimiter=",")
(FOLDER / "edges").write_text("a b 2\n")


def own(function):
    """Give every call a generator of its own."""

    def run(rng, **how):
        rng = np.random.default_rng(1) if isinstance(rng, np.random.Generator) else rng
        return function(rng=rng, **how)

    return run


def read(path, limit):
    """Read an edge list; one that is not there is an error of the system, as for any file."""
    try:
        return edge_lists.read_edge_list(path, limit=limit)[0]
    except FileNotFoundError:
        return None


def row(a, b):
    """Spell one problem after the other."""
    lines = [
        f"{a:03}"[::-1] + "+" + f"{b:03}"[::-1] + "=" + str(a + b)[::-1].ljust(8, ".")
        for a, b in zip(np.atleast_1d(a).tolist(), np.atleast_1d(b).tolist(), strict=True)
    ]
    return np.array([[addition.SYMBOLS.index(sign) for sign in line] for line in lines]).reshape(
        len(lines), addition.LENGTH)  # fmt: skip


def moved(state, torque):
    (angle, speed), torque = np.asarray(state, float).T, np.asarray(torque, float)
    reward = -(angle**2 + 0.1 * speed**2 + 0.001 * torque**2)
    speed = np.clip(speed + 0.05 * (15 * np.sin(angle) + 3 * torque), -8, 8)
    return np.stack([np.angle(np.exp(1j * (angle + 0.05 * speed))), speed], 1), reward


def policy(name):
    given = {"state": STATE} if name == "expert" else {"state": STATE, "rng": RNG}
    run = own(lambda state, rng: pendulum.POLICIES[name](state, rng))
    return Call("expert", run if "rng" in given else lambda state: run(RNG, state=state), given,
                fine={"state": FREE})  # fmt: skip


CALLS = [
    Call("encode", addition.encode, {"a": N, "b": M}, right=row),
    Call("held_out", addition.held_out, {"a": N, "b": M}),
    *(Call(f.__name__, f, {"x": row(N, M)}, fine={"x": FREE + ",fewer axes,negative,too large"})
      for f in (addition.decode, addition.is_correct)),
    Call("sample", own(addition.sample), {"n": 2, "rng": RNG, "split": "test"}, fine={"n": "zero"}),
    Call("problems", addition.problems, {"n": 2, "seed": 1, "mask": 13},
         fine={"n": "zero", "seed": "zero", "mask": "zero"}),
    Call("check_arcs", arcs.check_arcs, {"sources": N, "targets": M,
                                         "weights": np.array([0.5, 2.0])},
         fine={"weights": "none,integers,booleans",
               **dict.fromkeys(("sources", "targets"), "negative,too large")}),
    Call("check_nodes", lambda n: arcs.check_nodes(n, None, N), {"n": 999}, fine={"n": "none"}),
    Call("check_rows", lambda **how: arcs.check_rows(names=None, **how),
         {"indptr": np.array([0, 1, 2]), "targets": np.array([1, 0]),
          "weights": np.array([1.0, 2.0])}, fine={"weights": "integers,booleans"}),
    Call("matrix_arcs", arcs.matrix_arcs, {"matrix": np.array([[0.0, 2.0], [1.0, 0.0]])},
         right=lambda matrix: (*np.nonzero(matrix), np.asarray(matrix)[np.nonzero(matrix)], 2)),
    Call("networkx_arcs", arcs.networkx_arcs, {"graph": nx.path_graph(3), "weight": "weight"},
         fine={"weight": "unknown,empty,number,none"}),
    *(Call("load", one.load, {"split": "test"})
      for one in (crafter_walks, digits, japanese_vowels, pydoc_text)),
    Call("load", uci_tables.load, {"name": "iris"}),
    Call("encode", digits.encode, {"images": np.full((2, 8, 8), 16), "labels": np.array([3, 4])},
         fine={"images": "longer"}),
    Call("decode", digits.decode, {"tokens": np.ones((2, 65), int)},
         fine={"tokens": FREE + ",fewer axes,more axes,negative,too large,booleans"}),
    Call("read_edge_list", read, {"path": FOLDER / "edges", "limit": 3},
         fine={"limit": "zero", "path": "string"}),
    Call("barabasi_albert", graphs.barabasi_albert, {"n": 9, "attach": 2, "seed": 1},
         fine={"seed": "zero"}),
    Call("Decks", own(lambda rows, rng: iowa_gambling.Decks.shuffled(rows, rng).losses),
         {"rows": 2, "rng": RNG}, fine={"rows": "zero"}),
    Call("Decks", own(lambda decks, rng: iowa_gambling.Decks.shuffled(2, rng).draw(decks)),
         {"decks": np.array([0, 3]), "rng": RNG}),
    Call("main", lambda name: make.main(name, FOLDER / "digits", FOLDER / "out.npz"),
         {"name": "digits"}),
    Call("observe", pendulum.observe, {"state": STATE}, rows="state", fine={"state": FREE},
         right=lambda state: np.stack([np.cos(state), np.sin(state), np.asarray(state) / 4], -1)[
             :, [0, 0, 1], [0, 1, 2]]),
    Call("move", pendulum.move, {"state": STATE, "torque": TORQUE}, right=moved,
         rows="state torque"),
    *map(policy, pendulum.POLICIES),
    Call("roll_out", own(pendulum.roll_out), {"policy": pendulum.expert, "rows": 2, "rng": RNG},
         fine={"rows": "zero"}),
    Call("encode", pydoc_text.encode, {"text": "ab c"}, fine={"text": "unknown,empty"}),
    Call("decode", pydoc_text.decode, {"x": np.array([0, 26, 3])},
         fine={"x": FREE + ",more axes,fewer axes,negative,too large"}),
    Call("extract", pydoc_text.extract, {"texts": ["One.  Two!", "three"]}),
    Call("windows", own(pydoc_text.windows), {"n": 2, "length": 5, "rng": RNG, "split": "test"},
         fine={"n": "zero"}),
    Call("Source", lambda title, origin, licence: source.Source(title, origin, licence),
         {"title": "t", "origin": "o", "licence": "l"},
         fine=dict.fromkeys(("title", "origin", "licence"), "unknown,empty")),
    Call("is_valid", sudoku4.is_valid, {"x": sudoku4.grids()[:2]},
         fine={"x": "longer,broadcast,empty,more axes,fewer axes,negative,too large"}),
]  # fmt: skip
