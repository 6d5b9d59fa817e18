"""Mamba: a selective state-space model as a linear recurrence that is scanned in parallel.

Importing this package imports neither torch nor numba; the first use of a name that needs them
does.
"""

from __future__ import annotations

import importlib
from typing import Any

from paralg.recurrences.mamba.explorer import explorer as explorer

_HOME = {
    "accuracy": "evaluate", "bits_per_character": "evaluate", "length_curve": "evaluate",
    "curve_rows": "evaluate", "ngram_bits": "evaluate",
    "MambaBlock": "block", "BlockState": "block",
    "MambaConfig": "config",
    "MambaLM": "model", "RMSNorm": "model", "decay_groups": "model",
    "InductionHeads": "tasks", "SelectiveCopying": "tasks", "Text": "tasks",
    "Traffic": "io_model", "traffic": "io_model",
    "aligned_kernels": "theory", "convolve": "theory", "convolve_fft": "theory",
    "gated_recurrence": "theory", "lag_matrix": "theory", "lti_kernel": "theory",
    "ScanRun": "reference", "discretise": "reference", "linear_states": "reference",
    "phi": "reference", "reverse_states": "reference", "selective_scan_loop": "reference",
    "selective_scan_reference": "reference",
    "linear_scan": "logdepth",
    "load": "weights", "log": "weights", "logs": "weights",
    "recipe": "recipes",
    "saved_tensors": "memory",
    "selective_scan": "scan", "selective_scan_fn": "scan",
    "warm": "compiled",
}  # fmt: skip

__all__ = sorted([*_HOME, "explorer"])


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
