"""Checks of the exercises and the explorer of halting masses."""

from __future__ import annotations

from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
import torch

from paralg.recurrences.universal_transformer import coefficients, halt
from paralg.recurrences.universal_transformer.checks import right_answers, settled_at
from paralg.recurrences.universal_transformer.explorer import NETWORKS, explorer, scene
from paralg.recurrences.universal_transformer.train import load
from paralg.teach import check

NAME = "ex-universal-transformer-"


def run_active(states, block, p, epsilon=0.01, freeze=True, close=True):
    states, output, mass = states.copy(), np.zeros(len(states)), np.zeros(len(states))
    for t, row in enumerate(p):
        rows = np.flatnonzero(mass < 1)
        if not len(rows):
            break
        new = block(rows if freeze else np.arange(len(states)), states)
        kept = new if freeze else new[rows]
        halts = (mass[rows] + row[rows] > 1 - epsilon) | (close and t == len(p) - 1)
        w = np.where(halts, 1 - mass[rows], row[rows])
        states[rows] = kept
        output[rows] += w * kept
        mass[rows] = np.where(halts, 1.0, mass[rows] + row[rows])
    return output


def rule110(left, centre, right, relu):
    v, new = 4 * left + 2 * centre + right, 0.0
    for u in (1, 2, 3, 5, 6):
        up = relu(2 * (v - u + 0.75)) - relu(2 * (v - u + 0.25))
        down = relu(2 * (v - u - 0.25)) - relu(2 * (v - u - 0.75))
        new = new + up - down
    return new


def thin_rule(left, centre, right, relu):
    return relu(centre + right) - relu(centre + right - 1) - relu(left + centre + right - 2)


def rounded_rule(left, centre, right, relu):
    return 110 >> int(round(4 * left + 2 * centre + right)) & 1


def turn(rate, c):
    cosine, sine = np.cos(rate * c), np.sin(rate * c)
    return np.array([[cosine, -sine], [sine, cosine]])


def mirror(rate, c):
    cosine, sine = np.cos(rate * c), np.sin(rate * c)
    return np.array([[-cosine, sine], [sine, cosine]])


def largest_shift():
    right = {s: right_answers(s) for s in np.arange(-6, 6.25, 0.25)}
    return max(s for s, count in right.items() if count == max(right.values()))


RIGHT = {
    "remainder": {"steps": 3, "remainder": 0.3},
    "parameters": {"parameters": 6, "operations": 1},
    "rounds": 5,
    "blend": coefficients,
    "crossing": lambda n, steps: (n - 1) * steps / (n - steps),
    "compact": run_active,
    "rule": rule110,
    "turn": turn,
}
WRONG = [
    ("remainder", {"steps": 2, "remainder": 0.3}, "not above 0.99"),
    ("remainder", {"steps": 3, "remainder": 0.5}, "missing to 1"),
    ("parameters", {"parameters": 1, "operations": 1}, "differ from each other"),
    ("parameters", {"parameters": 6, "operations": 6}, "whoever owns"),
    ("rounds", 3, "from member 16"),
    ("rounds", 33, "all at once"),
    ("blend", lambda w: list(w), "Graves"),
    ("blend", lambda w: coefficients(w[::-1])[::-1], "later"),
    ("blend", lambda w: [x / 2 for x in w], "unroll"),
    ("blend", lambda w: coefficients(w)[:-1], "one coefficient for each weight"),
    ("blend", lambda w: None, "not iterable"),
    ("crossing", lambda n, steps: steps, "rounds as well"),
    ("crossing", lambda n, steps: n / steps, "solve"),
    ("compact", lambda s, block, p: np.zeros(len(s)), "frozen states"),
    ("compact", lambda s, block, p: 0.0, "one output for each position"),
    ("compact", lambda s, block, p: run_active(s, block, p, freeze=False), "at most"),
    ("compact", lambda s, block, p: run_active(s, block, p, close=False), "all that is left"),
    ("rule", lambda left, centre, right, relu: centre, "bit of 110"),
    ("rule", thin_rule, "plateau"),
    ("rule", rounded_rule, "sums, products and relu"),
    ("turn", lambda rate, c: turn(rate, -c), "j = i - c"),
    ("turn", mirror, "reflection"),
    ("turn", lambda rate, c: np.eye(2), "expand"),
    ("turn", lambda rate, c: np.cos(rate * c), "two by two"),
    ("shift", -6, "larger one"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass(name):
    assert check(NAME + name, RIGHT[name])


OTHER_FORMS = [
    ("remainder", {"steps": 3.0, "remainder": np.float64(1 - 0.7)}),
    ("blend", lambda w: (c for c in coefficients(w))),
    ("blend", lambda w: np.array(w) * np.append(np.cumprod(1 - np.array(w)[:0:-1])[::-1], 1)),
    ("crossing", lambda n, steps: Fraction((n - 1) * steps, n - steps)),
    ("compact", lambda s, block, p: run_active(s, block, p).tolist()),
    ("rounds", np.int64(5)),
    ("turn", lambda rate, c: turn(rate, c).tolist()),
]


@pytest.mark.parametrize("name, answer", OTHER_FORMS)
def test_right_answers_in_another_form_pass(name, answer):
    assert check(NAME + name, answer)


def test_the_rounds_are_those_of_the_graph():
    assert nx.eccentricity(nx.karate_club_graph(), 16) == RIGHT["rounds"]


@pytest.mark.parametrize("name, answer, words", WRONG)
def test_wrong_answers_are_told_why(name, answer, words):
    verdict = check(NAME + name, answer)
    assert not verdict
    assert words in str(verdict)


@pytest.mark.parametrize("name", [k for k, v in RIGHT.items() if callable(v)])
def test_stubs_are_no_answers_yet(name):
    def stub(*arguments):
        raise NotImplementedError

    assert "not answered" in str(check(NAME + name, stub)).lower()


def test_explorations_have_answers():
    assert check(NAME + "shift", largest_shift())
    accuracy, rho = settled_at(0.5)
    assert rho < -0.5
    assert accuracy < 0.95
    assert check(NAME + "settled", rho)
    assert "sign" in str(check(NAME + "settled", -rho))


def test_the_explorers_scene():
    graph = scene()
    hops = graph.distance[0].tolist()
    reached = [k for k in hops if k >= 0]
    assert reached == sorted(reached)
    assert hops[len(reached) :] == [-1] * (12 - len(reached))
    assert max(hops) >= 5
    assert -1 in hops


def test_embedded_numbers_give_the_networks_answers(drawing):
    """What the page computes from two decimals is what the network computes."""
    graph = scene()
    for one, name in zip(explorer().state["networks"], NETWORKS.values(), strict=True):
        model = load(name)
        with torch.no_grad():
            logits, run = model(graph.symbols, allowed=graph.allowed)
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


def test_explorer_is_the_same_at_every_run(drawing):
    assert explorer().html == explorer().html
    assert len(explorer().html) < 200_000


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
