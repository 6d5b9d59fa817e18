"""No argument reaches a compiled kernel unchecked, and none reads or writes past its arrays."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="guards pages as Linux does")
def test_no_kernel_touches_memory_beyond_its_arrays():
    run = subprocess.run([sys.executable, "-m", "tests.project.guarded"], cwd=ROOT, text=True,
                         capture_output=True, timeout=280)  # fmt: skip
    assert run.returncode == 0, f"{run.returncode}\n{run.stdout[-2000:]}\n{run.stderr[-3000:]}"
    assert len(run.stdout.splitlines()) >= 15
