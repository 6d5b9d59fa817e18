"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

from paralg.decoding.randomness import softmax

__all__ = ["RIGHT", "WRONG"]


def _by_loops(logits, C, masked, alpha, beta, gamma):
    p, C = softmax(logits), beta * C
    for i in np.flatnonzero(masked):
        C[i, p[i].argmax()] += p[i].max() ** gamma
    return C, logits + alpha * np.log(1 + C)


def _paid_after_fusing(logits, C, masked, alpha, beta, gamma):
    paid, _ = _by_loops(logits, C, masked, alpha, beta, gamma)
    return paid, logits + alpha * np.log(1 + C)


def _only_winners_decay(logits, C, masked, alpha, beta, gamma):
    new, _ = _by_loops(logits, C, masked, alpha, beta, gamma)
    new = np.where(new > beta * C, new, C)
    return new, logits + alpha * np.log(1 + new)


def _everyone_paid(logits, C, masked, alpha, beta, gamma):
    return _by_loops(logits, C, np.ones_like(masked), alpha, beta, gamma)


def _share_of_kept(p, C, alpha):
    weights = np.array(p) * (1 + np.array(C)) ** alpha
    return weights / weights.sum()


RIGHT = {
    "ex-credit-decoding-gain": 27 / 7,
    "ex-credit-decoding-floor": 0.533,
    "ex-credit-decoding-counterexample": {"L": 3, "k": 8, "eps": 2.0},
}

WRONG = {
    "ex-credit-decoding-gain": [(9 / 7, "a factor acts on the odds"), (9, ""), (2.7, "")],
    "ex-credit-decoding-floor": [(0.4, "do not forget α"), (0.618, "every reward"), (0.8, "")],
    "ex-credit-decoding-account": [
        (_paid_after_fusing, "the payment comes first"),
        (_only_winners_decay, "every entry decays"), (_everyone_paid, "only masked winners")],
    "ex-credit-decoding-ids": [(_share_of_kept, "the probability that is left"),
                               (lambda p, C, alpha: p, "")],
    "ex-credit-decoding-saved": [(lambda plain, f, q: 1 - f / plain[-1][0], "interpolation"),
                                 (lambda plain, f, q: 0.0, "")],
    "ex-credit-decoding-counterexample": [({"L": 1, "k": 3, "eps": 1.0}, "more coupling")],
}  # fmt: skip
