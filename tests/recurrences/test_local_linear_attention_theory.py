"""Interpolation form, memories, scans, bias and variance, experiments."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize, scaled_dot_product_attention

import paralg.recurrences.local_linear_attention as lla
from benchmarks import bench_local_linear_attention as bench
from paralg.core.primitives import ADD, brent_kung_counts, reduce, scan
from paralg.recurrences.local_linear_attention import theory, variants
from paralg.recurrences.local_linear_attention.experiments import runs as train
from paralg.recurrences.local_linear_attention.experiments import test_time
from paralg.recurrences.local_linear_attention.experiments.models import MIXERS, network
from paralg.recurrences.local_linear_attention.experiments.records import records
from paralg.recurrences.local_linear_attention.variants import SLOPES


def draw(n=15, d=3, d_v=2, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randn(2, n, w, generator=rng, dtype=torch.float64) for w in (d, d, d_v)]


def read(slopes, q):
    return (slopes @ q[..., None]).squeeze(-1)


@pytest.mark.parametrize("norm", ["max", "softmax", "raw"])
def test_slopes_give_local_linear_attention_softmax_and_a_map_they_know(norm):
    q, k, v = draw()
    found = lla.interpolate(q, k, v, "lla", ridge=0.4, norm=norm)
    exact = lla.lla_attention(q, k, v, 0.4, weight_norm=norm, method="direct")
    assert torch.allclose(found, exact, atol=1e-11)
    soft = scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(lla.interpolate(q, k, v, "softmax"), soft)
    matrix = torch.randn(2, 3, dtype=torch.float64)
    known = lla.interpolate(q, k, k @ matrix.mT, matrix.expand(2, 15, 2, 3))
    assert torch.allclose(known, q @ matrix.mT)


def test_slopes_of_memories():
    q, k, v = draw(d_v=3)
    found = {name: SLOPES[name](q, k, v, scale=1.0) for name in ("linear", "mesa")}
    keys, values = k[1, :5], v[1, :5]
    assert torch.allclose(found["linear"][1, 4], values.T @ keys)
    ridge = values.T @ keys @ torch.linalg.inv(keys.T @ keys + torch.eye(3))
    assert torch.allclose(found["mesa"][1, 4], ridge)
    unit = normalize(k, dim=-1)
    last = SLOPES["delta"](q, unit, v, scale=1.0)[:, -1] @ unit[:, -1, :, None]
    assert torch.allclose(last.squeeze(-1), v[:, -1])  # the newest pair is stored exactly
    with pytest.raises(ValueError, match="w_hat must be one of"):
        lla.interpolate(q, k, v, "gla")
    with pytest.raises(ValueError, match=r"shape \(2, 15, 3, 3\), got \(2, 15, 3, 2\)"):
        lla.interpolate(q, k, v, torch.zeros(2, 15, 3, 2))


@pytest.mark.parametrize("n", [1, 2, 13])
def test_recurrent_rules_equal_their_loops(n):
    q, k, v = draw(n=n)
    random = torch.Generator().manual_seed(n)
    rate, keep = (torch.rand(2, n, 1, generator=random, dtype=torch.float64) for _ in range(2))
    gates = torch.rand(2, n, 3, generator=random, dtype=torch.float64)
    one, by_loop = torch.ones_like(rate), variants.by_loop
    delta = SLOPES["delta"](q, k, v, scale=1.0, rate=0.7)
    pairs = [
        (variants.delta_rule(q, k, v, rate), by_loop(q, k, v, rate, one, correct=True)),
        (variants.delta_rule(q, k, v, rate, keep), by_loop(q, k, v, rate, keep, correct=True)),
        (variants.gated_sum(q, k, v, keep), by_loop(q, k, v, one, keep, correct=False)),
        (variants.gated_sum(q, k, v, gates), by_loop(q, k, v, one, gates, correct=False)),
        (by_loop(q, k, v, one, one, correct=False), (q @ k.mT).tril() @ v),
        (variants.delta_rule(q, k, v, 0.7 * one), read(delta, q)),
    ]
    for found, expected in pairs:
        assert torch.allclose(found, expected, atol=1e-12)


def test_gates_that_forget_everything_do_not_overflow():
    q, k, v = (x.float() for x in draw(n=40))
    keep = torch.full((2, 40, 3), 1e-6)
    expected = (q * k).sum(-1, keepdim=True) * v
    assert torch.allclose(variants.gated_sum(q, k, v, keep), expected, atol=1e-3)
    assert variants.delta_rule(q, k, v, torch.ones(2, 40, 1), keep[..., :1]).isfinite().all()


def test_mesa_by_conjugate_gradients_and_its_gradient():
    q, k, v = draw(n=7)
    ridge = 0.3 + torch.rand(2, 7, 1, dtype=torch.float64)
    exact = read(SLOPES["mesa"](q, k, v, scale=1.0, ridge=ridge[..., None]), q)
    for on in (False, True):
        options = lla.CGOptions(rtol=1e-14, max_iters=50, preconditioner=on)
        assert torch.allclose(variants.mesa(q, k, v, ridge, options), exact, atol=1e-10)
    leaves = [x[:1, :5].clone().requires_grad_() for x in (q, k, v, ridge)]
    assert torch.autograd.gradcheck(lambda *x: variants.mesa(*x, options), leaves)


@pytest.mark.parametrize("method", ["sequential", "kogge-stone", "brent-kung"])
def test_one_query_over_growing_keys_is_a_scan(method):
    q, k, v = (x[0] for x in draw(n=13))
    found, cost = variants.prefix_lines(q[0], k, v, 0.5, method=method)
    exact = lla.lla_attention(q[:1].expand(13, 3), k, v, 0.5, method="naive")
    np.testing.assert_allclose(found, exact, atol=1e-11)
    assert cost == brent_kung_counts(13) or method != "brent-kung"


def test_moments_merge_associatively_and_survive_large_logits():
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=3), rng.normal(size=(3, 3))
    square = k[:, :, None] * k[:, None]
    leaves = (1000 * k @ q, np.ones(3), k, square, k, square)
    one, two, three = (tuple(x[i : i + 1] for x in leaves) for i in range(3))
    merge = variants.MOMENTS
    left = merge(merge(one, two), three)
    for a, b in zip(left, merge(one, merge(two, three)), strict=True):
        np.testing.assert_allclose(a, b)
        assert np.isfinite(a).all()
    np.testing.assert_allclose(reduce(merge, leaves).values[1], left[1][0])
    assert scan(merge, leaves, inclusive=False).values[1][0] == 0


@pytest.mark.parametrize("n", [1, 2, 7, 16])
def test_mesa_three_ways(n):
    q, k, v = (x[0].numpy() for x in draw(n=n))
    by_scan, cost = variants.mesa_by_scan(q, k, v, 0.7)
    by_hand, chain = variants.mesa_recursive(q, k, v, 0.7)
    slopes = SLOPES["mesa"](*draw(n=n), scale=1.0, ridge=0.7)
    np.testing.assert_allclose(by_scan, by_hand, atol=1e-10)
    np.testing.assert_allclose(by_scan, read(slopes, draw(n=n)[0])[0], atol=1e-10)
    assert cost.span == scan(ADD, k, method="brent-kung").cost.span
    assert chain.span == n


def curve(x):
    return np.sin(3 * x + 0.5)


@pytest.mark.parametrize("kind, edge, power", [("constant", 1, 3), ("line", 2, 4)])
def test_powers_of_the_bandwidth(kind, edge, power):
    h = np.geomspace(0.01, 0.08, 5)
    bias = {at: theory.edge_bias(curve, h, at, kind) for at in (0.0, 0.5)}
    assert theory.slope(h, bias[0.0]) == pytest.approx(edge, abs=0.2)
    assert theory.slope(h, bias[0.5]) == pytest.approx(2, abs=0.05)
    risks = [theory.risk(curve, 1000, b, kind, grid=401) for b in h[:4]]
    assert theory.slope(h[:4], [r.bias2 for r in risks]) == pytest.approx(power, abs=0.15)
    assert theory.slope(h[:4], [r.variance for r in risks]) == pytest.approx(-1, abs=0.15)
    assert risks[0].total == risks[0].bias2 + risks[0].variance


def test_smoothers_reproduce_constants_and_lines_and_are_softmax_on_the_sphere():
    x, at = np.random.default_rng(0).random(40), np.linspace(0, 1, 5)
    for kind in theory.KINDS:
        np.testing.assert_allclose(theory.smooth(x, at, 0.2, kind).sum(1), 1)
    np.testing.assert_allclose(theory.smooth(x, at, 0.2, "line") @ x, at, atol=1e-12)
    with pytest.raises(ValueError, match="kind must be one of"):
        theory.smooth(x, at, 0.2, "cubic")
    with pytest.raises(ValueError, match="h must be positive, got 0"):
        theory.smooth(x, at, 0)
    q, k = (normalize(y, dim=-1) for y in draw()[:2])
    gauss = torch.exp(-0.5 * 5.0 * torch.cdist(q, k) ** 2)
    assert torch.allclose((5.0 * q @ k.mT).softmax(-1), gauss / gauss.sum(-1, keepdim=True))


@pytest.mark.skipif(not bench.has_statsmodels(), reason="statsmodels is not installed")
def test_public_regressions_agree_on_a_line_and_with_attention_on_the_sphere():
    """With keys of length 1 softmax weights are Gaussian, so that the layer is KernelReg itself."""
    x, y = np.random.default_rng(0).random(50), np.random.default_rng(1).random(50)
    at = np.linspace(0.1, 0.9, 4)
    ours = theory.smooth(x, at, 0.2, "line") @ y
    np.testing.assert_allclose(bench.local_line(x, y, at, 0.2), ours, atol=1e-8)
    q, k, v = (normalize(x[0], dim=-1) for x in draw(n=40))
    ours = lla.lla_attention(q, k, v[:, :1], 1e-9, qk_scale=4.0, causal=False, method="direct")
    theirs = bench.local_line(k.numpy(), v[:, 0].numpy(), q.numpy(), 0.5)
    np.testing.assert_allclose(ours[:, 0], theirs, atol=1e-5)


def test_tasks_are_maps_of_segments_and_labels_come_one_place_later():
    for task in train.TASKS.values():
        a, b = (task.draw(3, np.random.default_rng(7)).inputs for _ in range(2))
        assert np.array_equal(a, b)
    batch = test_time.InContextRegression(24, 8, 3).draw(5, np.random.default_rng(0))
    assert torch.equal(batch.inputs[:, 1:, 3:], batch.targets[:, :-1])
    assert (batch.inputs[:, 0, 3:] == 0).all()
    stream = test_time.segments(3, 24, 8, 4, seed=1)
    assert torch.equal(stream.v, test_time.segments(3, 24, 8, 4, seed=1).v)
    for x, y in ((batch.inputs[..., :3].double(), batch.targets.double()), stream):
        assert torch.allclose(x.norm(dim=-1), torch.ones(1, dtype=torch.float64))
        assert np.linalg.lstsq(x[0, 8:16], y[0, 8:16], rcond=None)[1].max() < 1e-10


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
    """The finding of the experiment, in its record, whose first numbers are made again."""
    rules, widths = records.read("rules"), records.read("widths")
    moving, still = ({m: row[key] for m, row in rules.items()} for key in ("moving", "still"))
    assert moving["lla"] < moving["softmax"] < moving["mesa"]
    assert still["lla"] < 2 * still["mesa"] < 0.2 * still["softmax"]
    assert all(moving["lla"] < moving[m] for m in ("linear", "gla", "delta", "gated delta"))
    gain = [error["softmax"] / error["lla"] for error in widths.values()]
    assert gain == sorted(gain)
    error = test_time.errors(
        test_time.segments(12, 512, 64, 8, seed=1), "softmax", **rules["softmax"]["found"]
    )
    assert float(error.mean()) == pytest.approx(moving["softmax"], abs=1e-5)


@pytest.mark.parametrize("mixer", MIXERS)
def test_no_mixer_looks_ahead(mixer):
    model = network(mixer, 7, 5, tokens=True, seed=1).eval()
    tokens = torch.arange(12)[None] % 7
    other = torch.cat([tokens[:, :8], 0 * tokens[:, 8:]], 1)
    with torch.no_grad():
        assert torch.allclose(model(tokens)[:, :8], model(other)[:, :8], atol=1e-5)
    model(tokens).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_only_the_mixer_differs():
    sizes = {m: sum(p.numel() for p in train.build(f"recall-{m}").parameters()) for m in MIXERS}
    assert sizes["lla"] == sizes["softmax"] + 2 == sizes["linear"] + 2
    assert sizes["mesa"] == sizes["softmax"]  # a ridge instead of a scale in each layer
    with pytest.raises(ValueError, match="mixer must be one of"):
        network("gru", 2, 2, tokens=True)
    with pytest.raises(ValueError, match="expected one of regression-softmax"):
        train.build("recall-gru")


@pytest.mark.weekly
def test_training_repeats_itself(tmp_path, monkeypatch):
    monkeypatch.setitem(train.PLANS, "state-lla", replace(train.PLANS["state-lla"], steps=2))
    blobs = []
    for folder in ("a", "b"):
        words = ["state-lla", "--seed", "4", "--out", str(tmp_path / folder), "--nice", "0"]
        assert train.RUNS.main(words, module="paralg.example") == 0
        blobs.append((tmp_path / folder / "state-lla-4.safetensors").read_bytes())
    assert blobs[0] == blobs[1]
    made = train.runs_in(tmp_path / "a")
    assert train.score(made.load("state-lla", 4), "state-lla") == made.log("state-lla", 4)["scores"]


@pytest.mark.parametrize(
    "rows, near", [(24, 0.12), pytest.param(512, 5e-3, marks=pytest.mark.weekly)]
)
def test_shipped_weights_score_what_their_log_says(rows, near):
    for name in train.RUNS.names():
        stem, seed = name.rsplit("-", 1)
        found = train.score(train.load(stem, int(seed)), stem, rows=rows)
        assert found["mean"] == pytest.approx(
            train.log(stem, int(seed))["scores"]["mean"], abs=near
        )


def test_logs_are_whole_and_files_small():
    logs = [json.loads(path.read_text()) for path in train.FOLDER.glob("*.json")]
    steps = [
        (train.PLANS[log["recipe"]].steps, log["steps"], log["curve"][-1]["step"]) for log in logs
    ]
    assert logs
    assert all(len(set(three)) == 1 for three in steps)
    assert all(path.stat().st_size < 150_000 for path in train.FOLDER.glob("*.safetensors"))
