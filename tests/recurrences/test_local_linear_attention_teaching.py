"""Checks of the exercises and the explorer of one query."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import paralg.recurrences.local_linear_attention as lla
from paralg.recurrences.local_linear_attention.teaching.explorer import START, explorer, reading
from tests.figures.web import explorer_page, set_to, shown


def test_a_warm_start_helps_slow_queries_and_not_those_that_jump():
    """What the solution of the exercise says."""
    rng = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=rng, dtype=torch.float64)  # noqa: E731
    k, start, step, far = draw(400, 12), draw(12), draw(12), draw(20, 12)
    share = {}
    for name, queries in (("slow", start + 1e-4 * torch.arange(20)[:, None] * step), ("far", far)):
        taken, rho = np.zeros(2), None
        for q in queries:
            w, z = torch.exp(k @ q / 12**0.5), k - q
            sigma = (w[:, None] * z).T @ z + 0.1 * w.sum() * torch.eye(12, dtype=torch.float64)
            rhs, product = (w @ z)[None, None], lambda p, m=sigma: p @ m
            stop = lla.CGOptions(atol=float(1e-8 * rhs.norm()), rtol=0.0, max_iters=100)
            cold = lla.conjugate_gradients(product, rhs, stop)
            if rho is not None:
                warm = lla.conjugate_gradients(product, rhs - product(rho), stop)
                taken += warm.rounds, cold.rounds
            rho = cold.x
        share[name] = taken[0] / taken[1]
    assert share["slow"] < 0.8 < 0.9 < share["far"]


def test_explorer_computes_what_python_does_and_answers_to_keyboard_and_pointer(
    chromium, tmp_path, drawing
):
    page = explorer_page(chromium, tmp_path, explorer())
    status = page.locator(".pe-status")
    assert f"At income {START['query']:.2f}" in status.inner_text()
    page.get_by_label("Query: income").press("ArrowRight")
    assert "At income 0.52" in status.inner_text()
    for query, bandwidth, ridge in ((2.0, 1.0, 0.5), (4.9, 0.1, -3)):
        set_to(page, "Query: income", query)
        set_to(page, "Bandwidth h", bandwidth)
        set_to(page, "log₁₀ of the ridge λ", ridge)
        numbers, exact = shown(page), reading(query, bandwidth, 10**ridge)
        for label, name in (("Mean (softmax)", "mean"), ("Line (LLA)", "line"), ("Slope", "slope")):
            value = float(numbers[label].replace("−", "-"))
            assert value == pytest.approx(exact[name], abs=6e-4), label
    assert page.get_by_label("own").is_checked()
    page.get_by_label("softmax", exact=True).check()
    numbers = shown(page)
    assert numbers["Mean (softmax)"] == pytest.approx(numbers["Line (LLA)"])
    box = page.locator("svg.pe-picture").bounding_box()
    for share, press in ((0.3, page.mouse.down), (0.5, page.mouse.up)):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + 60)
        press()
    at = 5.3 * (0.5 * 660 - 58) / (646 - 58)
    assert f"At income {round(at * 50) / 50:.2f}" in status.inner_text()
    assert page.errors == []
