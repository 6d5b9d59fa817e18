"""IEEE 754 binary32 in integer instructions: round to nearest, ties to even [ieee-2019-standard].

A number is a *word*: sign bit, 8 bits of exponent field ``e``, 23 bits of fraction ``f``. Its value
is ``(2**23 + f) * 2**(e - 150)`` for ``0 < e < 255`` and ``f * 2**(-149)`` for ``e = 0``
(*subnormal*); ``e = 255`` holds infinity (``f = 0``) and what is no number (NaN).
The functions are plain Python on integers, and `words` compiles them. As in RVfplib there are early
exits, no flags, one rounding mode and one NaN [perotti-2021-rvfplib]; `variants` has the rest.
"""

from numba.extending import register_jitable

__all__ = ["NAN", "add", "div", "from_int", "lt", "mul", "rounded", "sticky_shift", "sub", "to_int"]

SIGN, MAGNITUDE, INFINITY, NAN = 1 << 31, (1 << 31) - 1, 255 << 23, 0x7FC00000


@register_jitable
def sticky_shift(s, d):
    """Shift right by ``d >= 0`` bits; the last bit says whether any 1 was lost (*sticky*)."""
    if d > 62:
        return 1 if s != 0 else 0
    return (s >> d) | (1 if s & ((1 << d) - 1) != 0 else 0)


@register_jitable
def rounded(sign, e, s):
    """Return the word of ``s * 2**(e - 153)``: a significand of 24 bits, then guard, round, sticky.

    Bit 26 of ``s`` is set. With the exponent minus one *added* to the rounded significand, its
    leading bit sets the field, and a carry moves on by itself.
    """
    if e < 1:
        s, e = sticky_shift(s, 1 - e), 1
    low, s = s & 7, s >> 3
    if low > 4 or (low == 4 and s & 1 == 1):
        s += 1
    return sign | min(((e - 1) << 23) + s, INFINITY)


@register_jitable
def unpacked(magnitude):
    """Return exponent and significand, bit 23 set; the exponent is below 1 if subnormal."""
    e, s = magnitude >> 23, magnitude & 0x7FFFFF
    if e > 0:
        return e, s | 0x800000
    e = 1
    while 0 < s < 0x800000:
        s, e = s << 1, e - 1
    return e, s


@register_jitable
def add(a, b):
    """Return the word of a + b."""
    if a & MAGNITUDE < b & MAGNITUDE:
        a, b = b, a
    large, small = a & MAGNITUDE, b & MAGNITUDE
    if large >= INFINITY:  # and infinity minus infinity is no number
        return NAN if large > INFINITY or (small == INFINITY and a != b) else a
    if small == 0:
        return a & b if large == 0 else a
    (e, s), (f, t) = unpacked(large), unpacked(small)
    s, t = s << 3, sticky_shift(t << 3, e - f)
    if (a ^ b) & SIGN == 0:
        s += t
        if s >> 27 != 0:
            s, e = sticky_shift(s, 1), e + 1
    else:
        s -= t
        if s == 0:
            return 0
        while s < 1 << 26:
            s, e = s << 1, e - 1
    return rounded(a & SIGN, e, s)


@register_jitable
def sub(a, b):
    """Return the word of a - b."""
    return add(a, b ^ SIGN)


@register_jitable
def mul(a, b):
    """Return the word of a b: 24 by 24 bits make 47 or 48."""
    sign, a, b = (a ^ b) & SIGN, a & MAGNITUDE, b & MAGNITUDE
    if a >= INFINITY or b >= INFINITY:
        return NAN if a > INFINITY or b > INFINITY or a == 0 or b == 0 else sign | INFINITY
    if a == 0 or b == 0:
        return sign
    (e, s), (f, t) = unpacked(a), unpacked(b)
    s, e = s * t, e + f - 127
    carry = s >> 47
    return rounded(sign, e + carry, sticky_shift(s, 20 + carry))


@register_jitable
def div(a, b):
    """Return the word of a / b by restoring division, a bit of the quotient a step."""
    sign, a, b = (a ^ b) & SIGN, a & MAGNITUDE, b & MAGNITUDE
    if a > INFINITY or b > INFINITY or (a == b and (a == 0 or a == INFINITY)):
        return NAN
    if a == INFINITY or b == 0:
        return sign | INFINITY
    if a == 0 or b == INFINITY:
        return sign
    (e, s), (f, t) = unpacked(a), unpacked(b)
    e += 127 - f
    if s < t:
        s, e = s << 1, e - 1
    quotient = 0
    for _ in range(27):
        quotient <<= 1
        if s >= t:
            s, quotient = s - t, quotient | 1
        s <<= 1
    return rounded(sign, e, quotient | (1 if s != 0 else 0))


@register_jitable
def lt(a, b):
    """Tell whether a < b; never with a NaN, and the two zeros are equal."""
    large, small = a & MAGNITUDE, b & MAGNITUDE
    if large > INFINITY or small > INFINITY or large + small == 0:
        return False
    if (a ^ b) & SIGN != 0:
        return a & SIGN != 0
    return large > small if a & SIGN != 0 else large < small


@register_jitable
def from_int(n):
    """Return the word of an integer below ``2**62`` in size."""
    s, e = abs(n), 153
    while s >= 1 << 27:
        s, e = sticky_shift(s, 1), e + 1
    while 0 < s < 1 << 26:
        s, e = s << 1, e - 1
    return rounded(SIGN if n < 0 else 0, e, s) if s != 0 else 0


@register_jitable
def to_int(a):
    """Return the integer of a number, cut towards zero; as RISC-V has it outside of 32 bits."""
    e, s = unpacked(a & MAGNITUDE)
    if e >= 158:
        return -(1 << 31) if a & SIGN != 0 and a & MAGNITUDE <= INFINITY else (1 << 31) - 1
    s = s << (e - 150) if e >= 150 else s >> min(150 - e, 62)
    return -s if a & SIGN != 0 else s
