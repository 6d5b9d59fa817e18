"""A numba type that holds one number for each of 32 channels, so that every operation is SIMD.

Inside a compiled function ``load(array, index)`` reads 32 neighbouring numbers, ``+ - * /`` work on
all of them at once, ``store`` writes them back and ``total`` adds them up.
The type is LLVM's ``<32 x float>``, cut into registers of the machine: four with AVX2, two with
AVX-512, eight with NEON. Nothing is left to the loop vectoriser, which gives up as soon as it
cannot prove that two arrays do not overlap.
"""

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

    @property
    def vector(self) -> ir.VectorType:
        """LLVM's type."""
        element = ir.FloatType() if self.dtype == types.float32 else ir.DoubleType()
        return ir.VectorType(element, WIDTH)


_LANES = {dtype: LanesType(dtype) for dtype in _MANTISSA}


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, lanes.vector)


@intrinsic
def load(_, array, index):
    """Return ``array[index]`` and its ``WIDTH - 1`` neighbours along the last axis."""
    lanes = _lanes_of(array)

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments, lanes)
        return builder.load(address, align=array.dtype.bitwidth // 8)

    return lanes(array, index), generate


@intrinsic
def store(_, array, index, value):
    """Write ``WIDTH`` numbers to ``array[index]`` and its neighbours along the last axis."""
    if _lanes_of(array) != value:
        raise TypingError(f"an array of {array.dtype} cannot hold {value}")

    def generate(context, builder, signature, arguments):
        address = _address(context, builder, signature, arguments, value)
        builder.store(arguments[2], address, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index, value), generate


@intrinsic
def memory(_, address, shape, like):
    """Return the numbers of ``like``'s type from ``address`` on, unchecked and not owned."""
    array = types.Array(like, len(shape), "C")

    def generate(context, builder, signature, arguments):
        sizes = _integers(context, builder, arguments[1], shape)
        size_of_one = context.get_constant(types.intp, like.bitwidth // 8)
        strides = [size_of_one]
        for size in sizes[:0:-1]:
            strides.insert(0, builder.mul(strides[0], size))
        made = context.make_array(array)(context, builder)
        data = builder.inttoptr(arguments[0], made.data.type)
        populate_array(made, data, sizes, strides, size_of_one, None)
        return made._getvalue()

    return array(address, shape, like), generate


@intrinsic
def total(_, lanes):
    """Return the sum of the lanes, added as a tree."""

    def generate(context, builder, signature, arguments):
        one = lanes.vector.element
        add_up = _llvm(builder, "vector.reduce.fadd", lanes, one, [one, lanes.vector])
        zero = ir.Constant(one, -0.0)
        return builder.call(add_up, [zero, *arguments], fastmath=(*_CONTRACT, "reassoc"))

    return lanes.dtype(lanes), generate


@intrinsic
def power_of_two(_, lanes):
    r"""Return :math:`2^k`, k + bias being the integer in the low bits of each lane's mantissa."""

    def generate(context, builder, signature, arguments):
        width = ir.VectorType(ir.IntType(lanes.dtype.bitwidth), WIDTH)
        shift = ir.Constant(width, [_MANTISSA[lanes.dtype]] * WIDTH)
        bits = builder.shl(builder.bitcast(arguments[0], width), shift)
        return builder.bitcast(bits, lanes.vector)

    return lanes(lanes), generate


@intrinsic
def multiply_add(_, lanes, factor, term):
    """Return ``lanes * factor + term`` with one rounding where the machine has the instruction."""

    def generate(context, builder, signature, arguments):
        fused = _llvm(builder, "fmuladd", lanes, lanes.vector, [lanes.vector] * 3)
        return builder.call(fused, _spread_all(context, builder, signature, arguments, lanes))

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
            both = _spread_all(context, builder, signature, arguments, lanes)
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


def _address(context, builder, signature, arguments, lanes: LanesType):
    """Return the address of ``array[index]``, unchecked, for an index without negative parts."""
    array, index = signature.args[:2]
    data = context.make_array(array)(context, builder, arguments[0])
    inds = _integers(context, builder, arguments[1], index)
    address = cgutils.get_item_pointer(context, builder, array, data, inds)
    return builder.bitcast(address, lanes.vector.as_pointer())


def _integers(context, builder, values, kinds) -> list:
    """Return the parts of a tuple as machine integers."""
    parts = zip(cgutils.unpack_tuple(builder, values, len(kinds)), kinds, strict=True)
    return [context.cast(builder, value, kind, types.intp) for value, kind in parts]


def _llvm(builder, name: str, lanes: LanesType, result, operands: list):
    """Return LLVM's own function of that name for lanes."""
    name = f"llvm.{name}.v{WIDTH}f{lanes.dtype.bitwidth}"
    kind = ir.FunctionType(result, operands)
    return cgutils.get_or_insert_function(builder.module, kind, name)


def _spread_all(context, builder, signature, arguments, lanes: LanesType) -> list:
    pairs = zip(arguments, signature.args, strict=True)
    return [_spread(context, builder, value, kind, lanes) for value, kind in pairs]


def _spread(context, builder, value, kind, lanes: LanesType):
    """Return ``value`` in every lane; lanes stay as they are."""
    if isinstance(kind, LanesType):
        return value
    nothing = ir.Constant(lanes.vector, ir.Undefined)
    value = context.cast(builder, value, kind, lanes.dtype)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, nothing, zeros)
