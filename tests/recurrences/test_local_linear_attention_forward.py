"""Local linear attention: every method against least squares; properties; counts; errors."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

import paralg.recurrences.local_linear_attention as lla
from paralg.recurrences.local_linear_attention import reference, theory
from paralg.recurrences.local_linear_attention.experiments.records import records
from paralg.recurrences.local_linear_attention.fast.flash import NORMS
from paralg.simd import threads
from tests.recurrences.lla_cases import BAD, ONE, SIZES, WAYS, apart, draw, exactly

MODULES = sorted(m.name for m in pkgutil.walk_packages(lla.__path__, f"{lla.__name__}."))
attend = lla.lla_attention


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_way_equals_least_squares(way):
    for n, m, causal in SIZES:
        for norm in NORMS if n < 30 else NORMS[1:2]:
            x, exact = exactly(n, m, causal, norm)
            options = {"causal": causal, "weight_norm": norm, "return_omega": True, **way}
            out, omega = attend(*x, 0.5, **options)
            assert out.shape == (2, n, 2)
            assert apart(out[1], exact) < 1e-9
            assert apart(omega, attend(*x, 0.5, **options | {"method": "naive"})[1]) < 1e-9
        single = attend(*(y.float() for y in x), 1.0, causal=causal, **way)
        assert apart(single.double(), attend(*x, 1.0, causal=causal, method="naive")) < 2e-4


def test_closed_form_is_the_least_squares_fit_and_keeps_two_sums():
    rng = np.random.default_rng(0)
    for m, d in ((1, 2), (2, 5), (9, 3)):
        w, z, v = rng.random(m), rng.normal(size=(m, d)), rng.normal(size=(m, 2))
        for ridge in (1e-2, 1.0, 50.0):
            a, b = (f(w, z, v, ridge) for f in (reference.local_line, reference.closed_form))
            for left, right in zip(a, b, strict=True):
                np.testing.assert_allclose(left, right, atol=1e-10)
            assert b.shares.sum() == pytest.approx(1)
            rho = np.linalg.solve((w[:, None] * z).T @ z + ridge * np.eye(d), w @ z)
            delta = w.sum() - w @ z @ rho
            assert delta > 0
            np.testing.assert_allclose(b.shares @ z, ridge * rho / delta, atol=1e-10)
    far = reference.closed_form([1.0, 1.0, 1.0], [[0.0], [1.0], [2.0]], np.eye(3), 1e-9)
    np.testing.assert_allclose(far.shares, [5 / 6, 1 / 3, -1 / 6], atol=1e-6)  # one is negative


def test_limits_are_softmax_and_least_squares_and_affine_maps_are_reproduced():
    q, k, v = draw(1, 30)
    soft = scaled_dot_product_attention(q, k, v, is_causal=True)
    assert apart(attend(q, k, v, 1e9), soft) < 1e-7
    line = attend(q, k, v, 1e-9, qk_scale=0.0, method="direct")
    b = np.linalg.lstsq(np.hstack([np.ones((30, 1)), k[0]]), v[0].numpy(), rcond=None)[0]
    np.testing.assert_allclose(line[0, -1], np.append(1, q[0, -1]) @ b, atol=1e-6)
    matrix = torch.randn(3, 2, dtype=torch.float64)
    exact, values = q @ matrix + 7, k @ matrix + 7
    assert apart(attend(q, k, values, 1e-8, method="direct")[:, 10:], exact[:, 10:]) < 1e-5
    assert apart(scaled_dot_product_attention(q, k, values)[:, 10:], exact[:, 10:]) > 0.1


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 14), st.integers(1, 5), st.integers(1, 6), st.integers(1, 6),
       st.floats(0.05, 20), st.sampled_from(NORMS), st.integers(0, 99))  # fmt: skip
def test_blocks_do_not_matter(n, d, block, keys, ridge, norm, seed):
    q, k, v = draw(1, n, d=d, seed=seed)
    options = {"weight_norm": norm, "cg_max_iters": 100}
    whole = attend(q, k, v, ridge, method="naive", weight_norm=norm)
    for size, part in ((block, None), (block, keys), (64, 1)):
        cut = attend(q, k, v, ridge, block_size=size, block_keys=part, **options)
        assert apart(cut, whole) < 1e-7 * max(1, float(whole.abs().max()))


def test_causality_linearity_and_affine_equivariance():
    q, k, v = draw(1, 10)
    out = attend(q, k, v, 0.3)
    changed = [torch.cat([x[:, :7], x[:, 7:] + 5], 1) for x in (q, k, v)]
    assert apart(attend(*changed, 0.3)[:, :7], out[:, :7]) == 0
    both = attend(q, k, 2 * v + 3 * k[..., :2] + 7, 0.3)
    assert apart(both, 2 * out + 3 * attend(q, k, k[..., :2], 0.3) + 7) < 1e-9


def test_ridges_broadcast_and_have_the_scale_of_their_weights():
    q, k, v = draw(2, 3, 5)
    heads = torch.tensor([0.1, 1.0, 10.0]).view(3, 1)
    out, omega = attend(q, k, v, heads, return_omega=True)
    assert apart(out[1, 2], attend(q[1, 2], k[1, 2], v[1, 2], 10.0)) < 1e-12
    run = lla.lla_forward(q, k, v, heads)
    assert torch.equal(run.omega, omega)
    assert apart(attend(q, k, v, heads / omega, weight_norm="softmax"), out) < 1e-11
    assert apart(attend(q, k, v, heads * torch.exp(run.top), weight_norm="raw"), out) < 1e-11


def test_threads_do_not_change_what_tiles_say(monkeypatch):
    q, k, v = draw(3, 100, d=8)
    one = attend(q, k, v, 1.0, method="compiled")
    monkeypatch.setattr(threads, "GRAIN", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert torch.equal(attend(q, k, v, 1.0, method="compiled"), one)


def test_bfloat16_keeps_the_line_only_if_the_ridge_is_large():
    """What the chapter says of the released kernel's default."""
    rng = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 256, 32, generator=rng) for _ in range(3))
    x = [y.bfloat16() for y in (q / 6, k / 6, v)]
    exact = [y.double() for y in x]

    def lost(ridge):
        line, mean = (attend(*exact, r, qk_scale=4.0, method="direct") for r in (ridge, 1e9))
        found = attend(*x, ridge, qk_scale=4.0, cg_rtol=1e-3).double()
        return (found - line).norm() / (line - mean).norm()

    assert lost(10.0) < 0.1 < lost(0.1)


def test_rows_are_frozen_on_their_own():
    run = lla.lla_forward(*draw(1, 40, d=6), 1.0, cg_max_iters=60)
    assert run.iterations[0, 0] <= 2
    assert 1 < run.iterations.double().mean() < run.iterations.max() == run.cost.rounds
    assert lla.conjugate_gradients(lambda p: 2 * p, torch.zeros(2, 3, 4)).rounds == 0


@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_residuals_fall_below_the_bound(ridge):
    rng = np.random.default_rng(0)
    w, z = rng.random(30), rng.normal(size=(30, 6))
    sigma = (w[:, None] * z).T @ z + ridge * np.eye(6)
    x, kappa = np.linalg.solve(sigma, w @ z), theory.condition(w, z, ridge)
    assert kappa <= np.linalg.eigvalsh(sigma)[-1] / ridge + 1e-9
    system, rhs = lambda p: p @ torch.from_numpy(sigma), torch.from_numpy(w @ z)[None, None]
    for steps in range(1, 7):
        run = lla.conjugate_gradients(system, rhs, lla.CGOptions(0.0, 0.0, steps))
        e = run.x[0, 0].numpy() - x
        share = np.sqrt((e @ sigma @ e) / (x @ sigma @ x))
        assert share <= theory.cg_bound(kappa, steps) + 1e-12
    assert share < 1e-9  # d steps


def test_larger_ridges_and_a_preconditioner_of_unequal_keys_save_iterations():
    q, k, v = draw(1, 90, d=24)
    mean = lambda *x, **way: lla.lla_forward(*x, **way).iterations.double().mean()  # noqa: E731
    assert mean(q, k, v, 0.1) > mean(q, k, v, 1.0) > mean(q, k, v, 10.0)
    x = [y * torch.logspace(0, 2, 24, dtype=torch.float64) for y in (q, k)]
    way = {"qk_scale": 1e-5, "cg_max_iters": 99, "cg_rtol": 1e-8}
    assert mean(*x, v, 1.0, cg_use_preconditioner=True, **way) < 0.85 * mean(*x, v, 1.0, **way)


def test_counted_work_is_the_closed_form():
    q, k, v = draw(1, 20, d=4, d_v=5)
    run, seen = lla.lla_forward(q, k, v, 1.0), theory.pairs(20, 20)
    each = int((run.iterations[0] * torch.arange(1, 21)).sum())
    assert run.cost.work == 210 * (3 * 4 + 5) + 2 * 4 * each
    assert run.cost.span == (run.cost.rounds + 2) * (5 + 2)
    direct = lla.lla_forward(q, k, v, 1.0, method="direct").cost
    assert direct.work == seen * (3 * 4 + 5 + 16) + 20 * (64 // 6 + 16)
    naive = 400 * (3 * 4 + 5 + 16) + 20 * (64 // 3 + 16)  # every pair, seen or not
    assert theory.work("naive", 400, 20, 4, 5) == naive


def test_traffic_is_that_of_passes_over_blocks_and_memory_grows_linearly_in_blocks():
    moved = sum(7 * 64 * 4 + 64 * 6 for block in range(4))  # each block reads all keys
    assert theory.traffic(64 * 64, 4, 6, 16, passes=7) == moved
    assert theory.traffic(64 * 64, 4, 6, 16, passes=7, stored=True) == moved + 7 * 64 * 64
    peaks = records.read("memory")
    assert peaks["naive"][2] > 3.5 * peaks["naive"][1]
    for method in ("cg", "direct"):
        assert peaks[method][2] < min(2.2 * peaks[method][1], peaks["naive"][2] / 8)


@pytest.mark.parametrize("change, words", BAD)
def test_bad_requests_are_told_what_was_expected(change, words):
    kind = TypeError if "type" in words or "int" in words or "float16" in words else ValueError
    with pytest.raises(kind, match=words):
        attend(**({"q": ONE, "k": ONE, "v": ONE} | change))
    with pytest.raises(ValueError, match=r"method must be one of \('cg', 'direct'\), got 'naive'"):
        lla.lla_forward(ONE, ONE, ONE, method="naive")


def test_import_is_light():
    code = f"import sys, {lla.__name__}; sys.exit('torch' in sys.modules or 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
