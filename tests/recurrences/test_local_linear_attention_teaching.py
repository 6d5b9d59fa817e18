"""Checks of the exercises and the explorer of one query."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import paralg.recurrences.local_linear_attention as lla
from paralg.recurrences.local_linear_attention import explorer
from paralg.recurrences.local_linear_attention.explorer import START, reading
from paralg.recurrences.local_linear_attention.reference import closed_form
from paralg.teach import check
from tests.figures.web import explorer_page, set_to, shown

EX = "ex-local-linear-attention-"
LONG = lla.CGOptions(max_iters=200)


def product(p, w, q, k, ridge):
    t = w * (p @ k.T - (p * q).sum(1, keepdims=True))
    return t @ k - t.sum(1, keepdims=True) * q + ridge * p


def by_differences(p, w, q, k, ridge):
    z = k[None] - q[:, None]
    return ((w * (z @ p[..., None])[..., 0])[..., None] * z).sum(1) + ridge * p


def by_matrices(p, w, q, k, ridge):
    first, total = w @ k, w.sum(1)[:, None, None]
    raw = np.stack([(row[:, None] * k).T @ k for row in w])
    mixed = first[:, :, None] * q[:, None] + q[:, :, None] * first[:, None]
    sigma = raw - mixed + total * q[:, :, None] * q[:, None]
    return np.asarray(sigma @ p[..., None])[..., 0] + ridge * p


def merge(a, b):
    top = max(a[0], b[0])
    left, right = np.exp(a[0] - top), np.exp(b[0] - top)
    return top, left * a[1] + right * b[1], left * a[2] + right * b[2]


def scale(ridge, norm, top, omega):
    return ridge * {"max": 1.0, "softmax": omega, "raw": np.exp(-top)}[norm]


def from_guess(product, rhs, guess):
    rest = rhs - product(guess)
    stop = lla.CGOptions(atol=float(1e-12 * rhs.norm()), rtol=0.0)
    return guess + lla.conjugate_gradients(product, rest, stop).x


def too_exact(product, rhs, guess):
    return guess + lla.conjugate_gradients(product, rhs - product(guess), LONG).x


def slope(w, z, v, g, ridge):
    return closed_form(w, z, (v @ g)[:, None], ridge).slopes[:, 0]


def stub(*arguments):
    raise NotImplementedError


RIGHT = {
    "limits": {"huge": 2.0, "none": -0.5},
    "crossing": 32,
    "negative": lambda w, z, ridge: (w @ z**2 + ridge) / (w @ z),
    "product": product,
    "merge": merge,
    "scale": scale,
    "gap": (3.4, 0.4, -2),
    "slope": slope,
    "warm": from_guess,
}
WRONG = [
    ("limits", {"huge": 0.0, "none": -0.5}, "not penalised"),
    ("limits", {"huge": 2.0, "none": 2.0}, "read at z = 0"),
    ("limits", {"huge": 2.0, "none": 7.0}, "not this value"),
    ("crossing", 64, "passes the keys twice"),
    ("crossing", 16, "symmetric"),
    ("negative", lambda w, z, ridge: (w @ z) / (w @ z**2 + ridge), "share vanishes"),
    ("product", lambda p, w, q, k, ridge: (w * (p @ k.T)) @ k + ridge * p, "equals Σp"),
    ("product", by_differences, "no array of all differences"),
    ("product", by_matrices, "or of all matrices"),
    ("merge", lambda a, b: (max(a[0], b[0]), a[1] + b[1], a[2] + b[2]), "larger maximum"),
    ("merge", lambda a, b: a[1] + b[1], "returns (m, ω, M)"),
    ("scale", lambda ridge, norm, top, omega: ridge, "same output"),
    ("gap", (1.0, 0.4, -2), "more than 2.5"),
    ("gap", (9.0, 0.4, -2), "query is between"),
    ("gap", (1.0, 0.4), "(query, bandwidth"),
    ("warm", lambda product, rhs, guess: guess, "solves the system from 0"),
    ("warm", too_exact, "saves products"),
    ("warm", lambda product, rhs, guess: lla.conjugate_gradients(product, rhs, LONG).x, "saves"),
    ("slope", lambda w, z, v, g, ridge: z.T @ (w * (v @ g)), "equals u"),
]


@pytest.mark.parametrize("label", RIGHT)
def test_right_answers_pass(label):
    assert check(EX + label, RIGHT[label])


@pytest.mark.parametrize("label, answer, words", WRONG)
def test_wrong_answers_are_told_why(label, answer, words):
    verdict = check(EX + label, answer)
    assert not verdict
    assert words in str(verdict)


def test_right_answers_in_another_form_pass():
    assert check(EX + "merge", lambda a, b: list(merge(a, b)))

    def row_by_row(p, w, q, k, ridge):
        rows = [((k - q[i]).T @ (w[i] * ((k - q[i]) @ p[i]))) for i in range(len(p))]
        return np.array(rows) + ridge * p

    assert check(EX + "product", row_by_row)


def test_a_warm_start_helps_slow_queries_and_not_those_that_jump():
    """What the solution of the exercise says."""
    rng = torch.Generator().manual_seed(0)
    k = torch.randn(400, 12, generator=rng, dtype=torch.float64)
    start, step = torch.randn(2, 12, generator=rng, dtype=torch.float64)
    far = torch.randn(20, 12, generator=rng, dtype=torch.float64)
    rounds = {}
    for name, queries in (("slow", start + 1e-4 * torch.arange(20)[:, None] * step), ("far", far)):
        taken, rho = {"cold": 0, "warm": 0}, None
        for q in queries:
            w, z = torch.exp(k @ q / 12**0.5), k - q
            sigma = (w[:, None] * z).T @ z + 0.1 * w.sum() * torch.eye(12, dtype=torch.float64)
            rhs = (w @ z)[None, None]
            stop = lla.CGOptions(atol=float(1e-8 * rhs.norm()), rtol=0.0, max_iters=100)
            solve = lambda r, m=sigma, s=stop: lla.conjugate_gradients(lambda p: p @ m, r, s)  # noqa: E731
            cold = solve(rhs)
            if rho is not None:
                taken["warm"] += solve(rhs - rho @ sigma).rounds
                taken["cold"] += cold.rounds
            rho = cold.x
        rounds[name] = taken["warm"] / taken["cold"]
    assert rounds["slow"] < 0.8
    assert rounds["far"] > 0.9


@pytest.mark.parametrize("label", [k for k, v in RIGHT.items() if callable(v)])
def test_stubs_are_no_answers_yet(label):
    assert "not answered" in str(check(EX + label, stub)).lower()


def test_explorer_is_the_same_at_every_run(drawing):
    assert explorer().html == explorer().html
    assert len(explorer().html) < 200_000


def test_explorer_computes_what_python_does(chromium, tmp_path, drawing):
    page = explorer_page(chromium, tmp_path, explorer())
    for query, bandwidth, ridge in ((0.5, 0.4, -2), (2.0, 1.0, 0.5), (4.9, 0.1, -3)):
        set_to(page, "Query: income", query)
        set_to(page, "Bandwidth h", bandwidth)
        set_to(page, "log₁₀ of the ridge λ", ridge)
        numbers, exact = shown(page), reading(query, bandwidth, 10**ridge)
        assert float(numbers["Mean (softmax)"]) == pytest.approx(exact["mean"], abs=6e-4)
        assert float(numbers["Line (LLA)"]) == pytest.approx(exact["line"], abs=6e-4)
        assert float(numbers["Slope"].replace("−", "-")) == pytest.approx(exact["slope"], abs=6e-4)
    assert page.errors == []


def test_explorer_answers_to_keyboard_and_pointer(chromium, tmp_path, drawing):
    page = explorer_page(chromium, tmp_path, explorer())
    status = page.locator(".pe-status")
    assert f"At income {START['query']:.2f}" in status.inner_text()
    page.get_by_label("Query: income").press("ArrowRight")
    assert "At income 0.52" in status.inner_text()
    assert page.get_by_label("own").is_checked()
    page.get_by_label("softmax", exact=True).check()
    numbers = shown(page)
    assert numbers["Mean (softmax)"] == pytest.approx(numbers["Line (LLA)"])
    box = page.locator("svg.pe-picture").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    page.mouse.up()
    at = 5.3 * (0.5 * 660 - 58) / (646 - 58)
    assert f"At income {round(at * 50) / 50:.2f}" in status.inner_text()
    assert page.errors == []
