"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

import paralg.recurrences.local_linear_attention as lla

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]

_ = "ex-local-linear-attention-"
LONG = lla.CGOptions(max_iters=200)


def by_differences(p, w, q, k, ridge):
    z = k[None] - q[:, None]
    return ((w * (z @ p[..., None])[..., 0])[..., None] * z).sum(1) + ridge * p


def by_matrices(p, w, q, k, ridge):
    first, total = w @ k, w.sum(1)[:, None, None]
    raw = np.stack([(row[:, None] * k).T @ k for row in w])
    mixed = first[:, :, None] * q[:, None] + q[:, :, None] * first[:, None]
    sigma = raw - mixed + total * q[:, :, None] * q[:, None]
    return np.asarray(sigma @ p[..., None])[..., 0] + ridge * p


def too_exact(product, rhs, guess):
    return guess + lla.conjugate_gradients(product, rhs - product(guess), LONG).x


RIGHT = {
    f"{_}limits": {"huge": 2.0, "none": -0.5}, f"{_}crossing": 32, f"{_}gap": (3.4, 0.4, -2),
}  # fmt: skip
OTHER_FORMS = [(f"{_}limits", {"huge": "2", "none": "-1/2"}), (f"{_}gap", [3.4, 0.4, -2])]

WRONG = {
    f"{_}limits": [
        ({"huge": 0.0, "none": -0.5}, "not penalised"),
        ({"huge": 2.0, "none": 2.0}, "read at z = 0"),
        ({"huge": 2.0, "none": 7.0}, "another value for"),
    ],
    f"{_}crossing": [(64, "passes the keys twice"), (16, "symmetric")],
    f"{_}negative": [(lambda w, z, ridge: (w @ z) / (w @ z**2 + ridge), "share vanishes")],
    f"{_}product": [
        (lambda p, w, q, k, ridge: (w * (p @ k.T)) @ k + ridge * p, "equals Σp"),
        (by_differences, "no array of all differences"),
        (by_matrices, "or of all matrices"),
    ],
    f"{_}scale": [(lambda ridge, norm, top, omega: ridge, "same output")],
    f"{_}gap": [
        ((1.0, 0.4, -2), "more than 2.5"),
        ((9.0, 0.4, -2), "query is between"),
        ((1.0, 0.4), "(query, bandwidth"),
    ],
    f"{_}warm": [
        (lambda product, rhs, guess: guess, "solves the system from 0"),
        (too_exact, "saves products"),
        (lambda product, rhs, guess: lla.conjugate_gradients(product, rhs, LONG).x, "saves"),
    ],
    f"{_}slope": [(lambda w, z, v, g, ridge: z.T @ (w * (v @ g)), "equals u")],
}
