"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

from itertools import product

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _kept(mu, w, k):
    found = np.zeros(len(mu))
    for rows in product(range(len(mu)), repeat=k):
        rows = list(rows)
        np.add.at(found, rows, np.prod(mu[rows]) * w[rows] / w[rows].sum())
    return found


def _ideal(mu, w, k):
    return mu * w / (mu @ w)


def _bounds(energies):
    energies = np.asarray(energies, dtype=float)

    def mean(some):
        top = (-some).max()
        return top + np.log(np.exp(-some - top).mean())

    n, lower = len(energies), mean(energies)
    fewer = np.mean([mean(np.delete(energies, j)) for j in range(n)])
    return lower, (2 * n - 1) * lower - 2 * (n - 1) * fewer


RIGHT = {
    "ex-energy-diffusion-cost": {"calls": 6, "rows": 51},
    "ex-energy-diffusion-sign": {"right": 0.625, "wrong": 0.375},
    "ex-energy-diffusion-kept": _kept, "ex-energy-diffusion-sandwich": _bounds,
    "ex-energy-diffusion-copies": {"reported": 0.25, "exact": 1},
}  # fmt: skip

OTHER_FORMS = [
    ("ex-energy-diffusion-sign", {"right": "5/8", "wrong": "3/8"}),
    ("ex-energy-diffusion-kept", lambda mu, w, k: _kept(mu, w, k).tolist()),
]

WRONG = {
    "ex-energy-diffusion-cost": [
        ({"calls": 16, "rows": 51}, "shows nothing"), ({"calls": 6, "rows": 48}, "denoiser"),
        (6, "")],
    "ex-energy-diffusion-sign": [({"right": 0.75, "wrong": 0.375}, "infinitely many"), (0.625, "")],
    "ex-energy-diffusion-kept": [
        (_ideal, "finite"), (lambda mu, w, k: mu * w, "sum"), (lambda mu, w, k: 1.0, "shape")],
    "ex-energy-diffusion-sandwich": [
        (lambda e: (_bounds(e)[0],) * 2, "largest"), (lambda e: 0.0, "two numbers")],
    "ex-energy-diffusion-copies": [
        ({"reported": 1, "exact": 1}, "only when"), ({"reported": 0.25, "exact": 0.25}, "first")],
}  # fmt: skip
