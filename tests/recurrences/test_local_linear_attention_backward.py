"""Gradients by a second solve: against differences, against autograd; and the layer."""

from __future__ import annotations

import pytest
import torch

import paralg.recurrences.local_linear_attention as lla
from paralg.recurrences.local_linear_attention.fast.flash import NORMS
from paralg.training import saved_tensors
from tests.recurrences.lla_cases import draw

EXACT = {"cg_rtol": 1e-15, "cg_atol": 1e-15, "cg_max_iters": 60}


def leaves(n=6, **sizes):
    rng = torch.Generator().manual_seed(1)
    parts = [*draw(1, n, **sizes), 0.3 + torch.rand(1, n, generator=rng, dtype=torch.float64)]
    return [x.requires_grad_() for x in parts]


def gradients(x, **options):
    out = lla.lla_attention(*x, **options)
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    return torch.autograd.grad((weights * out).sum(), x)


def apart(a, b):
    return max(float((x - y).abs().max() / y.abs().max()) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("causal", [True, False])
def test_gradients_equal_those_of_the_naive_form(norm, causal):
    x = leaves(n=9, m=12)
    naive = gradients(x, weight_norm=norm, causal=causal, method="naive")
    for way in (
        {"method": "direct", "block_size": 4},
        {"block_size": 5, **EXACT},
        {"block_size": 4, "block_keys": 5, "cg_use_preconditioner": True, **EXACT},
    ):
        assert apart(gradients(x, weight_norm=norm, causal=causal, **way), naive) < 1e-9


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("way", [EXACT, {"method": "direct"}], ids=["cg", "direct"])
def test_gradients_are_differences(norm, way):
    run = lambda *x: lla.lla_attention(*x, weight_norm=norm, block_size=2, **way)  # noqa: E731
    assert torch.autograd.gradcheck(run, leaves(n=2, d=1, d_v=1), atol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_the_maximum_is_not_a_constant_and_ties_share_its_gradient(norm):
    x = leaves(n=9, d=2)
    with torch.no_grad():
        x[1][:, 1] = x[1][:, 0]
    naive = gradients(x, weight_norm=norm, method="naive")
    assert apart(gradients(x, weight_norm=norm, method="direct"), naive) < 1e-10
    gap = apart(gradients(x, weight_norm=norm, method="direct", detach_max=True), naive)
    assert gap < 1e-10 if norm == "raw" else gap > 1e-3


def test_a_shared_ridge_gathers_its_gradient_and_single_precision_is_close():
    q, k, v, _ = leaves(n=20, d=4)
    one = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    exact = gradients([q, k, v, one], method="direct")
    many = torch.full((1, 20), 0.7, dtype=torch.float64, requires_grad=True)
    each = gradients([q, k, v, many], **EXACT)[3]
    assert torch.allclose(exact[3], each.sum())
    single = gradients([x.detach().float().requires_grad_() for x in (q, k, v, one)])
    assert apart([g.double() for g in single], exact) < 1e-3


def test_backward_keeps_vectors_only_and_is_not_differentiated_twice():
    x = [torch.randn(1, 64, 8).requires_grad_() for _ in range(3)]
    kept = saved_tensors(lambda: lla.lla_attention(*x, 1.0), x)
    assert kept.extra == 4 * (64 * (8 + 8 + 4) + 1) + 64  # out, ρ, δ, m, ω, bias, mask, one λ
    naive = saved_tensors(lambda: lla.lla_attention(*x, 1.0, method="naive"), x)
    assert naive.extra > 64 * 64 * 8 * 4
    (grad,) = torch.autograd.grad(lla.lla_attention(*x).square().sum(), x[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable|twice"):
        grad.sum().backward()


@pytest.mark.parametrize("kind", ["scalar", "head", "token"])
@pytest.mark.parametrize("norm, way", [("rms", "cg"), ("l2", "direct"), ("none", "compiled")])
@torch.no_grad()
def test_layer_says_the_same_after_a_prompt_token_by_token(kind, norm, way):
    torch.manual_seed(0)
    options = {"ridge_kind": kind, "norm": norm, "method": way, "weight_norm": "softmax"}
    layer = lla.LocalLinearAttention(8, 2, **options).double()
    if kind == "token":
        torch.nn.init.normal_(layer.ridge_proj.weight)
    x = torch.randn(3, 7, 8, dtype=torch.float64)
    for prompt in (1, 3):
        said, cache = layer.extend(x[:, :prompt], layer.begin(3))
        for i in range(prompt, 7):
            out, cache = layer.step(x[:, i], cache)
            said = torch.cat([said, out[:, None]], 1)
        assert torch.allclose(said, layer(x), atol=1e-7)
    assert (layer.ridges(x) > 0).all()
    assert layer.ridges(x).shape == (3, 2, 7)


def test_layer_learns_its_ridge_starts_where_it_is_told_and_says_what_it_expects():
    layer = lla.LocalLinearAttention(6, 3, ridge=2.5)
    assert torch.allclose(layer.ridges(torch.zeros(1, 4, 6)), torch.tensor(2.5))
    layer(torch.randn(2, 7, 6)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in layer.parameters())
    told = {"heads": (3, "heads must divide width 8, got 3"),
            "ridge_kind": ("row", "ridge_kind must be one of"),
            "norm": ("layer", "norm must be one of .*, got 'layer'")}  # fmt: skip
    for name, (value, words) in told.items():
        with pytest.raises(ValueError, match=words):
            lla.LocalLinearAttention(8, **{name: value})
