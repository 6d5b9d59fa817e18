"""Every way to compute a selective scan equals the float64 loop, gradients included."""

import platform
import re

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mamba_cases import as_numpy, gradients, leaves, operands, relative

from paralg.core.primitives import METHODS, scan_counts
from paralg.recurrences.mamba import selective_scan, selective_scan_loop
from paralg.recurrences.mamba.experiments import ablations
from paralg.recurrences.mamba.fast import ScanOperands, compiled, kernels
from paralg.recurrences.mamba.fast.counted import selective_scan_reference
from paralg.recurrences.mamba.fast.scan import METHODS as WAYS
from paralg.recurrences.mamba.fast.scan import selective_scan_fn
from paralg.simd.lanes import WIDTH
from paralg.training import saved_tensors

FUSED = ("compiled", "chunked")


def single(*sizes):
    return operands(*sizes, dtype=torch.float32)


def stateless(*sizes):
    return {name: part for name, part in single(*sizes).items() if name != "h0"}


SHAPES = st.tuples(*(st.integers(1, most) for most in (3, 50, 40, 6)))


@pytest.mark.parametrize("discretisation", ["euler", "zoh"])
@pytest.mark.parametrize("complex_states, constant", [(0, 0), (0, 1), (1, 0), (1, 1)])
@given(shape=SHAPES, chunk=st.integers(1, 80), softplus=st.booleans(),
       missing=st.sets(st.sampled_from(["D", "z", "delta_bias", "h0"])))  # fmt: skip
@example(shape=(2, 0, 3, 4), chunk=16, softplus=True, missing=set())
@settings(max_examples=4, deadline=None)
def test_every_way_equals_the_loop_and_so_do_its_gradients(
    shape, chunk, softplus, missing, discretisation, complex_states, constant
):
    x = operands(*shape, complex_states=complex_states, constant=constant)
    options = {"delta_softplus": softplus, "discretisation": discretisation}
    # without softplus, steps must be positive
    x = {n: v.abs() if "delta" in n else v for n, v in x.items() if n not in missing}
    expected, mine, found = selective_scan_loop(**as_numpy(x), **options), leaves(x), {}
    for way in sorted(WAYS, key=lambda way: way != "loop"):
        if way == "compiled" and (complex_states or constant or discretisation == "zoh"):
            continue
        run = selective_scan(**mine, **options, method=way, chunk=chunk, return_last_state=True)
        assert max(map(relative, run, (expected.y, expected.last))) < 1e-11, way
        weights = torch.linspace(-1, 2, run[0].numel(), dtype=torch.float64).view_as(run[0])
        found[way] = gradients((weights * run[0]).sum() + run[1].real.sum(), mine)
        assert max(map(relative, found[way], found["loop"])) < 1e-11, way


@pytest.mark.parametrize("way", [way for way in WAYS if way != "loop"])
def test_a_sequence_goes_on_from_the_last_state_and_no_output_sees_a_later_token(way):
    x = operands(2, 60, 40, 4)
    options = {"method": way, "delta_softplus": True, "return_last_state": True}
    whole, last = selective_scan(**x, **options)
    first, second = ({n: v[:, part] if v.ndim == 3 and n != "h0" else v for n, v in x.items()}
                     for part in (slice(23), slice(23, None)))  # fmt: skip
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
        results.append([y, *gradients(y.square().sum(), x)])
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
    others = {"delta_softplus": True, "return_last_state": True}
    y, last = selective_scan_fn(u, delta, x["A"], *given, x["D"], z, x["delta_bias"], **others)
    for d in range(6):
        one, g = slice(d, d + 1), d * groups // 6
        mine = {n: x[n][..., one] for n in ("u", "delta", "z", "D", "delta_bias")}
        mine |= {"A": x["A"][one], "B": B[:, g].mT, "C": C[:, g].mT, "delta_softplus": True}
        expected = selective_scan(**mine, return_last_state=True)
        assert max(map(relative, (y[:, one].mT, last[:, one]), expected)) < 1e-12


@pytest.mark.parametrize("length", [0, 1, 2, 5, 33])
def test_the_reference_scans_the_affine_monoid_and_counts(length):
    x = as_numpy(operands(1, length, 2, 3)) | {"delta_softplus": True}
    loop = selective_scan_loop(**x)
    assert loop.cost == scan_counts("sequential", length, initial=True)
    for function in (selective_scan_loop, selective_scan_reference):
        assert function(**x | {"h0": None}).cost == scan_counts("sequential", length)
    for method in METHODS:
        run = selective_scan_reference(**x, method=method)
        assert max(relative(run.states, loop.states), relative(run.last, loop.last)) < 1e-12
        assert run.cost == scan_counts(method, length, initial=True)


def test_saved_memory_is_operands_and_chunk_starts():
    b, L, D, N = 1, 128, 64, 16
    x = leaves(stateless(b, L, D, N))
    extra = {}
    for way in ("loop", "kogge-stone", *FUSED):
        options = x | {"delta_softplus": True, "method": way, "chunk": 32}
        extra[way] = saved_tensors(lambda o=options: selective_scan(**o), x.values()).extra
    starts, rates = 4 * b * (L // 32) * D * N, 4 * D * N
    assert extra["compiled"] == starts + rates
    assert extra["chunked"] == starts
    assert extra["loop"] > extra["kogge-stone"] > 2 * 4 * b * L * D * N


def official(u, delta, A, **_):
    return selective_scan_fn(u.mT, delta.mT, A, torch.ones(2, 2, 2, 4), torch.ones(2, 2, 4))


@pytest.mark.parametrize("function, change, words", [
    (selective_scan, {"u": torch.zeros(2, 3)}, "u must have the shape (b, L, D)"),
    (selective_scan, {"delta": torch.zeros(2, 4, 9)}, "delta must have the shape (2, 4, 3)"),
    (selective_scan, {"A": torch.zeros(2, 2)}, "A must have the shape (3, N), got (2, 2)"),
    (selective_scan, {"B": torch.zeros(2, 4, 9)}, "(2, 4, 2) or (3, 2), got (2, 4, 9)"),
    (selective_scan, {"D": torch.zeros(4)}, "D must have the shape (3,), got (4,)"),
    (selective_scan, {"h0": torch.zeros(2, 2, 3)}, "h0 must have the shape (2, 3, 2)"),
    (selective_scan, {"u": torch.zeros(2, 4, 3, dtype=torch.int64)}, "u must be floats"),
    (selective_scan, {"method": "magic"}, "method must be one of"),
    (selective_scan, {"discretisation": "tustin"}, "discretisation must be one of"),
    (selective_scan, {"chunk": 0}, "chunk must be at least 1, got 0"),
    (selective_scan, {"method": "compiled", "discretisation": "zoh"}, "expects discretisation"),
    (selective_scan, {"method": "compiled", "B": torch.zeros(3, 2).double()}, "(b, L, N)"),
    (selective_scan, {"method": "compiled", "u": torch.zeros(2, 4, 3)}, "all tensors float32"),
    (selective_scan_loop, {"delta": torch.zeros(2, 4, 2)}, "delta must have the shape (2, 4, 3)"),
    (selective_scan_loop, {"h0": torch.zeros(3, 2)}, "h0 must have the shape (2, 3, 2)"),
    (selective_scan_loop, {"discretisation": "x"}, "discretisation must be one of"),
    (official, {}, "multiple of 2 groups, got 3"),
])  # fmt: skip
def test_bad_input_is_told_what_was_expected(function, change, words):
    error = TypeError if "floats" in words else ValueError
    with pytest.raises(error, match=re.escape(words)):
        function(**operands(2, 4, 3, 2) | change)


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
    packed, alone = (len(re.findall(rf"vfn?m(?:add|sub)\w*{end}\b", text)) for end in ("ps", "ss"))
    assert alone == 0
    assert packed == 0 or packed > 20  # none on a machine without fused multiply-add
    assert len(re.findall(r"mulps\b", text)) > 4


@pytest.mark.parametrize("asked, batch", [(0, 1), (1, 2)])
def test_the_gradient_of_one_output_alone(asked, batch):
    x = leaves(operands(batch, 9, 32, 4))
    runs = (selective_scan(**x, return_last_state=True, method=way) for way in ("loop", "compiled"))
    want, got = (gradients(run[asked].square().sum(), x) for run in runs)
    assert max(map(relative, got, want)) < 1e-9


def test_the_kernels_refuse_other_memory():
    x = single(1, 4, 32, 2)
    with pytest.raises(ValueError, match="operand 3 must be torch.float32 of .* got torch.float64"):
        compiled.fused_scan(*(x | {"B": x["B"].double()}).values(), True)


def test_ablations_compute_the_same_and_refuse_what_they_cannot_do():
    x = stateless(2, 40, 64, 4)
    expected = selective_scan(**x, delta_softplus=True)
    for variant in ablations.VARIANTS:
        assert relative(ablations.run(variant, **as_numpy(x)), expected) < 1e-5, variant
    for variant, channels, words in (("magic", 32, "one of"), ("library exp", 3, "of 32, got 3")):
        with pytest.raises(ValueError, match=words):
            ablations.run(variant, **as_numpy(stateless(1, 2, channels, 2)))
