"""Attention as an RNN: softmax attention with a fixed query is a recurrence, and scans in parallel.

Importing this package imports neither torch nor numba; the first use of a name that needs them
does.
"""

from __future__ import annotations

import importlib
from typing import Any

from paralg.recurrences.aaren.explorer import explorer as explorer

_HOME = {
    "Aaren": "layer", "CausalAttention": "layer",
    "Attended": "schedules", "attend": "schedules", "attend_dense": "schedules",
    "cell": "schedules", "empty": "schedules", "prefixes": "schedules", "stream": "schedules",
    "stream_blocks": "schedules", "unstable_stream": "schedules",
    "SOFTMAX": "monoid", "UNSAFE": "monoid", "decayed": "monoid", "leaves": "monoid",
    "read": "monoid",
    "SequenceModel": "model", "Shape": "model", "block_parameters": "model",
    "acting_parameters": "theory", "cells": "theory", "gated": "theory", "gates": "theory",
    "gradients": "theory", "state_numbers": "theory", "weights": "theory",
    "first_state": "attention", "prefix_attention": "attention",
    "load": "train", "log": "train", "seeds": "train",
    "warm": "compiled",
}  # fmt: skip

__all__ = sorted([*_HOME, "explorer"])


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
