"""Checks of the exercises and the explorer of sixteen gates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paralg.recurrences.mamba import explorer
from paralg.recurrences.mamba.explorer import INPUT, _network, _states
from paralg.teach import check
from tests.figures.web import drag


def compose(first, then):
    return then[0] * first[0], then[0] * first[1] + then[1]


def gradients(a, dh, scan):
    return scan(np.append(a[1:], 0.0)[::-1], dh[::-1])[::-1]


def stub(*arguments):
    raise NotImplementedError


RIGHT = {
    "ex-mamba-padding": (1, 0),
    "ex-mamba-counts": {"kogge_stone": (8977, 10), "brent_kung": (1984, 18)},
    "ex-mamba-gate": [0] * 6 + [3] + [0] * 9,
    "ex-mamba-compose": compose,
    "ex-mamba-resume": lambda products, sums, h0: sums + products * h0,
    "ex-mamba-reverse": gradients,
    "ex-mamba-euler": lambda delta: delta / -np.expm1(-delta),
    "ex-mamba-division": 65,
    "ex-mamba-chunk": lambda length, states: max(1, round((length / 2) ** 0.5)),
    "ex-mamba-forget": lambda delta: np.log(2) / delta,
}
WRONG = [
    ("ex-mamba-padding", (0, 0), "forgets everything"),
    ("ex-mamba-padding", (0, 1), "multiplies h"),
    ("ex-mamba-padding", 1, "is a pair"),
    ("ex-mamba-counts", {"kogge_stone": (10_000, 10), "brent_kung": (1984, 18)}, "nobody"),
    ("ex-mamba-counts", {"kogge_stone": (8977, 10), "brent_kung": (1984, 20)}, "down-sweep"),
    ("ex-mamba-counts", {"kogge_stone": 8977, "brent_kung": (1984, 18)}, "pair"),
    ("ex-mamba-gate", [0.3] * 16, "open the gate at token 7"),
    ("ex-mamba-gate", [0.3] * 15, "sixteen"),
    ("ex-mamba-gate", [9.0] * 16, "between 0 and 3"),
    ("ex-mamba-compose", lambda f, g: compose(g, f), "the other order"),
    ("ex-mamba-compose", lambda f, g: (1.0, 0.0), "applies first"),
    ("ex-mamba-resume", lambda products, sums, h0: sums + h0, "continues from h0"),
    ("ex-mamba-reverse", lambda a, dh, scan: scan(a[::-1], dh[::-1])[::-1], "by one"),
    ("ex-mamba-reverse", lambda a, dh, scan: dh, "equals the loop"),
    ("ex-mamba-euler", lambda delta: 1.0, "fixed point"),
    ("ex-mamba-division", 55, "subnormal"),
    ("ex-mamba-chunk", lambda length, states: 32, "differentiate"),
    ("ex-mamba-chunk", lambda length, states: 0, "at least 1"),
    ("ex-mamba-forget", lambda delta: 1 / delta, "half-life"),
]


@pytest.mark.parametrize("label", RIGHT)
def test_right_answers_pass(label):
    assert check(label, RIGHT[label])


@pytest.mark.parametrize("label, answer, words", WRONG)
def test_wrong_answers_are_told_why(label, answer, words):
    verdict = check(label, answer)
    assert not verdict
    assert words in str(verdict)


@pytest.mark.parametrize("label", [k for k, v in RIGHT.items() if callable(v)])
def test_stubs_are_no_answers_yet(label):
    assert "not answered" in str(check(label, stub)).lower()


def test_explorer_networks_are_the_core_scans():
    found = {one: _network(one) for one in ("sequential", "kogge-stone", "brent-kung")}
    assert [(one["work"], one["span"]) for one in found.values()] == [(15, 15), (49, 4), (26, 7)]
    for one in found.values():
        assert sum(len(level) for level in one["levels"]) == one["work"]
        assert len(one["levels"]) == one["span"]


def test_explorer_states_are_the_gated_recurrence():
    from paralg.recurrences.mamba import gated_recurrence

    deltas = np.linspace(0, 3, 16)
    expected = gated_recurrence(np.array(INPUT), -np.expm1(-deltas))
    np.testing.assert_allclose(_states(deltas), expected, atol=1e-14)


def test_explorer_is_the_same_at_every_run(drawing):
    assert explorer().html == explorer().html
    assert len(explorer().html) < 200_000


def test_explorer_answers_to_keyboard_and_pointer(open_page, drawing):
    page = open_page(explorer().html)
    status, picture = page.locator(".pe-status"), page.locator("svg.pe-picture")
    assert "Token 3: Δ = 3.00" in status.inner_text()
    assert "7 rounds and 26 combines" in status.inner_text()
    page.get_by_label("loop", exact=True).check()
    assert "15 rounds and 15 combines" in status.inner_text()
    page.get_by_label("Rounds done: previous").press("Enter")
    assert "15 of 16 states complete" in status.inner_text()
    slider = page.get_by_label("Step size Δ of this token")
    slider.press("ArrowLeft")
    assert "Δ = 2.95" in status.inner_text()
    assert page.get_by_label("own").is_checked()
    box = picture.bounding_box()
    zoom = box["width"] / 660
    x, foot = box["x"] + (58 + 7.5 * 37) * zoom, box["y"] + 92 * zoom
    drag(page, (x, foot), (x, foot - 39 * zoom))
    assert "Token 8: Δ = 1.50" in status.inner_text()
    page.mouse.move(x, box["y"])  # not dragging any more
    assert "Token 8: Δ = 1.50" in status.inner_text()
    keep = math.exp(-1.5)
    assert f"{keep:.3f}" in page.locator(".pe-numbers").inner_text()
