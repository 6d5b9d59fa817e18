"""FlashLLA: forward and backward over blocks of queries, in memory that grows like n d."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from paralg.recurrences.local_linear_attention.conjugate import (
    CGOptions,
    conjugate_gradients,
    relmm,
    relsum,
)
from paralg.recurrences.local_linear_attention.fast.blocks import (
    BlockLayout,
    QueryBlock,
    effective_ridge,
    row_blocks,
)

__all__ = ["FlashLLA", "Forward", "Solver", "backward", "forward"]

@dataclass(frozen=True)
class Solver:
    """How the systems of a block are solved."""

    name: str = "cg"
    options: CGOptions = CGOptions()
    delta_eps: float = 1e-12

    def __call__(self, rows: QueryBlock, rhs: Tensor) -> tuple[Tensor, Tensor, int]:
        """Return solutions, iterations of each row, and rounds."""
        if self.name == "direct":
            factor, failed = torch.linalg.cholesky_ex(rows.gram())
            if failed.any():
                raise ValueError(
                    f"the matrix of {int(failed.count_nonzero())} queries is not positive definite "
                    f"in {rhs.dtype}; expected a larger ridge, or double precision"
                )
            x = torch.cholesky_solve(rhs[..., None], factor).squeeze(-1)
            return x, torch.zeros(rhs.shape[:-1], dtype=torch.int64), 0
        run = conjugate_gradients(rows, rhs, self.options)
        return run.x, run.iterations, run.rounds


@dataclass(frozen=True, eq=False)
class Forward:
    """What the forward pass returns and what the backward pass reads; all of size n d or n."""

    out: Tensor
    rho: Tensor
    delta: Tensor
    top: Tensor
    omega: Tensor
    iterations: Tensor
    rounds: int
    passes: int


@torch.no_grad()
def forward(q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, layout: BlockLayout, solver: Solver):
    """Run the three streams of the forward pass, one block of queries after the other."""
    B, n, _ = q.shape
    out, rho = q.new_empty(B, n, v.shape[-1]), torch.empty_like(q)
    delta, top, omega = (q.new_empty(B, n, 1) for _ in range(3))
    iterations, rounds, passes = torch.zeros(B, n, dtype=torch.int64), 0, 0
    for block, visible in row_blocks(q, k, layout):
        rows = QueryBlock.of(q, k, block, visible, layout)
        rows.gather_moments(squares=solver.options.preconditioner and solver.name == "cg")
        rows.set_ridge(ridge[:, block])
        rho[:, block], iterations[:, block], taken = solver(rows, rows.mu)
        top[:, block], omega[:, block] = rows.top, rows.omega
        delta[:, block] = denominators(rows, rho[:, block], solver.delta_eps)
        out[:, block] = outputs(rows, v[:, :visible], rho[:, block], delta[:, block])
        rounds, passes = max(rounds, taken), max(passes, 2 + (taken or 1))
    return Forward(out, rho, delta, top, omega, iterations, rounds, passes)


def denominators(rows: QueryBlock, rho: Tensor, least: float) -> Tensor:
    r"""Return :math:`\delta_i = \omega_i - \mu_i^\top \rho_i`, no smaller than can be told from 0.
    """
    rounding = torch.finfo(rho.dtype).eps * rows.omega
    delta = rows.omega - (rows.mu * rho).sum(-1, keepdim=True)
    return torch.maximum(delta, rounding.clamp_(min=least))


def outputs(rows: QueryBlock, v: Tensor, rho: Tensor, delta: Tensor) -> Tensor:
    r"""Stream the values: :math:`o_i = \sum_j w_{ij} (1 - z_{ij}^\top \rho_i) v_j / \delta_i`."""
    out = 0
    for part in rows.parts():
        slopes = relmm(rho, rows.q, rows.k[:, part]).neg_().add_(1)
        out = out + slopes.mul_(rows.weights(part)) @ v[:, part]
    return out / delta


@torch.no_grad()
def backward(grad: Tensor, q, k, v, ridge: Tensor, saved: Forward, layout: BlockLayout,
             solver: Solver, detach_max: bool = False) -> tuple[Tensor, ...]:  # fmt: skip
    """Return the gradients of q, k, v and the ridge by a second solve of each row."""
    dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
    dridge = torch.empty_like(ridge)
    for block, visible in row_blocks(q, k, layout):
        rows = QueryBlock.of(q, k, block, visible, layout)
        rows.restore(saved.top[:, block], saved.omega[:, block])
        rows.set_ridge(ridge[:, block])
        step = _Backward(rows, v[:, :visible], grad[:, block], saved, block)
        step.solve(solver)
        factor = effective_ridge(layout.norm, rows.top, rows.omega)
        dridge[:, block] = factor * step.ridge_gradient
        dq[:, block] = step.stream(dk[:, :visible], dv[:, :visible], detach_max)
    return dq, dk, dv, dridge


class _Backward:
    """Gradients of one block of rows, with the letters of the derivation."""

    def __init__(self, rows: QueryBlock, v: Tensor, g: Tensor, saved: Forward, block: slice):
        self.rows, self.v, self.g = rows, v, g
        self.rho, self.delta = saved.rho[:, block], saved.delta[:, block]
        self.og = (saved.out[:, block] * g).sum(-1, keepdim=True)

    def solve(self, solver: Solver) -> None:
        r"""Find u with :math:`\Sigma u = \sum_j w_j z_j (y_j - o^\top g)`, where y = v g."""
        rows, rhs = self.rows, 0
        for part in rows.parts():
            t = (self.g @ self.v[:, part].mT).sub_(self.og).mul_(rows.weights(part))
            rhs = rhs + relsum(t, rows.q, rows.k[:, part])
        if solver.options.preconditioner and solver.name == "cg":
            rows.gather_moments(squares=True)
        self.u, _, _ = solver(rows, rhs)
        self.ridge_gradient = (self.rho * self.u).sum(-1, keepdim=True) / self.delta

    def stream(self, dk: Tensor, dv: Tensor, detach_max: bool) -> Tensor:
        """Add to the gradients of keys and values, and return that of the queries."""
        rows, scale = self.rows, self.rows.layout.scale
        tilt, dq = self.rho / self.delta, torch.zeros_like(rows.q)
        ties = self._ties() if rows.layout.norm == "max" and not detach_max else None
        for part in rows.parts():
            k, w = rows.k[:, part], rows.weights(part)
            e = (self.g @ self.v[:, part].mT).sub_(self.og).sub_(relmm(self.u, rows.q, k))
            x = relmm(self.rho, rows.q, k).neg_().add_(1).div_(self.delta)
            we, s = w * e, w * x
            dlogit = we * x
            if not detach_max:
                self._add_shift(dlogit, w, ties)
            dv[:, part] += s.mT @ self.g
            dk[:, part] += scale * dlogit.mT @ rows.q - we.mT @ tilt - s.mT @ self.u
            dq += scale * dlogit @ k + we.sum(-1, keepdim=True) * tilt
            dq += s.sum(-1, keepdim=True) * self.u
        return dq

    def _add_shift(self, dlogit: Tensor, w: Tensor, ties: Tensor | None) -> None:
        """Add what the scale of the weights, which the ridge is compared with, contributes."""
        norm, pull = self.rows.layout.norm, self.rows.ridge * self.ridge_gradient
        if norm == "softmax":
            dlogit += pull / self.rows.omega * w
        elif norm == "max":
            dlogit += pull / ties * _highest(w)

    def _ties(self) -> Tensor:
        """Count the keys that share the largest logit of a row."""
        rows = self.rows
        counts = (_highest(rows.weights(part)).sum(-1, keepdim=True) for part in rows.parts())
        return sum(counts).clamp_(min=1)


def _highest(weights: Tensor) -> Tensor:
    """Find the largest logit of a row, up to the rounding of a second evaluation."""
    return weights >= 1 - 8 * torch.finfo(weights.dtype).eps


class FlashLLA(torch.autograd.Function):
    """The layer as one differentiable operation that stores vectors only."""

    @staticmethod
    def forward(ctx, q, k, v, ridge, layout, solver, detach_max):
        """Return the output and keep ρ, δ, m, ω for the backward pass."""
        run = forward(q, k, v, ridge, layout, solver)
        ctx.save_for_backward(q, k, v, ridge, run.out, run.rho, run.delta, run.top, run.omega)
        ctx.how = layout, solver, detach_max
        ctx.mark_non_differentiable(run.omega)
        return run.out, run.omega

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad, _):
        """Return the gradients of q, k, v and of the ridge."""
        q, k, v, ridge, *kept = ctx.saved_tensors
        saved = Forward(*kept, None, 0, 0)
        layout, solver, detach_max = ctx.how
        found = backward(grad, q, k, v, ridge, saved, layout, solver, detach_max)
        return (*found, None, None, None)
