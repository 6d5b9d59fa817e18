"""Shipped records: many seeds, the ablation, digests of every engine, the benchmark's seconds.

``python -m paralg.rounds.personalized_pagerank.experiments.records NAME ...`` makes them again.
Floats are rounded: the last digits of a solve differ between machines.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

import paralg.rounds.personalized_pagerank as pr
from paralg.core.engine.digests import digests_by_engine
from paralg.core.records import Records
from paralg.rounds.personalized_pagerank.experiments.graphs import GRAPHS, les_miserables

__all__ = ["WALKS", "ablation_run", "ablation_steps", "digest_on", "records"]

WALKS = dict(zip(GRAPHS, (2000, 1000, 150), strict=True))  # of each source in the ablation


def failures(omega=300, epsilon=0.5, trials=100):
    """Count, for each pair of characters, the trials whose estimate is off by more than epsilon."""
    graph = les_miserables()
    exact, table = pr.dense_solve(graph), pr.move_table(graph)
    missed = np.zeros(exact.shape, dtype=int)
    for seed in range(trials):
        missed += np.abs(pr.random_walks(table, omega, seed=seed).dense() - exact) > epsilon * exact
    return missed.tolist()


def errors():
    """Return the mean L1 error of a row by walks per source, for each graph, and its bound."""
    found = {}
    for name, make in GRAPHS.items():
        graph, omegas = make(), (100, 400) if name == "topic_words" else (100, 400, 1600)
        exact, table = pr.dense_solve(graph), pr.move_table(graph, largest=256, hops=3)
        off = (np.abs(pr.random_walks(table, omega).dense() - exact) for omega in omegas)
        found[name] = {
            "omega": omegas,
            "error": [round(one.sum(axis=1).mean(), 9) for one in off],
            "bound": [round(pr.expected_l1(exact, omega).mean(), 9) for omega in omegas],
        }
    return found


def ablation_steps(graph, omega):
    """Return table and schedule of each step; the last one's cap is still open."""
    single, trees = pr.move_table(graph), pr.move_table(graph, largest=256)
    moves, by_hand = pr.move_table(graph, largest=256, hops=3), pr.Pipelined(max(1, omega // 50))
    return {"one batch": (single, pr.AllAtOnce()), "A": (single, by_hand), "A+B": (trees, by_hand),
            "A+B+C": (moves, by_hand), "A+B+C+D": (moves, None)}  # fmt: skip


def ablation_run(table, omega, schedule):
    """Walk as the ablation does: two partitions, a level of a tree is a round, 50 best kept."""
    return pr.random_walks(table, omega, schedule=schedule, partitions=2, descend=False, top=50)


def ablation():
    """Return for each graph and step: rounds, records, bytes, largest record, walks, memory."""
    found = {name: {} for name in WALKS}
    for name, omega in WALKS.items():
        for step, (table, schedule) in ablation_steps(GRAPHS[name](), omega).items():
            run = ablation_run(table, omega, schedule or pr.Refilled(found[name]["A"][4]))
            memory = int(run.row_bytes) + table.nbytes
            found[name][step] = [run.cost.rounds, run.shuffled, int(run.cost.bytes), table.largest,
                                 int(run.live.max()), memory]  # fmt: skip
    return found


def doubling(omega=200, seeds=80):
    """Return rounds, shared joins, error of the mean and variance of doubled and plain walks."""
    graph = les_miserables()
    exact, table = pr.dense_solve(graph), pr.move_table(graph)
    found = {pick: [pr.segment_doubling(graph, omega, 6, pick=pick, seed=s) for s in range(seeds)]
             for pick in ("same", "random")}  # fmt: skip
    found["independent"] = [pr.random_walks(table, omega, seed=seed) for seed in range(seeds)]
    for name, runs in found.items():
        doubled = name != "independent"
        shares = np.array([run.counts / omega if doubled else run.dense() for run in runs])
        off = np.abs(shares.mean(axis=0) - exact).sum(axis=1).mean()
        shared, variance = runs[0].shared if doubled else 0, shares.var(axis=0).sum()
        found[name] = [runs[0].cost.rounds, *(round(float(x), 9) for x in (shared, off, variance))]
    return found


def digest_on(engine, **given):
    """Return a hash of the counts of one run on an engine."""
    table = pr.move_table(les_miserables(), largest=16, hops=2)
    counts = pr.random_walks(table, 60, seed=7, engine=engine, **given).counts
    return hashlib.sha256(b"".join(part.tobytes() for part in counts)).hexdigest()[:16]


def engines():
    """Return the digests on worker processes, a Dask cluster and MPI ranks."""
    given = ((2, "processes"), (3, "processes"), (2, "dask"))
    return digests_by_engine(digest_on, given, __spec__.name)



def seconds():
    """Return median and note of all that the benchmark recorded, by its tables and methods."""
    path = Path(__file__).parents[4] / "benchmarks" / "results" / "personalized_pagerank.json"
    found = {}
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        found.setdefault(row["bench"], {})[row["method"]] = round(row["seconds"], 6), row["note"]
    return found


records = Records(
    Path(__file__).with_name("records"),
    {make.__name__: make for make in (failures, errors, ablation, doubling, engines, seconds)},
)

if __name__ == "__main__":
    records.main()
