"""Checks of the exercises on local linear attention."""

import numpy as np

from paralg.recurrences.local_linear_attention.reference import closed_form
from paralg.recurrences.local_linear_attention.teaching.explorer import RANGES, reading
from paralg.teach.checking import call, close_to, entries, equal_to_oracle, exercise, require


@exercise("ex-local-linear-attention-limits")
def limits(answer):
    """What one query reads for a huge and for a vanishing penalty."""
    huge, none = entries(answer, ("huge", "none"))
    told = {
        0.0: "the intercept is not penalised, only the slope is",
        -0.5: "that is the other limit",
    }
    close_to(huge, 2.0, name="the value for a huge ridge", wrong=told)
    told = {
        2.0: "the line is read at z = 0, not at the middle of the keys",
        0.0: "the first value lies off the line of least squares",
    }
    close_to(none, -0.5, name="the value without a ridge", wrong=told)
    return "Right, on both: a mean at one end, extrapolation at the other."


@exercise("ex-local-linear-attention-crossing")
def crossing(answer):
    """Iterations at which conjugate gradients cost as much a pair as forming the matrices."""
    told = {
        64: "an iteration passes the keys twice, once to multiply with z and once to add up",
        16: "Σ is symmetric, but the count of this page forms all of it",
        4096: "that is d², the multiply-adds a pair of the direct way",
    }
    close_to(answer, 32, name="iterations", wrong=told)
    return "Right: T = d/2. Above it, the direct solve has less work, if its matrices fit."


@exercise("ex-local-linear-attention-negative")
def negative(answer):
    """The difference beyond which a key counts negatively, in one dimension."""
    rng, sizes = np.random.default_rng(0), ((3, 0.1), (5, 1.0), (9, 0.01))
    return equal_to_oracle(
        answer, lambda w, z, ridge: 1 / ((w @ z) / (w @ z**2 + ridge)),
        [(rng.random(m), rng.random(m) - 0.2, ridge) for m, ridge in sizes],
        1e-9, name="is where the share vanishes", hint="set 1 − zρ = 0 and remember what ρ is",
    )  # fmt: skip


@exercise("ex-local-linear-attention-product")
def product(answer):
    """The product of p with a query's second-moment matrix, and no array of differences."""
    rng = np.random.default_rng(1)
    cases = [(rng.normal(size=(b, d)), rng.random((b, m)), rng.normal(size=(b, d)),
              rng.normal(size=(m, d)), 0.5)
             for b, m, d in ((1, 1, 1), (1, 4, 2), (3, 5, 2), (4, 7, 3))]  # fmt: skip

    def oracle(p, w, q, k, ridge):
        z = k[None] - q[:, None]
        return np.einsum("bm,bmd,bme,be->bd", w, z, z, p) + ridge * p

    praise = equal_to_oracle(
        answer, oracle, cases, 1e-9, name="equals Σp",
        hint="z belongs to a pair; K is shared and q belongs to the row",
    )  # fmt: skip
    largest = _largest_array(answer, 40, 50, 30)
    require(largest < 40 * 30 * 30, "forms no array of all differences or of all matrices",
            f"{largest:,} numbers in one array, for 40 queries, 50 keys, width 30")  # fmt: skip
    return praise


def _largest_array(function, b: int, m: int, d: int) -> int:
    """Return the size of the largest array that a function makes of arrays that watch."""
    sizes = [0]

    class Watched(np.ndarray):
        def __array_finalize__(self, parent):
            base = self if self.base is None else self.base
            sizes.append(self.size if getattr(base, "size", 0) == self.size else 0)

    rng = np.random.default_rng(2)
    shapes = ((b, d), (b, m), (b, d), (m, d))
    call(function, *(rng.random(shape).view(Watched) for shape in shapes), 0.5)
    return max(sizes)


@exercise("ex-local-linear-attention-scale")
def scale(answer):
    """The ridge on the scale of weights whose largest is 1."""

    def oracle(ridge, norm, top, omega):
        return {"max": ridge, "softmax": ridge * omega, "raw": ridge * np.exp(-top)}[norm]

    cases = [(ridge, norm, top, omega)
             for ridge in (0.1, 10.0) for norm in ("max", "softmax", "raw")
             for top, omega in ((0.0, 1.0), (2.0, 5.0), (-1.0, 3.0))]  # fmt: skip
    return equal_to_oracle(
        answer, oracle, cases, 1e-12, name="gives the same output",
        hint="the output depends on λ over weights; by which factor do the weights differ?",
    )  # fmt: skip


@exercise("ex-local-linear-attention-gap")
def gap(answer):
    """A query in the explorer whose line reads more than any household spends."""
    values = np.asarray(call(np.asarray, answer), dtype=float)
    require(values.shape == (3,), "is (query, bandwidth, log10 of the ridge)", got=answer)
    for value, (name, (low, high)) in zip(values, RANGES.items(), strict=True):
        require(low <= value <= high, f"{name} is between {low} and {high}", got=value)
    query, bandwidth, ridge = values
    shown = reading(query, bandwidth, 10**ridge)
    require(shown["line"] > 2.5, "the line reads more than 2.5",
            "no household lies between 3 and 4.9; what does a line do there?",
            got=round(shown["line"], 3))  # fmt: skip
    return f"Right: it reads {shown['line']:.2f}, the mean {shown['mean']:.2f}."


@exercise("ex-local-linear-attention-slope")
def slope(answer):
    """The slope that the backward pass needs, from a second regression."""
    rng = np.random.default_rng(4)
    cases = [(rng.random(m), rng.normal(size=(m, d)), rng.normal(size=(m, 2)), rng.normal(size=2),
              0.3) for m, d in ((2, 1), (5, 2), (8, 3))]  # fmt: skip
    return equal_to_oracle(
        answer, lambda w, z, v, g, ridge: closed_form(w, z, (v @ g)[:, None], ridge).slopes[:, 0],
        cases, 1e-9, name="equals u", hint="u is the slope of the line through the labels vⱼᵀg",
    )  # fmt: skip


@exercise("ex-local-linear-attention-warm")
def warm(answer):
    """Conjugate gradients from a guess: the solution, and in fewer products when it is good."""
    import torch

    random = torch.Generator().manual_seed(5)
    basis = torch.linalg.qr(torch.randn(60, 60, generator=random, dtype=torch.float64))[0]
    matrix = (basis * torch.linspace(1, 4, 60, dtype=torch.float64)) @ basis.T
    exact = 1e3 * torch.randn(1, 1, 60, generator=random, dtype=torch.float64)
    rhs, taken, near = exact @ matrix, {}, "a guess with four digits"
    guesses = {"0": 0 * exact, "a far guess": 3 * exact + 1e3, near: exact * 1.0001}
    for name, guess in guesses.items():
        products = []

        def product(p, products=products):
            products.append(p)
            return p @ matrix

        got = torch.as_tensor(call(answer, product, rhs.clone(), guess.clone()))
        require(got.shape == rhs.shape, "has the shape of the right-hand side",
                expected=tuple(rhs.shape), got=tuple(got.shape))  # fmt: skip
        require(bool(torch.allclose(got, exact, atol=1e-5)), f"solves the system from {name}",
                "solve for the residual of the guess, and add the guess")  # fmt: skip
        taken[name] = len(products)
    require(
        taken[near] < 0.85 * taken["0"], "saves products when the guess is good",
        "the residual of a good guess is small: does your tolerance know how small the whole "
        "right-hand side was?", got=taken,
    )  # fmt: skip
    return f"Right: {taken['0']} products from 0, {taken[near]} from a good guess."
