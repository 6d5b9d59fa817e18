"""Classical classifiers on digits: our compiled batches and teams against scikit-learn.

    python -m benchmarks.bench_pulp_kernels [--quick]

Same models, same inputs, same answers. scikit-learn runs on one thread, ``n_jobs=1``; a batch holds
the 1,797 digits over and over. ``ratio`` is how many times faster our one thread is than the method
of the row.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.engine import connect
from paralg.core.timing import compare
from paralg.kernels.pulp_kernels import Team, arithmetic, batch, batch_centroids, linear, warm
from paralg.kernels.pulp_kernels.experiments.runs import (
    KERNELS,
    TRAINED,
    data,
    forest_of,
    parts,
)
from paralg.kernels.pulp_kernels.fast.batch import packed

__all__ = ["main", "run"]

OURS, TWO, PEER = "compiled, 1 thread", "compiled, 2 threads", "scikit-learn"
FOREST = "forest of 50 trees"
SIZES = (1, 100, 1_000, 20_000)


@cache
def visits(q: int) -> float:
    """Return nodes that paths visit over the steps of walks of fixed depth."""
    run = KERNELS["forest"][1](Team(1), digits(min(q, 1797)))
    steps = int(packed(forest_of(), 64)[-1].sum()) * min(q, 1797)
    return run.phases[0].counts[0]["walk"] / steps


STANDARD = Standard(
    chapter="pulp_kernels", task="A forest of 50 trees over a batch of digits", bench=FOREST,
    ours=OURS, peer=PEER, size_name="digits", headline=20_000, counted=visits,
    counted_name="comparisons of scikit-learn over ours: our walks take the full depth",
)  # fmt: skip


def digits(q: int) -> np.ndarray:
    """Return q digits, the 1,797 over and over."""
    return np.resize(data()[0], (q, 64))


def run(quick: bool = False) -> list[dict]:
    """Time the kernels by batch, by threads and by processes."""
    from benchmarks.pulp_kernels_models import trained

    warm()
    models, repeats, found = trained(), 2 if quick else 5, []
    for q in SIZES[:2] if quick else SIZES:
        found += _rows(FOREST, models["forest"], ("forest", packed(forest_of(), 64)), q, repeats)
    bayes = ("bayes", *parts("bayes", "means", "precisions", "offset"))
    logistic = ("linear", *parts("logistic", "weights", "bias"))
    near = ("neighbours", *(part[:TRAINED] for part in data()), 5)
    for q in (100,) if quick else (1, 20_000):
        found += _rows("naive Bayes", models["bayes"], bayes, q, repeats)
        found += _rows("logistic regression", models["logistic"], logistic, q, repeats)
        found += _rows("neighbours", models["neighbours"], near, min(q, 2_000), repeats)
    return [*found, *_means(repeats), *_processes(repeats), *_scaling(quick, repeats)]


def _rows(bench: str, model, given: tuple, q: int, repeats: int) -> list[dict]:
    """Time one kernel on one batch, after a look whether all say the same."""
    kernel, *parameters = given
    x = digits(q)
    ways = {OURS: partial(batch, kernel, x, *parameters),
            TWO: partial(batch, kernel, x, *parameters, threads=2),
            PEER: partial(model.predict, x)}  # fmt: skip
    if len({way().tobytes() for way in ways.values()}) > 1:
        raise ValueError(f"expected the same answers of {bench!r}, got others")
    if q == 1 and bench == "logistic regression":
        ways["plain team of 8, in turn"] = partial(linear, Team(8), *parameters, x)
    timings = compare(ways, repeats=repeats, threads=1, min_seconds=2e-2)
    return rows_of(timings, bench, q, OURS, {PEER: "one thread, n_jobs=1"})


def _means(repeats: int) -> list[dict]:
    """Time k-means over the digits, all iterations."""
    from sklearn.cluster import KMeans

    x = data()[0]
    theirs = KMeans(10, init=x[:10], n_init=1, algorithm="lloyd", tol=0)
    ways = {
        OURS: partial(batch_centroids, x, x[:10]),
        TWO: partial(batch_centroids, x, x[:10], threads=2),
        PEER: partial(theirs.fit, x),
    }
    found, _, turns = ways[OURS]()
    if (found != theirs.fit(x).labels_).any():
        raise ValueError("expected the same clusters, got others")
    timings = compare(ways, repeats=repeats, threads=1, min_seconds=2e-2)
    return rows_of(timings, "k-means", len(x), OURS, {OURS: f"{turns} iterations",
                   PEER: "one thread; BLAS for distances"})  # fmt: skip


def _processes(repeats: int) -> list[dict]:
    """Time the plain kernel in integers: eight shares in this process, and on worker processes."""
    means, words = KERNELS["k-means"][1], arithmetic("soft")
    here = "plain, this process"
    with connect("processes", 1) as one, connect("processes", 2) as two:
        ways = {here: partial(means, Team(8, words)),
                "plain, 1 worker": partial(means, Team(8, words, engine=one)),
                "plain, 2 workers": partial(means, Team(8, words, engine=two))}  # fmt: skip
        timings = compare(ways, repeats=max(2, repeats - 2), threads=1)
    return rows_of(timings, "an iteration of k-means in soft float", 1797, here,
                   {here: "eight shares in turn"})  # fmt: skip


def _scaling(quick: bool, repeats: int) -> list[dict]:
    """Time large batches by threads and by processes."""
    q, found = 2_000 if quick else 100_000, []
    x, halves = digits(q), np.array_split(digits(q), 2)
    for name, given in (("forest", (packed(forest_of(), 64),)),
                        ("bayes", parts("bayes", "means", "precisions", "offset"))):  # fmt: skip
        with connect("processes", 1) as one, connect("processes", 2) as two:
            held = {1: one.scatter([x]), 2: two.scatter(halves)}

            def spread(engine, workers, name=name, given=given, held=held):
                job = partial(_share, name=name, given=given)
                return np.concatenate(engine.gather(engine.map(job, held[workers])))

            ways = {OURS: partial(batch, name, x, *given),
                    TWO: partial(batch, name, x, *given, threads=2),
                    "compiled, 1 worker": partial(spread, one, 1),
                    "compiled, 2 workers": partial(spread, two, 2)}  # fmt: skip
            if len({way().tobytes() for way in ways.values()}) > 1:
                raise ValueError(f"expected the same answers of {name!r}, got others")
            timings = compare(ways, repeats=repeats, threads=1)
        found += rows_of(timings, f"{name}, by cores", q, OURS, {})
    return found


def _share(x, name, given):
    return batch(name, x, *given)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/pulp_kernels.json``."""
    run_main(run, "pulp_kernels", argv, STANDARD)


if __name__ == "__main__":
    main()
