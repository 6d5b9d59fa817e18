"""Checks of the exercises on CPPD."""

from itertools import permutations

import numpy as np

from paralg.decoding.cppd.labels import CharacterSet
from paralg.teach.checking import close_to, entries, equal_to_oracle, exercise

__all__ = []


@exercise("ex-cppd-targets")
def targets(answer):
    """Counts and slots of "noon" with six characters at most."""
    n, o, end, slots = entries(answer, ("n", "o", "end", "slots"))
    for name, got in (("n", n), ("o", o)):
        close_to(got, 2, name=f"the count of {name}", wrong={1: "it occurs twice"})
    close_to(end, 1, name="the count of the end", wrong={
        0: "the end is counted like a character, and occurs once",
        3: "it occurs once; slots after it have nothing to learn",
    })  # fmt: skip
    close_to(int(str(slots)), 1111100, name="the slots", wrong={
        1111000: "the slot of the end exists, too", 11111: "there are seven slots",
        1111111: "slots after the end do not exist",
    })  # fmt: skip
    return "Right: counts 2, 2 and 1, five slots of seven."


@exercise("ex-cppd-correlation")
def correlation(answer):
    """Bits that slots lose on the three equally likely texts abc, bca, cab."""
    close_to(answer, 2 * np.log2(3), tol=0.01, name="the bits", wrong={
        np.log2(3): "that is the entropy of the text: subtract it from that of the slots",
        3 * np.log2(3): "that is the entropy of the slots: subtract that of the text",
        np.log2(6): "three of the six orders occur, and slots do not know the counts",
    })  # fmt: skip
    return "Right: 3 log 3 - log 3 bits."


_LABELS = CharacterSet("abcdefghijklmnopqrstuvwxyz", 6)


def _encoded(text: str) -> tuple[list[int], list[int]]:
    labels = _LABELS.encode([text])
    return labels.counts[0].tolist(), labels.slots[0].tolist()


@exercise("ex-cppd-encode")
def encode(answer):
    """Counts (27,) and slots (7,) of a word: the two targets."""
    return equal_to_oracle(answer, _encoded, [(word,) for word in ("a", "noon", "hello", "banana")],
                           name="returns the counts and the slots",
                           hint="entry 0 counts the end; its slot exists")  # fmt: skip


def _best(log_p, counts) -> list[int]:
    bag = [v for v, n in enumerate(counts) for _ in range(n)]
    at = np.arange(len(bag))
    return list(max(sorted(set(permutations(bag))), key=lambda y: log_p[at, list(y)].sum()))


@exercise("ex-cppd-repair")
def repair(answer):
    """The likeliest order of characters with given counts."""
    rng, cases = np.random.default_rng(0), []
    for n, counts in ((1, [0, 1, 0]), (2, [0, 1, 1]), (3, [0, 2, 1]), (4, [1, 1, 2])):
        cases.append((np.log(rng.dirichlet(np.ones(3), n)), counts))
    return equal_to_oracle(
        answer, _best, cases, name="is the best of all orders",
        hint="a column for each counted character",
    )  # fmt: skip


@exercise("ex-cppd-length")
def length(answer):
    """First length at which slots are three times as fast, from three prices."""
    close_to(answer, 8, name="the length", wrong={
        7: "at seven characters the loop takes 5 ms, 2.8 times 1.8",
        9: "the call for the end counts, too: nine calls are eight characters",
        5: "both ways run the encoder, so the slots take 1.8 ms and not 0.8",
    })  # fmt: skip
    return "Right: 1 + 0.5 (L + 1) ≥ 3 · 1.8."
