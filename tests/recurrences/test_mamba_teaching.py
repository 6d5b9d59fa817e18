"""The explorer of sixteen gates."""

from __future__ import annotations

import math

from paralg.recurrences.mamba import explorer
from paralg.recurrences.mamba.teaching.explorer import _network
from tests.figures.web import drag


def test_explorer_networks_are_the_core_scans():
    expected = {"sequential": (15, 15), "kogge-stone": (49, 4), "brent-kung": (26, 7)}
    for method, counts in expected.items():
        one = _network(method)
        assert (one["work"], one["span"]) == counts
        assert (sum(map(len, one["levels"])), len(one["levels"])) == counts


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
