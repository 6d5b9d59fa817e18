"""One small network with five interchangeable mixers, and tasks on which they are compared.

Importing this package does not import torch; the first use of a name below does.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "Drift": "tasks", "Recall": "tasks", "Tracking": "tasks",
    "MIXERS": "choice", "needs": "counts",
    "SIZES": "recipes", "TASKS": "recipes", "evaluate": "recipes", "load": "recipes",
    "log": "recipes", "logs": "recipes",
    "SequenceModel": "stack",
    "Stream": "streaming", "stream": "streaming",
}  # fmt: skip

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
