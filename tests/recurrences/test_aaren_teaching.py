"""The explorer of twelve scores."""

from __future__ import annotations

import numpy as np

from paralg.recurrences.aaren import explorer
from paralg.recurrences.aaren.teaching.explorer import SCORES, VALUES, _network, outputs
from tests.figures.web import drag


def test_networks_are_the_core_scans_and_outputs_softmax():
    found = {one: _network(one, 12) for one in ("sequential", "kogge-stone", "brent-kung")}
    assert [(one["work"], one["span"]) for one in found.values()] == [(11, 11), (33, 4), (18, 6)]
    assert all(sum(map(len, one["levels"])) == one["work"] for one in found.values())
    weights = np.exp(np.array(SCORES))
    np.testing.assert_allclose(outputs(), np.cumsum(weights * VALUES) / np.cumsum(weights))


def test_explorer_answers_to_keyboard_and_pointer(open_page, drawing):
    page = open_page(explorer().html)
    status = page.locator(".pe-status")

    def says(*parts):
        assert all(part in status.inner_text() for part in parts)

    says("Token 7: score 10.0, value 1.0", "12 tokens, 18 unions in 6 rounds", "All outputs within")
    page.get_by_label("Hillis–Steele", exact=True).check()
    says("33 unions in 4 rounds")
    page.get_by_label("Tokens arrived").press("ArrowLeft")
    says("11 tokens")
    page.get_by_label("too loud", exact=True).check()
    page.get_by_label("Carry the maximum").uncheck()
    says("8 outputs lost")
    page.get_by_label("Carry the maximum").check()
    says("All outputs within")
    page.get_by_label("Token: next").press("Enter")
    page.get_by_label("Score of this token").press("ArrowLeft")
    says("Token 8: score 2.5")
    assert page.get_by_label("own").is_checked()
    box = page.locator("svg.pe-picture").bounding_box()
    zoom = box["width"] / 660
    x, zero = box["x"] + (74 + 2.5 * 48) * zoom, box["y"] + 104 * zoom
    drag(page, (x, zero), (x, zero - 45 * zoom))
    page.mouse.move(x, box["y"])  # not dragging any more
    says("Token 3: score 4.0")
    assert "4.0" in page.locator(".pe-numbers").inner_text()
