"""A transformer's forward in one compiled function, over a log of keys and values that only grows.

A call of a few tokens costs PyTorch mostly the start of some sixty operations. Here it is one
function; keys and values go to a log that is never copied, and a slot reads only what it sees.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from paralg.core import checks
from paralg.models.network import Network
from paralg.models.transformer import turns
from paralg.simd.cache import compile_lock, compiled

__all__ = ["CompiledNetwork", "LogSlots", "warm"]

_START = 256
_EPSILON = 1e-5  # of PyTorch's LayerNorm


@dataclass
class _Log:
    """Keys and values (layers, room, width), of which ``used`` slots are written."""

    keys: np.ndarray
    values: np.ndarray
    used: int = 0


@dataclass(frozen=True)
class LogSlots:
    """Slots ``first`` … ``last`` - 1 of a log, as `extend` returns and takes them."""

    log: _Log = field(repr=False)
    first: int
    last: int
    rows: int = 1

    def __len__(self) -> int:
        return self.last - self.first

    @property
    def nbytes(self) -> int:
        """Size of keys and values, in bytes."""
        return 2 * len(self) * self.log.keys[:, 0].nbytes

    def join(self, *others: "LogSlots") -> "LogSlots":
        """Return these slots and those that follow them in the log; nothing is copied."""
        last = self.last
        for one in others:
            if one.log is not self.log or one.first != last:
                raise ValueError(f"expected slots of one log from {last} on, got {one}")
            last = one.last
        return LogSlots(self.log, self.first, last)


class CompiledNetwork:
    """A causal network that answers `extend` by compiled loops, for one row.

    Parameters
    ----------
    network : Network
        Its positions may enter by rotation, by a table, or both.

    Raises
    ------
    TypeError, ValueError
        If it is no causal network.

    Cost
    ----
    O(S (P + S) width + S width²) a layer for S slots after P; keys and values are written once.

    Notes
    -----
    Logits differ from the network's by rounding, 1e-14 in float64. A log grows at its end only:
    slots that were followed by others once cannot be followed by different ones.

    Examples
    --------
    >>> from paralg.models import TransformerConfig
    >>> network = Network.untrained(TransformerConfig(V=4, L=16), "causal")
    >>> fast, mask = CompiledNetwork(network), np.tri(3, dtype=bool)
    >>> ours, kept = fast.extend([[4, 1, 2]], [0, 1, 2], mask)
    >>> theirs = network.attend([[4, 1, 2]], [0, 1, 2], mask)
    >>> bool(np.abs(ours - theirs).max() < 1e-5), len(kept)
    (True, 3)
    """

    lag = 1

    def __init__(self, network: Network):
        checks.instance("network", network, Network)
        if network.mode != "causal":
            raise ValueError(f"expected a causal network, got {network!r}")
        own, self.V, self.L = network.transformer, network.V, network.L
        config = own.config
        self.heads, self.layers, self.width = config.heads, config.layers, config.width

        def stack(part):
            found = [part(block).detach().numpy() for block in own.blocks]
            return np.ascontiguousarray(np.stack([one.T for one in found]))

        turn = turns(config.L, config.width // config.heads).numpy()
        if not config.rotary:
            turn = np.ones_like(turn)
        self.dtype = own.token.weight.detach().numpy().dtype
        real = np.float64 if self.dtype == np.float64 else np.float32
        self._weights = (
            own.token.weight.detach().numpy(), own.position.weight.detach().numpy(),
            turn.real.astype(real), turn.imag.astype(real),
            stack(lambda b: b.norm1.weight), stack(lambda b: b.norm1.bias),
            stack(lambda b: b.attention.qkv.weight), stack(lambda b: b.attention.qkv.bias),
            stack(lambda b: b.attention.out.weight), stack(lambda b: b.attention.out.bias),
            stack(lambda b: b.norm2.weight), stack(lambda b: b.norm2.bias),
            stack(lambda b: b.mlp[0].weight), stack(lambda b: b.mlp[0].bias),
            stack(lambda b: b.mlp[2].weight), stack(lambda b: b.mlp[2].bias),
            own.norm.weight.detach().numpy(), own.norm.bias.detach().numpy(),
            np.ascontiguousarray(own.head.weight.detach().numpy().T),
            own.head.bias.detach().numpy(),
        )  # fmt: skip

    def attend(self, tokens, position_ids, mask):
        """Return the logits of one layout, (1, S, V)."""
        return self.extend(tokens, position_ids, mask)[0]

    def extend(self, tokens, position_ids, mask, past: LogSlots | None = None):
        """Run S slots after P earlier ones, (1, S); return logits (1, S, V) and the S slots."""
        tokens, at = np.asarray(tokens, dtype=np.int64), np.asarray(position_ids, dtype=np.int64)
        mask, P = np.asarray(mask, dtype=bool), 0 if past is None else len(past)
        S = at.size
        if tokens.shape != (1, S) or mask.shape != (S, P + S) or not mask.any(axis=1).all():
            raise ValueError(f"expected tokens (1, {S}) and a mask {(S, P + S)} without empty "
                             f"rows, got {tokens.shape} and {mask.shape}")  # fmt: skip
        if S and (min(at.min(), tokens.min()) < 0 or at.max() >= self.L or tokens.max() > self.V):
            raise ValueError(f"expected positions below {self.L} and tokens up to {self.V}, got "
                             f"{at.tolist()} and {tokens.tolist()}")  # fmt: skip
        log = self._log(past, P + S)
        logits = np.empty((S, self.V), self.dtype)
        _forward(tokens[0], at, mask, P, self.heads, log.keys, log.values, logits, *self._weights)
        log.used = P + S
        return logits[None].astype(np.float64), LogSlots(log, P, P + S)

    def _log(self, past: LogSlots | None, size: int) -> _Log:
        """Return the log that new slots go to: the same one, or a larger copy."""
        if past is None:
            shape = (self.layers, max(_START, size), self.width)
            return _Log(np.empty(shape, self.dtype), np.empty(shape, self.dtype))
        log = past.log
        if past.first or past.last != log.used:
            raise ValueError(f"expected all slots of a log, got {past} of {log.used}")
        if size > log.keys.shape[1]:
            room = ((0, 0), (0, max(log.keys.shape[1], size)), (0, 0))
            log.keys, log.values = np.pad(log.keys, room), np.pad(log.values, room)
        return log


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _normed(x, weight, bias, out):
    """Write LayerNorm of the rows of x."""
    n, d = x.shape
    for i in range(n):
        mean = x.dtype.type(0)
        for k in range(d):
            mean += x[i, k]
        mean /= d
        spread = x.dtype.type(0)
        for k in range(d):
            spread += (x[i, k] - mean) ** 2
        scale = 1 / math.sqrt(spread / d + _EPSILON)
        for k in range(d):
            out[i, k] = (x[i, k] - mean) * scale * weight[k] + bias[k]


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _linear(x, weight, bias, out):
    """Write x @ weight + bias; four rows of the weights serve all rows of x while they are near."""
    n, d = x.shape
    whole = d - d % 4
    for i in range(n):
        for j in range(weight.shape[1]):
            out[i, j] = bias[j]
    for k in range(0, whole, 4):
        for i in range(n):
            a, b, c, e = x[i, k], x[i, k + 1], x[i, k + 2], x[i, k + 3]
            for j in range(weight.shape[1]):
                out[i, j] += (a * weight[k, j] + b * weight[k + 1, j]
                              + c * weight[k + 2, j] + e * weight[k + 3, j])  # fmt: skip
    for k in range(whole, d):
        for i in range(n):
            for j in range(weight.shape[1]):
                out[i, j] += x[i, k] * weight[k, j]


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _attention(qkv, at, mask, P, heads, cos, sin, keys, values, mixed, score):
    """Rotate, append keys and values to the log, and mix the values that each slot sees."""
    S, d = len(at), keys.shape[1]
    size = d // heads
    half = size // 2
    for i in range(S):
        for part in range(2):
            for h in range(heads):
                for k in range(half):
                    a = qkv[i, part * d + h * size + k]
                    b = qkv[i, part * d + h * size + half + k]
                    c, s = cos[at[i], k], sin[at[i], k]
                    qkv[i, part * d + h * size + k] = a * c - b * s
                    qkv[i, part * d + h * size + half + k] = a * s + b * c
        for k in range(d):
            keys[P + i, k] = qkv[i, d + k]
            values[P + i, k] = qkv[i, 2 * d + k]
    root = keys.dtype.type(1 / math.sqrt(size))
    for i in range(S):
        for h in range(heads):
            top = -math.inf
            for j in range(P + S):
                if mask[i, j]:
                    total = keys.dtype.type(0)
                    for k in range(size):
                        total += qkv[i, h * size + k] * keys[j, h * size + k]
                    score[j] = total * root
                    top = max(top, score[j])
            z = keys.dtype.type(0)
            for k in range(size):
                mixed[i, h * size + k] = 0
            for j in range(P + S):
                if mask[i, j]:
                    w = math.exp(score[j] - top)
                    z += w
                    for k in range(size):
                        mixed[i, h * size + k] += w * values[j, h * size + k]
            for k in range(size):
                mixed[i, h * size + k] /= z


@compiled(error_model="numpy")
def _forward(tokens, at, mask, P, heads, keys, values, logits, token, position, cos, sin,
             norm1, norm1b, qkv, qkvb, out, outb, norm2, norm2b, up, upb, down, downb,
             norm, normb, head, headb):  # fmt: skip
    S, d = len(tokens), token.shape[1]
    h, x, more = np.empty((S, d), token.dtype), np.empty((S, d), token.dtype), np.empty(
        (S, d), token.dtype)  # fmt: skip
    wide, inner = np.empty((S, 3 * d), token.dtype), np.empty((S, 4 * d), token.dtype)
    score = np.empty(P + S, token.dtype)
    for i in range(S):
        for k in range(d):
            h[i, k] = token[tokens[i], k] + position[at[i], k]
    for layer in range(keys.shape[0]):
        _normed(h, norm1[layer], norm1b[layer], x)
        _linear(x, qkv[layer], qkvb[layer], wide)
        _attention(wide, at, mask, P, heads, cos, sin, keys[layer], values[layer], x, score)
        _linear(x, out[layer], outb[layer], more)
        h += more
        _normed(h, norm2[layer], norm2b[layer], x)
        _linear(x, up[layer], upb[layer], inner)
        for i in range(S):
            for k in range(4 * d):
                inner[i, k] *= 0.5 * (1 + math.erf(inner[i, k] * math.sqrt(0.5)))
        _linear(inner, down[layer], downb[layer], more)
        h += more
    _normed(h, norm, normb, x)
    _linear(x, head, headb, logits)


def warm() -> None:
    """Compile and cache the kernel for both precisions."""
    from paralg.models import TransformerConfig

    network = Network.untrained(TransformerConfig(V=2, L=4, width=4, layers=1, heads=2), "causal")
    with compile_lock():
        for one in (network, network.double()):
            CompiledNetwork(one).attend([[2, 1]], [0, 1], np.tri(2, dtype=bool))
