"""Soft float with flags and five modes; kernel machines that vote in pairs, probabilities."""

import numpy as np

from paralg.core import checks
from paralg.kernels.pulp_kernels.fast.operands import chunks, encoded
from paralg.kernels.pulp_kernels.fast.softfloat import INFINITY, MAGNITUDE, NAN, SIGN, unpacked
from paralg.kernels.pulp_kernels.team import Core, Inference, Team

__all__ = ["FLAGS", "KERNELS", "MODES", "kernel_machine", "probabilities", "rounded_operation"]

MODES = ("nearest even", "towards zero", "down", "up", "nearest away")
FLAGS = {"inexact": 1, "underflow": 2, "overflow": 4, "division by zero": 8, "invalid": 16}
"""Bits of the flags, as RISC-V has them; a result is tiny or not after it is rounded."""


def rounded_operation(name: str, a: int, b: int, mode: str = "nearest even") -> tuple[int, int]:
    """Return the word of an operation of binary32 and the sum of its `FLAGS`: no early exits.

    ``name`` is add, sub, mul or div, ``a`` and ``b`` are words, ``mode`` is one of `MODES`.

    >>> [hex(rounded_operation("div", 0x3F800000, 0x40400000, mode)[0]) for mode in ("down", "up")]
    ['0x3eaaaaaa', '0x3eaaaaab']
    """
    checks.one_of("name", name, ("add", "sub", "mul", "div"))
    checks.one_of("mode", mode, MODES)
    a, b = (checks.integer(one, word, 0, 2**32 - 1) for one, word in (("a", a), ("b", b)))
    b ^= SIGN if name == "sub" else 0
    x, y, sign = a & MAGNITUDE, b & MAGNITUDE, (a ^ b) & SIGN
    if max(x, y) > INFINITY:
        signalling = any(one > INFINITY and not one & 0x400000 for one in (x, y))
        return NAN, FLAGS["invalid"] * signalling
    (e, s), (f, t) = (unpacked(one) for one in (x, y))
    if name in ("add", "sub"):
        if max(x, y) == INFINITY:
            return (NAN, FLAGS["invalid"]) if x == y and sign else (a if x >= y else b, 0)
        low = min(e, f)
        total = (-1) ** (a >> 31) * (s << e - low) + (-1) ** (b >> 31) * (t << f - low)
        if total == 0:
            return (SIGN * (mode == "down") if sign else a & SIGN), 0
        return _packed(SIGN * (total < 0), low, abs(total), mode)
    if name == "div":
        if x == y and x in (0, INFINITY):
            return NAN, FLAGS["invalid"]
        if x == INFINITY or y == 0:
            return sign | INFINITY, FLAGS["division by zero"] * (x != INFINITY)
        if x == 0 or y == INFINITY:
            return sign, 0
        quotient, rest = divmod(s << 40, t)
        return _packed(sign, e - f + 109, quotient << 1 | (rest != 0), mode)
    if max(x, y) == INFINITY:
        return (NAN, FLAGS["invalid"]) if min(x, y) == 0 else (sign | INFINITY, 0)
    return _packed(sign, e + f - 150, s * t, mode) if min(x, y) else (sign, 0)


def _packed(sign: int, e: int, s: int, mode: str) -> tuple[int, int]:
    """Round ``s * 2**(e - 150)`` to a word, and say which flags that raises."""
    e += s.bit_length() - 24  # of the number with bit 23 leading
    s = _sticky(s << 27, s.bit_length())
    tiny = e + (_up(s, sign, mode) and s >> 3 == (1 << 24) - 1) < 1
    if e < 1:
        s, e = _sticky(s, 1 - e), 1
    inexact, s = s & 7 != 0, (s >> 3) + _up(s, sign, mode)
    word = (e - 1 << 23) + s
    if word >= INFINITY:
        kept = mode == "towards zero" or mode == ("up" if sign else "down")
        return sign | INFINITY - kept, FLAGS["overflow"] | FLAGS["inexact"]
    return sign | word, FLAGS["inexact"] * inexact | FLAGS["underflow"] * (tiny and inexact)


def _sticky(s: int, d: int) -> int:
    return s >> d | (s & (1 << d) - 1 != 0)


def _up(s: int, sign: int, mode: str) -> bool:
    low = s & 7
    if mode.startswith("nearest"):
        return low > 4 or (low == 4 and (mode == "nearest away" or s >> 3 & 1 == 1))
    return low > 0 and mode == ("down" if sign else "up")


# ---- exponentials from multiplications and additions

_TAYLOR = (1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0)


def _exp(core: Core, x):
    """Return exp of words: a power of two times a polynomial; ten steps of ``dot``."""
    words = core.words
    if words.dtype == "int64":
        raise ValueError("exponentials need a floating-point arithmetic, got fixed point")
    # added and taken away again, 1.5 times the largest spacing rounds to an integer
    turn = words.encode(1.5 * 2.0 ** (52 if words.dtype == "float64" else 23))
    k = words.sub(words.add(words.mul(x, words.encode(np.log2(np.e))), turn), turn)
    r = words.add(x, words.mul(k, words.encode(-np.log(2.0))))
    total = words.encode(np.full(x.shape, _TAYLOR[0]))
    for term in _TAYLOR[1:]:
        total = words.add(words.mul(total, r), words.encode(term))
    core.counts["dot"] += 10 * x.size
    return words.mul(total, words.encode(np.exp2(np.clip(words.decode(k), -126, 127))))


def probabilities(team: Team, run: Inference) -> Inference:
    """Return soft-max probabilities, doubles (q, c), or the logistic function for c = 1.

    The ``team`` has the arithmetic of the ``run``, which `linear` returned.

    >>> from paralg.kernels.pulp_kernels import linear
    >>> run = linear(Team(1), [[0.0], [0.0]], [0.0, 0.0], [[1.0]])
    >>> probabilities(Team(1), run).answers.tolist()
    [[0.5, 0.5]]
    """
    checks.instance("team", team, Team)
    checks.instance("run", run, Inference)
    [found] = team.fork("soft-max", _softmax, [(run.scores,)])
    return team.finish(team.words.decode(found), found)


def _softmax(core: Core, z):
    words, single = core.words, z.shape[1] == 1
    z = np.concatenate([words.encode(np.zeros(z.shape)), z], axis=1) if single else z
    best = np.take_along_axis(z, core.largest(z)[:, None], axis=1)
    powers = _exp(core, words.sub(z, best))
    total = core.sum([powers[:, i : i + 1] for i in range(powers.shape[1])])
    core.counts["dot"] += 10 * len(z)  # the reciprocal, and not dearer
    found = words.mul(powers, words.encode(1 / words.decode(total)))
    return found[:, 1:] if single else found


KERNELS = ("linear", "rbf", "poly")


def kernel_machine(
    team: Team, vectors, dual, sizes, bias, x, *, kernel: str = "rbf", gamma: float = 1.0,
    degree: int = 3, coef0: float = 0.0,
) -> Inference:  # fmt: skip
    r"""Return the classes of support vectors under a kernel; the vectors are cut.

    .. math:: z_{ij} = \sum_s \alpha_s K(v_s, x) + b_{ij}, \qquad
              K = v x, \quad e^{-\gamma |v - x|^2} \;\text{or}\; (\gamma\, v x + r)^g

    over the vectors of classes i < j, then one vote a pair. Work q n (d + c + 10) steps, span that
    of ⌈n/p⌉ vectors and a sum of c (c - 1) / 2 scores. On a ``team``, ``vectors`` (n, d), ``dual``
    (c - 1, n), ``sizes`` (c,) and ``bias`` (c (c - 1) / 2,) are support vectors, dual coefficients,
    numbers of vectors and intercepts as scikit-learn has them, ``x`` are inputs (q, d); ``kernel``
    is one of `KERNELS`, with ``gamma``, ``degree`` g and ``coef0`` r.

    >>> machine = [[0.0], [1.0]], [[1.0, -1.0]], [1, 1], [0.0]
    >>> kernel_machine(Team(2), *machine, [[0.2], [0.9]]).answers.tolist()
    [0, 1]
    """
    checks.one_of("kernel", kernel, KERNELS)
    checks.number("gamma", gamma, above=0)
    checks.integer("degree", degree, 1)
    checks.number("coef0", coef0)
    vectors, bias, x = encoded(team, vectors=(vectors, "n d"), bias=(bias, "m"), x=(x, "q d"))
    sizes, [dual] = checks.array("sizes", sizes, "i", least=0), checks.floats(dual=(dual, "k n"))
    checks.sizes(sizes=(sizes, "c"))
    pairs = np.stack(np.triu_indices(len(sizes), 1), axis=1)
    if dual.shape != (len(sizes) - 1, len(vectors)) or sizes.sum() != len(vectors):
        raise ValueError(f"dual must be ({len(sizes) - 1}, {sizes.sum()}), got {dual.shape}")
    checks.sizes(bias=(bias, "m"), pairs=(pairs, "m 2"))
    used = np.zeros((len(pairs), len(vectors)), bool)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    alpha = np.zeros(used.shape)
    for place, (i, j) in enumerate(pairs):  # libsvm keeps c - 1 coefficients a vector
        alpha[place] = np.where(owner == i, dual[j - 1], np.where(owner == j, dual[i], 0.0))
        used[place] = (owner == i) | (owner == j)
    alpha, how = team.words.encode(alpha), (kernel, gamma, degree, coef0)
    shares = [(vectors[one], alpha[:, one], used[:, one], x, how)
              for one in chunks(len(vectors), team.p)]  # fmt: skip
    z = team.reduce(team.fork("kernel", _own_pairs, shares))
    [(answers, z)] = team.fork("vote", _vote_of_pairs, [(z, bias, pairs, len(sizes))])
    return team.finish(answers, z)


def _own_pairs(core: Core, vectors, alpha, used, x, how):
    (kernel, gamma, degree, coef0), words = how, core.words
    if kernel == "rbf":
        values = _exp(core, words.mul(core.distance(vectors, x), words.encode(-gamma)))
    else:
        values = core.dot(vectors, x)
    if kernel == "poly":
        base = values = words.add(words.mul(values, words.encode(gamma)), words.encode(coef0))
        for _ in range(degree - 1):
            values = words.mul(values, base)
        core.counts["dot"] += degree * values.size
    total = words.encode(np.zeros((len(x), len(alpha))))
    for s in range(values.shape[1]):
        added = words.add(total, words.mul(alpha[:, s], values[:, s, None]))
        total = np.where(used[:, s], added, total)
    core.counts["dot"] += int(used.sum()) * len(x)
    return total


def _vote_of_pairs(core: Core, z, bias, pairs, classes: int):
    z = core.sum([z, np.broadcast_to(bias, z.shape)])
    core.counts["largest"] += z.size + len(z) * (classes - 1)
    first, votes = core.words.lt(core.words.encode(0.0), z), np.zeros((len(z), classes), int)
    for place, (i, j) in enumerate(pairs):
        votes[:, i] += first[:, place]
        votes[:, j] += ~first[:, place]
    return votes.argmax(axis=1), z
