"""The tree of validated splits against flat models that try every number of clusters.

    python -m benchmarks.bench_partitive_partitioning [--quick]

Needs ``pip install scikit-learn pyclustering``. The peer is what a user of scikit-learn would write
when the number of clusters is not known: k-means and a Gaussian mixture for each k up to twice the
number there is, the least BIC wins. All methods get the same standardised points on one thread;
``ratio`` is how many times faster the tree is than the method of the row. The last tables have the
seconds of the same tree, restarts and feature search on engines with one worker and with two.
"""

from __future__ import annotations

import itertools
import re
import warnings
from functools import cache, partial

import numpy as np

from benchmarks._common import Standard, read, rows_of
from benchmarks._common import main as run_main
from paralg.core.engine import connect
from paralg.core.timing import compare
from paralg.kernels.partitive_partitioning import (
    SplitRules,
    adjusted_rand,
    grow,
    grow_sharded,
    most_separable,
    multistart,
    warm,
)
from paralg.kernels.partitive_partitioning.experiments.clouds import (
    blobs,
    cloud,
    covariance_of,
)
from paralg.kernels.partitive_partitioning.fast.checks import standardise

__all__ = ["main", "run", "scan"]

OURS, SHARDED = "tree", "tree on shards, compiled"
PEER, HDB, X_MEANS = "k-means and mixture for each k, scikit-learn", "HDBSCAN", "x-means"
G_MEANS = "g-means"
BENCH = "find the clusters of blobs in ten dimensions"
CLUSTERS = (4, 8, 16)
REAL = ("five blobs", "three overlapping blobs", "square", "iris", "wine", "breast_cancer")
EACH, DIMENSIONS, BOX = 100, 10, 20.0


@cache
def points_of(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return k blobs of 100 points: standardised points, and the blob of each."""
    points, labels = blobs(k, EACH * k, DIMENSIONS, seed=1, box=BOX)
    return standardise(points), labels


@cache
def evaluations(k: int) -> float:
    """Return evaluations of the scan, which its recorded row notes, over those of the tree."""
    rows = {
        (one["bench"], one["size"], one["method"]): one for one in read(STANDARD.chapter)["rows"]
    }
    noted = re.search(r"; ([\d,]+) evaluations", rows[BENCH, k, PEER]["note"])
    return int(noted[1].replace(",", "")) / grow(points_of(k)[0]).cost.work


def scan_note(points, k_max: int, cov: str) -> str:
    """Return how often the scan evaluates a point against a Gaussian."""
    steps = enumerate((one.n_iter_ for one in _models(points, k_max, cov)), 1)
    return f"; {sum(len(points) * k * n for k, n in steps):,} evaluations"


STANDARD = Standard(
    chapter="partitive_partitioning", task="Clusters whose number is not given", bench=BENCH,
    ours=OURS, peer=PEER, size_name="clusters", headline=16, counted=evaluations,
    counted_name="evaluations of a point against a Gaussian, all k over the tree",
    names={PEER: "k-means and mixture for every k"},
)  # fmt: skip


def _models(points, k_max: int, cov: str) -> list:
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [GaussianMixture(k, covariance_type=cov, reg_covar=1e-3, random_state=0).fit(points)
                for k in range(1, k_max + 1)]  # fmt: skip


def scan(points, k_max: int, cov: str = "full") -> np.ndarray:
    """Return the labels of the mixture with the least BIC; k-means gives each its start."""
    return min(_models(points, k_max, cov), key=lambda one: one.bic(points)).predict(points)


def _hdbscan(points):
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(copy=True).fit_predict(points)


def _k_means(points, k: int, seed: int = 0, starts: int = 1):
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=starts, random_state=seed).fit_predict(points)


def _bisecting(points, k: int):
    from sklearn.cluster import BisectingKMeans

    return BisectingKMeans(k, random_state=0).fit_predict(points)


def _given(points, k: int, cov: str):
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(k, covariance_type=cov, random_state=0).fit_predict(points)


def _between(points, k: int) -> str:
    """Return mean and least index between 20 single starts of k-means."""
    runs = [_k_means(points, k, seed) for seed in range(20)]
    pairs = [adjusted_rand(a, b) for a, b in itertools.combinations(runs, 2)]
    return f"; between 20 starts {np.mean(pairs):.2f}, least {min(pairs):.2f}"


def _pyclustering(points, k_max: int, which: str):
    np.warnings = warnings  # which it expects of an older numpy
    from pyclustering.cluster.gmeans import gmeans
    from pyclustering.cluster.xmeans import xmeans

    if which == X_MEANS:
        made = xmeans(points.tolist(), points[:2].tolist(), k_max, random_state=0, ccore=False)
    else:
        made = gmeans(points.tolist(), k_max=k_max, random_state=0, ccore=False)
    labels = np.zeros(len(points), dtype=int)
    for number, rows in enumerate(made.process().get_clusters()):
        labels[rows] = number
    return labels


def _note(labels, truth) -> str:
    found = len(set(np.asarray(labels).tolist()) - {-1})
    return f"{found} clusters, ARI {adjusted_rand(truth, np.asarray(labels, int)):.3f}"


def _rows(bench, size, points, truth, k_max, cov, repeats, others=True) -> list[dict]:
    rules = SplitRules(cov=cov)
    ways = {OURS: partial(grow, points, rules), SHARDED: partial(grow_sharded, [points], rules),
            PEER: partial(scan, points, k_max, cov)}  # fmt: skip
    k = max(2, len(np.unique(truth)))
    if others:
        ways |= {"k-means, k given": partial(_k_means, points, k),
                 "bisecting k-means, k given": partial(_bisecting, points, k),
                 "mixture, k given": partial(_given, points, k, cov)}  # fmt: skip
        ways |= {HDB: partial(_hdbscan, points), X_MEANS: partial(
            _pyclustering, points, k_max, X_MEANS), G_MEANS: partial(
            _pyclustering, points, k_max, G_MEANS)}  # fmt: skip
    notes = {}
    for name, way in ways.items():
        found = way()
        notes[name] = _note(getattr(found, "labels", found), truth)
    notes[PEER] += scan_note(points, k_max, cov)
    if others:
        notes["k-means, k given"] += _between(points, k)
    timings = compare(ways, repeats=repeats, warmup=0, threads=1)
    return rows_of(timings, bench, size, OURS, notes)


def _engine_rows(repeats: int, quick: bool) -> list[dict]:
    """Time the tree, the shards, restarts and the search on one worker and on two."""
    points, _ = points_of(8 if quick else 32)
    large, _ = blobs(8, 2_000 if quick else 50_000, 5, seed=2, box=BOX)
    large, (wine, _) = standardise(large), cloud("wine")
    shards, fewer = np.array_split(large, 8), large[:20_000]
    jobs = {
        "tree of small blobs": (len(points), lambda e: grow(points, engine=e)),
        "tree on 8 shards": (len(large), lambda e: grow_sharded(shards, engine=e)),
        "64 restarts": (len(fewer), lambda e: multistart(
            fewer, 8 if quick else 64, least=0, most=1, engine=e)),
        "search over 13 features": (len(wine), lambda e: most_separable(wine, engine=e)),
    }  # fmt: skip
    found = []
    with connect("processes", 1) as one, connect("processes", 2) as two:
        engines = {"serial": connect("serial"), "processes, 1": one, "processes, 2": two}
        for bench, (size, job) in jobs.items():
            ways = {name: partial(job, engine) for name, engine in engines.items()}
            for way in ways.values():
                way()  # compiles in the workers
            timings = compare(ways, repeats=repeats, warmup=0, threads=1)
            found += rows_of(timings, f"engines: {bench}", size, "processes, 2")
    return found


def run(quick: bool = False) -> list[dict]:
    """Time blobs, real tables and engines."""
    warm()
    found, repeats = [], 2 if quick else 3
    for k in CLUSTERS[:1] if quick else CLUSTERS:
        points, truth = points_of(k)
        found += _rows(BENCH, k, points, truth, 2 * k, "full", repeats)
    for name in ("iris",) if quick else REAL:
        points, truth = cloud(name)
        cov = covariance_of(name)
        found += _rows(f"find the clusters of {name}", len(points), points, truth, 10, cov, repeats)
    return found + _engine_rows(repeats, quick)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/partitive_partitioning.json``."""
    run_main(run, "partitive_partitioning", argv, STANDARD)


if __name__ == "__main__":
    main()
