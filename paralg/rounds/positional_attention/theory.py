r"""Counts of layers and parameters, and the law of errors under scaling."""

from paralg.core import checks
from paralg.rounds.positional_attention.layer import Shape

__all__ = [
    "benes_layers", "error_growth", "parameters", "routing_layers", "scan_layers", "sort_layers",
]  # fmt: skip


def scan_layers(n: int) -> int:
    """Return the rounds of a prefix scan, the least that fan-in two allows: log n, rounded up.

    >>> [scan_layers(n) for n in (1, 2, 8, 9)]
    [0, 1, 3, 4]
    """
    return (checks.integer("n", n, 1) - 1).bit_length()


def sort_layers(n: int) -> int:
    """Return the rounds of a bitonic sorter of a power of two.

    >>> [sort_layers(n) for n in (2, 8, 64)]
    [1, 6, 21]
    """
    b = _power(n)
    return b * (b + 1) // 2


def routing_layers(n: int, hops: int = 1) -> int:
    """Return the layers that deliver ``hops`` rounds of n messages by sorting them.

    >>> routing_layers(8, 3)
    18
    """
    return checks.integer("hops", hops, 1) * sort_layers(n)


def benes_layers(n: int, hops: int = 1) -> int:
    """Return those of ``hops`` rounds where n nodes are told how a Beneš network is set.

    >>> benes_layers(8), benes_layers(8, 3)
    (5, 15)
    """
    return checks.integer("hops", hops, 1) * (2 * _power(n) - 1)


def parameters(shape: Shape, standard: bool = False) -> int:
    """Return the parameters of a positional or a standard transformer of a ``shape``.

    >>> official = Shape(8, width=64, hidden=(64,))
    >>> parameters(official), parameters(official, standard=True)
    (84577, 150273)
    """
    checks.instance("shape", shape, Shape), checks.instance("standard", standard, bool)
    d, m, b = shape.width, shape.nodes + 1, int(shape.bias)
    size = d if standard else m
    sizes = (2 * d, *shape.hidden, d)
    layer = (size + 1) * 2 * size * shape.heads + 2 * (d + b) * d
    layer += sum((a + b) * out for a, out in zip(sizes, sizes[1:], strict=False))
    seen = shape.inputs + (m if standard else 0)
    return (seen + b) * d + shape.layers * layer + (d + b) * shape.outputs


def error_growth(scale: float, rejected: bool = True) -> float:
    r"""Return the mean squared error at ``scale`` times the trained range over that within it.

    For a positively homogeneous model and task this is exact, in the mean over inputs:
    :math:`\lambda^2` where inputs are drawn in the same way, and :math:`\lambda^2 + 1` where rows
    whose interval lies inside the trained range are rejected, as the paper does. ``scale`` is λ, at
    least 1.

    >>> error_growth(10), error_growth(10, rejected=False)
    (101.0, 100.0)
    """
    scale = checks.number("scale", scale, 1)
    checks.instance("rejected", rejected, bool)
    return scale**2 + (1 if rejected and scale > 1 else 0)


def _power(n: int) -> int:
    """Return log n of a power of two."""
    n = checks.integer("n", n, 2)
    if n & (n - 1):
        raise ValueError(f"n must be a power of two, got {n}")
    return n.bit_length() - 1
