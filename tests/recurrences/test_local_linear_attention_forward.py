"""Local linear attention: every method against least squares; properties; counts; errors."""

from __future__ import annotations

import doctest
import functools
import importlib
import pkgutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import paralg.recurrences.local_linear_attention as lla
from paralg.recurrences.local_linear_attention import reference, theory
from paralg.recurrences.local_linear_attention.fast.flash import NORMS

MODULES = sorted(m.name for m in pkgutil.walk_packages(lla.__path__, f"{lla.__name__}."))
WAYS = [
    {"method": "cg", "block_size": 4, "cg_max_iters": 80},
    {"method": "cg", "block_size": 4, "block_keys": 3, "cg_max_iters": 80},
    {"method": "cg", "block_size": 5, "cg_use_preconditioner": True, "cg_max_iters": 80},
    {"method": "direct", "block_size": 3},
    {"method": "direct", "block_size": 7, "block_keys": 2},
    {"method": "naive"},
    {"method": "compiled", "cg_max_iters": 80},
    {"method": "compiled", "cg_use_preconditioner": True, "cg_max_iters": 80},
]


def draw(*shape, seed=0, d=3, d_v=2, m=None):
    rng = torch.Generator().manual_seed(seed)
    *batch, n = shape
    sizes = ((n, d), (m or n, d), (m or n, d_v))
    return [torch.randn(*batch, *s, generator=rng, dtype=torch.float64) for s in sizes]


def apart(a, b):
    return float((torch.as_tensor(a) - torch.as_tensor(b)).abs().max())


@pytest.mark.parametrize("name", MODULES)
def test_examples_run_and_public_names_are_documented(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        value = getattr(module, public)
        assert not callable(value) or value.__doc__


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("n", [1, 2, 3, 9, 16])
def test_every_way_equals_least_squares(way, n):
    q, k, v = draw(n, seed=n)
    for norm in NORMS:
        exact = reference.attend_by_lstsq(q, k, v, 0.5, norm=norm)
        assert apart(lla.lla_attention(q, k, v, 0.5, weight_norm=norm, **way), exact) < 1e-9


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("causal", [True, False])
def test_more_keys_than_queries_and_several_heads(way, causal):
    q, k, v = draw(2, 3, 5, m=11)
    out = lla.lla_attention(q, k, v, 0.2, causal=causal, **way)
    assert out.shape == (2, 3, 5, 2)
    one = reference.attend_by_lstsq(q[1, 2], k[1, 2], v[1, 2], 0.2, causal=causal)
    assert apart(out[1, 2], one) < 1e-9


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


def test_the_first_token_returns_its_value_for_any_ridge():
    q, k, v = draw(4)
    for ridge in (1e-6, 1.0, 1e6):
        assert apart(lla.lla_attention(q, k, v, ridge)[0], v[0]) < 1e-12


def test_limits_are_softmax_and_least_squares():
    q, k, v = draw(1, 12)
    soft = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert apart(lla.lla_attention(q, k, v, 1e9), soft) < 1e-7
    line = lla.lla_attention(q, k, v, 1e-9, qk_scale=0.0, method="direct")
    design = np.hstack([np.ones((12, 1)), k[0]])
    b = np.linalg.lstsq(design, v[0].numpy(), rcond=None)[0]
    np.testing.assert_allclose(line[0, -1], np.append(1, q[0, -1]) @ b, atol=1e-6)


def test_affine_maps_are_reproduced_by_small_ridges_and_not_by_softmax():
    q, k, _ = draw(1, 30)
    matrix, offset = torch.randn(3, 2, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
    out = lla.lla_attention(q, k, k @ matrix + offset, 1e-8, method="direct")
    exact = q @ matrix + offset
    assert apart(out[:, 10:], exact[:, 10:]) < 1e-5
    soft = torch.nn.functional.scaled_dot_product_attention(q, k, k @ matrix + offset)
    assert apart(soft[:, 10:], exact[:, 10:]) > 0.1


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 14), st.integers(1, 5), st.integers(1, 6), st.integers(1, 6),
       st.floats(0.05, 20), st.sampled_from(NORMS), st.integers(0, 99))  # fmt: skip
def test_blocks_do_not_matter(n, d, block, keys, ridge, norm, seed):
    q, k, v = draw(1, n, d=d, seed=seed)
    options = {"weight_norm": norm, "cg_max_iters": 100}
    whole = lla.lla_attention(q, k, v, ridge, method="naive", weight_norm=norm)
    for size, part in ((block, None), (block, keys), (64, 1)):
        cut = lla.lla_attention(q, k, v, ridge, block_size=size, block_keys=part, **options)
        assert apart(cut, whole) < 1e-7 * max(1, float(whole.abs().max()))


def test_causality_linearity_and_affine_equivariance():
    q, k, v = draw(1, 10)
    out = lla.lla_attention(q, k, v, 0.3)
    changed = [x.clone() for x in (q, k, v)]
    for x in changed:
        x[:, 7:] += 5
    assert apart(lla.lla_attention(*changed, 0.3)[:, :7], out[:, :7]) == 0
    other = torch.randn_like(v)
    both = lla.lla_attention(q, k, 2 * v + 3 * other, 0.3)
    assert apart(both, 2 * out + 3 * lla.lla_attention(q, k, other, 0.3)) < 1e-9
    assert apart(lla.lla_attention(q, k, v + 7, 0.3), out + 7) < 1e-9


def test_translation_with_weights_held():
    rng = np.random.default_rng(1)
    w, k, v, q, c = rng.random(8), rng.normal(size=(8, 3)), rng.normal(size=(8, 2)), *rng.normal(
        size=(2, 3)
    )
    moved = reference.closed_form(w, (k + c) - (q + c), v, 0.3).value
    np.testing.assert_allclose(moved, reference.closed_form(w, k - q, v, 0.3).value, atol=1e-12)


def test_duplicates_few_keys_and_far_queries():
    _, k, v = draw(1, 6, d=8)
    k[:, 3] = k[:, 2]
    q = torch.full((1, 6, 8), 3.0, dtype=torch.float64)
    out = lla.lla_attention(q, k, v, 0.1, qk_scale=0.1, cg_max_iters=99)
    exact = reference.attend_by_lstsq(q[0], k[0], v[0], 0.1, scale=0.1)
    assert apart(out[0], exact) < 1e-8
    shares = reference.closed_form(np.ones(6), (k - q)[0].numpy(), v[0].numpy(), 0.1).shares
    assert shares.min() < 0


def test_norms_of_weights_are_the_same_thing_on_other_scales():
    q, k, v = draw(1, 9)
    run = lla.lla_forward(q, k, v, 1.0)
    soft = lla.lla_attention(q, k, v, 1 / run.omega, weight_norm="softmax")
    raw = lla.lla_attention(q, k, v, torch.exp(run.top), weight_norm="raw")
    assert apart(soft, run.out) < 1e-11
    assert apart(raw, run.out) < 1e-11


def test_ridges_broadcast_and_omega_is_returned():
    q, k, v = draw(2, 3, 5)
    heads = torch.tensor([0.1, 1.0, 10.0]).view(3, 1)
    out, omega = lla.lla_attention(q, k, v, heads, return_omega=True)
    assert omega.shape == (2, 3, 5)
    assert apart(out[1, 2], lla.lla_attention(q[1, 2], k[1, 2], v[1, 2], 10.0)) < 1e-12
    assert (omega >= 1).all()


def test_single_precision():
    q, k, v = draw(2, 40, d=8)
    exact = lla.lla_attention(q, k, v, 1.0, method="direct")
    for way in WAYS:
        out = lla.lla_attention(*(x.float() for x in (q, k, v)), 1.0, **way)
        assert apart(out.double(), exact) < 2e-4


@pytest.mark.parametrize("n, m", [(1, 1), (31, 33), (32, 32), (33, 70), (65, 66)])
@pytest.mark.parametrize("causal", [True, False])
def test_tiles_that_do_not_fit(n, m, causal):
    q, k, v = draw(2, n, m=m, d=5, d_v=7, seed=n)
    for norm in NORMS:
        options = {"causal": causal, "weight_norm": norm, "return_omega": True, "cg_max_iters": 60}
        exact, weights = lla.lla_attention(q, k, v, 0.5, method="naive", **options)
        for on in (False, True):
            options["cg_use_preconditioner"] = on
            out, omega = lla.lla_attention(q, k, v, 0.5, method="compiled", **options)
            assert apart(out, exact) < 1e-9
            assert apart(omega, weights) < 1e-9


def test_threads_do_not_change_what_tiles_say(monkeypatch):
    from paralg.simd import threads

    q, k, v = draw(3, 200, d=8)
    one = lla.lla_attention(q, k, v, 1.0, method="compiled")
    monkeypatch.setattr(threads, "GRAIN", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert torch.equal(lla.lla_attention(q, k, v, 1.0, method="compiled"), one)


def test_bfloat16_keeps_the_line_only_if_the_ridge_is_large():
    """What the chapter says of the released kernel's default."""
    rng = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 256, 32, generator=rng) for _ in range(3))
    x = [y.bfloat16() for y in (q / 6, k / 6, v)]
    exact = [y.double() for y in x]
    lost = {}
    for ridge in (10.0, 0.1):
        line, mean = (lla.lla_attention(*exact, r, qk_scale=4.0, method="direct")
                      for r in (ridge, 1e9))  # fmt: skip
        out = lla.lla_attention(*x, ridge, qk_scale=4.0, cg_rtol=1e-3)
        lost[ridge] = float((out.double() - line).norm() / (line - mean).norm())
    assert lost[10.0] < 0.1 < lost[0.1]


def test_ridges_that_single_precision_cannot_tell_from_0_are_refused_or_bounded():
    q, k, v = (x.float() for x in draw(1, 40, d=16))
    with pytest.raises(ValueError, match=r"not positive definite in torch.float32; expected a lar"):
        lla.lla_attention(q, k, v, 1e-9, method="direct")
    for method in ("cg", "compiled"):  # a denominator of pure rounding would give 1e6 and more
        assert lla.lla_attention(q, k, v, 1e-9, method=method).abs().max() < 1e3
    exact = lla.lla_attention(q.double(), k.double(), v.double(), 1e-2, method="naive")
    for way in ("cg", "direct", "compiled"):
        assert apart(lla.lla_attention(q, k, v, 1e-2, method=way), exact) < 0.1


# ---- conjugate gradients ----


def test_rows_are_frozen_on_their_own():
    q, k, v = draw(1, 40, d=6)
    run = lla.lla_forward(q, k, v, 1.0, cg_max_iters=60)
    assert run.iterations[0, 0] <= 2
    assert 1 < run.iterations.double().mean() < run.iterations.max() <= run.cost.rounds
    assert run.cost.rounds == run.iterations.max()


def test_a_zero_right_hand_side_is_done_at_once():
    rhs = torch.zeros(2, 3, 4)
    run = lla.conjugate_gradients(lambda p: 2 * p, rhs)
    assert run.rounds == 0
    assert (run.x == 0).all()


def test_larger_ridges_need_fewer_iterations():
    q, k, v = draw(1, 64, d=16)
    mean = [lla.lla_forward(q, k, v, ridge).iterations.double().mean() for ridge in (0.1, 1, 10)]
    assert mean[0] > mean[1] > mean[2]


def test_residuals_fall_below_the_bound():
    rng = np.random.default_rng(0)
    for ridge in (0.01, 1.0):
        w, z = rng.random(30), rng.normal(size=(30, 6))
        sigma = (w[:, None] * z).T @ z + ridge * np.eye(6)
        rhs, x = w @ z, np.linalg.solve(sigma, w @ z)
        kappa = theory.condition(w, z, ridge)
        assert kappa <= 1 + (np.linalg.eigvalsh(sigma)[-1] - ridge) / ridge + 1e-9
        matrix = torch.from_numpy(sigma)
        for steps in range(1, 7):
            options = lla.CGOptions(0.0, 0.0, steps)
            run = lla.conjugate_gradients(
                lambda p, m=matrix: p @ m, torch.from_numpy(rhs)[None, None], options
            )
            e = run.x[0, 0].numpy() - x
            share = np.sqrt((e @ sigma @ e) / (x @ sigma @ x))
            assert share <= theory.cg_bound(kappa, steps) + 1e-12
        assert share < 1e-9  # d steps


def test_a_preconditioner_helps_keys_of_unequal_size():
    q, k, v = draw(1, 90, d=24)
    stretch = torch.logspace(0, 2, 24, dtype=torch.float64)
    runs = [
        lla.lla_forward(q * stretch, k * stretch, v, 1.0, qk_scale=1e-5, cg_max_iters=99,
                        cg_use_preconditioner=on, cg_rtol=1e-8).iterations.double().mean()
        for on in (False, True)
    ]  # fmt: skip
    assert runs[1] < 0.85 * runs[0]


# ---- counts and memory ----


def test_counted_work_is_the_closed_form():
    q, k, v = draw(1, 20, d=4, d_v=5)
    run = lla.lla_forward(q, k, v, 1.0)
    seen = theory.pairs(20, 20)
    assert seen == 210
    each = (run.iterations[0] * torch.arange(1, 21)).sum().item()
    assert run.cost.work == seen * (3 * 4 + 5) + 2 * 4 * each
    assert run.cost.span == (run.cost.rounds + 2) * (5 + 2)
    direct = lla.lla_forward(q, k, v, 1.0, method="direct").cost
    assert direct.work == seen * (3 * 4 + 5 + 16) + 20 * (64 // 6 + 16)


def test_traffic_is_that_of_passes_over_blocks():
    q, k, v = draw(1, 64, d=4, d_v=6)
    run = lla.lla_forward(q, k, v, 1.0, causal=False, block_size=16)
    passes = run.cost.rounds + 2
    moved = sum(passes * 64 * 4 + 64 * 6 for block in range(4))  # each block reads all keys
    assert theory.traffic(64 * 64, 4, 6, 16, passes) == moved
    stored = theory.traffic(64 * 64, 4, 6, 16, passes, stored=True)
    assert stored == moved + passes * 64 * 64


def test_memory_grows_linearly_in_blocks_and_quadratically_without():
    peaks = {}
    for n in (128, 256):
        q, k, v = (x.float() for x in draw(1, n, d=8, d_v=8))
        for method in ("naive", "cg", "direct"):
            call = functools.partial(lla.lla_attention, q, k, v, 1.0, method=method, block_size=32)
            peaks[method, n] = lla.peak_bytes(call, (q, k, v))
    assert peaks["naive", 256] > 3.5 * peaks["naive", 128]
    for method in ("cg", "direct"):
        assert peaks[method, 256] < 2.2 * peaks[method, 128]
        assert peaks[method, 256] < peaks["naive", 256] / 8


# ---- token by token ----


@pytest.mark.parametrize("method", ["cg", "direct", "compiled"])
def test_a_cache_says_the_same_token_by_token(method):
    q, k, v = draw(2, 21)
    cache = lla.KeyValueCache(4)
    options = {"weight_norm": "softmax", "method": method}
    steps = []
    for i in range(21):
        query, key, value = (x[:, i : i + 1] for x in (q, k, v))
        cache = cache.extended(key, value)
        steps.append(lla.lla_attention(query, *cache.held(), 0.5, **options))
    assert apart(torch.cat(steps, 1), lla.lla_attention(q, k, v, 0.5, **options)) < 1e-9


def test_a_prompt_may_come_at_once():
    q, k, v = draw(1, 9)
    cache = lla.KeyValueCache().extended(k[:, :6], v[:, :6])
    first = lla.lla_attention(q[:, :6], *cache.held(), 1.0)
    rest = lla.lla_attention(q[:, 6:], *cache.extended(k[:, 6:], v[:, 6:]).held(), 1.0)
    assert apart(torch.cat([first, rest], 1), lla.lla_attention(q, k, v, 1.0)) < 1e-10


# ---- errors ----

ONE = torch.ones(1, 4, 2)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"weight_norm": "sum"}, "weight_norm must be one of"),
        ({"method": "fast"}, "method must be one of"),
        ({"ridge_lambda": 0.0}, "ridge_lambda must be positive, got 0.0"),
        ({"ridge_lambda": torch.ones(3)}, r"must broadcast to \(1, 4\), got \(3,\)"),
        ({"block_size": 0}, "block_size must be at least 1, got 0"),
        ({"block_keys": 0}, "block_keys must be at least 1, got 0"),
        ({"cg_rtol": -1.0}, "cg_rtol must not be negative, got -1.0"),
        ({"cg_max_iters": 0}, "cg_max_iters must be at least 1, got 0"),
        ({"k": torch.ones(1, 3, 2)}, r"expected .*; got \(1, 4, 2\), \(1, 3, 2\)"),
        ({"q": torch.ones(2, 4, 2)}, r"expected \(\.\.\., n, d\)"),
        ({"q": torch.ones(1, 5, 2)}, "expected a key for every query, got 4 for 5"),
    ],
)
def test_bad_requests_are_told_what_was_expected(change, words):
    with pytest.raises(ValueError, match=words):
        lla.lla_attention(**({"q": ONE, "k": ONE, "v": ONE} | change))


def test_bad_types():
    with pytest.raises(TypeError, match="one floating-point type, got torch.float32"):
        lla.lla_attention(ONE, ONE.double(), ONE)
    with pytest.raises(TypeError, match="underflow in float16; expected bfloat16"):
        lla.lla_attention(*(3 * [ONE.half()]))
    with pytest.raises(TypeError, match="got torch.int64"):
        lla.lla_attention(*(3 * [ONE.long()]))
    with pytest.raises(ValueError, match="'compiled' has no gradient"):
        lla.lla_attention(ONE.clone().requires_grad_(), ONE, ONE, method="compiled")
    with pytest.raises(ValueError, match="method must be 'cg' or 'direct', got 'naive'"):
        lla.lla_forward(ONE, ONE, ONE, method="naive")


def test_released_defaults_are_the_keyword_arguments():
    import inspect

    found = inspect.signature(lla.lla_attention).parameters
    assert set(lla.RELEASED) <= set(found)
    different = {n for n, value in lla.RELEASED.items() if found[n].default != value}
    assert different == {"cg_rtol"}
    assert inspect.getdoc(lla.lla_attention)


def test_import_is_light():
    import subprocess
    import sys

    code = f"import sys, {lla.__name__}; sys.exit('torch' in sys.modules or 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
