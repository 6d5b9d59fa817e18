"""Personalised PageRank of all sources at equal error: ours, scikit-network, networkx, igraph.

Ours are the exact blocks, the walks and, where n x n numbers fit, a dense solve; "as chosen" is
what the command would take.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

if __package__ in (None, ""):  # started as a file
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import _common
from paralg.core.engine import connect
from paralg.core.timing import compare
from paralg.rounds.personalized_pagerank import (
    Digraph,
    blocked_power_iteration,
    dense_solve,
    move_table,
    random_walks,
    warm,
)
from paralg.rounds.personalized_pagerank.command.choice import AccuracyRequest, choose_method
from paralg.rounds.personalized_pagerank.experiments.graphs import barabasi_albert, topic_words
from paralg.rounds.personalized_pagerank.fast.exact import BLOCK

ALPHA = 0.2
MEMORY = 2**30
SAMPLE = 8
"""Sources that a method is timed on when it works source by source; scaled to all of them."""

WALKS_LOSE = "; counting visits converges like 1/sqrt(walks), sweeps like 0.8**sweeps"
WALKS_WIN = "; a walk's cost does not grow with the arcs: wins where so large an error will do"
DENSE_WINS = "; its time does not grow with the arcs, but its memory does with n^2"
MOST_WALKS = 8_000_000  # of all sources together; more would take minutes
MOST_DENSE = 2000  # nodes; more would take minutes in all


def passes(n: int) -> float:
    """Times that scikit-network reads all arcs for all sources over times that the blocks do."""
    rows = _common.read("personalized_pagerank")["rows"]
    bench = STANDARD.bench.replace("{size}", str(n))
    notes = {one["method"]: one["note"] for one in rows if one["bench"] == bench}
    ours, peer = (int(re.search(r"(\d+) (?:sweeps|iterations)", notes[name])[1])
                  for name in (STANDARD.ours, STANDARD.peer))  # fmt: skip
    return n * peer / (math.ceil(n / BLOCK) * ours)


STANDARD = _common.Standard(
    chapter="personalized_pagerank", task="All sources of a synthetic graph, L1 error 0.1",
    bench="BA, n = {size}, L1 error 0.1", ours="ours, as chosen", peer="scikit-network",
    size_name="nodes n", headline=2000, names={"ours, as chosen": "blocks of 64 sources"},
    counted=passes, counted_name="passes over the arcs, a source at a time over 64 at a time",
)  # fmt: skip


@dataclass(frozen=True)
class Method:
    """Something to time: a call, how many sources it covers, and the error it has."""

    call: Callable[[], object]
    sources: int
    note: str


def run(quick: bool = False) -> list[dict]:
    """Time all sources at several accuracies, the crossing, a large graph, and the engines."""
    warm()
    repeats = 2 if quick else 5
    graphs = {
        f"BA, n = {n}": barabasi_albert(n) for n in ((500,) if quick else (500, 1000, 2000, 4000))
    }
    if not quick:
        graphs["words, n = 2000"] = topic_words()
    rows = []
    for name, graph in graphs.items():
        rows += _all_sources(name, graph, (1.0, 0.3, 0.1, 1e-2, 1e-4, 1e-6), repeats)
    for attach in (10, 40) if quick else (10, 40, 160, 500):
        rows += _crossing(barabasi_albert(500 if quick else 2000, attach), repeats)
    if not quick:
        rows += _large(barabasi_albert(100_000), repeats)
    return [*rows, *_engines(barabasi_albert(200 if quick else 2000), quick)]


# All sources at equal error.


def _all_sources(name: str, graph: Digraph, errors, repeats: int) -> Iterator[dict]:
    exact = blocked_power_iteration(graph, ALPHA, error=1e-12).scores.to_csr(graph.n).toarray()
    peers = list(_peers(graph, exact))
    for error in errors:
        methods = {"ours, as chosen": _chosen(graph, error, exact)}
        methods |= dict(_walks(graph, error, exact))
        if error == min(errors) and graph.n <= MOST_DENSE:
            methods |= _dense(graph)
        methods |= {peer.name: peer.at(error) for peer in peers}
        bench = f"{name}, L1 error {error:g}"
        yield from _rows(methods, bench, graph.n, "ours, as chosen", repeats)


def _rows(methods: dict[str, Method], bench, size, ours, repeats) -> list[dict]:
    """Time the methods in turn and scale each to all sources."""
    timings = compare({name: method.call for name, method in methods.items()}, repeats=repeats)
    rows = []
    for name, method in methods.items():
        scale = size / method.sources
        own = size / methods[ours].sources
        low, high = timings.quartiles[name]
        ratio = timings.ratio(name, ours).median * scale / own
        rows.append(
            _common.row(
                bench, size, name, timings.median[name] * scale, low * scale, high * scale, ratio,
                method.note + _reason(name, ratio),
            )
        )  # fmt: skip
    return rows


def _reason(name: str, ratio: float) -> str:
    """Say why walks lose or win, and why a dense solve wins."""
    if name == "ours, walks":
        return WALKS_LOSE if ratio > 1 else WALKS_WIN
    return DENSE_WINS if name == "ours, dense solve" and ratio < 1 else ""


def _chosen(graph: Digraph, error: float, exact) -> Method:
    """Return the method that the command would choose."""
    accuracy = AccuracyRequest.of(graph.n, error=error)
    choice = choose_method(graph.n, graph.m, ALPHA, accuracy, memory=MEMORY)
    if choice.method == "walks":
        return dict(_walks(graph, error, exact))["ours, walks"]

    def call():
        return blocked_power_iteration(graph, ALPHA, error=error)

    found = call()
    real = _error(found.scores.to_csr(graph.n).toarray(), exact)
    note = f"exact blocks, {found.sweeps} sweeps, error {real:.2g}"
    omega = _omega(graph, error, exact)
    if omega * graph.n > MOST_WALKS:
        note += f"; walks not run: {omega:.2g} a source would be needed"
    return Method(call, graph.n, note)


def _dense(graph: Digraph) -> dict[str, Method]:
    """Return the dense solve, which knows one accuracy only."""
    note = "to machine precision, three n x n arrays"
    return {"ours, dense solve": Method(lambda: dense_solve(graph, ALPHA), graph.n, note)}


def _omega(graph: Digraph, error: float, exact) -> int:
    """Return about how many walks a source have the error, from a trial of 200."""
    trial = _error(random_walks(move_table(graph, ALPHA), 200, seed=1).dense(), exact)
    return int(np.ceil(200 * (trial / error) ** 2 * 1.05))


def _walks(graph: Digraph, error: float, exact) -> Iterator[tuple[str, Method]]:
    """Yield the walks with as many of them as the error needs, unless that is too many."""
    table, omega = move_table(graph, ALPHA), _omega(graph, error, exact)
    while omega * graph.n <= MOST_WALKS:
        real = _error(random_walks(table, omega).dense(), exact)
        if real <= error:
            call = functools.partial(_build_and_walk, graph, omega)
            note = f"{omega} walks a source, error {real:.2g}"
            yield "ours, walks", Method(call, graph.n, note)
            return
        omega = int(omega * 1.2) + 1


def _build_and_walk(graph: Digraph, omega: int):
    return random_walks(move_table(graph, ALPHA), omega)


def _error(scores, exact) -> float:
    """Return the mean L1 error of the rows."""
    return float(np.abs(scores - exact).sum(axis=1).mean())


# The peers, one source at a time, with the least effort that reaches the error.


class _Peer:
    """A package that solves one source a call, with a setting that buys accuracy."""

    def __init__(self, name, solve, settings, exact, sources: int, words: str):
        self.name, self.settings, self.words = name, settings, words
        self.few = np.linspace(0, len(exact) - 1, sources).astype(int)
        self.solve, self.exact = solve, exact[self.few]
        self.error = functools.cache(self._error)

    def run(self, setting):
        """Solve the sample of sources."""
        return [self.solve(int(u), setting) for u in self.few]

    def _error(self, setting) -> float:
        return _error(np.array(self.run(setting)), self.exact)

    def at(self, error: float) -> Method:
        """Return the method with the first setting whose mean error on the sample suffices."""
        good = (setting for setting in self.settings if self.error(setting) <= error)
        setting = next(good, self.settings[-1])
        note = self.words.format(setting) + f", error {self.error(setting):.2g}; one source a call"
        return Method(functools.partial(self.run, setting), len(self.few), note)


def _peers(graph: Digraph, exact) -> Iterator[_Peer]:
    """Yield the packages that are installed."""
    for make in (_scikit_network, _networkx, _igraph):
        with contextlib.suppress(ImportError):
            yield make(graph, exact)


def _scikit_network(graph: Digraph, exact) -> _Peer:
    from scipy.sparse import csr_matrix
    from sknetwork.ranking import PageRank

    adjacency = csr_matrix(graph.transition())

    def solve(u, sweeps):
        peer = PageRank(damping_factor=1 - ALPHA, solver="piteration", n_iter=sweeps, tol=0)
        return peer.fit_predict(adjacency, {u: 1})

    sweeps = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 30, 60, 100)
    return _Peer("scikit-network", solve, sweeps, exact, SAMPLE, "{} iterations")


def _networkx(graph: Digraph, exact) -> _Peer:
    import networkx as nx

    peer = nx.from_scipy_sparse_array(graph.transition(), create_using=nx.DiGraph)

    def solve(u, tol):
        row = nx.pagerank(peer, alpha=1 - ALPHA, personalization={u: 1}, tol=tol, max_iter=1000)
        return [row[v] for v in range(graph.n)]

    tols = [step * 10.0**-power / graph.n for power in range(11) for step in (1.0, 0.3)]
    return _Peer("networkx", solve, tols, exact, 3, "tol {:.1g}")


def _igraph(graph: Digraph, exact) -> _Peer:
    import igraph

    arcs = np.stack([graph.tails, graph.targets], axis=1).tolist()
    peer, weights = igraph.Graph(n=graph.n, edges=arcs, directed=True), graph.weights.tolist()

    def solve(u, _):
        return peer.personalized_pagerank(reset_vertices=u, damping=1 - ALPHA, weights=weights)

    return _Peer("igraph", solve, (None,), exact, SAMPLE, "no tolerance to set")


# Where walks and sweeps cross.


def _crossing(graph: Digraph, repeats: int) -> list[dict]:
    """Walks against exact blocks at the error that 1,000 walks have, as arcs grow."""
    exact = blocked_power_iteration(graph, ALPHA, error=1e-12).scores.to_csr(graph.n).toarray()
    table = move_table(graph, ALPHA)
    real = _error(random_walks(table, 1000).dense(), exact)
    sweeps = blocked_power_iteration(graph, ALPHA, error=real).sweeps
    methods = {
        "ours, exact blocks": Method(
            lambda: blocked_power_iteration(graph, ALPHA, error=real, top=50),
            graph.n,
            f"{sweeps} sweeps",
        ),
        "ours, walks": Method(
            lambda: random_walks(table, 1000, top=50),
            graph.n,
            "1000 walks a source, table given",
        ),
    } | _dense(graph)
    bench = f"crossing, BA with {graph.m:,} arcs, L1 error {real:.2f}"
    return _rows(methods, bench, graph.n, "ours, exact blocks", repeats)


def _large(graph: Digraph, repeats: int) -> list[dict]:
    """One block of sources of a graph whose n^2 scores would not fit."""
    block = range(64)
    table = move_table(graph, ALPHA)
    omega = 1000

    def walks():
        return random_walks(table, omega, sources=block)

    def exact(error):
        return blocked_power_iteration(graph, ALPHA, error=error, sources=block)

    true, found = (rows.to_csr(graph.n)[:64].toarray()
                   for rows in (exact(1e-9).scores, walks().estimates))  # fmt: skip
    real = _error(found, true)
    coarse = exact(real)
    methods = {
        "ours, exact blocks": Method(lambda: exact(real), 64, f"{coarse.sweeps} sweeps"),
        "ours, walks": Method(walks, 64, f"{omega} walks a source, table given"),
    }
    gigabytes = 8 * graph.n**2 / 1e9
    bench = f"BA, n = 100,000 ({gigabytes:.0f} GB of scores), L1 error {real:.2f}"
    return _rows(methods, bench, 64, "ours, exact blocks", repeats)


# The engines.

_ON_RANKS = """
import json, sys, time
from benchmarks.bench_pagerank import measure
from paralg.core.engine import connect
with connect("mpi") as engine:
    found = measure(engine, int(sys.argv[1]), int(sys.argv[2]))
    if engine.is_root:
        print(json.dumps(found))
"""


def measure(engine, n: int, omega: int) -> list[list[float]]:
    """Return rounds, joins and seconds of runs with a small and a large cap."""
    import time

    from paralg.rounds.personalized_pagerank import Refilled

    table = move_table(barabasi_albert(n), ALPHA)
    random_walks(table, 5, engine=engine)
    found = []
    for cap in (n * omega // 40, n * omega // 4):
        start = time.perf_counter()
        result = random_walks(table, omega, engine=engine, schedule=Refilled(cap), top=50)
        found.append([result.cost.rounds, result.cost.work, time.perf_counter() - start])
    return found


def _engines(graph: Digraph, quick: bool) -> Iterator[dict]:
    """Time the same walks on every engine, and split the time into rounds and joins."""
    omega = 20 if quick else 1000
    runs = {f"processes, {workers}": ("processes", workers) for workers in (1, 2)}
    runs = {"serial": ("serial", None)} | runs
    if not quick:
        runs["dask, 2"] = ("dask", 2)
    reference = None
    for name, (engine, workers) in runs.items():
        with connect(engine, workers) as cluster:
            share = 20 if engine == "dask" else 1  # a twentieth of the walks, and says so
            found = measure(cluster, graph.n, omega // share)
        reference = reference or found[-1][2]
        yield _engine_row(name, graph.n, omega, found, reference, share)
    for ranks in (1, 2):
        found = _on_ranks(ranks, graph.n, omega)
        if found:
            yield _engine_row(f"mpi, {ranks}", graph.n, omega, found, reference, 1)


def _on_ranks(ranks: int, n: int, omega: int):
    launcher = Path(sysconfig.get_path("scripts")) / "mpiexec"
    if not launcher.exists():
        return None
    command = [launcher, "-n", str(ranks), sys.executable, "-c", _ON_RANKS, str(n), str(omega)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 else None


def _engine_row(name, n, omega, found, reference, share) -> dict:
    from paralg.rounds.personalized_pagerank import TimedRun, fit_costs

    model = fit_costs(TimedRun(*run) for run in found)
    note = f"{1e3 * model.per_round:.2g} ms a round, {1e9 * model.per_join:.3g} ns a join"
    if share > 1:
        note += f"; scaled from a {share}th of the walks"
    seconds = found[-1][2] * share
    bench = f"engines, BA, {omega} walks a source"
    return _common.row(bench, n, name, seconds, ratio=seconds / reference, note=note)


def main() -> None:
    """Run from the command line."""
    _common.main(run, "personalized_pagerank", standard=STANDARD)


if __name__ == "__main__":
    main()
