"""Checks of the exercises on energy-based diffusion."""

import numpy as np

from paralg.decoding.energy_diffusion.theory import log_partition, resampled
from paralg.teach.checking import call, close_to, entries, equal_to_oracle, exercise, require


@exercise("ex-energy-diffusion-cost")
def cost(answer):
    """Most calls and rows of eight steps on three masks with k = 16."""
    calls, rows = entries(answer, ("calls", "rows"))
    close_to(calls, 6, name="the most calls", wrong={
        16: "a step that shows nothing makes no call, and three masks are shown in at most three",
        3: "a step that shows something asks the denoiser and the energy",
    })  # fmt: skip
    close_to(rows, 51, name="the most rows", wrong={
        48: "the denoiser has a row of its own in each step",
        136: "at most three steps show something",
    })  # fmt: skip
    return "Right: three steps of 2 calls and 1 + 16 rows."


@exercise("ex-energy-diffusion-sign")
def sign(answer):
    """Probability of the better of two candidates, k = 2, weights 1 and 3."""
    right, wrong = entries(answer, ("right", "wrong"))
    close_to(right, 0.625, name="with the right sign", wrong={
        0.75: "that is what infinitely many candidates give",
        0.5: "that is a single candidate",
    })  # fmt: skip
    close_to(wrong, 0.375, name="with the wrong sign", wrong={
        0.25: "that is what infinitely many candidates give",
        0.625: "the wrong sign swaps the weights",
    })  # fmt: skip
    return "Right: 1/4 for two equal draws, and 1/2 times 3/4, or 1/2 times 1/4."


@exercise("ex-energy-diffusion-kept")
def kept(answer):
    """Exact distribution of the candidate that is kept of k."""
    rng = np.random.default_rng(0)
    cases = [(np.ones(1), np.array([2.0]), 2), (np.full(2, 0.5), np.array([1.0, 3.0]), 1),
             (np.full(2, 0.5), np.array([1.0, 3.0]), 2),
             *((rng.dirichlet(np.ones(n)), rng.exponential(size=n), k)
               for n, k in ((3, 2), (4, 3), (2, 5)))]  # fmt: skip
    for mu, w, k in cases:
        got = np.asarray(call(answer, mu, w, k), dtype=float)
        require(got.shape == mu.shape, "has shape (n,)", "one probability for each candidate",
                failing=(mu, w, k), expected=mu.shape, got=got.shape)  # fmt: skip
        require(abs(got.sum() - 1) < 1e-9, "the probabilities sum to 1",
                "divide by the sum of the k weights that were drawn", failing=(mu, w, k),
                expected=1.0, got=got.sum())  # fmt: skip
    return equal_to_oracle(answer, resampled, cases, tol=1e-9, name="is the exact distribution",
                           hint="at finite k it lies between μ and the target: go through all "
                           "n^k draws")  # fmt: skip


@exercise("ex-energy-diffusion-sandwich")
def sandwich(answer):
    """T_n and the upper estimate of log Z from energies."""

    def oracle(energies):
        found = log_partition(energies)
        return found.lower, found.upper

    rng = np.random.default_rng(1)
    cases = [(np.zeros(2),), (np.array([0.0, 1.0, 2.0]),), (rng.normal(size=8),),
             (np.array([-900.0, -901.0, -899.0]),)]  # fmt: skip
    for case in cases:
        got = np.shape(call(answer, *case))
        require(got == (2,), "returns two numbers", "T_n, then the upper estimate", failing=case,
                expected=(2,), got=got)  # fmt: skip
    return equal_to_oracle(answer, oracle, cases, tol=1e-9, name="is T_n and the upper estimate",
                           hint="subtract the largest of -E before exp, and average T over all "
                           "ways to leave one out")  # fmt: skip


@exercise("ex-energy-diffusion-copies")
def copies(answer):
    """The reported number and the exact bound, in bits, for four copies of a fair bit."""
    reported, exact = entries(answer, ("reported", "exact"))
    close_to(reported, 0.25, name="the reported number", wrong={
        1: "the bit is uncertain only when all four copies are masked",
        0: "with all copies masked there is one bit left",
    })  # fmt: skip
    close_to(exact, 1, name="the exact bound", wrong={
        0.25: "the first token that is shown costs one bit, whatever the step",
        4: "after the first token the others are certain",
    })  # fmt: skip
    return "Right: H/L = 1/4, and H = 1. A number below H is no bound."
