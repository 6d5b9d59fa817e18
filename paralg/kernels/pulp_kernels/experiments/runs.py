"""The kernels on the digits, as functions of a team: what figures, records and tests run.

``models.npz`` is what scikit-learn learned of the first 1,200 of the 1,797 digits of
`paralg.data.digits`, ink divided by 16, with its own answers to the last 597; it is written by
``benchmarks.pulp_kernels_models``.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

import paralg.kernels.pulp_kernels as pk
from paralg.data import digits
from paralg.kernels.pulp_kernels.theory import BACKENDS, Cluster, prices

__all__ = ["KERNELS", "MEAN_OF", "MODELS", "TRAINED", "agreement", "cycles", "data", "digest",
           "forest_of", "model", "parts", "first_digits"]  # fmt: skip

TRAINED, MODELS = 1200, Path(__file__).with_name("models.npz")


@cache
def data() -> tuple[np.ndarray, np.ndarray]:
    """Return the digits (1797, 64) in 0..1 and their labels (1797,)."""
    parts = [digits.load("train"), digits.load("test")]
    images = np.concatenate([part.images for part in parts]).reshape(-1, 64) / 16
    return images, np.concatenate([part.labels for part in parts]).astype(int)


@cache
def model() -> dict[str, np.ndarray]:
    """Return the shipped arrays by name."""
    with np.load(MODELS) as stored:
        return dict(stored)


def forest_of(name: str = "forest") -> pk.Trees:
    """Return the shipped trees: ``forest``, fifty of depth 6, or ``tree``, one."""
    return pk.Trees(*(model()[f"{name} {field}"] for field in pk.Trees._fields))


def first_digits(count: int) -> np.ndarray:
    """Return so many of the 597 test digits."""
    return data()[0][TRAINED:][:count]


def parts(name: str, *fields: str) -> list[np.ndarray]:
    """Return shipped parameters of a model."""
    return [model()[f"{name} {field}"] for field in fields]


def _machine(name: str, **how) -> Callable:
    def run(team, x):
        vectors = data()[0][model()[f"{name} vectors"]]
        return pk.kernel_machine(team, vectors, *parts(name, "dual", "sizes", "bias"), x, **how)

    return run


KERNELS: dict[str, tuple[str, Callable]] = {
    "logistic regression": ("logistic", lambda team, x, **how: pk.linear(
        team, *parts("logistic", "weights", "bias"), x, **how)),
    "linear SVM": ("svm", lambda team, x: pk.linear(team, *parts("svm", "weights", "bias"), x)),
    "naive Bayes": ("bayes", lambda team, x, **how: pk.naive_bayes(
        team, *parts("bayes", "means", "precisions", "offset"), x, **how)),
    "neighbours": ("neighbours", lambda team, x: pk.neighbours(
        team, *(part[:TRAINED] for part in data()), x)),
    "k-means": ("means", lambda team, x=None, most=1: pk.centroids(
        team, data()[0], data()[0][:10], most=most)),
    "forest": ("forest", lambda team, x, **how: pk.forest(team, forest_of(), x, **how)),
    "tree": ("tree", lambda team, x: pk.forest(team, forest_of("tree"), x)),
    "SVM of pairs": ("pairs", _machine("pairs", kernel="linear")),
    "RBF SVM": ("rbf", _machine("rbf", gamma=0.02)),
}  # fmt: skip
"""Name in the file of models, and a function of (team, x); k-means makes one iteration."""
MEAN_OF = ("logistic regression", "linear SVM", "naive Bayes", "neighbours", "k-means", "forest")


def cycles(name: str, cores=(1, 2, 4, 8), bare: bool = False, **how) -> dict[str, list[float]]:
    """Return the cycles of one input of a kernel by cores, for each of three price lists."""
    phases = [KERNELS[name][1](pk.Team(p), first_digits(1), **how).phases for p in cores]
    machines = {one: Cluster(prices(one, bare=bare)) for one in BACKENDS[:3]}
    return {one: [machine.time(run) for run in phases] for one, machine in machines.items()}


def agreement(name: str, team, count: int) -> int:
    """Return on how many of the first test digits a kernel answers as scikit-learn does."""
    stored, run = KERNELS[name]
    answers = run(team, first_digits(count), *[100] * (name == "k-means")).answers
    return int((answers == model()[f"{stored} answers"][:count]).sum())


def digest(engine=None, order=None, arithmetic: str = "soft") -> str:
    """Return a hash of answers, words and counts of six kernels on eight cores."""
    team = pk.Team(8, pk.arithmetic(arithmetic), engine=engine, order=order)
    found = hashlib.sha256()
    for name in MEAN_OF:
        run = KERNELS[name][1](team, first_digits(8))
        found.update(run.answers.astype(np.int64).tobytes() + run.scores.tobytes())
        found.update(repr([phase.counts for phase in run.phases]).encode())
    return found.hexdigest()[:16]
