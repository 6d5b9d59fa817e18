"""Checks of the exercises on rounds, EOSER and groups of answers."""

import numpy as np

from paralg.decoding.consistency_trajectory.schedule import ascending
from paralg.decoding.consistency_trajectory.teaching.explorer import rate
from paralg.decoding.consistency_trajectory.variants import blocks
from paralg.teach.checking import close_to, entries, equal_to_oracle, exercise, require, whole


@exercise("ex-consistency-trajectory-sizes")
def sizes(answer):
    """Sizes of the doubling rounds of 64 positions."""
    found = np.atleast_1d(np.asarray(answer, dtype=object)).tolist()
    found = [whole(one, "whole numbers of positions") for one in found]
    require(sum(found) == 64, "sizes that sum to 64", "the last round takes the rest",
            got=sum(found))  # fmt: skip
    require(len(found) == 6, "six rounds", "S = ⌊log₂ L⌋, and the last one does not double",
            got=len(found))  # fmt: skip
    close_to(found, list(ascending(64)), name="the sizes")
    return "Right: more than half of all positions are left for the last round."


@exercise("ex-consistency-trajectory-pair")
def pair(answer):
    """What drawing two cells together ignores, if they are 1, 2 or 2, 1."""
    nats, valid = entries(answer, ("nats", "valid"))
    close_to(nats, np.log(2), tol=2e-3, name="the nats", wrong={
        1: "that is the number of bits; a nat is 1 / log 2 bits",
        2 * np.log(2): "that is the entropy of two independent cells; the joint one comes off",
        0: "each cell alone tells what the other one is",
    })  # fmt: skip
    close_to(valid, 0.5, tol=1e-6, name="the probability", wrong={
        0.25: "two of the four pairs are valid",
    })  # fmt: skip
    return "Right: log 2 nats, and the bound e to minus that is attained."


@exercise("ex-consistency-trajectory-blocks")
def lengths(answer):
    """Lengths of blocks, against the library."""
    cases = [(L, b) for L in (1, 2, 3, 4, 8, 16, 37, 100, 128)
             for b in range(1, len(ascending(L)) + 1)]  # fmt: skip
    return equal_to_oracle(
        answer, lambda L, b: list(blocks(ascending(L), b)), cases, name="equals the block lengths",
        hint="the first block takes all rounds but the last b - 1; L = 1 has one round",
    )  # fmt: skip


def revealed(confidence, tokens, eos, gamma, n):
    scores = [c * gamma if t == eos else c for c, t in zip(confidence, tokens, strict=True)]
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:n]


@exercise("ex-consistency-trajectory-eoser")
def reveal(answer):
    """Positions that a round reveals."""
    cases = [([0.5], [2], 2, 0.5, 1), ([0.5, 0.5], [0, 1], 2, 0.5, 1),
             ([0.9, 0.5], [2, 0], 2, 0.5, 1), ([0.9, 0.5, 0.4], [2, 0, 1], 2, 0.5, 2),
             ([0.25, 0.5, 0.125], [0, 2, 2], 2, 0.5, 2)]  # fmt: skip
    rng = np.random.default_rng(0)
    for L in (4, 6, 9):
        drawn = (rng.random(L).round(3).tolist(), rng.integers(0, 3, L).tolist())
        cases.append((*drawn, 2, 0.4, L // 2))
    return equal_to_oracle(
        answer, revealed, cases, name="reveals the best ranked positions",
        hint="only candidates that are the end token are multiplied; the lower index wins ties",
    )  # fmt: skip


def standardised(rewards):
    found = []
    for group in rewards:
        off = np.asarray(group, dtype=float) - np.mean(group)
        std = off.std()
        found.append((off / std if std > 0 else 0 * off).tolist())
    return found


@exercise("ex-consistency-trajectory-advantages")
def advantages(answer):
    """Standardised rewards of each group."""
    cases = [([[1.0, 1.0]],), ([[0.0, 1.0]],), ([[1.0, 0.0, 0.0, 1.0], [0.5, 0.5, 0.5, 0.5]],),
             ([[0.0, 1.0, 2.0]],), ([[0.1, 0.0, 1.0], [1.0, 0.0, 0.0]],)]  # fmt: skip
    return equal_to_oracle(
        answer, standardised, cases, tol=1e-9, name="equals the standardised rewards",
        hint="the deviation is over all answers of the group; a group of equals gives zeros",
    )  # fmt: skip


@exercise("ex-consistency-trajectory-four")
def four(answer):
    """At most four rounds with more than 80 % valid grids by confidence."""
    shape = np.shape(answer)
    require(len(shape) == 1 and 1 <= shape[0] <= 4, "one to four sizes", got=answer)
    found = [whole(one, "whole numbers of cells") for one in answer]
    require(min(found) >= 1 and sum(found) == 12, "sizes of at least 1 that sum to 12", got=found)
    share = rate(tuple(found), "confidence", 1000)
    require(share > 0.8, "more than 80 % valid grids",
            "keep every round small enough that the undecided cells do not fall into one",
            got=f"{share:.0%}")  # fmt: skip
    return f"Right: {share:.0%} of a thousand games."
