"""Many sequences decoded side by side, and the comparison at equal forwards.

A comparison at equal τ says little: credit *is* a lower threshold.  So each method is swept over τ,
and credit is compared with the point of the plain frontier that has the same mean of forwards.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from paralg.decoding.credit_decoding.account import TraceCredit
from paralg.decoding.randomness import softmax

__all__ = ["DecodedBatch", "at_equal_forwards", "decode_batch"]


class DecodedBatch(NamedTuple):
    """B decoded sequences; rounds count from 1, and 0 marks what was given.

    ``seen`` is the first round in which a position's final token was likeliest, by the raw
    distribution; ``committed`` the round in which it was written.
    """

    tokens: np.ndarray  # (B, L)
    forwards: np.ndarray  # (B,)
    seen: np.ndarray  # (B, L)
    committed: np.ndarray  # (B, L)


def decode_batch(model, x: np.ndarray, tau: float = 2.0, credit: TraceCredit | None = None, *,
                 count: int = 1, margin: bool = False, noise: float = 0.0,
                 seed: int = 0) -> DecodedBatch:  # fmt: skip
    """Decode the rows of ``x`` (B, L), each as one block, by threshold ``tau`` or ``count`` a step.

    Equal to the library's decoders row by row. ``margin`` ranks by the two likeliest tokens;
    ``noise`` is added to the logits of every round, the same for every method.
    """
    x, (B, L) = x.copy(), x.shape
    C, first = np.zeros((B, L, model.V)), (x == model.V).argmax(axis=1)
    winners, committed, rng = [], np.zeros((B, L), int), np.random.default_rng(seed)
    inside = np.arange(L) >= first[:, None]
    while (live := (x == model.V).any(axis=1)).any():
        masked = x[live] == model.V
        errors = rng.normal(size=C.shape)[live] if noise else 0.0
        logits = model.denoise(x[live]) + noise * errors
        p = softmax(logits).round(12)
        winners.append(np.full((B, L), -1))
        winners[-1][live] = np.where(masked, p.argmax(axis=-1), -1)
        q = p
        if credit is not None:
            shares = masked.sum(axis=1) / inside[live].sum(axis=1)
            C[live], fused = _credited(credit, C[live], p, logits, masked, shares)
            q = softmax(fused).round(12)
        chosen = _chosen(q, masked, tau, count, margin)
        y, when = x[live], committed[live]
        y[chosen], when[chosen] = q.argmax(axis=-1)[chosen], len(winners)
        x[live], committed[live] = y, when
    right = np.array(winners) == x
    seen = np.where(committed > 0, right.argmax(axis=0) + 1, 0)
    return DecodedBatch(x, committed.max(axis=1), np.where(right.any(axis=0), seen, 0), committed)


def _credited(credit, C, p, logits, masked, shares):
    """Return credit and fused logits, rows of one share together: their constants are equal."""
    fused = np.empty_like(logits)
    for share in np.unique(shares):
        rows = shares == share
        now = credit.at(float(share))
        C[rows] = now.observe(C[rows], p[rows], masked=masked[rows])
        fused[rows] = now.fuse(logits[rows], C[rows])
    return C, fused


def _chosen(q, masked, tau: float, count: int, margin: bool) -> np.ndarray:
    """Return what a step commits, shape (rows, L)."""
    second, first = np.moveaxis(np.sort(q, axis=-1)[..., -2:], -1, 0)
    confidence = np.where(masked, (first - second).round(12) if margin else first, -np.inf)
    ranks = np.argsort(np.argsort(-confidence, axis=1, kind="stable"), axis=1, kind="stable")
    confident = confidence >= tau
    best = masked & (ranks < count)
    return np.where(confident.any(axis=1)[:, None], confident, best)


def at_equal_forwards(plain: list[DecodedBatch], other: list[DecodedBatch],
                      quality: Callable[[np.ndarray], np.ndarray], samples: int = 1000,
                      seed: int = 0) -> dict:  # fmt: skip
    """Return both frontiers, and by how much the other lies above the plain one, point by point.

    ``quality`` of tokens (B, L) is one number a sequence. The plain frontier is interpolated at
    the other's forwards; the interval is that of 95 % of ``samples`` resamplings of the sequences.
    Points that the plain frontier does not reach are left out.
    """
    forwards, values = (
        [np.array([f(run) for run in runs]) for runs in (plain, other)]
        for f in (lambda run: run.forwards, lambda run: quality(run.tokens))
    )
    n = forwards[0].shape[1]
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=samples) / n
    drawn = np.array([_above(forwards, values, w) for w in weights])
    mean = [np.column_stack([f.mean(axis=1), v.mean(axis=1)]).round(4).tolist()
            for f, v in zip(forwards, values, strict=True)]  # fmt: skip
    above = _above(forwards, values, np.full(n, 1 / n))
    bounds = np.quantile(drawn, [0.025, 0.975], axis=0)
    low, high = forwards[0].mean(axis=1).min(), forwards[0].mean(axis=1).max()
    reached = [low <= f <= high for f in forwards[1].mean(axis=1)]
    rows = np.column_stack([above, *bounds]).round(4).tolist()
    return {
        "plain": mean[0],
        "other": mean[1],
        "above": [row if ok else None for row, ok in zip(rows, reached, strict=True)],
    }


def _above(forwards, values, weights) -> np.ndarray:
    """Return the differences under weights of the sequences."""
    (f, g), (u, v) = ([a @ weights for a in pair] for pair in (forwards, values))
    order = np.argsort(f)
    return v - np.interp(g, f[order], u[order])
