"""A numba type that holds one number for each of 32 channels, so that every operation is SIMD.

Inside a compiled function ``load(array, index)`` reads 32 neighbouring numbers, ``+ - * /`` work on
all of them at once, ``store`` writes them back and ``total`` adds them up.
The type is LLVM's ``<32 x float>``: nothing is left to the loop vectoriser, which gives up as soon
as it cannot prove that two arrays do not overlap.
LLVM cuts the 32 lanes into registers of the machine: four with AVX2, two with AVX-512, eight with
NEON.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, models, overload, register_model
from numba.np.arrayobj import populate_array

__all__ = [
    "WIDTH", "LanesType", "at_least", "at_most", "load", "memory", "multiply_add", "power_of_two",
    "store", "total",
]  # fmt: skip

WIDTH = 32
"""Channels in a block; known when the kernels are compiled."""

_CONTRACT = ("contract", "nsz")  # a * b + c may be one instruction; nothing may be reordered
_MANTISSA = {types.float32: 23, types.float64: 52}


class LanesType(types.Type):
    """The numba type of ``WIDTH`` numbers of one floating type."""

    def __init__(self, dtype: types.Float):
        self.dtype = dtype
        super().__init__(name=f"lanes({dtype}, {WIDTH})")


_LANES = {dtype: LanesType(dtype) for dtype in _MANTISSA}


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, _vector(lanes))


def _vector(lanes: LanesType) -> ir.VectorType:
    element = ir.FloatType() if lanes.dtype == types.float32 else ir.DoubleType()
    return ir.VectorType(element, WIDTH)


@intrinsic
def load(_, array, index):
    """Return ``array[index]`` and its ``WIDTH - 1`` neighbours along the last axis."""
    lanes = _lanes_of(array)

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        address = builder.bitcast(address, _vector(lanes).as_pointer())
        return builder.load(address, align=array.dtype.bitwidth // 8)

    return lanes(array, index), generate


@intrinsic
def store(_, array, index, value):
    """Write ``WIDTH`` numbers to ``array[index]`` and its neighbours along the last axis."""
    if _lanes_of(array) != value:
        raise TypingError(f"an array of {array.dtype} cannot hold {value}")

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments)
        address = builder.bitcast(address, _vector(value).as_pointer())
        builder.store(arguments[2], address, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index, value), generate


@intrinsic
def memory(_, address, shape, like):
    """Return the numbers of the type of ``like`` from ``address`` on as an array, unchecked.

    The array does not own them: the caller keeps them alive.
    """
    array = types.Array(like, len(shape), "C")

    def generate(context, builder, signature, arguments):
        pairs = zip(cgutils.unpack_tuple(builder, arguments[1], array.ndim), shape, strict=True)
        sizes = [context.cast(builder, size, kind, types.intp) for size, kind in pairs]
        strides = [context.get_constant(types.intp, like.bitwidth // 8)]
        for size in sizes[:0:-1]:
            strides.insert(0, builder.mul(strides[0], size))
        made = context.make_array(array)(context, builder)
        populate_array(
            made, builder.inttoptr(arguments[0], made.data.type), sizes, strides,
            context.get_constant(types.intp, like.bitwidth // 8), None,
        )  # fmt: skip
        return made._getvalue()

    return array(address, shape, like), generate


@intrinsic
def total(_, lanes):
    """Return the sum of the lanes, added as a tree."""

    def generate(context, builder, signature, arguments):
        vector = _vector(lanes)
        name = f"llvm.vector.reduce.fadd.v{WIDTH}f{lanes.dtype.bitwidth}"
        kind = ir.FunctionType(vector.element, [vector.element, vector])
        add_up = cgutils.get_or_insert_function(builder.module, kind, name)
        zero = ir.Constant(vector.element, -0.0)
        return builder.call(add_up, [zero, *arguments], fastmath=(*_CONTRACT, "reassoc"))

    return lanes.dtype(lanes), generate


@intrinsic
def power_of_two(_, lanes):
    r"""Return :math:`2^k`, k + bias being the integer in the low bits of each lane's mantissa."""

    def generate(context, builder, signature, arguments):
        width = ir.VectorType(ir.IntType(lanes.dtype.bitwidth), WIDTH)
        shift = ir.Constant(width, [_MANTISSA[lanes.dtype]] * WIDTH)
        bits = builder.shl(builder.bitcast(arguments[0], width), shift)
        return builder.bitcast(bits, _vector(lanes))

    return lanes(lanes), generate


@intrinsic
def multiply_add(_, lanes, factor, term):
    """Return ``lanes * factor + term`` with one rounding where the machine has the instruction."""

    def generate(context, builder, signature, arguments):
        vector = _vector(lanes)
        pairs = zip(arguments, signature.args, strict=True)
        parts = [_spread(context, builder, value, kind, lanes) for value, kind in pairs]
        name = f"llvm.fmuladd.v{WIDTH}f{lanes.dtype.bitwidth}"
        kind = ir.FunctionType(vector, [vector] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), parts)

    return lanes(lanes, factor, term), generate


def _bound(comparison: str):
    """Build an intrinsic that replaces lanes beyond a bound by the bound, and lets NaN pass."""

    @intrinsic
    def limit(_, bound, lanes):
        def generate(context, builder, signature, arguments):
            edge = _spread(context, builder, arguments[0], bound, lanes)
            beyond = builder.fcmp_ordered(comparison, edge, arguments[1])
            return builder.select(beyond, edge, arguments[1])

        return lanes(bound, lanes), generate

    return limit


at_least, at_most = _bound(">"), _bound("<")


def _arithmetic(instruction: str):
    """Build an intrinsic for one operation on lanes, or on lanes and a number."""

    @intrinsic
    def apply(_, left, right):
        lanes = left if isinstance(left, LanesType) else right

        def generate(context, builder, signature, arguments):
            pairs = zip(arguments, signature.args, strict=True)
            both = [_spread(context, builder, value, kind, lanes) for value, kind in pairs]
            return getattr(builder, instruction)(*both, flags=_CONTRACT)

        return lanes(left, right), generate

    def typed(left, right):
        if isinstance(left, LanesType) or isinstance(right, LanesType):
            return lambda left, right: apply(left, right)
        return None

    return typed


overload(operator.add)(_arithmetic("fadd"))
overload(operator.sub)(_arithmetic("fsub"))
overload(operator.mul)(_arithmetic("fmul"))
overload(operator.truediv)(_arithmetic("fdiv"))


def _lanes_of(array) -> LanesType:
    """Check that an array can be read in lanes, and return their type."""
    if not isinstance(array, types.Array) or array.dtype not in _LANES or array.layout != "C":
        raise TypingError(f"expected a contiguous array of float32 or float64, got {array}")
    return _LANES[array.dtype]


def _address(context, builder, signature, arguments):
    """Return the address of ``array[index]``, unchecked, for an index without negative parts."""
    array, index = signature.args[:2]
    data = context.make_array(array)(context, builder, arguments[0])
    parts = zip(cgutils.unpack_tuple(builder, arguments[1], len(index)), index, strict=True)
    inds = [context.cast(builder, value, kind, types.intp) for value, kind in parts]
    shape = cgutils.unpack_tuple(builder, data.shape, array.ndim)
    strides = cgutils.unpack_tuple(builder, data.strides, array.ndim)
    return cgutils.get_item_pointer2(
        context, builder, data.data, shape, strides, array.layout, inds, False, False
    )


def _spread(context, builder, value, kind, lanes: LanesType):
    """Return ``value`` in every lane; lanes stay as they are."""
    if isinstance(kind, LanesType):
        return value
    vector = _vector(lanes)
    nothing = ir.Constant(vector, ir.Undefined)
    value = context.cast(builder, value, kind, lanes.dtype)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, nothing, zeros)
