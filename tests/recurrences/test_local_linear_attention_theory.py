"""Interpolation form, scans, bias and variance, test-time regression."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import paralg.recurrences.local_linear_attention as lla
from paralg.core.primitives import ADD, brent_kung_counts, reduce, scan
from paralg.data import engel
from paralg.recurrences.local_linear_attention import theory, variants
from paralg.recurrences.local_linear_attention.experiments import interpolation, peers, test_time
from paralg.recurrences.local_linear_attention.experiments.records import records


def draw(n=15, d=3, d_v=2, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(2, n, w, generator=rng, dtype=torch.float64) for w in (d, d, d_v)]


# ---- slopes as a plug-in ----


@pytest.mark.parametrize("norm", ["max", "softmax", "raw"])
def test_optimal_slopes_give_local_linear_attention(norm):
    q, k, v = draw()
    found = lla.interpolate(q, k, v, "lla", ridge=0.4, norm=norm)
    exact = lla.lla_attention(q, k, v, 0.4, weight_norm=norm, method="direct")
    assert torch.allclose(found, exact, atol=1e-11)


def test_no_slopes_give_softmax():
    q, k, v = draw()
    soft = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(lla.interpolate(q, k, v, "softmax"), soft)


def test_any_slopes_reproduce_a_linear_map_they_know():
    q, k, _ = draw()
    matrix = torch.randn(2, 3, dtype=torch.float64)
    slopes = matrix.expand(2, 15, 2, 3)
    assert torch.allclose(lla.interpolate(q, k, k @ matrix.mT, slopes), q @ matrix.mT)


def test_recurrent_slopes_equal_their_loops():
    q, k, v = draw(d_v=3)
    found = {name: interpolation.SLOPES[name](q, k, v, scale=1.0) for name in ("linear", "mesa")}
    for i in (0, 4, 14):
        keys, values = k[1, : i + 1], v[1, : i + 1]
        assert torch.allclose(found["linear"][1, i], values.T @ keys)
        ridge = values.T @ keys @ torch.linalg.inv(keys.T @ keys + torch.eye(3))
        assert torch.allclose(found["mesa"][1, i], ridge)
    unit = torch.nn.functional.normalize(k, dim=-1)
    delta = interpolation.SLOPES["delta"](q, unit, v, scale=1.0)
    last = delta[:, -1] @ unit[:, -1, :, None]
    assert torch.allclose(last.squeeze(-1), v[:, -1])  # the newest pair is stored exactly


def test_unknown_or_misshapen_slopes():
    q, k, v = draw()
    with pytest.raises(ValueError, match="w_hat must be one of"):
        lla.interpolate(q, k, v, "gla")
    with pytest.raises(ValueError, match=r"shape \(2, 15, 2, 3\), got \(2, 15, 3, 2\)"):
        lla.interpolate(q, k, v, torch.zeros(2, 15, 3, 2))


# ---- recurrent rules ----


@pytest.mark.parametrize("n", [1, 2, 13])
def test_recurrent_rules_equal_their_loops(n):
    q, k, v = draw(n=n)
    random = torch.Generator().manual_seed(n)
    rate, keep = (torch.rand(2, n, 1, generator=random, dtype=torch.float64) for _ in range(2))
    gates = torch.rand(2, n, 3, generator=random, dtype=torch.float64)
    one = torch.ones_like(rate)
    by_loop = variants.by_loop
    pairs = [
        (variants.delta_rule(q, k, v, rate), by_loop(q, k, v, rate, one, correct=True)),
        (variants.delta_rule(q, k, v, rate, keep), by_loop(q, k, v, rate, keep, correct=True)),
        (variants.gated_sum(q, k, v, keep), by_loop(q, k, v, one, keep, correct=False)),
        (variants.gated_sum(q, k, v, gates), by_loop(q, k, v, one, gates, correct=False)),
        (by_loop(q, k, v, one, one, correct=False), (q @ k.mT).tril() @ v),
    ]
    for found, expected in pairs:
        assert torch.allclose(found, expected, atol=1e-12)
    slopes = interpolation.SLOPES["delta"](q, k, v, scale=1.0, rate=0.7)
    read = (slopes @ q[..., None]).squeeze(-1)
    assert torch.allclose(variants.delta_rule(q, k, v, 0.7 * one), read)


def test_gates_that_forget_everything_do_not_overflow():
    q, k, v = (x.float() for x in draw(n=40))
    keep = torch.full((2, 40, 3), 1e-6)
    found = variants.gated_sum(q, k, v, keep)
    assert torch.allclose(found, (q * k).sum(-1, keepdim=True) * v, atol=1e-3)
    found = variants.delta_rule(q, k, v, torch.ones(2, 40, 1), keep[..., :1])
    assert found.isfinite().all()


def test_mesa_by_conjugate_gradients_and_its_gradient():
    q, k, v = draw(n=12)
    ridge = 0.3 + torch.rand(2, 12, 1, dtype=torch.float64)
    options = lla.CGOptions(rtol=1e-14, max_iters=50)
    slopes = interpolation.SLOPES["mesa"](q, k, v, scale=1.0, ridge=ridge[..., None])
    exact = (slopes @ q[..., None]).squeeze(-1)
    for on in (False, True):
        options = lla.CGOptions(rtol=1e-14, max_iters=50, preconditioner=on)
        assert torch.allclose(variants.mesa(q, k, v, ridge, options), exact, atol=1e-10)
    leaves = [x.requires_grad_() for x in (q, k, v, ridge)]
    assert torch.autograd.gradcheck(lambda *x: variants.mesa(*x, options), leaves)


# ---- scans ----


@pytest.mark.parametrize("method", ["sequential", "kogge-stone", "brent-kung"])
def test_one_query_over_growing_keys_is_a_scan(method):
    q, k, v = (x[0] for x in draw(n=13))
    found, cost = variants.prefix_lines(q[0], k, v, 0.5, method=method)
    exact = lla.lla_attention(q[:1].expand(13, 3), k, v, 0.5, method="naive")
    np.testing.assert_allclose(found, exact, atol=1e-11)
    if method == "brent-kung":
        assert cost == brent_kung_counts(13)


def test_moments_merge_associatively_and_survive_large_logits():
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=3), rng.normal(size=(3, 3))
    square = k[:, :, None] * k[:, None]
    leaves = (1000 * k @ q, np.ones(3), k, square, k, square)
    one, two, three = (tuple(x[i : i + 1] for x in leaves) for i in range(3))
    left = variants.MOMENTS(variants.MOMENTS(one, two), three)
    right = variants.MOMENTS(one, variants.MOMENTS(two, three))
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b)
        assert np.isfinite(a).all()
    whole = reduce(variants.MOMENTS, leaves).values
    np.testing.assert_allclose(whole[1], left[1][0])
    empty = scan(variants.MOMENTS, leaves, inclusive=False).values
    assert empty[1][0] == 0


@pytest.mark.parametrize("n", [1, 2, 7, 16])
def test_mesa_three_ways(n):
    q, k, v = (x[0].numpy() for x in draw(n=n))
    by_scan, cost = variants.mesa_by_scan(q, k, v, 0.7)
    by_hand, chain = variants.mesa_recursive(q, k, v, 0.7)
    slopes = interpolation.SLOPES["mesa"](*(x[:1] for x in draw(n=n)), scale=1.0, ridge=0.7)
    np.testing.assert_allclose(by_scan, by_hand, atol=1e-10)
    np.testing.assert_allclose(by_scan, (slopes[0].numpy() @ q[..., None])[..., 0], atol=1e-10)
    assert cost.span == scan(ADD, k, method="brent-kung").cost.span
    assert chain.span == n


# ---- bias and variance ----


def curve(x):
    return np.sin(3 * x + 0.5)


def test_slopes_of_the_bias_at_the_edge_and_inside():
    h = np.geomspace(0.01, 0.08, 5)
    found = {(kind, at): theory.slope(h, theory.edge_bias(curve, h, at, kind))
             for kind in theory.KINDS for at in (0.0, 0.5)}  # fmt: skip
    assert found["constant", 0.0] == pytest.approx(1, abs=0.1)
    assert found["line", 0.0] == pytest.approx(2, abs=0.2)
    assert found["constant", 0.5] == pytest.approx(2, abs=0.05)
    assert found["line", 0.5] == pytest.approx(2, abs=0.05)


def test_integrated_bias_and_variance():
    h = [0.01, 0.02, 0.04]
    for kind, power in (("constant", 3), ("line", 4)):
        risks = [theory.risk(curve, 1000, b, kind, grid=401) for b in h]
        assert theory.slope(h, [r.bias2 for r in risks]) == pytest.approx(power, abs=0.15)
        assert theory.slope(h, [r.variance for r in risks]) == pytest.approx(-1, abs=0.15)
        assert risks[0].total == risks[0].bias2 + risks[0].variance


def test_smoothers_reproduce_constants_and_lines():
    x, at = np.random.default_rng(0).random(40), np.linspace(0, 1, 5)
    for kind in theory.KINDS:
        np.testing.assert_allclose(theory.smooth(x, at, 0.2, kind).sum(1), 1)
    np.testing.assert_allclose(theory.smooth(x, at, 0.2, "line") @ x, at, atol=1e-12)
    with pytest.raises(ValueError, match="kind must be one of"):
        theory.smooth(x, at, 0.2, "cubic")
    with pytest.raises(ValueError, match="h must be positive, got 0"):
        theory.smooth(x, at, 0)


def test_softmax_weights_on_the_sphere_are_gaussian():
    q, k, _ = (torch.nn.functional.normalize(x, dim=-1) for x in draw())
    scale = 5.0
    soft = (scale * q @ k.mT).softmax(-1)
    gauss = torch.exp(-0.5 * scale * torch.cdist(q, k) ** 2)
    assert torch.allclose(soft, gauss / gauss.sum(-1, keepdim=True))


def test_public_regressions_agree():
    if not peers.has_statsmodels():
        pytest.skip("statsmodels is not installed")
    x, y = np.random.default_rng(0).random(50), np.random.default_rng(1).random(50)
    at = np.linspace(0.1, 0.9, 4)
    ours = theory.smooth(x, at, 0.2, "line") @ y
    np.testing.assert_allclose(peers.local_line(x, y, at, 0.2), ours, atol=1e-8)


def test_public_regression_agrees_with_attention_on_the_sphere():
    """With keys of length 1 softmax weights are Gaussian, so that the layer is KernelReg itself."""
    if not peers.has_statsmodels():
        pytest.skip("statsmodels is not installed")
    q, k, v = (x[0] for x in draw(n=40))
    q, k = (torch.nn.functional.normalize(x, dim=-1) for x in (q, k))
    ours = lla.lla_attention(q, k, v[:, :1], 1e-9, qk_scale=4.0, causal=False, method="direct")
    theirs = peers.local_line(k.numpy(), v[:, 0].numpy(), q.numpy(), 0.5)
    np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-5)


# ---- test-time regression ----


def test_streams_are_segments_of_one_map_each():
    stream = test_time.segments(3, 40, 16, 4, seed=1)
    assert stream.k.shape == stream.v.shape == (3, 40, 4)
    assert torch.allclose(stream.k.norm(dim=-1), torch.ones(3, 40, dtype=torch.float64))
    k, v = stream.k[0, 16:32].numpy(), stream.v[0, 16:32].numpy()
    assert np.linalg.lstsq(k, v, rcond=None)[1].max() < 1e-20
    assert torch.equal(stream.v, test_time.segments(3, 40, 16, 4, seed=1).v)


def test_no_method_sees_the_label():
    stream = test_time.segments(1, 20, 10, 3)
    other = test_time.LabelledPairs(stream.k, stream.v.clone())
    other.v[:, 12:] = 99.0
    for method in test_time.METHODS:
        a, b = (test_time.predict(s, method)[:, :12] for s in (stream, other))
        assert torch.equal(a, b)  # entry i predicts value i + 1
    with pytest.raises(ValueError, match="method must be one of"):
        test_time.predict(stream, "gru")


def test_lines_adapt_like_softmax_and_converge_like_mesa():
    """The finding of the chapter's experiment, in the record that the page reads."""
    rules, widths = records.read("rules"), records.read("widths")
    moving, still = ({m: row[key] for m, row in rules.items()} for key in ("moving", "still"))
    assert moving["lla"] < moving["softmax"] < moving["mesa"]
    assert still["lla"] < 2 * still["mesa"] < 0.2 * still["softmax"]
    assert all(moving["lla"] < moving[m] for m in ("linear", "gla", "delta", "gated delta"))
    gain = [error["softmax"] / error["lla"] for error in widths.values()]
    assert gain == sorted(gain)


def test_records_hold_what_their_makers_compute():
    """Their first numbers; the core makes all of them again, weekly."""
    found = records.read("rules")["lla"]
    stream = test_time.segments(12, 512, 64, 8, seed=1)
    error = test_time.errors(stream, "lla", **found["found"])
    assert float(error.mean()) == pytest.approx(found["moving"], abs=1e-5)
    memory = records.read("memory")
    first = {method: row[:1] for method, row in memory.items()}
    assert first == records.makers["memory"](lengths=(128,))


def test_households():
    income, food = engel.households()
    assert income.shape == food.shape == (235,)
    assert (np.diff(income) >= 0).all()
    assert math.isclose(np.polyfit(income, food, 1)[0], 0.485, abs_tol=1e-3)
    with pytest.raises(ValueError, match="read-only"):
        income[0] = 0
