"""Checks of the exercises on selective state-space models."""

from itertools import product

import numpy as np

from paralg.core.primitives import AFFINE, brent_kung_counts, kogge_stone_counts
from paralg.recurrences.mamba.teaching.explorer import INPUT
from paralg.recurrences.mamba.theory import linear_states, reverse_states
from paralg.teach.checking import (
    call,
    close_to,
    entries,
    equal_to_oracle,
    exercise,
    numbers,
    require,
    smallest_failing,
    whole,
)


@exercise("ex-mamba-padding")
def padding(answer):
    """The pair that pads a sequence of maps."""
    answer = numbers(answer, 2, "is a pair (a, b)")
    hints = {(0, 0): "(0, 0) is the map that forgets everything: h becomes 0",
             (0, 1): "(0, 1) sets the state to 1; the first number multiplies h"}  # fmt: skip
    hint = next((hint for wrong, hint in hints.items() if answer == wrong), "")
    require(answer == (1, 0), "leaves the state unchanged", hint, got=answer)
    return "Right: h ↦ 1·h + 0 changes no state, so neither padded positions nor the last state."


_ROUNDS = {
    19: "that is for 1,024 tokens; the down-sweep of 1,000 is a round shorter",
    20: "the down-sweep starts below the root, and 1,000 is not a power of two",
    999: "that is the loop",
    9: "nine rounds reach 512 positions back, not 999",
}
_COMBINES = {
    10_000: "in round k the first 2^k positions have no partner to combine with",
    999: "that is the loop",
    1998: "some positions are finished by the up-sweep alone",
}


@exercise("ex-mamba-counts")
def counts(answer):
    """Combines and rounds of two scans of 1,000 tokens."""
    right = {"kogge_stone": kogge_stone_counts(1000), "brent_kung": brent_kung_counts(1000)}
    for (name, expected), value in zip(right.items(), entries(answer, tuple(right)), strict=True):
        got = numbers(value, 2, f"{name} is a pair (combines, rounds)")
        close_to(got[1], expected.span, name=f"rounds of {name}", wrong=_ROUNDS)
        close_to(got[0], expected.work, name=f"combines of {name}", wrong=_COMBINES)
    return "Right, on both: six times the combines buy a tree half as deep."


@exercise("ex-mamba-gate")
def gate(answer):
    """Step sizes with which the last state shows token 7, computed from the explorer's inputs."""
    deltas = np.asarray(call(np.asarray, answer), dtype=float)
    require(deltas.shape == (16,), "has sixteen step sizes", got=deltas.shape)
    require(((deltas >= 0) & (deltas <= 3)).all(), "lies between 0 and 3", got=deltas)
    keep = np.exp(-deltas)
    states, _ = linear_states(keep[None], ((1 - keep) * np.array(INPUT))[None])
    last, wanted = float(states[0, -1]), INPUT[6]
    require(abs(last - wanted) <= 0.15, "the last state is within 0.15 of x at token 7",
            "open the gate at token 7, shut it afterwards", expected=wanted, got=last)  # fmt: skip
    return f"Right: the last state is {last:.3f}, nine tokens after x = {wanted}."


@exercise("ex-mamba-compose")
def compose(answer):
    """The operator of the scan: associative, in the right order, with identity (1, 0)."""
    maps = list(product((0.0, 1.0, -1.0, 2.0, 0.5), repeat=2))
    pairs = list(product(maps, maps))
    bad = smallest_failing(lambda f, g: not _composes(call(answer, f, g), f, g), pairs,
                           shrink=False)  # fmt: skip
    if bad is not None:
        backwards = all(_composes(answer(f, g), g, f) for f, g in pairs)
        hint = "it applies them in the other order; this operator does not commute"
        require(False, "applies first and then the other", hint if backwards else "",
                failing=bad, got=call(answer, *bad))  # fmt: skip
    return f"Right, on {len(pairs)} pairs of maps, zeros and negatives included."


def _composes(result, first, then) -> bool:
    """Tell whether a pair acts like ``first`` and then ``then``."""
    return np.allclose(result, AFFINE(first, then), rtol=0, atol=1e-12)


@exercise("ex-mamba-resume")
def resume(answer):
    """States of a second part, from composed maps of that part and the last state of the first."""
    rng = np.random.default_rng(0)
    parts = [(rng.uniform(-1, 1, n), rng.normal(size=n), float(rng.normal())) for n in (1, 2, 3, 8)]
    cases = [(np.cumprod(a), linear_states(a[None], b[None])[0][0], h0) for a, b, h0 in parts]
    return equal_to_oracle(
        answer, lambda products, sums, h0: sums + products * h0, cases, tol=1e-12,
        name="continues from h0", hint="steps 1 … t compose to h ↦ products[t] h + sums[t]",
    )  # fmt: skip


@exercise("ex-mamba-reverse")
def reverse(answer):
    """Gradients of all states, by a scan that runs from the left only."""

    def scan(a, b):
        return linear_states(np.asarray(a)[None], np.asarray(b)[None])[0][0]

    rng = np.random.default_rng(1)
    cases = [(rng.uniform(-1, 1, n), rng.normal(size=n)) for n in (1, 2, 3, 4, 9)]

    def oracle(a, dh):
        return reverse_states(a[None], dh[None])[0][0]

    unshifted = [
        np.allclose(call(answer, a, dh, scan), scan(a[::-1], dh[::-1])[::-1]) for a, dh in cases[1:]
    ]
    require(not all(unshifted), "shifts the coefficients by one",
            "g at t receives g at t + 1 through the coefficient of step t + 1, not t")  # fmt: skip
    return equal_to_oracle(
        lambda a, dh: answer(a, dh, scan), oracle, cases, tol=1e-10,
        name="equals the loop from the right", hint="reverse, shift coefficients, scan, reverse",
    )  # fmt: skip


@exercise("ex-mamba-euler")
def euler(answer):
    """The fixed point of Euler's gate, for input 1 and step Δ."""
    return equal_to_oracle(
        answer, lambda delta: delta / -np.expm1(-delta), [0.01, 0.1, 1.0, 2.0, 5.0], tol=1e-9,
        name="is the fixed point", hint="set h = e^(−Δ) h + Δ and solve for h",
    )  # fmt: skip


@exercise("ex-mamba-division")
def division(answer):
    """The first token at which the product of coefficients is 0 in float32."""
    decay = np.float32(np.exp(np.float32(-1.6)))
    products = np.multiply.accumulate(np.full(200, decay, np.float32))
    first = int(np.argmax(products == 0)) + 1
    close_to(answer, first, name="the first token with a zero product", wrong={
        55: "there it leaves the normal numbers; float32 has subnormal ones below",
        54: "the smallest normal number is not the end: float32 has subnormal ones",
        466: "that is float64",
        first - 1: "count tokens from 1, and the product must be 0, not only small",
    })  # fmt: skip
    return f"Right: at token {first} the product is 0, and 0/0 makes every later state NaN."


@exercise("ex-mamba-chunk")
def chunk(answer):
    """The chunk that needs the least memory: stored states plus one chunk's working rows."""

    def memory(c, length, states):
        return -(-length // c) * states + 2 * c * states

    cases = [(64, 4), (1000, 16), (4096, 16), (2**14, 16), (2**20, 8)]
    for length, states in cases:
        c = whole(call(answer, length, states), "is a whole number")
        require(c >= 1, "is at least 1", failing=(length, states), got=c)
        best = min(memory(k, length, states) for k in range(1, min(length, 4000) + 1))
        require(memory(c, length, states) <= 1.05 * best, "within 5 % of the least memory",
                "differentiate L/c + 2c", failing=(length, states), got=c)  # fmt: skip
    return "Right: c = √(L/2), whatever N: memory grows with the square root of the length."


@exercise("ex-mamba-forget")
def forget(answer):
    """Tokens until a channel with A = −1 and step size Δ has lost half of what it held."""
    return equal_to_oracle(
        answer, lambda delta: np.log(2) / delta, [1e-3, 0.01, 0.1, 1.0], tol=1e-6,
        name="is the half-life", hint="solve e^(−Δ n) = 1/2 for n",
    )  # fmt: skip
