"""Small graphs by hand, random ones from hypothesis, and the chain that a move table defines."""

import hashlib

import numpy as np
from hypothesis import strategies as st

import paralg.rounds.personalized_pagerank as pr
from paralg.rounds.personalized_pagerank import Digraph
from paralg.rounds.personalized_pagerank.experiments import graphs

HUGO = graphs.les_miserables()
IMPORTS = graphs.stdlib_imports()
EXACT = pr.dense_solve(HUGO)
TABLE = pr.move_table(HUGO)
HAND = {
    "a single node": Digraph.from_arcs([], [], n=1),
    "a single loop": Digraph.from_arcs([0], [0]),
    "isolated nodes": Digraph.from_arcs([], [], n=3),
    "an arc to a dead end": Digraph.from_arcs([0], [1], [2.0]),
    "a loop and an exit": Digraph.from_arcs([0, 0], [0, 1], [3.0, 1.0]),
    "parallel arcs": Digraph.from_arcs([0, 0, 1], [1, 1, 0], [1.0, 2.0, 5.0]),
    "a cycle of three": Digraph.from_arcs([0, 1, 2], [1, 2, 0]),
    "a star": Digraph.from_arcs([0] * 7, range(1, 8), range(1, 8), undirected=True),
    "loops and returns": Digraph.from_arcs([0, 0, 1, 3, 3], [1, 2, 3, 0, 3], [1, 2, 3, 4, 5]),
    "a wide star": Digraph.from_arcs([0] * 60, range(1, 61), range(1, 61)),
}


def arcs(graph):
    """Return the arcs by name."""
    ends = zip(graph.tails.tolist(), graph.targets.tolist(), graph.weights.tolist(), strict=True)
    return [(graph.label(a), graph.label(b), w) for a, b, w in ends]


@st.composite
def digraphs(draw, most=7):
    """Return a weighted digraph: loops, parallel arcs, isolated nodes and dead ends included."""
    n = draw(st.integers(1, most))
    node = st.integers(0, n - 1)
    arcs = draw(st.lists(st.tuples(node, node, st.floats(1e-6, 1e6)), max_size=3 * n))
    tails, heads, weights = zip(*arcs, strict=True) if arcs else ((), (), ())
    return Digraph.from_arcs(tails, heads, weights, n=n)


def digest(counts) -> str:
    """Return a hash of all counts and where they stand."""
    return hashlib.sha256(b"".join(array.tobytes() for array in counts)).hexdigest()


def transfer(table):
    """Return (go, stop): chances to go on at each record and to stop at each node, one use each."""
    go, stop = np.zeros((table.records,) * 2), np.zeros((table.records, table.n))
    coin = np.where(table.kind > 0, table.alpha, 0.0)
    tossed = np.flatnonzero(table.kind)
    stop[tossed, tossed] = table.alpha
    record = np.repeat(np.arange(table.records), np.diff(table.indptr))
    mass, alive = (1.0 - coin[record]) * table.implied(), table.own >= 0
    np.add.at(go, (record[alive], table.own[alive]), mass[alive])
    np.add.at(stop, (record[~alive], ~table.own[~alive]), mass[~alive])
    return go, stop


def solve_chain(table):
    """Return where walks stop, from the chain that the tables themselves define."""
    go, stop = transfer(table)
    return np.linalg.solve(np.eye(len(go)) - go, stop)[: table.n]


def without_dangling(graph):
    """Remove nodes without out-arcs until none is left: there all conventions agree."""
    while graph.n and graph.dangling.any():
        stay = np.flatnonzero(~graph.dangling)
        number = np.full(graph.n, -1)
        number[stay] = np.arange(len(stay))
        tail, head = number[graph.tails], number[graph.targets]
        inside = (tail >= 0) & (head >= 0)
        arcs = tail[inside], head[inside], graph.weights[inside]
        graph = Digraph.from_arcs(*arcs, n=len(stay))
    return graph
