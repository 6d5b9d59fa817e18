"""One operator for tensors; compiled, chunked and log-depth forms, each equal to the loop."""

from typing import Any, NamedTuple

__all__ = ["ScanOperands"]


class ScanOperands(NamedTuple):
    """The operands of a selective scan, in the table of `paralg.recurrences.mamba.recurrence`."""

    u: Any
    delta: Any
    A: Any
    B: Any
    C: Any
    D: Any = None
    z: Any = None
    delta_bias: Any = None
    h0: Any = None
