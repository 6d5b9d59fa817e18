r"""The two memory-efficient primitives: products with all differences k - q that form none of them.

A difference :math:`z_{ij} = k_j - q_i` belongs to a pair, so an array of them has n² d numbers.
Every product with z splits into a product with k, shared by all queries, and a correction with q.
"""

from __future__ import annotations

from torch import Tensor

__all__ = ["relmm", "relsum", "sigma_product"]


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
