"""Checks of the exercises and the explorer of one query."""

from __future__ import annotations

import numpy as np
import pytest

from paralg.recurrences.local_linear_attention import explorer
from paralg.recurrences.local_linear_attention.explorer import START, reading
from paralg.recurrences.local_linear_attention.reference import closed_form
from paralg.teach import check
from tests.figures.web import explorer_page, set_to, shown

EX = "ex-local-linear-attention-"


def product(p, w, q, k, ridge):
    t = w * (p @ k.T - (p * q).sum(1, keepdims=True))
    return t @ k - t.sum(1, keepdims=True) * q + ridge * p


def by_differences(p, w, q, k, ridge):
    z = k[None] - q[:, None]
    return ((w * (z @ p[..., None])[..., 0])[..., None] * z).sum(1) + ridge * p


def merge(a, b):
    top = max(a[0], b[0])
    left, right = np.exp(a[0] - top), np.exp(b[0] - top)
    return top, left * a[1] + right * b[1], left * a[2] + right * b[2]


def scale(ridge, norm, top, omega):
    return ridge * {"max": 1.0, "softmax": omega, "raw": np.exp(-top)}[norm]


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
    ("merge", lambda a, b: (max(a[0], b[0]), a[1] + b[1], a[2] + b[2]), "larger maximum"),
    ("merge", lambda a, b: a[1] + b[1], "returns (m, ω, M)"),
    ("scale", lambda ridge, norm, top, omega: ridge, "same output"),
    ("gap", (1.0, 0.4, -2), "more than 2.5"),
    ("gap", (9.0, 0.4, -2), "query is between"),
    ("gap", (1.0, 0.4), "(query, bandwidth"),
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
