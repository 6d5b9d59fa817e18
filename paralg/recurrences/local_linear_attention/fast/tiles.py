"""The forward pass of 32 queries side by side: every lane of a SIMD register solves its own system.

Of four keys at a time each number is read once and meets the same coordinate of 32 queries, which
lies ready as one row of lanes. Multiplying with a second moment and adding up values are the same
sweep over the keys, with other vectors.
"""

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.nn.functional import pad

from paralg.recurrences.local_linear_attention.conjugate import RELATIVE
from paralg.recurrences.local_linear_attention.fast.flash import NORMS, LLAOptions
from paralg.simd.cache import compiled
from paralg.simd.elementary import exp
from paralg.simd.lanes import WIDTH, at_least, load, multiply_add, store
from paralg.simd.threads import parallel_for

__all__ = ["attend", "warm"]

KEYS = 4
"""Keys of a step of the sweep: a row of queries is loaded once for all of them."""

HIDDEN = -1e30
"""Added to the logit of a key that a query does not see."""

# Vectors of an iteration, each of shape (width, 32), and numbers of a lane.
X, RESIDUAL, DIRECTION, IMAGE, INVERSE = range(5)
RHO, SIZE, LIMIT, ACTIVE, ALPHA, BETA = range(6)

_compile = njit(error_model="numpy", _nrt=False)


@_compile
def sweep(p, shift, k, v, w, seen, into):
    """Add all ``t v`` to `into`, for ``t = w (shift + p k)`` of each key; return the sum of t."""
    whole = shift * 0.0
    for j in range(0, seen, KEYS):
        t0, t1, t2, t3 = shift, shift, shift, shift
        for i in range(k.shape[1]):
            x = load(p, (i, 0))
            t0, t1 = multiply_add(x, k[j, i], t0), multiply_add(x, k[j + 1, i], t1)
            t2, t3 = multiply_add(x, k[j + 2, i], t2), multiply_add(x, k[j + 3, i], t3)
        t0, t1 = t0 * load(w, (j, 0)), t1 * load(w, (j + 1, 0))
        t2, t3 = t2 * load(w, (j + 2, 0)), t3 * load(w, (j + 3, 0))
        whole = whole + ((t0 + t1) + (t2 + t3))
        for i in range(v.shape[1]):
            x = multiply_add(t0, v[j, i], load(into, (i, 0)))
            x = multiply_add(t2, v[j + 2, i], multiply_add(t1, v[j + 1, i], x))
            store(into, (i, 0), multiply_add(t3, v[j + 3, i], x))
    return whole


@_compile
def weigh(q, k, bias, first, seen, scale, hidden, w):
    """Fill in the weights, return the top; lane r sees keys 0 … first + r, or as `hidden` says."""
    top = load(q, (0, 0)) * 0.0 + 2 * HIDDEN
    for j in range(0, seen, KEYS):
        s0 = load(q, (0, 0)) * 0.0
        s1, s2, s3 = s0, s0, s0
        for i in range(k.shape[1]):
            x = load(q, (i, 0))
            s0, s1 = multiply_add(x, k[j, i], s0), multiply_add(x, k[j + 1, i], s1)
            s2, s3 = multiply_add(x, k[j + 2, i], s2), multiply_add(x, k[j + 3, i], s3)
        store(w, (j, 0), s0)
        store(w, (j + 1, 0), s1)
        store(w, (j + 2, 0), s2)
        store(w, (j + 3, 0), s3)
    for j in range(seen):
        late = min(max(j - first, 0), WIDTH)
        logit = load(w, (j, 0)) * scale + load(hidden, (late, 0)) + bias[j]
        store(w, (j, 0), logit)
        top = at_least(top, logit)
    for j in range(seen):
        store(w, (j, 0), exp(load(w, (j, 0)) - top))
    return top


@_compile
def moments(q, k, w, seen, into):
    """Add ``w z`` of all keys to `into`; return the sum of the weights."""
    omega = load(q, (0, 0)) * 0.0
    for j in range(0, seen, KEYS):
        w0, w1 = load(w, (j, 0)), load(w, (j + 1, 0))
        w2, w3 = load(w, (j + 2, 0)), load(w, (j + 3, 0))
        omega = omega + ((w0 + w1) + (w2 + w3))
        for i in range(k.shape[1]):
            x = load(q, (i, 0))
            y = multiply_add(w0, k[j, i] - x, load(into, (i, 0)))
            y = multiply_add(w2, k[j + 2, i] - x, multiply_add(w1, k[j + 1, i] - x, y))
            store(into, (i, 0), multiply_add(w3, k[j + 3, i] - x, y))
    return omega


@_compile
def squares(q, k, w, seen, into):
    """Add ``w z z`` of all keys to `into`."""
    for j in range(seen):
        weight = load(w, (j, 0))
        for i in range(k.shape[1]):
            z = k[j, i] - load(q, (i, 0))
            store(into, (i, 0), load(into, (i, 0)) + weight * z * z)


@_compile
def fill(rows, value):
    """Set rows of lanes to one number."""
    for i in range(rows.shape[0]):
        for r in range(WIDTH):
            rows[i, r] = value


@_compile
def dot(a, b):
    """Return the inner products of all lanes."""
    total = load(a, (0, 0)) * load(b, (0, 0))
    for i in range(1, a.shape[0]):
        total = total + load(a, (i, 0)) * load(b, (i, 0))
    return total


@_compile
def judge(numbers, rho):
    """Freeze the lanes whose residual is small; return whether some are busy."""
    store(numbers, (BETA, 0), rho)
    busy = False
    for r in range(WIDTH):
        if not np.sqrt(numbers[SIZE, r]) > numbers[LIMIT, r]:
            numbers[ACTIVE, r] = 0
        moves, after = numbers[ACTIVE, r] > 0, numbers[BETA, r]
        numbers[BETA, r] = after / numbers[RHO, r] if moves else 0
        numbers[RHO, r] = after
        busy = busy or moves
    return busy


@_compile
def begin(q, ridge, limits, vectors, numbers):
    """Turn the first moment in RESIDUAL and the second in INVERSE into a start; return if busy."""
    fill(vectors[X], 0)
    residual, direction, inverse = vectors[RESIDUAL], vectors[DIRECTION], vectors[INVERSE]
    for i in range(q.shape[0]):
        one = load(q, (i, 0)) * 0.0 + 1.0
        scale = one / (load(inverse, (i, 0)) + ridge) if limits[4] else one
        store(inverse, (i, 0), scale)
        store(direction, (i, 0), load(residual, (i, 0)) * scale)
    store(numbers, (RHO, 0), dot(residual, direction))
    store(numbers, (SIZE, 0), dot(residual, residual))
    for r in range(WIDTH):
        numbers[LIMIT, r] = limits[0] + limits[1] * np.sqrt(numbers[SIZE, r])
        numbers[ACTIVE, r] = 1
    return judge(numbers, load(numbers, (RHO, 0)))


@_compile
def iterate(q, k, w, seen, ridge, vectors, numbers):
    """Take one step of conjugate gradients in all lanes; return whether some go on."""
    x, residual = vectors[X], vectors[RESIDUAL]
    direction, image = vectors[DIRECTION], vectors[IMAGE]
    for i in range(q.shape[0]):
        store(image, (i, 0), ridge * load(direction, (i, 0)))
    whole = sweep(direction, dot(direction, q) * -1.0, k, k, w, seen, image)
    for i in range(q.shape[0]):
        store(image, (i, 0), load(image, (i, 0)) - whole * load(q, (i, 0)))
    store(numbers, (ALPHA, 0), dot(direction, image))
    for r in range(WIDTH):  # step lengths: 0 for a lane that is done
        if not numbers[ALPHA, r] > 0:
            numbers[ACTIVE, r] = 0
        moves = numbers[ACTIVE, r] > 0
        numbers[ALPHA, r] = numbers[RHO, r] / numbers[ALPHA, r] if moves else 0
    alpha = load(numbers, (ALPHA, 0))
    for i in range(q.shape[0]):
        store(x, (i, 0), load(x, (i, 0)) + alpha * load(direction, (i, 0)))
        store(residual, (i, 0), load(residual, (i, 0)) - alpha * load(image, (i, 0)))
        store(image, (i, 0), load(residual, (i, 0)) * load(vectors[INVERSE], (i, 0)))
    store(numbers, (SIZE, 0), dot(residual, residual))
    busy = judge(numbers, dot(residual, image))
    beta = load(numbers, (BETA, 0))
    for i in range(q.shape[0]):
        store(direction, (i, 0), load(image, (i, 0)) + beta * load(direction, (i, 0)))
    return busy


@_compile
def tile(q, k, bias, v, ridge, first, seen, scale, norm, limits, hidden, out, omega, room):
    """Attend from 32 queries; ``out`` (d_v, 32) and ``omega`` (1, 32) get the result."""
    w, vectors, numbers = room
    top = weigh(q, k, bias, first, seen, scale, hidden, w)
    fill(vectors[RESIDUAL], 0)
    fill(vectors[INVERSE], 0)
    weights = moments(q, k, w, seen, vectors[RESIDUAL])
    if limits[4]:
        squares(q, k, w, seen, vectors[INVERSE])
    if norm == 1:
        ridge = ridge * weights
    elif norm == 2:
        ridge = ridge * exp(at_least(-80.0, top) * -1.0)
    busy = begin(q, ridge, limits, vectors, numbers)
    for _ in range(limits[2]):
        if not busy:
            break
        busy = iterate(q, k, w, seen, ridge, vectors, numbers)
    shift = dot(vectors[X], q) + 1.0
    for i in range(q.shape[0]):
        store(vectors[X], (i, 0), load(vectors[X], (i, 0)) * -1.0)
    fill(out, 0)
    floor = at_least(limits[3], weights * limits[5])
    delta = at_least(floor, sweep(vectors[X], shift, k, v, w, seen, out))
    for i in range(out.shape[0]):
        store(out, (i, 0), load(out, (i, 0)) / delta)
    store(omega, (0, 0), weights)


@compiled(error_model="numpy")
def run(start, end, q, k, bias, v, ridge, scale, norm, offset, keys, limits, hidden, out, omega):
    """Attend from tiles start … end - 1, in an order that mixes long ones and short ones.

    ``q`` is of shape (B, tiles, d, 32); lane r of tile t sees keys 0 … 32 t + r + offset, or
    all if the offset is negative.
    """
    tiles, d = q.shape[1], q.shape[2]
    w, numbers = np.empty((k.shape[1], WIDTH), q.dtype), np.empty((6, WIDTH), q.dtype)
    vectors = np.empty((5, d, WIDTH), q.dtype)
    for task in range(start, end):
        b, place = task // tiles, task % tiles
        t = place // 2 if place % 2 == 0 else tiles - 1 - place // 2
        first = keys - 1 if offset < 0 else t * WIDTH + offset
        seen = min(k.shape[1], (first + WIDTH + KEYS - 1) // KEYS * KEYS)
        tile(q[b, t], k[b], bias[b], v[b], load(ridge, (b, t, 0, 0)), first, seen, scale, norm,
             limits, hidden, out[b, t], omega[b, t], (w, vectors, numbers))  # fmt: skip


def attend(
    q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, bias: Tensor, how: LLAOptions
) -> tuple[Tensor, Tensor]:
    """Return output and sums of weights; no gradient."""
    if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v, ridge)):
        raise ValueError("expected 'cg' or 'direct' for a gradient, got method 'compiled'")
    if q.dtype not in RELATIVE or q.device.type != "cpu":
        expected = "float32 or float64 on the CPU"
        raise ValueError(f"method 'compiled' expects {expected}, got {q.dtype} on {q.device}")
    q, k, v, ridge, bias = (x.detach() for x in (q, k, v, ridge, bias))
    (batch, n, d), m = q.shape, k.shape[1]
    k, v = (pad(x, (0, 0, 0, -m % KEYS)).contiguous() for x in (k, v))
    bias = pad(bias, (0, -m % KEYS)).contiguous()
    lanes, ridges = _in_lanes(q), _in_lanes(ridge, 1.0)
    out = q.new_empty(*lanes.shape[:2], v.shape[2], WIDTH)
    omega, tasks = torch.empty_like(ridges), batch * lanes.shape[1]
    offset, cg, eps = m - n if how.causal else -1, how.cg, torch.finfo(q.dtype).eps
    limits = cg.atol, cg.relative(q.dtype), cg.max_iters, how.delta_eps, cg.preconditioner, eps
    parallel_for(
        run, tasks, tasks * m * d, *(x.numpy() for x in (lanes, k, bias, v, ridges)),
        how.qk_scale, NORMS.index(how.weight_norm), offset, m, limits,
        _hidden(q, how.causal).numpy(), out.numpy(), omega.numpy(),
    )  # fmt: skip
    return _from_lanes(out, n), _from_lanes(omega, n)


def _hidden(q: Tensor, causal: bool) -> Tensor:
    """Return what is added to logits: row t for the key t places after the first query's last."""
    rows = torch.full((WIDTH + 1, WIDTH), HIDDEN, dtype=q.dtype)
    rows[0] = 0
    return rows.tril(-1) if causal else rows


def _in_lanes(x: Tensor, filling: float = 0.0) -> Tensor:
    """Put rows side by side: shape (B, n, d) to (B, ⌈n / 32⌉, d, 32)."""
    padded = pad(x, (0, 0, 0, -x.shape[1] % WIDTH), value=filling)
    return padded.unflatten(1, (-1, WIDTH)).transpose(2, 3).contiguous()


def _from_lanes(x: Tensor, rows: int) -> Tensor:
    return x.transpose(2, 3).flatten(1, 2)[:, :rows].contiguous()


def warm() -> None:
    """Compile for single and double precision, and leave the result in numba's cache."""
    for dtype in (torch.float32, torch.float64):
        x = torch.ones(1, 2, 2, dtype=dtype)
        attend(x, x, x, x[..., :1], x[..., 0], LLAOptions(1.0))
