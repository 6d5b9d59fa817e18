"""The few small networks that several chapters share, with their training scripts and weights.

``load("addition-bidirectional")`` returns one network, ``load("addition")`` all modes trained on
that data as one model.
Importing this package does not import torch; the first use of a name below does.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["Family", "Network", "TransformerConfig", "Transformer", "available", "load"]

_HOME = {
    "Family": "family",
    "Network": "network",
    "TransformerConfig": "transformer",
    "Transformer": "transformer",
    "available": "weights",
    "load": "weights",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
