"""Universal Transformer: one block applied again and again to all positions, each until it halts.

Importing this package does not import torch; the first use of a name that needs it does.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ACT": "config", "UTConfig": "config",
    "Attention": "layer", "Fc": "layer", "Layer": "layer", "SepConv": "layer",
    "CoordinateSignal": "signals", "sinusoid": "signals",
    "GraphBatch": "graphs", "Reachability": "graphs", "distances": "graphs",
    "from_networkx": "graphs",
    "PlainStack": "models", "Seq2Seq": "models", "Seq2SeqRun": "models",
    "Tagger": "models", "Transduced": "models", "causal_mask": "models",
    "Halted": "oracle", "coefficients": "oracle", "halt": "oracle",
    "HaltingUnit": "halting", "Ledger": "halting", "advance": "halting", "mix": "halting",
    "open_ledger": "halting",
    "Recurrence": "recurrence",
    "UTRun": "run",
    "run_compacted": "compacted",
}  # fmt: skip

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
