r"""Memories that forget: the delta rule, gated sums, a long convolution; functions and mixers.

Operands: ``q``, ``k`` (B, n, d); ``v`` (B, n, d_v); ``rate`` (B, n, 1), step sizes :math:`\beta`;
``keep`` (B, n, 1) or (B, n, d), in (0, 1], what is left of the slopes of each coordinate of the
keys. Functions return (B, n, d_v). All are recalled from their papers, not verified against them,
and reduced to what mixes tokens: no output gate, norm or kernel that their authors add.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, normalize, softplus

__all__ = ["GLA", "GatedDelta", "Heads", "Hyena", "by_loop", "delta_rule", "gated_sum", "states"]


def by_loop(
    q: Tensor, k: Tensor, v: Tensor, rate: Tensor, keep: Tensor, *, correct: bool
) -> Tensor:
    """Read the slopes after each token at its query: the definition, and the oracle."""
    return (states(k, v, rate, keep, correct=correct) @ q[..., None]).squeeze(-1)


def states(k: Tensor, v: Tensor, rate: Tensor, keep: Tensor, *, correct: bool) -> Tensor:
    """Return the slopes after each token, shape (B, n, d_v, d)."""
    slopes, found = v.new_zeros(v.shape[0], v.shape[2], k.shape[2]), []
    for i in range(k.shape[1]):
        slopes = slopes * keep[:, i, None]
        known = (slopes @ k[:, i, :, None]).squeeze(-1) if correct else 0
        slopes = slopes + (rate[:, i] * (v[:, i] - known))[..., None] * k[:, i, None]
        found.append(slopes)
    return torch.stack(found, 1)


def delta_rule(q: Tensor, k: Tensor, v: Tensor, rate: Tensor, keep: Tensor | None = None) -> Tensor:
    r"""Read the slopes of (Gated) DeltaNet by one triangular solve; ``keep`` (B, n, 1), or 1."""
    decay = _decay(torch.zeros_like(rate) if keep is None else keep.log())
    system = (rate * decay * (k @ k.mT)).tril(-1)
    fixes = torch.linalg.solve_triangular(system, rate * v, upper=False, unitriangular=True)
    return (decay * (q @ k.mT)) @ fixes


def gated_sum(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    """Read the slopes of gated linear attention, gates as ratios of pairs: none overflows."""
    if keep.shape[-1] == 1:
        return (_decay(keep.log()) * (q @ k.mT)) @ v
    logs = keep.log().cumsum(1)
    apart = logs[:, :, None] - logs[:, None]
    ratios = apart.masked_fill(~_lower(q)[..., None], -torch.inf).exp()
    return torch.einsum("bid,bijd,bjd->bij", q, ratios, k) @ v


def _decay(logs: Tensor) -> Tensor:
    r"""Return :math:`\gamma_t / \gamma_s` for s ≤ t, 0 elsewhere, from the gates' logarithms."""
    total = logs.cumsum(1)
    return (total - total.mT).masked_fill(~_lower(logs), -torch.inf).exp()


def _lower(x: Tensor) -> Tensor:
    """Return which tokens each token of x, shape (B, n, …), comes after or is."""
    return torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()


class Heads(nn.Module):
    """Project to heads with keys and queries of length 1, mix, project back."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"heads must divide width {width}, got {heads}")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def split(self, x: Tensor) -> Tensor:
        """Return heads as rows: shape (b, n, heads · s) to (b · heads, n, s)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2).flatten(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), causally."""
        q, k, v = (self.split(y) for y in self.qkv(x).chunk(3, dim=-1))
        mixed = self.mix(normalize(q, dim=-1), normalize(k, dim=-1), v, x)
        return self.out(mixed.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2))


class GatedDelta(Heads):
    r""":math:`S_t = \alpha_t S_{t-1} (I - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top`, gated."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__(width, heads)
        self.gates = nn.Linear(width, 2 * heads)
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():
            self.gates.bias[:heads], self.gates.bias[heads:] = 0.0, math.log(math.expm1(0.01))

    def mix(self, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
        """Apply the rule with gates of each token."""
        rate, loss = (self.split(y) for y in self.gates(x).chunk(2, dim=-1))
        return delta_rule(q, k, v, rate.sigmoid(), torch.exp(-softplus(loss)))


class GLA(Heads):
    """Gated linear attention, whose gates forget each coordinate of the keys on its own."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__(width, heads)
        self.gates = nn.Linear(width, width)

    def mix(self, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
        """Apply the rule; gates are the sixteenth root of a sigmoid."""
        return gated_sum(q, k, v, torch.exp(self.split(logsigmoid(self.gates(x))) / 16))


class Hyena(nn.Module):
    """Hyena of order 2: a gate, a long convolution, a gate."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__()
        self.qkv, self.out = (nn.Linear(width, size, bias=False) for size in (3 * width, width))
        self.first, self.second = nn.Linear(9, 32), nn.Linear(32, width)
        self.decay = nn.Parameter(torch.linspace(math.log(0.02), math.log(0.5), width))

    def filters(self, length: int) -> Tensor:
        """Return the filter of each channel, shape (width, length)."""
        at = torch.arange(length)[:, None]
        waves = at * (math.pi * 2.0 ** -torch.arange(4.0))
        place = torch.cat([at / 64, waves.sin(), waves.cos()], 1)
        shape = self.second(torch.sin(self.first(place)))
        return (shape * torch.exp(-at * self.decay.exp())).T

    def forward(self, x: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), causally."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        n = x.shape[1]
        signal, kernel = (torch.fft.rfft(y, 2 * n) for y in ((k * v).mT, self.filters(n)))
        return self.out(q * torch.fft.irfft(signal * kernel, 2 * n)[..., :n].mT)
