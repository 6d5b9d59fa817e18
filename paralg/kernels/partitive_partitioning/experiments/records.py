"""Shipped records: many seeds, rules side by side, restarts, digests of every engine, seconds.

``python -m paralg.kernels.partitive_partitioning.experiments.records NAME ...`` makes them again.
"""

import hashlib
import itertools
import json
from pathlib import Path

import numpy as np

import paralg.kernels.partitive_partitioning as pp
from paralg.core.engine.digests import digests_by_engine
from paralg.core.records import Records
from paralg.kernels.partitive_partitioning.experiments.clouds import SETS, cloud, covariance_of

__all__ = ["RULES", "STOPS", "digests_on", "records"]

RULES = {"plain": pp.SplitRules, "harmonic": pp.HarmonicRules, "dip": pp.DipRules}
STOPS = {"100, 1e-3": (100, 1e-3), "200, 1e-6": (200, 1e-6), "2000, 1e-8": (2000, 1e-8)}
REAL = ("iris", "wine", "breast_cancer")


def rules():
    """Return clusters and adjusted Rand index of each set under each rule; ten seeds of clouds."""

    def one(name, seed, make):
        points, labels = cloud(name, seed)
        labeled = pp.grow(points, make(cov=covariance_of(name))).labels
        return [int(labeled.max()) + 1, round(pp.adjusted_rand(labels, labeled), 3)]

    return {name: {rule: [one(name, seed, make) for seed in range(1 if name in REAL else 10)]
                   for rule, make in RULES.items()} for name in SETS}  # fmt: skip


def stops():
    """Return clusters found on ten seeds for three ends of EM."""
    sets = (("square", 1000), ("square", 300), ("five-cube", 1000), ("two moons", 400),
            ("Gaussian", 500))  # fmt: skip

    def found(name, n, most, tol):
        rules = pp.SplitRules(em_max=most, em_tol=tol)
        return [pp.grow(cloud(name, seed, n)[0], rules).k for seed in range(10)]

    return {f"{name}, {n}": {stop: found(name, n, *end) for stop, end in STOPS.items()}
            for name, n in sets}  # fmt: skip


def _between(labelings):
    """Return mean and least adjusted Rand index between all pairs of runs."""
    pairs = [pp.adjusted_rand(a, b) for a, b in itertools.combinations(labelings, 2)]
    return [round(float(np.mean(pairs)), 3), round(float(np.min(pairs)), 3)]


def repeats(seeds=12):
    """Return agreement between seeds of three starts: root cuts, and whole trees."""
    found = {}
    for name in ("five blobs", "eight blobs", *REAL):
        points, _ = cloud(name)
        for rule, make in (("agreement", pp.AgreementRules), ("multistart", pp.MultistartRules),
                           ("fixed", pp.SplitRules)):  # fmt: skip
            rules = make(cov=covariance_of(name))
            cuts = [rules.cut(points, seed).sides for seed in range(seeds)]
            trees = [pp.grow(points, rules, seed=seed) for seed in range(6)]
            found[f"{name}, {rule}"] = [
                *_between(cuts), *_between([one.labels for one in trees]),
                min(one.k for one in trees), max(one.k for one in trees),
            ]  # fmt: skip
    return found


def digests_on(engine):
    """Return hashes of a tree, of a tree on shards, of a search and of restarts on an engine."""
    points, _ = cloud("wine")
    rules = pp.SplitRules(cov="diag")
    tree = pp.grow(points, rules, engine=engine)
    sharded = pp.grow_sharded(np.array_split(points, 5), rules, engine=engine)
    search = pp.most_separable(points[:, :5], engine=engine)
    start = pp.multistart(points, 16, least=0, engine=engine)
    gains = [[one.verdict.gain for one in grown.nodes] for grown in (tree, sharded)]
    parts = [tree.labels, sharded.labels, *gains, search.best, start.cut.centres]
    text = b"".join(np.asarray(part).tobytes() for part in parts)
    return hashlib.sha256(text).hexdigest()[:16]


def engines():
    """Return the digests on worker processes, a Dask cluster and MPI ranks."""
    given = ((1, "serial"), (2, "processes"), (3, "processes"), (2, "dask"))
    return digests_by_engine(digests_on, given, __spec__.name)



def seconds():
    """Return median seconds and note of all that the benchmark recorded, by table and method."""
    path = Path(__file__).parents[4] / "benchmarks" / "results" / "partitive_partitioning.json"
    found = {}
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        table = found.setdefault(f"{row['bench']}, {row['size']}", {})
        table[row["method"]] = round(row["seconds"], 6), row["note"]
    return found


MAKERS = (rules, stops, repeats, engines, seconds)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
