"""The two memory-efficient primitives: products with all differences k - q that form none of them.

A difference :math:`z_{ij} = k_j - q_i` belongs to a pair, so an array of them has n² d numbers.
Every product with z splits into a product with k, shared by all queries, and a correction with q.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["CGOptions", "CGRun", "conjugate_gradients", "relmm", "relsum", "sigma_product"]

def relmm(x: Tensor, q: Tensor, k: Tensor) -> Tensor:
    r"""Multiply each row of x with all differences of its query, :math:`x_i^\top (k_j - q_i)`.

    .. math:: \operatorname{relmm}(X, Q, K) = X K^\top - \operatorname{rowsum}(X \odot Q) 1^\top

    Parameters
    ----------
    x, q : Tensor, shape (..., b, d)
        One vector and one query a row.
    k : Tensor, shape (..., m, d)
        Keys, shared by all rows.

    Returns
    -------
    Tensor, shape (..., b, m)

    Cost
    ----
    Work b m d, span log d; memory b m instead of b m d.

    References
    ----------
    [zuo-2026-local], the first memory-efficient primitive.

    Examples
    --------
    >>> import torch
    >>> x, q, k = torch.tensor([[2.0]]), torch.tensor([[1.0]]), torch.tensor([[1.0], [4.0]])
    >>> relmm(x, q, k)
    tensor([[0., 6.]])
    """
    return (x @ k.mT).sub_((x * q).sum(-1, keepdim=True))


def relsum(t: Tensor, q: Tensor, k: Tensor) -> Tensor:
    r"""Add up the differences of each query with the weights of its row.

    .. math:: \sum_j t_{ij} (k_j - q_i) = (T K)_i - \operatorname{rowsum}(T)_i\, q_i

    Parameters
    ----------
    t : Tensor, shape (..., b, m)
    q : Tensor, shape (..., b, d)
    k : Tensor, shape (..., m, d)

    Returns
    -------
    Tensor, shape (..., b, d)

    Examples
    --------
    >>> import torch
    >>> t, q, k = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0]]), torch.tensor([[1.0], [4.0]])
    >>> relsum(t, q, k)
    tensor([[6.]])
    """
    return (t @ k).sub_(t.sum(-1, keepdim=True) * q)


def sigma_product(
    p: Tensor, weights: Tensor, q: Tensor, k: Tensor, ridge: Tensor | float
) -> Tensor:
    r"""Multiply each row of p with the second-moment matrix of its query, which is never formed.

    .. math:: \Sigma_i p_i = \sum_j w_{ij} z_{ij} (z_{ij}^\top p_i) + \lambda_i p_i

    Parameters
    ----------
    p, q : Tensor, shape (..., b, d)
    weights : Tensor, shape (..., b, m)
    k : Tensor, shape (..., m, d)
    ridge : Tensor, shape (..., b, 1), or float

    Returns
    -------
    Tensor, shape (..., b, d)

    Cost
    ----
    Two matrix products, 2 b m d multiply-adds; memory b m.

    References
    ----------
    [zuo-2026-local], the second memory-efficient primitive.

    Examples
    --------
    >>> import torch
    >>> one, k = torch.ones(1, 1), torch.tensor([[1.0], [4.0]])
    >>> sigma_product(one, torch.ones(1, 2), one, k, 0.5)
    tensor([[9.5000]])
    """
    return relsum(relmm(p, q, k).mul_(weights), q, k).add_(ridge * p)


RELATIVE = {torch.float32: 1e-6, torch.float64: 1e-12}


@dataclass(frozen=True)
class CGOptions:
    """When the iteration stops.

    Parameters
    ----------
    atol : float
        A row is done when the norm of its residual is at most ``atol + rtol ‖rhs‖``.
    rtol : float, optional
        1e-6 in single precision and 1e-12 in double by default. (The released kernel's default is
        1e-12, which single precision reaches, if at all, in the recursively updated residual only.)
    max_iters : int
    preconditioner : bool
        Whether to divide by the diagonal of the matrix (Jacobi).

    Raises
    ------
    ValueError
        A negative tolerance or fewer than 1 iteration.
    """

    atol: float = 1e-12
    rtol: float | None = None
    max_iters: int = 32
    preconditioner: bool = False

    def __post_init__(self):
        for name in ("atol", "rtol"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"cg_{name} must not be negative, got {value}")
        if self.max_iters < 1:
            raise ValueError(f"cg_max_iters must be at least 1, got {self.max_iters}")

    def tolerance(self, rhs: Tensor) -> Tensor:
        """Return the norm at which each row is done, shape (..., b, 1)."""
        rtol = RELATIVE.get(rhs.dtype, 1e-6) if self.rtol is None else self.rtol
        return self.atol + rtol * rhs.norm(dim=-1, keepdim=True)


@dataclass(frozen=True, eq=False)
class CGRun:
    """Solutions and what they took.

    Attributes
    ----------
    x : Tensor, shape (B, b, d)
    iterations : Tensor of int64, shape (B, b)
        Multiplications with the matrix that each row needed.
    rounds : int
        Of them, those that waited for each other: the largest count.
    residuals : list of Tensor, shape (B, b)
        With ``trace=True``, norms of the residuals before each iteration and after the last.
    """

    x: Tensor
    iterations: Tensor
    rounds: int
    residuals: list[Tensor] = field(default_factory=list)


def conjugate_gradients(
    system, rhs: Tensor, options: CGOptions = CGOptions(), *, trace: bool = False,
) -> CGRun:  # fmt: skip
    r"""Solve :math:`\Sigma_i x_i = r_i` for all rows i, each symmetric and positive definite.

    Parameters
    ----------
    system : object
        ``system.product(p)`` multiplies every row with its matrix; ``system.diagonal()`` is used
        for preconditioning; ``system.take(index)`` is the system of some rows only. A function is
        taken for ``product``.
    rhs : Tensor, shape (B, b, d)
    options : CGOptions
    trace : bool
        Whether to record residuals.

    Returns
    -------
    CGRun

    Cost
    ----
    Rounds: at most d in exact arithmetic. Work: once half of the rows are done, the others are
    gathered, so that a product costs what the unfinished rows cost.

    Notes
    -----
    A row whose residual is small is *frozen*: its step length becomes 0. A zero right-hand side is
    frozen before the first iteration, which also avoids 0/0. In rounded arithmetic a row may need
    more than d iterations.

    References
    ----------
    [zuo-2026-local], algorithm CGSolve; [hestenes-1952-methods].

    Examples
    --------
    >>> twice = lambda p: 2 * p
    >>> run = conjugate_gradients(twice, torch.tensor([[[4.0, 2.0], [0.0, 0.0]]]))
    >>> run.x, run.iterations
    (tensor([[[2., 1.],
             [0., 0.]]]), tensor([[1, 0]]))
    """
    system = _Product(system) if isinstance(system, Callable) else system
    state = _State(system, rhs, options)
    iterations = torch.zeros(rhs.shape[:-1], dtype=torch.int64, device=rhs.device)
    x, rounds, residuals = torch.zeros_like(rhs), 0, []
    rows = torch.arange(rhs.shape[1], device=rhs.device)
    while True:
        if trace:
            residuals.append(_whole(residuals, rows, state.norm, rhs))
        if rounds == options.max_iters or not state.active.any():
            break
        if 2 * (busy := state.active.any(dim=0).squeeze(-1)).sum() <= len(busy):
            x[:, rows] = state.x
            rows, state = rows[busy], state.take(busy)
        iterations[:, rows] += state.active.squeeze(-1)
        state.step()
        rounds += 1
    x[:, rows] = state.x
    return CGRun(x, iterations, rounds, residuals)


class _Product:
    """A system of which only the product is known: no preconditioner, no gathering of rows."""

    def __init__(self, product: Callable[[Tensor], Tensor]):
        self.product = product

    def take(self, index: Tensor) -> _Product:
        def product(p):
            padded = p.new_zeros(p.shape[0], len(index), p.shape[2])
            padded[:, index] = p
            return self.product(padded)[:, index]

        return _Product(product)


class _State:
    """Vectors of the iteration, one row a system."""

    def __init__(self, system, rhs: Tensor, options: CGOptions):
        self.system = system
        self.inverse = 1 / system.diagonal() if options.preconditioner else None
        self.x, self.residual = torch.zeros_like(rhs), rhs.clone()
        self.direction = self._conditioned().clone()
        self.rho = _dot(self.residual, self.direction)
        self.tolerance = options.tolerance(rhs)
        self._judge()

    def _conditioned(self) -> Tensor:
        return self.residual if self.inverse is None else self.residual * self.inverse

    def _judge(self) -> None:
        self.norm = self.residual.norm(dim=-1, keepdim=True)
        self.active = self.norm > self.tolerance

    def step(self) -> None:
        """Advance the active rows by one iteration."""
        image = self.system.product(self.direction)
        curvature = _dot(self.direction, image)
        moving = self.active & (curvature > 0)
        alpha = torch.where(moving, self.rho / curvature, 0.0)
        self.x.addcmul_(alpha, self.direction)
        self.residual.addcmul_(alpha, image, value=-1)
        conditioned = self._conditioned()
        rho = _dot(self.residual, conditioned)
        self._judge()
        self.active &= moving
        beta = torch.where(self.active, rho / self.rho, 0.0)
        self.direction = conditioned.addcmul(beta, self.direction)
        self.rho = rho

    def take(self, index: Tensor) -> _State:
        """Return the state of some rows."""
        part = object.__new__(_State)
        part.system = self.system.take(index)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(part, name, value[:, index])
        part.inverse = None if self.inverse is None else self.inverse[:, index]
        return part


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1, keepdim=True)


def _whole(residuals: list[Tensor], rows: Tensor, norm: Tensor, rhs: Tensor) -> Tensor:
    """Return the norms of all rows; those that were left out keep their last."""
    full = residuals[-1].clone() if residuals else rhs.new_zeros(rhs.shape[:-1])
    full[:, rows] = norm.squeeze(-1)
    return full
