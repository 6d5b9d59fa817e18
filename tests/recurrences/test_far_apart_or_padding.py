"""Numbers far apart, no ridge, other kernels, padding: every way of local linear attention."""

import pytest
import torch

import paralg.recurrences.local_linear_attention as lla
from paralg.recurrences.local_linear_attention import reference
from paralg.recurrences.local_linear_attention.fast.flash import METHODS, NORMS
from paralg.training import peak_bytes
from tests.recurrences.lla_cases import WAYS, apart, draw

attend = lla.lla_attention


def hard_cases():
    """Operands of single precision and a ridge that it cannot tell from 0."""
    rng = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 40, d, generator=rng) for d in (5, 5, 2))
    equal = k[:, :1].expand(-1, 40, -1)
    yield "large norms", 300 * q, 300 * k, v, 1.0
    yield "far queries", 300 * q, k, v, 1.0
    yield "far keys", q, 300 * k, v, 1.0
    yield "offset", q + 500, k + 500, v, 1.0
    yield "all keys equal", 30 * q, 30 * equal, v, 1e-2
    yield "all keys nearly equal", 30 * q, 30 * equal + 1e-3 * k, v, 1e-2
    yield "one key", q[:, :1] * 0, k[:, :1] * 3e3, v[:, :1], 1.0
    yield "small ridge", q, k, v, 1e-9
    yield "constant values", 100 * q, 100 * k, 0 * v + 3, 1e-1


@pytest.mark.parametrize("norm", NORMS)
def test_single_precision_is_right_where_it_could_not_be_and_refused_beyond_double(norm):
    for name, q, k, v, ridge in hard_cases():
        way = {"weight_norm": norm, "qk_scale": 1e-6, "causal": name != "far queries"}
        exact = attend(q.double(), k.double(), v.double(), ridge, method="naive", **way)
        for method in METHODS:
            out = attend(q, k, v, ridge, method=method, **way)
            assert apart(out.double(), exact) < 1e-3 * max(1, float(exact.abs().max())), name
        values = lla.lla_forward(q, k, v, ridge, **way).out
        assert apart(values.double(), exact) < 1e-3 * max(1, float(exact.abs().max())), name
        for method in METHODS:
            with pytest.raises(ValueError, match=r"at most 1e\+12 in double precision, got"):
                attend(q + 1, k + 1, v, 1e-13, method=method, **way)


def test_the_bound_is_met_just_before_single_precision_is_left():
    rng = torch.Generator().manual_seed(1)
    worst = 0.0
    for d, size, scale in ((3, 1.0, 0.0), (16, 1.0, None), (16, 10.0, 1e-3)):
        q, k, v = (torch.randn(1, 40, w, generator=rng) * s
                   for w, s in ((d, size), (d, 1), (2, 1)))  # fmt: skip
        reach = float(q.norm(dim=-1).max() + k.norm(dim=-1).max()) ** 2
        ridge, way = 1.01 * reach * 2**12 * 2.0**-23, {"qk_scale": scale, "cg_max_iters": 99}
        exact = attend(q.double(), k.double(), v.double(), ridge, method="naive", qk_scale=scale)
        for method in METHODS:
            out = attend(q, k, v, ridge, method=method, **way).double()
            worst = max(worst, apart(out, exact) / max(1, float(exact.abs().max())))
    assert worst < 1e-2


@pytest.mark.parametrize("method", METHODS)
def test_no_ridge_is_least_squares_with_the_smallest_slopes(method):
    q, k, v = draw(1, 12, d=3)
    out = attend(q, k, v, 0.0, method=method, block_size=5)
    assert apart(out[0], reference.attend_by_lstsq(q[0], k[0], v[0], 0.0)) < 1e-8
    assert apart(out[:, 3:], attend(q, k, v, 1e-9, method="naive")[:, 3:]) < 1e-4
    assert torch.equal(out[:, :1], v[:, :1])
    equal = k[:, :1].expand(-1, 12, -1)
    means = torch.stack([v[0, : i + 1].mean(0) for i in range(12)])
    assert apart(attend(q, equal, v, 0.0, method=method)[0], means) < 1e-12
    single = attend(q.float(), k.float(), v.float(), 0.0, method=method)
    assert single.dtype == torch.float32
    assert apart(single.double(), attend(*(x.float().double() for x in (q, k, v)), 0.0)) < 1e-6
    if method == "direct":
        leaves = [x[:, :6].clone().requires_grad_() for x in (q, k, v)]
        f = lambda *x: attend(*x, 0.0, method=method)[:, 4:]  # noqa: E731
        assert torch.autograd.gradcheck(f, leaves, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_other_kernels(method):
    q, k, v = draw(2, 9)
    z = k[:, None] - q[:, :, None]
    for kernel, w in (
        ("gaussian", torch.exp(-0.35 * z.square().sum(-1))),
        ("uniform", z[..., 0] * 0 + 1),
    ):
        for norm in ("max", "softmax"):
            way = {"kernel": kernel, "weight_norm": norm, "method": method, "cg_max_iters": 99}
            out = attend(q, k, v, 0.5, qk_scale=0.7, causal=False, **way)
            for i in range(9):
                weights = w[0, i] / (w[0, i].max() if norm == "max" else w[0, i].sum())
                exact = reference.local_line(weights, z[0, i], v[0], 0.5).value
                assert apart(out[0, i], exact) < 1e-9
    if method in ("cg", "direct"):
        leaves = [x[:1, :4].clone().requires_grad_() for x in (q, k, v)]
        f = lambda *x: attend(*x, 0.5, kernel="gaussian", method=method, cg_rtol=1e-14)  # noqa: E731
        assert torch.autograd.gradcheck(f, leaves, atol=1e-5)


@pytest.mark.parametrize("filling", [torch.nan, torch.inf, -torch.inf, 1e30])
@pytest.mark.parametrize("way", [*WAYS, {"ridge": 0.0}], ids=str)
def test_padding_has_no_influence_whatever_it_holds(way, filling):
    ridge = way.get("ridge", 0.5)
    way = {name: value for name, value in way.items() if name != "ridge"}
    q, k, v = draw(2, 7, 5)
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[0, [0, 3]], mask[1] = False, False
    dirty = [x.clone() for x in (k, v)]
    for x in dirty:
        x.masked_fill_(~mask[:, :, None, None].expand(-1, -1, 5, x.shape[-1]), filling)
    x = [y.transpose(1, 2) for y in (q, *dirty)]  # heads before tokens
    out, omega = attend(*x, ridge, mask=mask[:, None].expand(-1, 5, -1), return_omega=True, **way)
    keep = mask[0]
    x = [y[0].transpose(0, 1) for y in (q, k, v)]
    seen = attend(*(y[:, keep] for y in x), ridge, **way)
    assert apart(out[0, :, keep], seen) < 1e-9
    assert (out[1] == 0).all()
    assert (out[0, :, 0] == 0).all()
    assert omega.isfinite().all()
    later = [y.clone() for y in draw(2, 7)]
    clean = attend(*later, ridge, **way)
    later[1][0, 5:], later[2][0, 5:] = filling, filling
    if abs(filling) == torch.inf or filling != filling:  # what is not seen cannot matter
        found = attend(*later, ridge, **way)
        assert apart(found[0, :5], clean[0, :5]) < 1e-9
        assert apart(found[1], clean[1]) < 1e-9
        assert found[0, 5:].isnan().all()


@torch.no_grad()
def test_padding_has_no_influence_on_the_layer():
    torch.manual_seed(0)
    layer, x = lla.LocalLinearAttention(8, 2).double(), torch.randn(2, 6, 8, dtype=torch.float64)
    mask = torch.tensor([[True] * 4 + [False] * 2, [False] + [True] * 5])
    clean = layer(x, mask)
    x[~mask] = torch.nan
    assert torch.equal(layer(x, mask), clean)
    assert apart(clean[0, :4], layer(x[:1, :4])) < 1e-9
    assert apart(clean[1, 1:], layer(x[1:, 1:])) < 1e-9


def test_an_empty_sequence_has_an_empty_answer():
    none = torch.zeros(2, 0, 3)
    for method in METHODS:
        assert attend(none, none, none[..., :2], method=method).shape == (2, 0, 2)


@torch.no_grad()
def test_memory_grows_with_rows_and_not_with_matrices():
    n, d, block = 2048, 32, 64
    for method, extra in (("cg", 0), ("direct", 4 * block * d * d)):
        peaks = []
        for length in (n, 2 * n):
            x = [torch.randn(1, length, d) for _ in range(3)]
            way = {"method": method, "block_size": block, "qk_scale": 0.1}
            peaks.append(peak_bytes(lambda x=x, way=way: attend(*x, 5.0, **way), x) // 4)
        assert peaks[1] - peaks[0] < 4 * n * (d + block) < n * d * d / 2
        assert peaks[0] < 4 * n * (d + block) + extra
