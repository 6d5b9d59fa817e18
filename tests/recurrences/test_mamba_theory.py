"""The theorem and lemmas of the chapter, its model of memory traffic, its explorer."""

import numpy as np
import pytest

from paralg.core.primitives import METHODS, scan_counts
from paralg.recurrences.mamba import discretise, explorer, selective_scan_loop, theory, traffic
from paralg.recurrences.mamba.teaching.explorer import _network
from paralg.recurrences.mamba.theory import aligned_kernels, gated_recurrence, lag_matrix
from tests.figures.web import drag

RNG = np.random.default_rng(5)
SIZES = {"batch": 1, "length": 1024, "channels": 64, "states": 16}


def gate_run(s, x, way):
    """Run the one-state, one-channel model of Theorem 1."""
    x, s, one = (part.reshape(1, -1, 1) for part in (x, s, np.ones_like(s)))
    options = {"delta_softplus": True, "discretisation": way}
    return selective_scan_loop(x, s, -one[0, :1], one, one, **options).y.ravel()


@pytest.mark.parametrize("length", [1, 2, 50, 1000])
def test_theorem_1_selection_is_gating_but_not_under_eulers_step(length):
    s, x = RNG.normal(size=length) * 4, RNG.normal(size=length)
    g = 1 / (1 + np.exp(-s))
    np.testing.assert_allclose(np.exp(-theory.softplus(s)), 1 - g, atol=1e-15)
    np.testing.assert_allclose(gate_run(s, x, "zoh"), gated_recurrence(x, g), atol=1e-12)
    s, x = np.full(5, 2.0), np.ones(5)
    off = gate_run(s, x, "euler") - gated_recurrence(x, 1 / (1 + np.exp(-s)))
    assert np.abs(off).max() > 1


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_lemma_3_constant_coefficients_are_a_convolution_and_selective_ones_fit_none(length):
    shape, x = (length, 3), RNG.normal(size=length)
    fixed = RNG.uniform(0.2, 0.9, (3, 3))
    constant = [np.broadcast_to(row, shape) for row in fixed]
    varying = [RNG.uniform(0.2, 0.9, shape) for _ in "abc"]
    kernel = theory.lti_kernel(*fixed, length)
    for (a, b, c), convolved, rank in ((constant, True, 1), (varying, False, 8)):
        states, _ = theory.linear_states(a[None], (b * x[:, None])[None], method="brent-kung")
        matrix, y = lag_matrix(a, b, c), (states[0] * c).sum(axis=1)
        np.testing.assert_allclose(matrix @ x, y, atol=1e-12)
        if convolved:
            np.testing.assert_allclose(np.convolve(x, kernel)[:length], y, atol=1e-12)
        if length > 16:
            assert np.linalg.matrix_rank(aligned_kernels(matrix, 8)) == rank


@pytest.mark.parametrize("length", [1, 2, 5, 16])
def test_lemma_4_the_gradient_is_a_scan_from_the_right(length):
    a, dh = (RNG.normal(size=(2, length, 3)) for _ in "ab")
    expected = dh.copy()
    for t in range(length - 2, -1, -1):
        expected[:, t] += a[:, t + 1] * expected[:, t + 1]
    for method in METHODS:
        g, _ = theory.reverse_states(a, dh, method=method)
        np.testing.assert_allclose(g, expected, atol=1e-12)


def test_small_functions():
    x = np.concatenate([-np.logspace(-12, 2, 200), [0.0], np.logspace(-12, 1, 200)])
    exact = np.divide(np.expm1(x), x, out=np.ones_like(x), where=x != 0)
    np.testing.assert_allclose(theory.phi(x), exact, rtol=1e-15 * 4)
    turned = np.sinc(x / (2 * np.pi)) * np.exp(x * 0.5j)
    np.testing.assert_allclose(theory.phi(x * 1j), turned, atol=1e-14)
    x = np.array([-800.0, -1.0, 0.0, 1.0, 800.0])
    np.testing.assert_allclose(theory.softplus(x), [0, 0.31326169, 0.69314718, 1.31326169, 800])
    np.testing.assert_allclose(theory.silu(x), [0, -0.26894142, 0, 0.73105858, 800])
    delta, A, B = np.full((1, 1, 1), 1e-6), np.array([[-2.0]]), np.ones((1, 1, 1))
    euler, zoh = (discretise(delta, A, B, method=m)[1] for m in ("euler", "zoh"))
    np.testing.assert_allclose(zoh / euler, 1 - 1e-6, rtol=1e-11)


def test_traffic_counts_every_array():
    fused, unfused = traffic("fused", **SIZES), traffic("unfused", **SIZES)
    bLD, bLN, DN = 1024 * 64, 1024 * 16, 64 * 16
    assert fused.bytes == 4 * (3 * bLD + 2 * bLN + DN + 128 + 32 * DN)
    assert unfused.bytes == 4 * (4 * bLD + 2 * bLN + 6 * bLD * 16)
    assert fused.operations == unfused.operations == 7 * bLD * 16
    assert fused.intensity > 20 * unfused.intensity
    for tree, length in (("kogge-stone", 1), ("kogge-stone", 1024), ("brent-kung", 1000)):
        moved = traffic(tree, **SIZES | {"length": length}).items["pairs read and written"]
        assert moved == 6 * 64 * 16 * scan_counts(tree, length).work
    wide = SIZES | {"channels": 4096, "chunk": 1024}
    moved = {s: [traffic(s, **wide | {"states": n}).bytes for n in (16, 32)]
             for s in ("fused", "unfused")}  # fmt: skip
    few, many = np.divide(moved["unfused"], moved["fused"])
    assert 1.8 < many / few < 2.0, "about 2 N"
    for change, words in (
        ({"scheme": "magic"}, "scheme must be one of"),
        ({"length": 0}, "length must be at least 1, got 0"),
        ({"chunk": 0}, "chunk must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=words):
            traffic(**{"scheme": "fused"} | SIZES | change)


def test_explorer_networks_are_the_core_scans():
    for method in ("sequential", "kogge-stone", "brent-kung"):
        one, counts = _network(method), scan_counts(method, 16)
        assert (one["work"], one["span"]) == (counts.work, counts.span)
        assert (sum(map(len, one["levels"])), len(one["levels"])) == (counts.work, counts.span)


def test_explorer_answers_to_keyboard_and_pointer(open_page):
    page = open_page(explorer().html)
    status, box = page.locator(".pe-status"), page.locator("svg.pe-picture").bounding_box()
    for words in ("Token 3: Δ = 3.00", "7 rounds and 26 combines"):
        assert words in status.inner_text()
    page.get_by_label("loop", exact=True).check()
    assert "15 rounds and 15 combines" in status.inner_text()
    page.get_by_label("Rounds done: previous").press("Enter")
    assert "15 of 16 states complete" in status.inner_text()
    page.get_by_label("Step size Δ of this token").press("ArrowLeft")
    assert "Δ = 2.95" in status.inner_text()
    assert page.get_by_label("own").is_checked()
    zoom = box["width"] / 660
    x, foot = box["x"] + (58 + 7.5 * 37) * zoom, box["y"] + 92 * zoom
    drag(page, (x, foot), (x, foot - 39 * zoom))
    page.mouse.move(x, box["y"])  # not dragging any more
    assert "Token 8: Δ = 1.50" in status.inner_text()
    assert f"{np.exp(-1.5):.3f}" in page.locator(".pe-numbers").inner_text()
