"""Shipped records: many seeds, rules side by side, restarts, peers, digests of every engine.

``python -m paralg.kernels.partitive_partitioning.experiments.records NAME ...`` makes them again;
``peers`` needs scikit-learn and pyclustering. Floats are rounded.
"""

import hashlib
import itertools
import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

import paralg.kernels.partitive_partitioning as pp
from paralg.core.engine import connect
from paralg.core.records import Records
from paralg.kernels.partitive_partitioning.experiments.clouds import SETS, cloud, covariance_of
from paralg.kernels.partitive_partitioning.variants import DIP_SIZES

__all__ = ["RULES", "STOPS", "digests_on", "records"]

RULES = {"plain": pp.SplitRules, "harmonic": pp.HarmonicRules, "dip": pp.DipRules,
         "bootstrap": pp.BootstrapRules}  # fmt: skip
STOPS = {"100, 1e-3": (100, 1e-3), "200, 1e-6": (200, 1e-6), "2000, 1e-8": (2000, 1e-8)}
REAL = ("iris", "wine", "breast_cancer")


def rules():
    """Return clusters and adjusted Rand index of each set under each rule, and at the root."""
    found = {}
    for name in SETS:
        points, labels = cloud(name)
        row = {}
        for rule, make in RULES.items():
            how = {"replicates": 19} if rule == "bootstrap" else {}
            tree = pp.grow(points, make(cov=covariance_of(name), **how))
            row[rule] = [tree.k, round(pp.adjusted_rand(labels, tree.labels), 3)]
            if rule == "plain":
                kept, merges = pp.merge_leaves(points, tree.labels, make(cov=covariance_of(name)))
                row["merged"] = [int(kept.max()) + 1, len(merges)]
                row["agreement"] = round(tree.nodes[0].verdict.agreement, 3)
        found[name] = row
    return found


def stops():
    """Return clusters found on ten seeds for three ends of EM."""
    sets = (("square", 1000), ("square", 300), ("five-cube", 1000), ("two moons", 400),
            ("Gaussian", 500))  # fmt: skip
    return {f"{name}, {n}": {stop: [
        pp.grow(cloud(name, seed, n)[0], pp.SplitRules(em_max=most, em_tol=tol)).k
        for seed in range(10)] for stop, (most, tol) in STOPS.items()} for name, n in sets}  # fmt: skip


def smallest():
    """Return clusters of wine and breast cancer for three smallest nodes."""
    return {name: [pp.grow(cloud(name)[0], pp.SplitRules(cov="diag", nmin=n)).k
                   for n in (10, 20, 40)] for name in REAL[1:]}  # fmt: skip


def basins():
    """Return how often a random start reaches the best error, and how far the fixed one is off."""
    found = {}
    for name in ("five blobs", "eight blobs", *REAL):
        points, _ = cloud(name)
        errors = [pp.random_two_means(points, attempt).sse for attempt in range(400)]
        least = min(errors)
        p = np.mean([one <= least * (1 + 1e-9) for one in errors])
        found[name] = [round(float(p), 4), round(pp.two_means(points).sse / least - 1, 6)]
    return found


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
            cuts = [rules.cut(points, np.ones(len(points)), seed).sides for seed in range(seeds)]
            trees = [pp.grow(points, rules, seed=seed) for seed in range(6)]
            found[f"{name}, {rule}"] = [
                *_between(cuts), *_between([one.labels for one in trees]),
                min(one.k for one in trees), max(one.k for one in trees),
            ]  # fmt: skip
    return found


def dips(samples=2000):
    """Return the 95 % points of sqrt(n) times the dip of uniform numbers."""
    rng = np.random.default_rng(1)
    return {str(n): round(float(np.sqrt(n) * np.quantile(
        [pp.dip(rng.random(n)) for _ in range(samples)], 0.95)), 3) for n in DIP_SIZES}  # fmt: skip


def ratio(samples=400):
    """Return how often the evidence alone, and evidence and agreement, split one Gaussian."""
    found = {}
    for n in (40, 80, 160, 320, 640):
        bic, both = 0, 0
        for seed in range(samples):
            points = np.random.default_rng([n, seed]).normal(size=(n, 2))
            verdict, _ = pp.split_node(points, np.ones(n), 0, pp.SplitRules(tau=0.0))
            bic += verdict.gain > 0
            both += verdict.gain > 0 and verdict.agreement >= 0.9
        found[str(n)] = [bic / samples, both / samples]
    return found


def peers():
    """Return clusters and adjusted Rand index that other methods find, scikit-learn's and two."""
    from pyclustering.cluster.center_initializer import kmeans_plusplus_initializer
    from pyclustering.cluster.gmeans import gmeans
    from pyclustering.cluster.xmeans import xmeans
    from sklearn.cluster import HDBSCAN, BisectingKMeans, KMeans
    from sklearn.mixture import GaussianMixture

    def flat(clusters, n):
        labels = np.zeros(n, dtype=int)
        for number, rows in enumerate(clusters):
            labels[rows] = number
        return labels

    found = {}
    for name in ("three overlapping blobs", "five blobs", "eight blobs", "square", "Gaussian",
                 *REAL):  # fmt: skip
        points, truth = cloud(name)
        k, n, row = len(np.unique(truth)), len(points), {}
        single = [KMeans(max(k, 2), n_init=1, random_state=s).fit_predict(points) for s in range(20)]
        row["between"] = _between(single)
        given = KMeans(max(k, 2), n_init=10, random_state=0).fit_predict(points)
        mix = GaussianMixture(max(k, 2), covariance_type=covariance_of(name), random_state=0)
        bisected = BisectingKMeans(max(k, 2), random_state=0).fit_predict(points)
        scan = [GaussianMixture(c, covariance_type=covariance_of(name), random_state=0).fit(points)
                for c in range(1, 11)]  # fmt: skip
        start = kmeans_plusplus_initializer(points.tolist(), 2, random_state=0).initialize()
        x_means = xmeans(points.tolist(), start, 20, random_state=0, ccore=False).process()
        g_means = gmeans(points.tolist(), random_state=0, ccore=False).process()
        tree = pp.grow(points, pp.SplitRules(cov=covariance_of(name)))
        labelings = {
            "tree": tree.labels, "k-means, k given": given, "mixture, k given":
            mix.fit_predict(points), "bisecting, k given": bisected,
            "mixture, BIC scan": min(scan, key=lambda one: one.bic(points)).predict(points),
            "HDBSCAN": HDBSCAN(copy=True).fit_predict(points),
            "x-means": flat(x_means.get_clusters(), n), "g-means": flat(g_means.get_clusters(), n),
        }  # fmt: skip
        for method, labels in labelings.items():
            row[method] = [len(set(labels.tolist()) - {-1}),
                           round(pp.adjusted_rand(truth, np.asarray(labels, int)), 3)]  # fmt: skip
        found[name] = row
    return found


def digests_on(engine):
    """Return hashes of a tree, of a tree on shards, of a search and of restarts on an engine."""
    points, _ = cloud("wine")
    rules = pp.SplitRules(cov="diag")
    tree = pp.grow(points, rules, engine=engine)
    sharded = pp.grow_sharded(np.array_split(points, 5), rules, engine=engine)
    search = pp.most_separable(points[:, :5], engine=engine)
    start = pp.multistart(points, 16, least=0, engine=engine)
    parts = [tree.labels, [one.verdict.gain for one in tree.nodes], sharded.labels,
             [one.verdict.gain for one in sharded.nodes], search.best, start.cut.centres]  # fmt: skip
    text = b"".join(np.asarray(part).tobytes() for part in parts)
    return hashlib.sha256(text).hexdigest()[:16]


def engines():
    """Return the digests on worker processes, a Dask cluster and MPI ranks."""
    found = {}
    for workers, name in ((1, "serial"), (2, "processes"), (3, "processes"), (2, "dask")):
        with connect(name, workers) as engine:
            found[f"{workers} {name}"] = digests_on(engine)
    mpiexec = Path(sysconfig.get_path("scripts")) / "mpiexec"
    for ranks in (2, 3):
        command = [mpiexec, "-n", str(ranks), sys.executable, "-m", __spec__.name, "--on-ranks"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[f"{ranks} MPI ranks"] = done.stdout.strip()
    return found


def seconds():
    """Return median seconds and note of all that the benchmark recorded, by table and method."""
    path = Path(__file__).parents[4] / "benchmarks" / "results" / "partitive_partitioning.json"
    found = {}
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        table = found.setdefault(f"{row['bench']}, {row['size']}", {})
        table[row["method"]] = round(row["seconds"], 6), row["note"]
    return found


MAKERS = (rules, stops, smallest, basins, repeats, dips, ratio, peers, engines, seconds)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__" and "--on-ranks" in sys.argv:
    with connect("mpi") as cluster:
        digest = digests_on(cluster)
        print(digest if cluster.is_root else "", end="")
elif __name__ == "__main__":
    records.main()
