"""Checks of the exercises and the explorer of twelve scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paralg.recurrences.aaren import explorer
from paralg.recurrences.aaren.explorer import SCORES, VALUES, _network, outputs
from paralg.teach import check
from tests.figures.web import drag


def join(a, b):
    m = max(a[0], b[0])
    if m == -math.inf:
        return m, 0.0, 0.0
    x, y = math.exp(a[0] - m), math.exp(b[0] - m)
    return m, a[1] * x + b[1] * y, a[2] * x + b[2] * y


def unguarded(a, b):
    m = max(a[0], b[0])
    x, y = np.exp(np.float64(a[0]) - m), np.exp(np.float64(b[0]) - m)
    return m, a[1] * x + b[1] * y, a[2] * x + b[2] * y


def block(before, scores, values):
    m, u, w = before
    M = np.maximum(np.maximum.accumulate(scores), m)
    weights = np.tril(np.exp(np.minimum(scores[None] - M[:, None], 0)))
    keep = np.exp(m - M)
    return (keep * w + weights @ values) / (keep * u + weights.sum(1))


def forgetful_block(before, scores, values):
    return block((-math.inf, 0.0, 0.0), scores, values)


def decayed(first, then, rate):
    (c1, m1, u1, w1), (c2, m2, u2, w2) = first, then
    m1 = m1 - rate * c2
    m = max(m1, m2)
    x, y = math.exp(m1 - m), math.exp(m2 - m)
    return c1 + c2, m, u1 * x + u2 * y, w1 * x + w2 * y


def undecayed(first, then, rate):
    return decayed(first, then, 0.0)


def stub(*arguments):
    raise NotImplementedError


NOTHING = (-math.inf, 0, 0)
RIGHT = {
    "ex-aaren-identity": {"identity": NOTHING, "leaf": (3, 1, 5)},
    "ex-aaren-join": join,
    "ex-aaren-blocks": block,
    "ex-aaren-hunt": [0, 3],
    "ex-aaren-overflow": 11.08,
    "ex-aaren-gate": lambda s, L: 1 / (1 + np.exp(L - s)),
    "ex-aaren-crossing": lambda width, heads: (width + 2 * heads) // (2 * width) + 1,
    "ex-aaren-late": lambda n, c: int(np.ceil(n * np.exp(-c) - 1e-9)),
    "ex-aaren-decay": decayed,
}
WRONG = [
    ("ex-aaren-identity", {"identity": (0, 0, 0), "leaf": (3, 1, 5)}, "would stay"),
    ("ex-aaren-identity", {"identity": NOTHING, "leaf": (3, math.exp(3), 5)}, "relative"),
    ("ex-aaren-identity", {"identity": NOTHING, "leaf": (3, 1, 15)}, "not the score"),
    ("ex-aaren-identity", {"identity": 0, "leaf": (3, 1, 5)}, "triple"),
    ("ex-aaren-join", lambda a, b: (max(a[0], b[0]), a[1] + b[1], a[2] + b[2]), "rescale"),
    ("ex-aaren-join", lambda a, b: 1.0, "returns a triple"),
    ("ex-aaren-join", lambda a, b: (max(a[0], b[0]), "u", "w"), "returns a triple"),
    ("ex-aaren-identity", {"identity": (-1e9, 0, 0), "leaf": (3, 1, 5)}, "below every score"),
    ("ex-aaren-identity", {"identity": (-math.inf, 1, 0), "leaf": (3, 1, 5)}, "empty sums"),
    ("ex-aaren-blocks", forgetful_block, "carried sums"),
    ("ex-aaren-hunt", [3, 0], "different scales"),
    ("ex-aaren-hunt", [1, 2, 3], "two scores"),
    ("ex-aaren-hunt", [0, math.inf], "finite"),
    ("ex-aaren-hunt", "rising", "two scores"),
    ("ex-aaren-overflow", 88.72, "float32"),
    ("ex-aaren-gate", lambda s, L: s / (s + 1), "share"),
    ("ex-aaren-crossing", lambda width, heads: 1, "two rows"),
    ("ex-aaren-late", lambda n, c: n, "weight of all old"),
    ("ex-aaren-decay", undecayed, "what happens to m"),
    ("ex-aaren-decay", lambda a, b, rate: decayed(a, b, rate)[1:], "four numbers"),
    ("ex-aaren-decay", lambda a, b, rate: decayed(b, a, rate), "the first one that fades"),
]


@pytest.mark.parametrize("label", RIGHT)
def test_right_answers_pass(label):
    assert check(label, RIGHT[label])


@pytest.mark.parametrize("label, answer", [
    ("ex-aaren-identity", {"identity": [-np.inf, 0.0, 0.0], "leaf": np.array([3, 1, 5])}),
    ("ex-aaren-join", lambda a, b: list(join(a, b))),
    ("ex-aaren-join", lambda a, b: np.array(join(a, b))),
    ("ex-aaren-blocks", lambda before, s, v: block(before, s, v).tolist()),
    ("ex-aaren-hunt", np.array([-3.0, -1.0])),
    ("ex-aaren-overflow", math.log(65504)),
    ("ex-aaren-gate", lambda s, L: np.exp(s - np.logaddexp(s, L))),
    ("ex-aaren-late", lambda n, c: math.ceil(round(n / math.exp(c), 9))),
    ("ex-aaren-decay", lambda a, b, rate: np.array(decayed(a, b, rate))),
])  # fmt: skip
def test_right_answers_in_another_form_pass(label, answer):
    assert check(label, answer)


@pytest.mark.parametrize("label, answer, words", WRONG)
def test_wrong_answers_are_told_why(label, answer, words):
    verdict = check(label, answer)
    assert not verdict
    assert words in str(verdict)


def test_a_union_without_a_guard_is_told_about_infinity():
    with np.errstate(invalid="ignore"):
        verdict = check("ex-aaren-join", unguarded)
    assert not verdict
    assert "−∞ − (−∞)" in str(verdict)


@pytest.mark.parametrize("label", [k for k, v in RIGHT.items() if callable(v)])
def test_stubs_are_no_answers_yet(label):
    assert "not answered" in str(check(label, stub)).lower()


def test_explorer_networks_are_the_core_scans():
    found = {one: _network(one, 12) for one in ("sequential", "kogge-stone", "brent-kung")}
    assert [(one["work"], one["span"]) for one in found.values()] == [(11, 11), (33, 4), (18, 6)]
    for one in found.values():
        assert sum(len(level) for level in one["levels"]) == one["work"]


def test_explorer_outputs_are_softmax():
    weights = np.exp(np.array(SCORES))
    expected = np.cumsum(weights * VALUES) / np.cumsum(weights)
    np.testing.assert_allclose(outputs(), expected, atol=1e-12)


def test_explorer_is_the_same_at_every_run(drawing):
    assert explorer().html == explorer().html
    assert len(explorer().html) < 200_000


def test_explorer_answers_to_keyboard_and_pointer(open_page, drawing):
    page = open_page(explorer().html)
    status, picture = page.locator(".pe-status"), page.locator("svg.pe-picture")
    assert "Token 7: score 10.0, value 1.0" in status.inner_text()
    assert "12 tokens, 18 unions in 6 rounds" in status.inner_text()
    assert "All outputs within" in status.inner_text()
    page.get_by_label("Hillis–Steele", exact=True).check()
    assert "33 unions in 4 rounds" in status.inner_text()
    page.get_by_label("Tokens arrived").press("ArrowLeft")
    assert "11 tokens" in status.inner_text()
    page.get_by_label("too loud", exact=True).check()
    page.get_by_label("Carry the maximum").uncheck()
    assert "8 outputs lost" in status.inner_text()
    page.get_by_label("Carry the maximum").check()
    assert "All outputs within" in status.inner_text()
    page.get_by_label("Token: next").press("Enter")
    slider = page.get_by_label("Score of this token")
    slider.press("ArrowLeft")
    assert "Token 8: score 2.5" in status.inner_text()
    assert page.get_by_label("own").is_checked()
    box = picture.bounding_box()
    zoom = box["width"] / 660
    x, zero = box["x"] + (74 + 2.5 * 48) * zoom, box["y"] + 104 * zoom
    drag(page, (x, zero), (x, zero - 45 * zoom))
    assert "Token 3: score 4.0" in status.inner_text()
    page.mouse.move(x, box["y"])  # not dragging any more
    assert "Token 3: score 4.0" in status.inner_text()
    numbers = page.locator(".pe-numbers").inner_text()
    assert "4.0" in numbers
