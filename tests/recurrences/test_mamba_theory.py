"""The theorem and lemmas of the chapter, and its model of memory traffic."""

from __future__ import annotations

import numpy as np
import pytest

from paralg.core.primitives import METHODS, kogge_stone_counts
from paralg.recurrences.mamba import discretise, selective_scan_loop, theory, traffic
from paralg.recurrences.mamba.theory import aligned_kernels, gated_recurrence, lag_matrix

RNG = np.random.default_rng(5)
SIZES = {"batch": 1, "length": 1024, "channels": 64, "states": 16}


def gate_run(s, x, discretisation):
    """Run the one-state, one-channel model of Theorem 1."""
    column, one = (1, len(s), 1), np.ones((1, len(s), 1))
    return selective_scan_loop(
        x.reshape(column), s.reshape(column), np.array([[-1.0]]), one, one, delta_softplus=True,
        discretisation=discretisation,
    ).y.ravel()  # fmt: skip


@pytest.mark.parametrize("length", [1, 2, 50, 1000])
def test_theorem_1_selection_is_gating_but_not_under_eulers_step(length):
    s, x = RNG.normal(size=length) * 4, RNG.normal(size=length)
    g = 1 / (1 + np.exp(-s))
    np.testing.assert_allclose(np.exp(-theory.softplus(s)), 1 - g, atol=1e-15)
    np.testing.assert_allclose(gate_run(s, x, "zoh"), gated_recurrence(x, g), atol=1e-12)
    s, x = np.full(5, 2.0), np.ones(5)
    gated = gated_recurrence(x, 1 / (1 + np.exp(-s)))
    assert np.abs(gate_run(s, x, "euler") - gated).max() > 1


@pytest.mark.parametrize("length", [1, 2, 7, 64])
def test_lemma_3_constant_coefficients_are_a_convolution(length):
    a, b, c = RNG.uniform(0.1, 0.99, 4), RNG.normal(size=4), RNG.normal(size=4)
    x = RNG.normal(size=length)
    decays = np.broadcast_to(a, (1, length, 4))
    states, _ = theory.linear_states(decays, (x[:, None] * b)[None], method="brent-kung")
    got = np.convolve(x, theory.lti_kernel(a, b, c, length))[:length]
    np.testing.assert_allclose(got, (states[0] * c).sum(axis=1), atol=1e-12)


def test_lemma_3_selective_coefficients_fit_no_single_kernel():
    shape, x = (40, 3), RNG.normal(size=40)
    constant = [np.broadcast_to(RNG.uniform(0.2, 0.9, 3), shape) for _ in "abc"]
    varying = [RNG.uniform(0.2, 0.9, shape) for _ in "abc"]
    for (a, b, c), rank in ((constant, 1), (varying, 8)):
        matrix = lag_matrix(a, b, c)
        states, _ = theory.linear_states(a[None], (b * x[:, None])[None])
        np.testing.assert_allclose(matrix @ x, (states[0] * c).sum(1), atol=1e-13)
        assert np.linalg.matrix_rank(aligned_kernels(matrix, 8)) == rank


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [1, 2, 5, 16])
def test_lemma_4_the_gradient_is_a_scan_from_the_right(method, length):
    a, dh = (RNG.normal(size=(2, length, 3)) for _ in "ab")
    g, _ = theory.reverse_states(a, dh, method=method)
    expected = dh.copy()
    for t in range(length - 2, -1, -1):
        expected[:, t] += a[:, t + 1] * expected[:, t + 1]
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
    short, long = (traffic("kogge-stone", **SIZES | {"length": n}) for n in (1, 1024))
    assert short.items["pairs read and written"] == 0
    assert long.items["pairs read and written"] == 6 * 64 * 16 * kogge_stone_counts(1024).work
    wide = SIZES | {"channels": 4096, "chunk": 1024}
    ratios = [
        traffic("unfused", **wide | {"states": n}).bytes
        / traffic("fused", **wide | {"states": n}).bytes for n in (16, 32)
    ]  # fmt: skip
    assert 1.8 < ratios[1] / ratios[0] < 2.0, "about 2 N"


@pytest.mark.parametrize("change, words", [
    ({"scheme": "magic"}, "scheme must be one of"),
    ({"length": 0}, "length must be at least 1, got 0"),
    ({"chunk": 0}, "chunk must be at least 1, got 0"),
])  # fmt: skip
def test_bad_sizes(change, words):
    with pytest.raises(ValueError, match=words):
        traffic(**{"scheme": "fused"} | SIZES | change)
