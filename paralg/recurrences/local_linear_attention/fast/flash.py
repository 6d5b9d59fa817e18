"""FlashLLA: forward and backward over blocks of queries, in memory that grows like n d.

Operands have one batch axis here: ``q`` (B, n, d), ``k`` (B, m, d), ``v`` (B, m, d_v), ``ridge``
(B, n, 1); ``bias`` (B, m), added to the logits of each key; `how` is an :class:`LLAOptions`.
A block of b queries works on its m visible keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.recurrences.local_linear_attention.conjugate import (
    CGOptions,
    CGRun,
    conjugate_gradients,
    relmm,
    relsum,
    sigma_product,
)

__all__ = ["KERNELS", "MASKED", "METHODS", "NORMS", "FlashLLA", "LLAOptions", "LLARun",
           "QueryBlock", "forward"]  # fmt: skip

METHODS = ("cg", "direct", "naive", "compiled")
NORMS = ("max", "softmax", "raw")
KERNELS = ("softmax", "gaussian", "uniform")
MASKED = -1e29
"""Bias of a key that is padding; above the logit of one that is not seen."""


@dataclass(frozen=True)
class LLAOptions:
    """Switches of :func:`lla_attention`, under its names and checked."""

    qk_scale: float
    causal: bool = True
    weight_norm: str = "max"
    method: str = "cg"
    delta_eps: float = 1e-12
    cg: CGOptions = CGOptions()
    block_size: int = 128
    block_keys: int | None = None
    detach_max: bool = False

    kernel: str = "softmax"

    def __post_init__(self):
        for name, known in (("weight_norm", NORMS), ("method", METHODS), ("kernel", KERNELS)):
            checks.one_of(name, getattr(self, name), known)
        for name in ("block_size", "block_keys"):
            if (size := getattr(self, name)) is not None or name == "block_size":
                checks.integer(name, size, 1)
        checks.instance("causal", self.causal, bool)
        checks.number("qk_scale", self.qk_scale)
        checks.number("delta_eps", self.delta_eps, 0)
        if self.kernel == "gaussian" and self.weight_norm == "raw":
            raise ValueError("kernel 'gaussian' needs the norm 'max' or 'softmax', got 'raw'")

    @classmethod
    def of(cls, q: Tensor, *, qk_scale=None, cg_atol=1e-12, cg_rtol=None, cg_max_iters=32,
           cg_use_preconditioner=False, **switches) -> "LLAOptions":  # fmt: skip
        """Return the switches for queries, from the keyword arguments of `lla_attention`."""
        cg = CGOptions(cg_atol, cg_rtol, cg_max_iters, cg_use_preconditioner)
        scale = max(q.shape[-1], 1) ** -0.5 if qk_scale is None else qk_scale
        return cls(0.0 if switches.get("kernel") == "uniform" else scale, cg=cg, **switches)

    def factor(self, top: Tensor, omega: Tensor) -> Tensor:
        """Return what puts a ridge on the scale of weights :math:`e^{s - m}`: 1, ω or e^-m."""
        if self.weight_norm == "max":
            return torch.ones_like(top)
        return omega if self.weight_norm == "softmax" else torch.exp(-top.clamp(min=-80))

    def blocks(self, n: int) -> Iterator[slice]:
        """Yield the blocks of n queries."""
        for lo in range(0, n, self.block_size):
            yield slice(lo, min(lo + self.block_size, n))


class QueryBlock:
    r"""A block of queries over its visible keys; the matrices :math:`\Sigma_i` stay implicit."""

    def __init__(self, q: Tensor, k: Tensor, bias: Tensor, block: slice, how: LLAOptions):
        n, m = q.shape[1], k.shape[1]
        visible = block.stop + m - n if how.causal else m
        self.q, self.k, self.bias, self.how = q[:, block], k[:, :visible], bias, how
        last = torch.arange(block.start, block.stop, device=q.device) + m - n
        self.last = last if how.causal else torch.full_like(last, m - 1)
        self.kept = None  # weights, unless they are computed again in every pass

    def parts(self, size: int | None = None) -> list[slice]:
        """Return the blocks of keys, of the switches' size or of another."""
        m, size = self.k.shape[1], size or self.how.block_keys or self.k.shape[1]
        return [slice(lo, min(lo + size, m)) for lo in range(0, m, max(1, size))]

    def logits(self, part: slice) -> Tensor:
        """Return the logits of a block of keys, minus infinity where nothing is seen."""
        bias, k = self.bias[:, None, part], self.k[:, part]
        logits = torch.baddbmm(bias, self.q, k.mT, alpha=self.how.qk_scale)
        if part.stop - 1 > int(self.last[0]):
            place = torch.arange(part.start, part.stop, device=logits.device)
            logits.masked_fill_(place > self.last[:, None], -torch.inf)
        return logits

    def weights(self, part: slice) -> Tensor:
        """Return ``exp(logit - top)`` of a block of keys."""
        kept = self.kept
        return self.logits(part).sub_(self.top).exp_() if kept is None else kept[..., part]

    def gather(self, ridge: Tensor) -> None:
        r"""Stream the keys once: largest logit, :math:`\omega`, :math:`\mu`, the ridge in scale."""
        top = self.q.new_full((*self.q.shape[:2], 1), -torch.inf)
        omega, first = torch.zeros_like(top), torch.zeros_like(self.q)
        for part in self.parts():
            logits = self.logits(part)
            higher = torch.maximum(top, logits.amax(-1, keepdim=True))
            weights, shrink = logits.sub_(higher).exp_(), torch.exp(top - higher)
            omega = omega.mul_(shrink).add_(weights.sum(-1, keepdim=True))
            first, top = first.mul_(shrink).add_(weights @ self.k[:, part]), higher
        self.mu = first - omega * self.q
        self.restore(top, omega, ridge, weights)

    def restore(self, top: Tensor, omega: Tensor, ridge: Tensor, weights=None) -> None:
        """Take over the maximum and sum of a pass, and its weights where they are kept."""
        self.top, self.omega, self.ridge = top, omega, ridge * self.how.factor(top, omega)
        if self.how.block_keys is None:
            everything = slice(0, self.k.shape[1])
            self.kept = self.weights(everything) if weights is None else weights

    def product(self, p: Tensor) -> Tensor:
        r"""Return :math:`\Sigma_i p_i` of every row, streaming the keys once."""
        image = self.ridge * p
        for part in self.parts():
            image += sigma_product(p, self.weights(part), self.q, self.k[:, part], 0.0)
        return image

    def diagonal(self) -> Tensor:
        r"""Return the diagonal of every :math:`\Sigma_i`, streaming the keys once."""
        first = second = 0
        for part in self.parts():
            k, weights = self.k[:, part], self.weights(part)
            first, second = first + weights @ k, second + weights @ k.square()
        centred = second - 2 * self.q * first + self.omega * self.q**2
        return centred.clamp_(min=0).add_(self.ridge)

    def gram(self) -> Tensor:
        r"""Return the matrices :math:`\Sigma_i` of this block alone, shape (B, b, d, d)."""
        d = self.q.shape[-1]
        raw, first = self.q.new_zeros(*self.q.shape, d), torch.zeros_like(self.q)
        for part in self.parts(self.how.block_keys or self.how.block_size):
            k, weights = self.k[:, part], self.weights(part)
            raw += (weights @ (k[..., None] * k[..., None, :]).flatten(2)).unflatten(2, (d, d))
            first += weights @ k
        mixed = (first - 0.5 * self.omega * self.q)[..., None] * self.q[..., None, :]
        raw -= mixed + mixed.mT
        return raw + torch.diag_embed(self.ridge.expand_as(self.q))

    def solve(self, rhs: Tensor) -> CGRun:
        r"""Solve :math:`\Sigma_i x_i = r_i` for every row, iteratively or by factorisation."""
        if self.how.method == "cg":
            return conjugate_gradients(self, rhs, self.how.cg)
        factor, failed = torch.linalg.cholesky_ex(self.gram())
        if failed.any():
            raise ValueError(
                "expected positive definite matrices, that is a larger ridge or double precision, "
                f"got {int(failed.count_nonzero())} that are not so in {rhs.dtype}"
            )
        x = torch.cholesky_solve(rhs[..., None], factor).squeeze(-1)
        return CGRun(x, torch.zeros_like(rhs[..., 0], dtype=torch.int64), 0)

    def read(self, v: Tensor, rho: Tensor) -> tuple[Tensor, Tensor]:
        r"""Stream the values: :math:`o = \sum_j w_j (1 - z_j^\top \rho) v_j / \delta`, and δ."""
        rounding = torch.finfo(rho.dtype).eps * self.omega  # δ cannot be told from 0 below it
        delta = self.omega - (self.mu * rho).sum(-1, keepdim=True)
        delta = torch.maximum(delta, rounding.clamp_(min=self.how.delta_eps))
        out = 0
        for part in self.parts():
            shares = relmm(rho, self.q, self.k[:, part]).neg_().add_(1).mul_(self.weights(part))
            out = out + shares @ v[:, part]
        return out / delta, delta


@dataclass(frozen=True, eq=False)
class LLARun:
    """Output of a forward pass, what it left for later, and what it cost.

    ``out`` (..., n, d_v); ``rho`` (..., n, d), solutions of the systems; of each row, (..., n):
    denominators ``delta``, sums of weights ``omega``, largest logits ``top``, on whose scale the
    former two are, and ``iterations`` of conjugate gradients; the most ``rounds`` and ``passes``
    over the keys of a block. ``cost``: work in multiply-adds, span in levels of trees, rounds.
    """

    out: Tensor
    rho: Tensor
    delta: Tensor
    top: Tensor
    omega: Tensor
    iterations: Tensor | None = None
    rounds: int = 0
    passes: int = 0
    cost: Cost | None = None


@torch.no_grad()
def forward(
    q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, bias: Tensor, how: LLAOptions
) -> LLARun:
    """Run the three streams of the forward pass, one block of queries after the other."""
    B, n, _ = q.shape
    out, rho = q.new_empty(B, n, v.shape[-1]), torch.empty_like(q)
    delta, top, omega = (q.new_empty(B, n, 1) for _ in range(3))
    iterations, rounds, passes = torch.zeros(B, n, dtype=torch.int64), 0, 0
    for block in how.blocks(n):
        rows = QueryBlock(q, k, bias, block, how)
        rows.gather(ridge[:, block])
        run = rows.solve(rows.mu)
        out[:, block], delta[:, block] = rows.read(v, run.x)
        rho[:, block], top[:, block], omega[:, block] = run.x, rows.top, rows.omega
        iterations[:, block] = run.iterations
        rounds, passes = max(rounds, run.rounds), max(passes, 2 + (run.rounds or 1))
    return LLARun(out, rho, delta, top, omega, iterations, rounds, passes)


@torch.no_grad()
def backward(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, bias: Tensor,
             saved: LLARun, how: LLAOptions) -> tuple[Tensor, ...]:  # fmt: skip
    """Return the gradients of q, k, v, the ridge and the bias by a second solve of each row."""
    dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
    dridge, dbias = torch.empty_like(ridge), torch.zeros_like(bias)
    for block in how.blocks(q.shape[1]):
        rows = QueryBlock(q, k, bias, block, how)
        step = _Backward(rows, v, grad[:, block], saved, block, ridge)
        dridge[:, block] = how.factor(rows.top, rows.omega) * step.pull
        dq[:, block] = step.stream(dk, dv, dbias)
    return dq, dk, dv, dridge, dbias


class _Backward:
    """Gradients of one block of rows, with the letters of the derivation."""

    def __init__(self, rows: QueryBlock, v, g, saved: LLARun, block: slice, ridge: Tensor):
        r"""Find u with :math:`\Sigma u = \sum_j w_j z_j (y_j - o^\top g)`, where y = v g."""
        rows.restore(saved.top[:, block], saved.omega[:, block], ridge[:, block])
        self.rows, self.v, self.g = rows, v, g
        self.rho, self.delta = saved.rho[:, block], saved.delta[:, block]
        self.og = (saved.out[:, block] * g).sum(-1, keepdim=True)
        rhs = 0
        for part in rows.parts():
            rhs = rhs + relsum(self._missed(part).mul_(rows.weights(part)), rows.q, rows.k[:, part])
        self.u = rows.solve(rhs).x
        self.pull = (self.rho * self.u).sum(-1, keepdim=True) / self.delta  # of the scaled ridge

    def _missed(self, part: slice) -> Tensor:
        return (self.g @ self.v[:, part].mT).sub_(self.og)

    def stream(self, dk: Tensor, dv: Tensor, dbias: Tensor) -> Tensor:
        """Add to the gradients of keys, values and bias, and return that of the queries."""
        rows, scale = self.rows, self.rows.how.qk_scale
        tilt, dq, shift = self.rho / self.delta, torch.zeros_like(rows.q), self._shift()
        for part in rows.parts():
            k, w = rows.k[:, part], rows.weights(part)
            x = relmm(self.rho, rows.q, k).neg_().add_(1).div_(self.delta)
            we, s = w * self._missed(part).sub_(relmm(self.u, rows.q, k)), w * x
            dlogit = we * x + shift(w)
            dbias[:, part] += dlogit.sum(1)
            dv[:, part] += s.mT @ self.g
            dk[:, part] += scale * dlogit.mT @ rows.q - we.mT @ tilt - s.mT @ self.u
            dq += scale * dlogit @ k + we.sum(-1, keepdim=True) * tilt
            dq += s.sum(-1, keepdim=True) * self.u
        return dq

    def _shift(self):
        """Return what the scale of the weights, which λ is compared with, adds to the logits."""
        rows, pull = self.rows, self.rows.ridge * self.pull
        if rows.how.detach_max or rows.how.weight_norm == "raw":
            return lambda w: 0
        if rows.how.weight_norm == "softmax":
            return lambda w: pull / rows.omega * w
        ties = sum(_highest(rows.weights(part)).sum(-1, keepdim=True) for part in rows.parts())
        return lambda w: pull / ties.clamp(min=1) * _highest(w)


def _highest(weights: Tensor) -> Tensor:
    """Find the largest logit of a row, up to the rounding of a second evaluation."""
    return weights >= 1 - 8 * torch.finfo(weights.dtype).eps


class FlashLLA(torch.autograd.Function):
    """The layer as one differentiable operation that stores vectors only."""

    @staticmethod
    def forward(ctx, q, k, v, ridge, bias, how):
        """Return the output and keep ρ, δ, m, ω for the backward pass."""
        run = forward(q, k, v, ridge, bias, how)
        ctx.save_for_backward(q, k, v, ridge, bias, run.out, run.rho, run.delta, run.top, run.omega)
        ctx.how = how
        ctx.mark_non_differentiable(run.omega)
        return run.out, run.omega

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad, _):
        """Return the gradients of q, k, v and of the ridge."""
        *x, out, rho, delta, top, omega = ctx.saved_tensors
        return *backward(grad, *x, LLARun(out, rho, delta, top, omega), ctx.how), None
