"""Soft float over arrays: one compiled loop that calls the functions of `softfloat` as they are."""

import numpy as np

from paralg.core import checks
from paralg.kernels.pulp_kernels.fast import softfloat as sf
from paralg.simd.cache import compile_lock, compiled

__all__ = ["OPERATIONS", "soft", "warm"]

OPERATIONS = ("add", "sub", "mul", "div", "lt", "from_int", "to_int")


def soft(name: str, a, b=0, flush: bool = False) -> np.ndarray:
    """Return one of `OPERATIONS`, by ``name``, of words ``a`` and ``b``, uint32, which broadcast.

    ``flush`` takes subnormals as zeros. ``from_int`` takes and ``to_int`` gives int64, of ``a``.
    """
    code = OPERATIONS.index(checks.one_of("name", name, OPERATIONS))
    wide = np.int64 if name == "from_int" else np.uint32
    a, b = np.broadcast_arrays(np.asarray(a, wide), np.asarray(b, np.uint32))
    out = np.empty(a.shape, np.int64)
    _each(code, a.reshape(-1).astype(np.int64), b.reshape(-1).astype(np.int64), flush,
          out.reshape(-1))  # fmt: skip
    return out if name == "to_int" else out.astype(np.uint32)


@compiled
def _flushed(word):
    return word & sf.SIGN if word & sf.INFINITY == 0 else word


@compiled
def _each(code, a, b, flush, out):
    for i in range(len(a)):
        x, y = (_flushed(a[i]), _flushed(b[i])) if flush else (a[i], b[i])
        if code < 2:
            z = sf.add(x, y) if code == 0 else sf.sub(x, y)
        elif code < 4:
            z = sf.mul(x, y) if code == 2 else sf.div(x, y)
        else:
            z = sf.from_int(x) if code == 5 else sf.to_int(x) if code == 6 else sf.lt(x, y) * 1
        out[i] = _flushed(z) if flush and code < 4 else z


def warm() -> None:
    """Compile and cache the loop."""
    with compile_lock():
        soft("add", np.zeros(1), np.zeros(1))
