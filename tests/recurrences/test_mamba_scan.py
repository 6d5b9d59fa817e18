"""Every way to compute a selective scan equals the float64 loop, gradients included."""

from __future__ import annotations

import platform
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mamba_cases import as_numpy, leaves, operands, relative

from paralg.core.primitives import METHODS, scan_counts
from paralg.recurrences.mamba import selective_scan, selective_scan_loop
from paralg.recurrences.mamba.experiments import ablations
from paralg.recurrences.mamba.fast import ScanOperands, compiled, kernels
from paralg.recurrences.mamba.fast.counted import selective_scan_reference
from paralg.recurrences.mamba.fast.scan import METHODS as WAYS
from paralg.recurrences.mamba.fast.scan import selective_scan_fn
from paralg.simd import cache
from paralg.simd.lanes import WIDTH
from paralg.training import saved_tensors

PARALLEL = [way for way in WAYS if way != "loop"]
FUSED = ("compiled", "chunked")
SEQUENCES = ("u", "delta", "B", "C", "z")


def single(*sizes):
    return operands(*sizes, dtype=torch.float32)


def stateless(*sizes):
    return {name: part for name, part in single(*sizes).items() if name != "h0"}


def ways(complex_states, constant, discretisation):
    """Return the methods that can do this; the compiled kernel does real, token-wise, Euler."""
    general = complex_states or constant or discretisation == "zoh"
    return [way for way in WAYS if way != "compiled" or not general]


@pytest.mark.parametrize("length", [0, 1, 2, 33, 70])
@pytest.mark.parametrize("discretisation", ["euler", "zoh"])
@pytest.mark.parametrize("complex_states, constant", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_every_way_equals_the_loop_and_so_do_its_gradients(
    length, discretisation, complex_states, constant
):
    x = operands(2, length, 3, 4, complex_states=bool(complex_states), constant=bool(constant))
    options = {"delta_softplus": True, "discretisation": discretisation}
    expected, mine, found = selective_scan_loop(**as_numpy(x), **options), leaves(x), {}
    for way in ways(complex_states, constant, discretisation):
        y, last = selective_scan(**mine, **options, method=way, chunk=16, return_last_state=True)
        assert relative(y, expected.y) < 1e-12, way
        assert relative(last, expected.last) < 1e-12, way
        weights = torch.linspace(-1, 2, y.numel(), dtype=torch.float64).view_as(y)
        loss = (weights * y).sum() + last.real.sum()
        found[way] = torch.autograd.grad(loss, list(mine.values()), materialize_grads=True,
                                         allow_unused=True)  # fmt: skip
    for way, gradients in found.items():
        for name, got, want in zip(x, gradients, found["loop"], strict=True):
            assert relative(got, want) < 1e-11, (way, name)


@given(
    batch=st.integers(1, 3), length=st.integers(1, 70), channels=st.integers(1, 40),
    states=st.integers(1, 6), chunk=st.integers(1, 80), softplus=st.booleans(),
    missing=st.sets(st.sampled_from(["D", "z", "delta_bias", "h0"])),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_any_shape_any_chunk_and_optional_operands(
    batch, length, channels, states, chunk, softplus, missing
):
    x = operands(batch, length, channels, states)  # without softplus, steps must be positive
    x = {n: v.abs() if "delta" in n else v for n, v in x.items() if n not in missing}
    expected, mine = selective_scan_loop(**as_numpy(x), delta_softplus=softplus), leaves(x)
    for way in (*FUSED, "brent-kung"):
        y = selective_scan(**mine, delta_softplus=softplus, method=way, chunk=chunk)
        assert relative(y, expected.y) < 1e-11
        assert len(torch.autograd.grad(y.sum(), list(mine.values()))) == len(mine)


@pytest.mark.parametrize("way", PARALLEL)
def test_a_sequence_goes_on_from_the_last_state_and_no_output_sees_a_later_token(way):
    x = operands(2, 60, 40, 4)
    options = {"method": way, "delta_softplus": True, "return_last_state": True}
    whole, last = selective_scan(**x, **options)
    first, second = (
        {n: v[:, part] if n in SEQUENCES else v for n, v in x.items()}
        for part in (slice(23), slice(23, None))
    )
    y1, middle = selective_scan(**first, **options)
    y2, end = selective_scan(**second | {"h0": middle}, **options)
    assert relative(torch.cat([y1, y2], 1), whole) < 1e-12
    assert relative(end, last) < 1e-12
    assert way not in FUSED or torch.equal(y1, whole[:, :23]), "to the bit"


@pytest.mark.parametrize("way", WAYS)
def test_decay_that_underflows_forgets_and_nothing_overflows(way):
    """Where Ā is 0 the products of coefficients vanish: dividing by them would give NaN."""
    x = single(1, 300, 32, 2)
    u, B, C = x["u"], x["B"], x["C"]
    y = selective_scan(u, torch.full_like(u, 200.0), x["A"] - 1, B, C, method=way)
    assert relative(y, 200 * u * (B * C).sum(-1, keepdim=True)) < 1e-5


def test_one_thread_and_two_give_the_same_bits():
    x, results, before = leaves(single(3, 400, 96, 8)), [], torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        y = selective_scan(**x, delta_softplus=True, method="compiled")
        results.append([y, *torch.autograd.grad(y.square().sum(), list(x.values()))])
    torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("pairs", [False, True])
def test_official_signature_and_that_channels_do_not_know_of_each_other(groups, pairs):
    """Every channel alone, with the vectors of its group; complex ones given as pairs."""
    x = operands(2, 20, 6, 3, complex_states=pairs)
    grouped = operands(2, 20, 6, 3 * groups, complex_states=pairs)
    B, C = (grouped[n].mT.unflatten(1, (groups, 3)) for n in ("B", "C"))
    given = [torch.view_as_real(v).flatten(-2) if pairs else v for v in (B, C)]
    u, delta, z = (x[name].mT for name in ("u", "delta", "z"))
    y, last = selective_scan_fn(
        u, delta, x["A"], *given, x["D"], z, x["delta_bias"], delta_softplus=True,
        return_last_state=True,
    )  # fmt: skip
    for d in range(6):
        one, g = slice(d, d + 1), d * groups // 6
        mine = {n: x[n][..., one] for n in ("u", "delta", "z", "D", "delta_bias")}
        expected = selective_scan(
            **mine, A=x["A"][one], B=B[:, g].mT, C=C[:, g].mT, delta_softplus=True,
            return_last_state=True,
        )  # fmt: skip
        assert relative(y[:, one].mT, expected[0]) < 1e-12
        assert relative(last[:, one], expected[1]) < 1e-12


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("length", [0, 1, 2, 5, 33])
def test_the_reference_scans_the_affine_monoid_and_counts(method, length):
    x = as_numpy(operands(1, length, 2, 3))
    run = selective_scan_reference(**x, delta_softplus=True, method=method)
    loop = selective_scan_loop(**x, delta_softplus=True)
    assert relative(run.states, loop.states) < 1e-12
    assert relative(run.last, loop.last) < 1e-12
    assert run.cost == scan_counts(method, length, initial=True)
    assert (loop.cost.work, loop.cost.span) == (length, length)


def test_saved_memory_is_operands_and_chunk_starts():
    b, L, D, N = 1, 128, 64, 16
    x = leaves(stateless(b, L, D, N))
    extra = {}
    for way in ("loop", "kogge-stone", *FUSED):
        options = {"delta_softplus": True, "method": way, "chunk": 32}
        extra[way] = saved_tensors(lambda o=options: selective_scan(**x, **o), x.values()).extra
    starts, rates = 4 * b * (L // 32) * D * N, 4 * D * N
    assert extra["compiled"] == starts + rates
    assert extra["chunked"] == starts
    assert extra["loop"] > extra["kogge-stone"] > 2 * 4 * b * L * D * N


@pytest.mark.parametrize("change, error, words", [
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
])  # fmt: skip
def test_bad_input_is_told_what_was_expected(change, error, words):
    with pytest.raises(error) as caught:
        selective_scan(**operands(2, 4, 3, 2) | change)
    assert words in str(caught.value)


def test_bad_input_of_the_oracle_and_of_the_official_signature():
    x, one = as_numpy(operands(1, 2, 3, 2)), torch.ones(1, 3, 4)
    for change, words in (
        ({"delta": np.zeros((1, 2, 2))}, "u and delta must share a shape"),
        ({"h0": np.zeros((3, 2))}, r"h0 must have the shape \(1, 3, 2\)"),
        ({"discretisation": "x"}, "method must be 'euler' or 'zoh'"),
    ):
        with pytest.raises(ValueError, match=words):
            selective_scan_loop(**x | change)
    with pytest.raises(ValueError, match="multiple of 2 groups, got 3"):
        selective_scan_fn(one, one, torch.ones(3, 2), torch.ones(1, 2, 2, 4), torch.ones(1, 2, 4))


# ---- the compiled kernels


@pytest.mark.weekly
@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads x86-64 assembly")
def test_the_hot_loop_works_on_whole_registers():
    row, states = np.zeros((1, 1, WIDTH), np.float32), np.zeros((1, 1, 4), np.float32)
    one, h = np.zeros(WIDTH, np.float32), np.zeros((4, WIDTH), np.float32)
    x = ScanOperands(row, row, h, states, states, one, row, one)
    step = kernels.forward_step
    step(x, kernels.Switches(True, True), 0, 0, 0, h, h.copy(), row.copy())
    # with a cold cache the drivers have compiled the step for other types in this process, too
    (text,) = (asm for types, asm in step.inspect_asm().items() if "float32" in str(types))
    packed, single = (len(re.findall(rf"vfn?m(?:add|sub)\w*{end}\b", text)) for end in ("ps", "ss"))
    assert single == 0
    assert packed == 0 or packed > 20  # none on a machine without fused multiply-add
    assert len(re.findall(r"mulps\b", text)) > 4


@pytest.mark.parametrize("asked", [0, 1])
@pytest.mark.parametrize("batch", [1, 2])
def test_the_gradient_of_one_output_alone(asked, batch):
    x = leaves(operands(batch, 9, 32, 4))
    want, got = (
        torch.autograd.grad(
            selective_scan(**x, return_last_state=True, method=method)[asked].square().sum(),
            list(x.values()), allow_unused=True, materialize_grads=True,
        )
        for method in ("loop", "compiled")
    )  # fmt: skip
    for name, w, g in zip(x, want, got, strict=True):
        torch.testing.assert_close(g, w, rtol=1e-9, atol=1e-11, msg=name)


def test_the_kernels_refuse_memory_in_another_order_or_type():
    x = single(1, 4, 32, 2)
    with pytest.raises(TypeError, match="must have the type of u, torch.float32"):
        compiled.fused_scan(*(x | {"B": x["B"].double()}).values(), True)
    with pytest.raises(AssertionError, match="contiguous"):
        compiled._address(torch.zeros(2, 3).t())


def test_the_cache_key_covers_the_sources_that_the_kernels_call():
    closed_over = [cell.cell_contents for cell in kernels.forward.py_func.__closure__]
    assert cache.digest() in [value for value in closed_over if isinstance(value, str)]


def test_ablations_compute_the_same_and_refuse_what_they_cannot_do():
    x = stateless(2, 40, 64, 4)
    expected = selective_scan(**x, delta_softplus=True)
    for variant in ablations.VARIANTS:
        assert relative(ablations.run(variant, **as_numpy(x)), expected) < 1e-5, variant
    with pytest.raises(ValueError, match="variant must be one of"):
        ablations.run("magic", **as_numpy(x))
    with pytest.raises(ValueError, match="channels must be a multiple of 32, got 3"):
        ablations.run("library exp", **as_numpy(stateless(1, 2, 3, 2)))
