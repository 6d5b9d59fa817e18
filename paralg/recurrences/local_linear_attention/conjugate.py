"""The two memory-efficient primitives, and conjugate gradients for the systems of all queries.

A difference :math:`z_{ij} = k_j - q_i` belongs to a pair, so an array of them has n² d numbers.
Every product with z splits into a product with k, shared by all queries, and a correction with q.
Shapes: rows ``q``, ``x``, ``p`` (..., b, d), one vector a query; keys ``k`` (..., m, d), shared by
all rows; ``t`` and ``weights`` (..., b, m), a number a pair; ``ridge`` (..., b, 1) or a number.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor

from paralg.core import checks

__all__ = ["CGOptions", "CGRun", "conjugate_gradients", "relmm", "relsum", "sigma_product"]


def relmm(x: Tensor, q: Tensor, k: Tensor) -> Tensor:
    r"""Multiply each row of x with all differences of its query, :math:`x_i^\top (k_j - q_i)`.

    .. math:: \operatorname{relmm}(X, Q, K) = X K^\top - \operatorname{rowsum}(X \odot Q) 1^\top

    Operands ``x, q, k`` of this module. Work b m d, span log d; memory b m instead of b m d.
    The first primitive of [zuo-2026-local].

    >>> relmm(torch.tensor([[2.0]]), torch.tensor([[1.0]]), torch.tensor([[1.0], [4.0]]))
    tensor([[0., 6.]])
    """
    checks.tensors(x=(x, "... b d"), q=(q, "... b d"), k=(k, "... m d"))
    return (x @ k.mT).sub_((x * q).sum(-1, keepdim=True))


def relsum(t: Tensor, q: Tensor, k: Tensor) -> Tensor:
    r"""Add up the differences of each query with the weights of its row.

    .. math:: \sum_j t_{ij} (k_j - q_i) = (T K)_i - \operatorname{rowsum}(T)_i\, q_i

    Operands ``t, q, k`` of this module; cost of `relmm`.

    >>> relsum(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0]]), torch.tensor([[1.0], [4.0]]))
    tensor([[6.]])
    """
    checks.tensors(t=(t, "... b m"), q=(q, "... b d"), k=(k, "... m d"))
    return (t @ k).sub_(t.sum(-1, keepdim=True) * q)


def sigma_product(
    p: Tensor, weights: Tensor, q: Tensor, k: Tensor, ridge: Tensor | float
) -> Tensor:
    r"""Multiply each row of p with the second-moment matrix of its query, which is never formed.

    .. math:: \Sigma_i p_i = \sum_j w_{ij} z_{ij} (z_{ij}^\top p_i) + \lambda_i p_i

    Operands ``p, weights, q, k, ridge`` of this module. Two products, 2 b m d multiply-adds,
    memory b m. The second primitive of [zuo-2026-local].

    >>> one, k = torch.ones(1, 1), torch.tensor([[1.0], [4.0]])
    >>> sigma_product(one, torch.ones(1, 2), one, k, ridge=0.5)
    tensor([[9.5000]])
    """
    checks.tensors(p=(p, "... b d"), weights=(weights, "... b m"), k=(k, "... m d"))
    ridge = ridge if isinstance(ridge, Tensor) else checks.number("ridge", ridge, 0)
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
        Whether to divide by the diagonal (Jacobi).
    """

    atol: float = 1e-12
    rtol: float | None = None
    max_iters: int = 32
    preconditioner: bool = False

    def __post_init__(self):
        for name in ("atol", "rtol"):
            if (value := getattr(self, name)) is not None or name == "atol":
                checks.number(f"cg_{name}", value, 0)
        checks.integer("cg_max_iters", self.max_iters, 1)

    def relative(self, dtype: torch.dtype) -> float:
        """Return the relative tolerance for numbers of a type."""
        return RELATIVE.get(dtype, 1e-6) if self.rtol is None else self.rtol


@dataclass(frozen=True, eq=False)
class CGRun:
    """Solutions x, (B, b, d); multiplications of each row, (B, b); and the largest such count."""

    x: Tensor
    iterations: Tensor
    rounds: int


def conjugate_gradients(system, rhs: Tensor, options: CGOptions = CGOptions()) -> CGRun:
    r"""Solve :math:`\Sigma_i x_i = r_i` for all rows i, each symmetric and positive definite.

    Parameters
    ----------
    system : object or function
        ``system.product(p)`` multiplies every row with its matrix; ``system.diagonal()`` is used
        for preconditioning. A function is taken for ``product``.
    rhs : Tensor, shape (B, b, d)
    options : CGOptions

    Cost
    ----
    Rounds: at most d in exact arithmetic. A row whose residual is small is *frozen*: its step
    length becomes 0; so is a zero right-hand side before the first iteration.

    References
    ----------
    [zuo-2026-local], algorithm CGSolve; [hestenes-1952-methods].

    Examples
    --------
    >>> run = conjugate_gradients(lambda p: 2 * p, torch.tensor([[[4.0, 2.0], [0.0, 0.0]]]))
    >>> run.x, run.iterations
    (tensor([[[2., 1.],
             [0., 0.]]]), tensor([[1, 0]]))
    """
    checks.tensors(rhs=(rhs, "... b d"))
    checks.instance("options", options, CGOptions)
    system = SimpleNamespace(product=system) if callable(system) else system
    if not hasattr(system, "product") or not rhs.numel():
        raise ValueError(f"expected a system and its right-hand sides, got {system!r}, {rhs!r}")
    state, rounds = _State(system, rhs, options), 0
    iterations = torch.zeros_like(rhs[..., 0], dtype=torch.int64)
    while rounds < options.max_iters and state.active.any():
        iterations += state.active.squeeze(-1)
        state.step()
        rounds += 1
    return CGRun(state.x, iterations, rounds)


class _State:
    """Vectors of the iteration, one row a system."""

    def __init__(self, system, rhs: Tensor, options: CGOptions):
        self.system = system
        self.inverse = 1 / system.diagonal() if options.preconditioner else None
        self.x, self.residual = torch.zeros_like(rhs), rhs.clone()
        self.direction = self._conditioned().clone()
        self.rho = _dot(self.residual, self.direction)
        size = rhs.norm(dim=-1, keepdim=True)
        self.tolerance = options.atol + options.relative(rhs.dtype) * size
        self.active = size > self.tolerance

    def _conditioned(self) -> Tensor:
        return self.residual if self.inverse is None else self.residual * self.inverse

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
        self.active = moving & (self.residual.norm(dim=-1, keepdim=True) > self.tolerance)
        beta = torch.where(self.active, rho / self.rho, 0.0)
        self.direction = conditioned.addcmul(beta, self.direction)
        self.rho = rho


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1, keepdim=True)
