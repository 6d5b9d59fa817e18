"""Local linear attention and FlashLLA: a local line for every query, all solved at once.

Importing this package imports neither torch nor numba; the first use of a name that needs them
does.
"""

from __future__ import annotations

import importlib
from typing import Any

from paralg.recurrences.local_linear_attention.explorer import explorer as explorer

_HOME = {
    "CGOptions": "conjugate", "CGRun": "conjugate", "conjugate_gradients": "conjugate",
    "InContextRegression": "tasks", "PermutationState": "tasks", "Recall": "tasks",
    "Layout": "rows", "Rows": "rows",
    "KeyValueCache": "layer", "LocalLinearAttention": "layer",
    "MOMENTS": "scans", "mesa_by_scan": "scans", "mesa_recursive": "scans",
    "prefix_lines": "scans",
    "RELEASED": "attention", "Run": "attention", "lla_attention": "attention",
    "lla_forward": "attention",
    "SequenceModel": "models",
    "by_loop": "regressors", "delta_rule": "regressors", "gated_sum": "regressors",
    "mesa": "regressors",
    "attend_by_lstsq": "reference", "closed_form": "reference", "local_constant": "reference",
    "local_line": "reference", "softmax_weights": "reference",
    "interpolate": "interpolation",
    "load": "train", "log": "train",
    "peak_bytes": "memory",
    "relmm": "primitives", "relsum": "primitives", "sigma_product": "primitives",
    "segments": "test_time", "predict": "test_time", "errors": "test_time",
    "smooth": "theory", "edge_bias": "theory", "risk": "theory", "cg_bound": "theory",
    "warm": "compiled",
}  # fmt: skip

__all__ = sorted([*_HOME, "explorer"])


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
