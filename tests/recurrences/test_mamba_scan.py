"""Every way to compute a selective scan equals the float64 loop, gradients included."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mamba_cases import as_numpy, leaves, operands, relative

from paralg.core.primitives import METHODS, scan_counts
from paralg.recurrences.mamba import (
    selective_scan,
    selective_scan_loop,
)
from paralg.recurrences.mamba.fast.counted import selective_scan_reference
from paralg.recurrences.mamba.fast.scan import METHODS as WAYS
from paralg.recurrences.mamba.fast.scan import selective_scan_fn
from paralg.training import saved_tensors

LENGTHS = (0, 1, 2, 3, 7, 31, 32, 33, 100)
PARALLEL = [way for way in WAYS if way != "loop"]


def applies(way, complex_states, constant, discretisation):
    """Tell whether a method can do this; the compiled kernel does real, token-wise, Euler."""
    return way != "compiled" or not (complex_states or constant or discretisation == "zoh")


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("discretisation", ["euler", "zoh"])
@pytest.mark.parametrize("complex_states, constant", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_every_way_equals_the_loop(length, discretisation, complex_states, constant):
    x = operands(2, length, 3, 4, complex_states=bool(complex_states), constant=bool(constant))
    options = {"delta_softplus": True, "discretisation": discretisation}
    expected = selective_scan_loop(**as_numpy(x), **options)
    for way in WAYS:
        if not applies(way, complex_states, constant, discretisation):
            continue
        y, last = selective_scan(**x, **options, method=way, chunk=8, return_last_state=True)
        assert relative(y, expected.y) < 1e-12, way
        assert relative(last, expected.last) < 1e-12, way


@pytest.mark.parametrize("way", PARALLEL)
@pytest.mark.parametrize("length", [1, 2, 33, 70])
@pytest.mark.parametrize("complex_states, discretisation", [(0, "euler"), (0, "zoh"), (1, "zoh")])
def test_every_gradient_equals_autograd_through_the_loop(
    way, length, complex_states, discretisation
):
    if not applies(way, complex_states, False, discretisation):
        pytest.skip("the compiled kernel is for real numbers and Euler's step")
    x = operands(2, length, 3, 4, complex_states=bool(complex_states))
    found = {}
    for method in (way, "loop"):
        mine = leaves(x)
        y, last = selective_scan(
            **mine, delta_softplus=True, discretisation=discretisation, method=method, chunk=16,
            return_last_state=True,
        )  # fmt: skip
        weights = torch.linspace(-1, 2, y.numel(), dtype=torch.float64).view_as(y)
        loss = (weights * y).sum() + (last.real.sum() if complex_states else last.sum())
        found[method] = torch.autograd.grad(loss, list(mine.values()))
    for name, got, expected in zip(x, found[way], found["loop"], strict=True):
        assert relative(got, expected) < 1e-11, name


@pytest.mark.parametrize("way", ["compiled", "chunked", "kogge-stone", "brent-kung"])
def test_gradcheck(way):
    x = leaves(operands(1, 5, 2, 3))

    def run(*parts):
        options = {"delta_softplus": True, "method": way, "chunk": 2, "return_last_state": True}
        return selective_scan(*parts[:8], h0=parts[8], **options)

    assert torch.autograd.gradcheck(run, tuple(x.values()), eps=1e-6, atol=1e-7)


@pytest.mark.parametrize("missing", [("D",), ("z",), ("delta_bias",), ("h0",),
                                     ("D", "z", "delta_bias", "h0")])  # fmt: skip
@pytest.mark.parametrize("softplus", [True, False])
def test_optional_operands(missing, softplus):
    x = {name: part for name, part in operands(2, 40, 5, 3).items() if name not in missing}
    expected = selective_scan_loop(**as_numpy(x), delta_softplus=softplus)
    mine = leaves(x)
    for way in ("compiled", "chunked", "brent-kung"):
        y = selective_scan(**mine, delta_softplus=softplus, method=way)
        assert relative(y.detach(), expected.y) < 1e-12
        assert len(torch.autograd.grad(y.sum(), list(mine.values()))) == len(mine)


@given(
    batch=st.integers(1, 3), length=st.integers(1, 70), channels=st.integers(1, 40),
    states=st.integers(1, 6), chunk=st.integers(1, 80), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_any_shape(batch, length, channels, states, chunk, seed):
    x = operands(batch, length, channels, states, seed=seed)
    expected = selective_scan_loop(**as_numpy(x), delta_softplus=True)
    for way in ("compiled", "chunked"):
        y = selective_scan(**x, delta_softplus=True, method=way, chunk=chunk)
        assert relative(y, expected.y) < 1e-11


@pytest.mark.parametrize("way", ["compiled", "chunked"])
def test_a_later_token_changes_no_earlier_output_by_a_bit(way):
    x = {name: part.float() for name, part in operands(2, 50, 40, 4).items()}
    before = selective_scan(**x, delta_softplus=True, method=way, chunk=16)
    for t in (0, 17, 49):
        for name in ("u", "delta", "B", "C", "z"):
            changed = x | {name: x[name].clone()}
            changed[name][:, t] += 1.0
            after = selective_scan(**changed, delta_softplus=True, method=way, chunk=16)
            assert torch.equal(before[:, :t], after[:, :t])
            assert not torch.equal(before[:, t], after[:, t])


@pytest.mark.parametrize("way", PARALLEL)
def test_a_sequence_goes_on_from_the_last_state(way):
    x = operands(2, 60, 3, 4)
    whole, last = selective_scan(**x, method=way, return_last_state=True)
    sequences = ("u", "delta", "B", "C", "z")
    first = {n: v[:, :23] if n in sequences else v for n, v in x.items()}
    second = {n: v[:, 23:] if n in sequences else v for n, v in x.items()}
    y1, middle = selective_scan(**first, method=way, return_last_state=True)
    y2, end = selective_scan(**second | {"h0": middle}, method=way, return_last_state=True)
    assert relative(torch.cat([y1, y2], 1), whole) < 1e-12
    assert relative(end, last) < 1e-12


@pytest.mark.parametrize("chunk", [1, 2, 5, 64, 1000])
def test_the_chunk_does_not_matter(chunk):
    x = operands(1, 65, 3, 4)
    expected = selective_scan(**x, method="sequential")
    assert relative(selective_scan(**x, method="chunked", chunk=chunk), expected) < 1e-12


def test_permuting_channels_permutes_the_output():
    x = operands(2, 40, 37, 4)
    order = torch.randperm(37, generator=torch.Generator().manual_seed(1))
    permuted = dict(x)
    for name in ("u", "delta", "z"):
        permuted[name] = x[name][..., order]
    for name in ("A", "D", "delta_bias"):
        permuted[name] = x[name][order]
    permuted["h0"] = x["h0"][:, order]
    for way in ("compiled", "chunked"):
        assert torch.equal(
            selective_scan(**permuted, method=way), selective_scan(**x, method=way)[..., order]
        )


@pytest.mark.parametrize("way", WAYS)
def test_decay_that_underflows_forgets_and_nothing_overflows(way):
    """Where Ā is 0 the products of coefficients vanish: dividing by them would give NaN."""
    x = {name: part.float() for name, part in operands(1, 300, 32, 2).items() if name in "uABC"}
    x["A"] = x["A"] - 1
    y = selective_scan(x["u"], torch.full_like(x["u"], 200.0), x["A"], x["B"], x["C"], method=way)
    memoryless = 200 * x["u"] * (x["B"] * x["C"]).sum(-1, keepdim=True)
    assert relative(y, memoryless) < 1e-5


def test_nan_stays_in_its_channel_and_spreads_forward_only():
    x = {name: part.float() for name, part in operands(1, 40, 32, 3).items()}
    x["delta"][0, 20, 5] = float("nan")
    y = selective_scan(**x, delta_softplus=True, method="compiled")
    bad = torch.isnan(y[0])
    assert bad[20:, 5].all()
    assert bad.sum() == 20


def test_one_thread_and_two_give_the_same_bits():
    x = leaves({name: part.float() for name, part in operands(3, 400, 96, 8).items()})
    results, before = [], torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        y = selective_scan(**x, delta_softplus=True, method="compiled")
        results.append([y, *torch.autograd.grad(y.square().sum(), list(x.values()))])
    torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_official_signature(groups):
    x = operands(2, 20, 6, 3)
    grouped = operands(2, 20, 6, 3 * groups)
    B, C = (grouped[n].transpose(1, 2).unflatten(1, (groups, 3)) for n in ("B", "C"))
    turned = {name: x[name].transpose(1, 2) for name in ("u", "delta", "z")}
    constants = [x[name] for name in ("D", "delta_bias")]
    y, last = selective_scan_fn(
        turned["u"], turned["delta"], x["A"], B, C, constants[0], turned["z"], constants[1],
        delta_softplus=True, return_last_state=True,
    )  # fmt: skip
    size = 6 // groups
    for g, d in itertools.product(range(groups), range(size)):
        one = slice(g * size + d, g * size + d + 1)
        expected = selective_scan(
            x["u"][..., one], x["delta"][..., one], x["A"][one],
            B[:, g].transpose(1, 2), C[:, g].transpose(1, 2), x["D"][one], x["z"][..., one],
            x["delta_bias"][one], delta_softplus=True, return_last_state=True,
        )  # fmt: skip
        assert relative(y[:, one].transpose(1, 2), expected[0]) < 1e-12
        assert relative(last[:, one], expected[1]) < 1e-12


def test_official_signature_reads_pairs_as_complex_numbers():
    x = operands(1, 9, 2, 3, complex_states=True)
    pairs = {n: torch.view_as_real(x[n].transpose(1, 2)).flatten(-2) for n in ("B", "C")}
    u, delta = (x[n].transpose(1, 2) for n in ("u", "delta"))
    got = selective_scan_fn(u, delta, x["A"], pairs["B"], pairs["C"], x["D"])
    expected = selective_scan(x["u"], x["delta"], x["A"], x["B"], x["C"], x["D"])
    assert relative(got.transpose(1, 2), expected) < 1e-12


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [0, 1, 2, 5, 8, 33])
def test_the_reference_scans_the_affine_monoid_and_counts(method, length):
    x = as_numpy(operands(1, length, 2, 3))
    run = selective_scan_reference(**x, delta_softplus=True, method=method)
    loop = selective_scan_loop(**x, delta_softplus=True)
    assert relative(run.states, loop.states) < 1e-12
    assert run.cost == scan_counts(method, length, initial=True)


def test_saved_memory_is_operands_and_chunk_starts():
    b, L, D, N = 1, 128, 64, 16
    x = leaves({name: part.float() for name, part in operands(b, L, D, N).items()})
    del x["h0"]
    extra = {}
    for way in ("loop", "kogge-stone", "chunked", "compiled"):
        run = saved_tensors(
            lambda way=way: selective_scan(**x, delta_softplus=True, method=way, chunk=32),
            x.values(),
        )
        extra[way] = run.extra
    starts, rates = 4 * b * (L // 32) * D * N, 4 * D * N
    assert extra["compiled"] == starts + rates
    assert extra["chunked"] == starts
    assert extra["kogge-stone"] > 2 * 4 * b * L * D * N
    assert extra["loop"] > extra["kogge-stone"]


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"u": torch.zeros(2, 3)}, ValueError, "u must have the shape (b, L, D)"),
        ({"delta": torch.zeros(2, 4, 9)}, ValueError, "delta must have the shape (2, 4, 3)"),
        ({"A": torch.zeros(2, 2)}, ValueError, "A must have the shape (3, 2), got (2, 2)"),
        ({"B": torch.zeros(2, 4, 9)}, ValueError, "(2, 4, 2) or (3, 2), got (2, 4, 9)"),
        ({"D": torch.zeros(4)}, ValueError, "D must have the shape (3,), got (4,)"),
        ({"h0": torch.zeros(2, 2, 3)}, ValueError, "h0 must have the shape (2, 3, 2)"),
        ({"u": torch.zeros(2, 4, 3, dtype=torch.int64)}, TypeError, "u must be floating"),
        ({"method": "magic"}, ValueError, "method must be one of"),
        ({"discretisation": "tustin"}, ValueError, "discretisation must be 'euler' or 'zoh'"),
        ({"chunk": 0}, ValueError, "chunk must be at least 1, got 0"),
        ({"method": "compiled", "discretisation": "zoh"}, ValueError, "expects discretisation"),
        ({"method": "compiled", "B": torch.zeros(3, 2).double()}, ValueError, "(b, L, N)"),
        ({"method": "compiled", "u": torch.zeros(2, 4, 3)}, ValueError, "all tensors float32"),
    ],
)
def test_bad_input_is_told_what_was_expected(change, error, words):
    with pytest.raises(error) as caught:
        selective_scan(**operands(2, 4, 3, 2) | change)
    assert words in str(caught.value)


def test_bad_input_of_the_oracle():
    x = as_numpy(operands(1, 2, 3, 2))
    with pytest.raises(ValueError, match="u and delta must share a shape"):
        selective_scan_loop(**x | {"delta": np.zeros((1, 2, 2))})
    with pytest.raises(ValueError, match=r"h0 must have the shape \(1, 3, 2\)"):
        selective_scan_loop(**x | {"h0": np.zeros((3, 2))})
    with pytest.raises(ValueError, match="method must be 'euler' or 'zoh'"):
        selective_scan_loop(**x, discretisation="x")
    with pytest.raises(ValueError, match="multiple of 2 groups"):
        selective_scan_fn(torch.ones(1, 3, 4), torch.ones(1, 3, 4), torch.ones(3, 2),
                          torch.ones(1, 2, 2, 4), torch.ones(1, 2, 4))  # fmt: skip
