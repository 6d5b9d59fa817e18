"""The compiled kernels: registers, gradients, memory, cache, variants."""

from __future__ import annotations

import platform
import re

import numpy as np
import pytest
import torch
from mamba_cases import as_numpy, leaves, operands, relative

from paralg.recurrences.mamba import selective_scan
from paralg.recurrences.mamba.experiments import ablations
from paralg.recurrences.mamba.fast import ScanOperands, compiled, kernels
from paralg.recurrences.mamba.fast.kernels import Switches, forward_step
from paralg.simd import cache
from paralg.simd.cache import digest
from paralg.simd.lanes import WIDTH


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads x86-64 assembly")
def test_the_hot_loop_works_on_whole_registers():
    row, states = np.zeros((1, 1, WIDTH), np.float32), np.zeros((1, 1, 4), np.float32)
    one, h = np.zeros(WIDTH, np.float32), np.zeros((4, WIDTH), np.float32)
    x = ScanOperands(row, row, h, states, states, one, row, one)
    forward_step(x, Switches(True, True), 0, 0, 0, h, h.copy(), row.copy())
    # with a cold cache the drivers have compiled the step for other types in this process, too
    (text,) = (asm for types, asm in forward_step.inspect_asm().items() if "float32" in str(types))
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
    x = operands(1, 4, 32, 2, dtype=torch.float32)
    with pytest.raises(TypeError, match="must have the type of u, torch.float32"):
        compiled.fused_scan(*(x | {"B": x["B"].double()}).values(), True)
    with pytest.raises(AssertionError, match="contiguous"):
        compiled._address(torch.zeros(2, 3).t())


def test_the_cache_key_covers_every_source_of_the_kernels():
    assert digest() in {
        cell.cell_contents for cell in kernels.forward.py_func.__closure__
        if isinstance(cell.cell_contents, str)
    }  # fmt: skip


def test_compiling_waits_for_no_lock_file_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path))
    for _ in range(2):
        with cache.compile_lock():
            assert len(list(tmp_path.iterdir())) <= 1


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
