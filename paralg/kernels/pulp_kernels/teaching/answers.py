"""Right answers, more forms of them, and wrong ones with what they are told."""

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def cut_bits(a, b):
    """Add without rounding: the last bit is lost."""
    e, s = a >> 23, (a & 0x7FFFFF) + (b & 0x7FFFFF) + (1 << 24)
    return (e << 23) + (s >> 1)


RIGHT = {"ex-pulp-kernels-rows": 5, "ex-pulp-kernels-trees": 20 / 3}

OTHER_FORMS = [("ex-pulp-kernels-trees", "20/3"), ("ex-pulp-kernels-rows", "5")]

WRONG = {
    "ex-pulp-kernels-rows": [(8, "three have none"), (10, "eight cores")],
    "ex-pulp-kernels-trees": [(8, "three trees"), (2.5, "mean number")],
    "ex-pulp-kernels-steps": [(lambda c, d, p: c * d // p, "no features")],
    "ex-pulp-kernels-add": [(cut_bits, "tie")],
    "ex-pulp-kernels-tree": [(lambda tree, x: 0, "rule out")],
}  # fmt: skip
