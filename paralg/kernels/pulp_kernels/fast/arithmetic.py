"""Four arithmetics with the same operations, on arrays of *words*: kernels are written once."""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.kernels.pulp_kernels.fast.words import soft

__all__ = ["Arithmetic", "FixedPoint32", "SoftFloat", "arithmetic"]


@dataclass(frozen=True)
class Arithmetic:
    """The processor's own floats; ``dtype`` is float64 or float32."""

    dtype: str = "float64"
    add, sub, mul, lt = map(staticmethod, (np.add, np.subtract, np.multiply, np.less))

    def encode(self, values) -> np.ndarray:
        """Return the words nearest to numbers."""
        return np.asarray(values, self.dtype)

    def decode(self, words) -> np.ndarray:
        """Return words as doubles, which are in the same order."""
        return np.asarray(words, np.float64)


@dataclass(frozen=True)
class SoftFloat(Arithmetic):
    """Words of binary32, uint32, in integer instructions; ``flush`` takes subnormals as zeros."""

    dtype: str = "uint32"
    flush: bool = False

    def encode(self, values):
        return np.asarray(values, np.float32).view(np.uint32)

    def decode(self, words):
        return np.asarray(words, np.uint32).view(np.float32).astype(np.float64)

    def _of(name):
        return lambda self, a, b: soft(name, a, b, self.flush)

    add, sub, mul = map(_of, ("add", "sub", "mul"))

    def lt(self, a, b):
        return soft("lt", a, b, self.flush).astype(bool)


@dataclass(frozen=True)
class FixedPoint32(Arithmetic):
    """Q(m.n): integers of ``bits`` bits that count steps of ``2**-fraction``; saturating."""

    dtype: str = "int64"
    fraction: int = 16
    bits: int = 32

    def _kept(self, wide):
        return np.clip(wide, -(1 << self.bits - 1), (1 << self.bits - 1) - 1)

    def encode(self, values):
        return self._kept(np.rint(np.asarray(values, float) * 2.0**self.fraction)).astype(np.int64)

    def decode(self, words):
        return np.asarray(words, np.float64) * 2.0**-self.fraction

    def add(self, a, b):
        return self._kept(a + b)

    def sub(self, a, b):
        return self._kept(a - b)

    def mul(self, a, b):
        return self._kept((a * b + (1 << self.fraction >> 1)) >> self.fraction)


def arithmetic(name: str, fraction: int = 16, bits: int = 32) -> Arithmetic:
    """Return an arithmetic: binary32 in integers, or the processor's floats, or fixed point.

    ``name`` is float64, float32, soft, "soft, flushed" or fixed, and fixed point has ``fraction``
    bits after the point of 2 to 32 ``bits``.

    >>> soft = arithmetic("soft")
    >>> tenth, fifth = soft.encode([0.1]), soft.encode([0.2])
    >>> hex(soft.add(tenth, fifth)[0]), hex(soft.mul(tenth, fifth)[0])
    ('0x3e99999a', '0x3ca3d70b')
    """
    known = {"float64": Arithmetic(), "float32": Arithmetic("float32"), "soft": SoftFloat(),
             "soft, flushed": SoftFloat(flush=True)}  # fmt: skip
    checks.one_of("name", name, (*known, "fixed"))
    checks.integer("bits", bits, 2, 32)
    checks.integer("fraction", fraction, 0, bits - 1)
    return known.get(name) or FixedPoint32(fraction=fraction, bits=bits)
