"""Interpolation form, memories, scans, bias and variance, experiments."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize, scaled_dot_product_attention

import paralg.recurrences.local_linear_attention as lla
from paralg.core.primitives import ADD, brent_kung_counts, reduce, scan
from paralg.recurrences.local_linear_attention import theory, variants
from paralg.recurrences.local_linear_attention.experiments import runs as train
from paralg.recurrences.local_linear_attention.experiments import test_time
from paralg.recurrences.local_linear_attention.experiments.models import MIXERS, network
from paralg.recurrences.local_linear_attention.experiments.records import records
from paralg.recurrences.local_linear_attention.variants import SLOPES
from paralg.training import Plan
from tests.recurrences import lla_cases as cases


def draw(n=15, **sizes):
    return cases.draw(2, n, **sizes)


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
    with pytest.raises(ValueError, match="w_hat must be one of"):
        lla.interpolate(q, k, v, "gla")
    with pytest.raises(ValueError, match=r"shape \(2, 15, 2, 3\), got \(2, 15, 2, 2\)"):
        lla.interpolate(q, k, v, torch.zeros(2, 15, 2, 2))


@pytest.mark.parametrize("n", [1, 2, 13])
def test_recurrent_rules_equal_their_loops(n):
    q, k, v = draw(n=n)
    random = torch.Generator().manual_seed(n)
    rate, keep = (torch.rand(2, n, 1, generator=random, dtype=torch.float64) for _ in range(2))
    gates = torch.rand(2, n, 3, generator=random, dtype=torch.float64)
    one, by_loop = torch.ones_like(rate), variants.by_loop
    slopes = {name: SLOPES[name](q, k, v, scale=1.0) for name in ("linear", "delta")}
    pairs = [
        (variants.delta_rule(q, k, v, rate), by_loop(q, k, v, rate, one, correct=True)),
        (variants.delta_rule(q, k, v, rate, keep), by_loop(q, k, v, rate, keep, correct=True)),
        (variants.gated_sum(q, k, v, keep), by_loop(q, k, v, one, keep, correct=False)),
        (variants.gated_sum(q, k, v, gates), by_loop(q, k, v, one, gates, correct=False)),
        (read(slopes["linear"], q), (q @ k.mT).tril() @ v),
        (read(slopes["delta"], q), variants.delta_rule(q, k, v, one)),
    ]
    assert all(torch.allclose(found, expected, atol=1e-12) for found, expected in pairs)
    unit = normalize(k, dim=-1)  # the newest pair is stored exactly
    assert torch.allclose(variants.delta_rule(unit, unit, v, one)[:, -1], v[:, -1])
    q, k, v = (x.float() for x in draw(n=40))  # gates that forget all do not overflow
    keep = torch.full((2, 40, 3), 1e-6)
    expected = (q * k).sum(-1, keepdim=True) * v
    assert torch.allclose(variants.gated_sum(q, k, v, keep), expected, atol=1e-3)
    assert variants.delta_rule(q, k, v, torch.ones(2, 40, 1), keep[..., :1]).isfinite().all()


def test_one_query_over_growing_keys_is_a_scan():
    q, k, v = (x[0] for x in draw(n=13))
    exact = lla.lla_attention(q[:1].expand(13, 3), k, v, 0.5, method="naive")
    for method in ("sequential", "kogge-stone", "brent-kung"):
        found, cost = variants.prefix_lines(q[0], k, v, 0.5, method=method)
        np.testing.assert_allclose(found, exact, atol=1e-11)
    assert cost == brent_kung_counts(13)


def test_moments_merge_associatively_and_survive_large_logits():
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=3), rng.normal(size=(3, 3))
    square = k[:, :, None] * k[:, None]
    leaves = (1000 * k @ q, np.ones(3), k, square, k, square)
    one, two, three = (tuple(x[i : i + 1] for x in leaves) for i in range(3))
    merge = variants.MOMENTS
    left, right = merge(merge(one, two), three), merge(one, merge(two, three))
    assert all(np.isfinite(a).all() and np.allclose(a, b) for a, b in zip(left, right, strict=True))
    np.testing.assert_allclose(reduce(merge, leaves).values[1], left[1][0])
    assert scan(merge, leaves, inclusive=False).values[1][0] == 0


@pytest.mark.parametrize("n", [1, 2, 7, 16])
def test_mesa_four_ways_and_its_gradient(n):
    x, ridge = draw(n=n), torch.full((2, n, 1), 0.7, dtype=torch.float64)
    by_slopes = read(SLOPES["mesa"](*x, scale=1.0, ridge=0.7), x[0])
    by_scan, cost = variants.mesa_by_scan(*(y[0].numpy() for y in x), 0.7)
    by_hand, chain = variants.mesa_recursive(*(y[0].numpy() for y in x), 0.7)
    np.testing.assert_allclose(by_scan, by_hand, atol=1e-10)
    np.testing.assert_allclose(by_scan, by_slopes[0], atol=1e-10)
    assert (cost.span, chain.span) == (scan(ADD, np.ones(n), method="brent-kung").cost.span, n)
    for on in (False, True):
        options = lla.CGOptions(rtol=1e-14, max_iters=50, preconditioner=on)
        assert torch.allclose(variants.mesa(*x, ridge, options), by_slopes, atol=1e-10)
    leaves = [y[:1, :3].clone().requires_grad_() for y in (*x, ridge)]
    assert torch.autograd.gradcheck(lambda *y: variants.mesa(*y, options), leaves)


@pytest.mark.parametrize("kind, edge, power", [("constant", 1, 3), ("line", 2, 4)])
def test_powers_of_the_bandwidth(kind, edge, power):
    curve, h = lambda x: np.sin(3 * x + 0.5), np.geomspace(0.01, 0.08, 5)
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
    for h, kind, words in ((0.2, "cubic", "kind must be one"), (0, "line", "be above 0, got 0")):
        with pytest.raises(ValueError, match=words):
            theory.smooth(x, at, h, kind)
    q, k = (normalize(y, dim=-1) for y in draw()[:2])
    gauss = torch.exp(-0.5 * 5.0 * torch.cdist(q, k) ** 2)
    assert torch.allclose((5.0 * q @ k.mT).softmax(-1), gauss / gauss.sum(-1, keepdim=True))


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
    """The finding of the experiment, in its record."""
    rules, widths = records.read("rules"), records.read("widths")
    moving, still = ({m: row[key] for m, row in rules.items()} for key in ("moving", "still"))
    assert moving["lla"] < moving["softmax"] < moving["mesa"]
    assert still["lla"] < 2 * still["mesa"] < 0.2 * still["softmax"]
    assert all(moving["lla"] < moving[m] for m in ("linear", "gla", "delta", "gated delta"))
    gain = [error["softmax"] / error["lla"] for error in widths.values()]
    assert gain == sorted(gain)


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
    with pytest.raises(ValueError, match="name must be one of .'regression-softmax'"):
        train.build("recall-gru")


@pytest.mark.weekly
def test_a_run_is_trained_scored_and_written(tmp_path, monkeypatch):
    monkeypatch.setitem(train.PLANS, "state-softmax", Plan("state-softmax", 2))
    words = ["state-softmax", "--seed", "4", "--out", str(tmp_path), "--nice", "0"]
    assert train.RUNS.main(words, module="paralg.example") == 0
    made = train.runs_in(tmp_path)
    scores = train.score(made.load("state-softmax", 4), "state-softmax")
    assert scores == made.log("state-softmax", 4)["scores"]


@pytest.mark.parametrize("rows", [24, pytest.param(512, marks=pytest.mark.weekly)])
def test_shipped_weights_score_what_their_log_says(rows):
    for name in train.RUNS.names():
        stem, seed = name[:-2], int(name[-1])
        found, said = train.score(train.load(stem, seed), stem, rows=rows), train.log(stem, seed)
        near = 5e-3 if rows == 512 else 0.12
        assert found["mean"] == pytest.approx(said["scores"]["mean"], abs=near)
        assert (train.FOLDER / f"{name}.safetensors").stat().st_size < 150_000
    for log in (json.loads(path.read_text()) for path in train.FOLDER.glob("*.json")):
        assert train.PLANS[log["recipe"]].steps == log["steps"] == log["curve"][-1]["step"]
