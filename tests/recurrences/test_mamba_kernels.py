"""Polynomials, lanes and the cache of the compiled kernels."""

from __future__ import annotations

import math
import platform
import re

import numpy as np
import pytest
import torch
from mamba_cases import as_numpy, leaves, operands, relative

from paralg.recurrences.mamba import ablations, compiled, drivers, selective_scan, threads
from paralg.recurrences.mamba.elementary import evaluate, exp, exp2, sigmoid, softplus
from paralg.recurrences.mamba.kernels import Operands, forward_step
from paralg.recurrences.mamba.lanes import WIDTH
from paralg.recurrences.mamba.polynomials import ARTANH, EXP2, artanh_ratio, exp2_ratio, minimax
from paralg.recurrences.mamba.threads import GRAIN, share

GRID = np.concatenate([np.linspace(-80, 80, 50_001), np.linspace(-1, 1, 20_001), [0.0, -0.0]])
EXACT = {
    exp2: np.exp2,
    exp: np.exp,
    softplus: lambda x: np.maximum(x, 0) + np.log1p(np.exp(-abs(x))),
    sigmoid: lambda x: 1 / (1 + np.exp(-x)),
}
# relative errors; a float32 next to another differs by 0.6e-7 to 1.2e-7
ALLOWED = {exp2: 1e-7, exp: 1e-7, softplus: 3e-7, sigmoid: 2e-7}


@pytest.mark.parametrize("function", EXACT)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions_are_accurate_to_a_few_roundings(function, dtype):
    x = GRID.astype(dtype)
    expected = EXACT[function](x.astype(np.longdouble))
    error = np.abs(evaluate(function, x) - expected) / expected
    allowed = ALLOWED[function] if dtype == np.float32 else 6e-16
    assert error.max() < allowed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions_at_the_ends(dtype):
    x = np.array([-np.inf, -2000.0, 0.0, 2000.0, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(evaluate(exp2, x), [0, 0, 1, np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(evaluate(exp, x), [0, 0, 1, np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(evaluate(sigmoid, x), [0, 0, 0.5, 1, 1, np.nan])
    half = dtype(math.log(2))
    np.testing.assert_allclose(
        evaluate(softplus, x), [0, 0, half, 2000, np.inf, np.nan], rtol=3e-7
    )


def test_exp2_of_an_integer_is_exact():
    k = np.arange(-126, 128, dtype=np.float32)
    np.testing.assert_array_equal(evaluate(exp2, k), np.ldexp(np.float32(1), k.astype(int)))


@pytest.mark.parametrize("size", [0, 1, WIDTH - 1, WIDTH, WIDTH + 1])
def test_evaluate_keeps_the_shape(size):
    x = np.zeros((size, 1), np.float32)
    assert evaluate(exp2, x).tolist() == np.ones((size, 1)).tolist()


def test_functions_refuse_plain_python():
    for function in EXACT:
        with pytest.raises(TypeError, match="inside compiled functions only"):
            function(1.0)


def test_shipped_coefficients_are_the_minimax_fits():
    fit, error = minimax(exp2_ratio, (-0.5, 0.5), len(EXP2[32]) - 1, lambda r: r / 2**r)
    np.testing.assert_allclose(EXP2[32], fit, rtol=1e-7)
    assert error < 3e-9
    degree = len(ARTANH[32]) - 1
    fit, error = minimax(artanh_ratio, (0, 1 / 9), degree, lambda q: 1 / artanh_ratio(q))
    np.testing.assert_allclose(ARTANH[32], fit, rtol=1e-5)
    assert error < 5e-9


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads x86-64 assembly")
def test_the_hot_loop_works_on_whole_registers():
    row, states = np.zeros((1, 1, WIDTH), np.float32), np.zeros((1, 1, 4), np.float32)
    one, h = np.zeros(WIDTH, np.float32), np.zeros((4, WIDTH), np.float32)
    x = Operands(row, row, h, states, states, one, row, one, True, True)
    forward_step(x, 0, 0, 0, h, h.copy(), row.copy())
    (text,) = forward_step.inspect_asm().values()
    packed, single = (len(re.findall(rf"vfn?m(?:add|sub)\w*{end}\b", text)) for end in ("ps", "ss"))
    assert single == 0
    assert packed == 0 or packed > 20  # none on a machine without fused multiply-add
    assert len(re.findall(r"mulps\b", text)) > 4


def test_lanes_refuse_arrays_they_cannot_read():
    from numba import njit
    from numba.core.errors import TypingError

    from paralg.recurrences.mamba.lanes import load, store, total

    @njit
    def read(x):
        return total(load(x, (0, 0)))

    @njit
    def mix(x, y):
        store(y, (0, 0), load(x, (0, 0)))

    rows = np.arange(2.0 * WIDTH).reshape(2, WIDTH)
    assert read(rows) == rows[0].sum()
    for strange in (rows.T, rows.astype(np.int64)):
        with pytest.raises(TypingError, match="expected a contiguous array"):
            read(strange)
    with pytest.raises(TypingError, match="cannot hold"):
        mix(rows, rows.astype(np.float32))


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
    x = operands(1, 4, 32, 2, dtype=torch.float32)
    with pytest.raises(TypeError, match="must have the type of u, torch.float32"):
        compiled.fused_scan(*(x | {"B": x["B"].double()}).values(), True)
    with pytest.raises(AssertionError, match="contiguous"):
        compiled._address(torch.zeros(2, 3).t())


def test_the_cache_key_covers_every_source_of_the_kernels():
    assert drivers._digest() in {cell.cell_contents for cell in drivers.forward.py_func.__closure__
                                 if isinstance(cell.cell_contents, str)}  # fmt: skip


def test_compiling_waits_for_no_lock_file_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled.tempfile, "gettempdir", lambda: str(tmp_path))
    for _ in range(2):
        with compiled._one_process():
            assert len(list(tmp_path.iterdir())) <= 1


@pytest.mark.parametrize(
    "tasks, steps, workers",
    [(0, 0, 1), (1, 1, 4), (7, 2**22, 1), (7, 2**22, 3), (2, 2**30, 8), (5, 10, 2)],
)
def test_shared_tasks_are_each_done_once(tasks, steps, workers):
    done, before = [], torch.get_num_threads()
    torch.set_num_threads(workers)
    share(lambda begin, end, word: done.append((begin, end, word)), tasks, steps, "x")
    torch.set_num_threads(before)
    assert sorted(t for begin, end, _ in done for t in range(begin, end)) == list(range(tasks))
    assert len(done) <= max(1, min(workers, tasks, steps // GRAIN))
    assert all(word == "x" for *_, word in done)


def test_an_error_in_a_thread_reaches_the_caller():
    def fail(begin, end):
        if begin > 0:
            raise ValueError("task 1")

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="task 1"):
            share(fail, 2, 2**30)
    finally:
        torch.set_num_threads(before)


def test_a_child_after_fork_makes_its_own_threads(monkeypatch):
    monkeypatch.setattr(threads, "_pool", "the parent's")
    threads._forget()
    assert threads._pool is None


@pytest.mark.parametrize("variant", ablations.VARIANTS)
def test_ablations_compute_the_same(variant):
    x = {name: part.float() for name, part in operands(2, 40, 64, 4).items() if name != "h0"}
    expected = selective_scan(**x, delta_softplus=True)
    got = ablations.run(variant, **as_numpy(x))
    assert relative(torch.from_numpy(got), expected) < 1e-5


def test_ablations_refuse_what_they_cannot_do():
    x = as_numpy({n: p.float() for n, p in operands(1, 2, 3, 2).items() if n != "h0"})
    with pytest.raises(ValueError, match="variant must be one of"):
        ablations.run("magic", **x)
    with pytest.raises(ValueError, match="channels must be a multiple of 32, got 3"):
        ablations.run("library exp", **x)
