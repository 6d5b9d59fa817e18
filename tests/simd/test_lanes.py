"""Lanes, their exponentials, and threads: what compiled kernels are made of."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from paralg.simd import cache, threads
from paralg.simd.elementary import evaluate, exp, exp2, sigmoid, softplus
from paralg.simd.lanes import WIDTH
from paralg.simd.polynomials import ARTANH, EXP2, artanh_ratio, exp2_ratio, minimax
from paralg.simd.threads import GRAIN, parallel_for

GRID = np.concatenate([np.linspace(-80, 80, 10_001), np.linspace(-1, 1, 4_001), [0.0, -0.0]])
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
    np.testing.assert_allclose(evaluate(softplus, x), [0, 0, half, 2000, np.inf, np.nan], rtol=3e-7)


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


def test_lanes_refuse_arrays_they_cannot_read():
    from numba import njit
    from numba.core.errors import TypingError

    from paralg.simd.lanes import load, store, total

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


@pytest.mark.parametrize(
    "tasks, steps, workers",
    [(0, 0, 1), (1, 1, 4), (7, 2**22, 1), (7, 2**22, 3), (2, 2**30, 8), (5, 10, 2)],
)
def test_shared_tasks_are_each_done_once(tasks, steps, workers):
    done, before = [], torch.get_num_threads()
    torch.set_num_threads(workers)
    parallel_for(lambda begin, end, word: done.append((begin, end, word)), tasks, steps, "x")
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
            parallel_for(fail, 2, 2**30)
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_after_fork_makes_its_own_threads():
    threads._threads()
    child = os.fork()
    if child == 0:
        os._exit(threads._threads.cache_info().currsize)
    assert os.waitpid(child, 0)[1] == 0


def test_memory_is_read_where_it_lies():
    from numba import njit

    from paralg.simd.lanes import memory

    @njit
    def corner(address, rows, columns, zero):
        return memory(address, (rows, columns), zero)[1, 2]

    for dtype in (np.float32, np.float64):
        x = np.arange(12, dtype=dtype).reshape(3, 4)
        assert corner(x.ctypes.data, 3, 4, dtype(0)) == x[1, 2]


KERNEL = """
from paralg.factor import FACTOR
from paralg.simd.cache import compiled
from paralg.step import step


@compiled
def scaled(x):
    return step(x) * FACTOR


print(scaled(1), sum(scaled.stats.cache_hits.values()))
"""


def test_a_kernel_is_compiled_again_when_what_it_freezes_has_changed(tmp_path):
    """Constants and compiled functions of other files, however far; and only then."""
    files = {"__init__.py": "", "simd/__init__.py": "", "kernel.py": KERNEL,
             "simd/cache.py": Path(cache.__file__).read_text(),
             "factor.py": "FACTOR = 10\n", "shift.py": "SHIFT = 1\n",
             "step.py": "from numba import njit\n\nfrom paralg.shift import SHIFT\n\n\n"
                        "@njit\ndef step(x):\n    return x + SHIFT\n"}  # fmt: skip
    for name, text in files.items():
        (tmp_path / "paralg" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "paralg" / name).write_text(text)

    def run(**edited):
        for name, text in edited.items():
            (tmp_path / "paralg" / f"{name}.py").write_text(text)
        command = [sys.executable, "-m", "paralg.kernel"]
        environment = {**os.environ, "PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.check_output(command, cwd=tmp_path, env=environment, text=True).split()

    assert run() == ["20", "0"]
    assert run() == ["20", "1"]
    assert run(factor="FACTOR = 11\n") == ["22", "0"]
    assert run(shift="SHIFT = 2\n") == ["33", "0"]


def test_without_a_folder_for_the_cache_a_kernel_is_compiled_each_time(monkeypatch):
    monkeypatch.setattr("numba.core.caching.CompileResultCacheImpl._locator_classes", [])
    assert cache.compiled(lambda x: x + 1)(1) == 2


def test_all_kernels_of_the_library_are_kept_in_the_one_way():
    """numba's own cache forgets the constants and functions that a kernel takes from elsewhere."""
    library = Path(cache.__file__).parents[1]
    bare = re.compile(r"jit\([^)]*cache=True|\bvectorize\b(?!=)|enable_caching")
    found = [path.name for path in library.rglob("*.py") if bare.search(path.read_text("utf-8"))]
    assert sorted({*found} - {"cache-checkpoint.py"}) == ["cache.py"]


def test_compiling_waits_for_no_lock_file_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    for _ in range(2):
        with cache.compile_lock():
            assert len(list(tmp_path.iterdir())) <= 1


def test_kernels_of_shelves_chapters_and_experiments_are_warmed():
    from paralg.warm import warmable

    ablations = "paralg.recurrences.mamba.experiments.ablations"
    assert {"paralg.simd", "paralg.recurrences.mamba", ablations} <= {n for n, _ in warmable()}
