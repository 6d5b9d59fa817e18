"""Checks of the exercises and the explorer of halting masses."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from paralg.recurrences.universal_transformer import coefficients, halt
from paralg.recurrences.universal_transformer.experiments.runs import load
from paralg.recurrences.universal_transformer.teaching.answers import RIGHT
from paralg.recurrences.universal_transformer.teaching.checks import settled_at
from paralg.recurrences.universal_transformer.teaching.explorer import NETWORKS, explorer, scene
from paralg.teach import check


def test_explorations_have_answers():
    assert nx.eccentricity(nx.karate_club_graph(), 16) == RIGHT["ex-universal-transformer-rounds"]
    accuracy, rho = settled_at(0.5)
    assert rho < -0.5
    assert accuracy < 0.95
    assert "sign" in str(check("ex-universal-transformer-settled", -rho))


def test_embedded_numbers_give_the_networks_answers(drawing):
    """What the page computes from two decimals is what the network computes."""
    graph = scene()
    hops = graph.distance[0].tolist()
    assert hops == sorted(hops, key=lambda k: 99 if k < 0 else k)
    assert max(hops) >= 5
    assert -1 in hops
    for one, name in zip(explorer().state["networks"], NETWORKS.values(), strict=True):
        model = load(name)
        with torch.no_grad():
            logits, run = model(graph.symbols, attention_mask=graph.attention_mask)
        assert one["taken"] == run.steps[0].tolist()
        p = 1 / (1 + np.exp(-np.array(one["logits"])))
        margins = (logits[0, :, 1] - logits[0, :, 0]).numpy()
        states = np.array(one["states"])
        for node in range(12):
            halted = halt(p[:, node].tolist())
            assert halted.steps == one["taken"][node]
            y = np.array(coefficients(halted.weights)) @ states[: halted.steps, node]
            normed = (y - y.mean()) / np.sqrt(y.var() + 1e-5)
            margin = normed @ np.array(one["readout"]) + one["offset"]
            assert margin == pytest.approx(margins[node], abs=0.3)
            assert (margin > 0) == (margins[node] > 0)


def test_explorer_answers_to_keyboard_and_pointer(open_page, drawing):
    page = open_page(explorer().html)
    status, numbers = page.locator(".pe-status"), page.locator(".pe-numbers")
    taken = explorer().state["networks"][1]["taken"]
    assert f"work {sum(taken)} instead of {12 * max(taken)}" in status.inner_text()
    page.get_by_label("λ = 0.01, bias 1").check()
    assert "work 24 instead of 24" in status.inner_text()
    page.get_by_label("λ = 0.01", exact=True).check()
    page.get_by_label("Steps done: previous").press("Enter")
    assert "After 6 steps" in status.inner_text()
    slider = page.get_by_label("Add to the halting bias")
    slider.press("End")
    assert "0 of 12 nodes still run" in status.inner_text()
    slider.press("Home")
    logits = np.array(explorer().state["networks"][1]["logits"]) - 6
    late = [min(6, halt(p.tolist()).steps) for p in (1 / (1 + np.exp(-logits))).T]
    assert f"work {sum(late)} instead of 72" in status.inner_text()
    box = page.locator("svg.pe-picture").bounding_box()
    zoom = box["width"] / 660
    page.mouse.click(box["x"] + (150 + 2.5 * 54) * zoom, box["y"] + 100 * zoom)
    assert "After 3 steps" in status.inner_text()
    assert "36" in numbers.inner_text()
