"""One block of queries: their weights, moments, and the products with their second moments."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from paralg.recurrences.local_linear_attention.conjugate import relmm, relsum

__all__ = ["NORMS", "BlockLayout", "QueryBlock", "row_blocks"]

NORMS = ("max", "softmax", "raw")


@dataclass(frozen=True)
class BlockLayout:
    """How an attention matrix is cut, and what is seen.

    Parameters
    ----------
    scale : float
        Logits are ``scale * q @ k.T``.
    norm : {"max", "softmax", "raw"}
        What the ridge is compared with; see `effective_ridge`.
    causal : bool
        Query i sees keys 0 … i + n_k - n_q.
    block_q : int
        Queries of a block.
    block_k : int or None
        Keys of a block; weights are then computed again in every pass. None: all visible keys at
        once, their weights kept while the block of queries is worked on.
    """

    scale: float
    norm: str = "max"
    causal: bool = True
    block_q: int = 128
    block_k: int | None = None


def row_blocks(q: Tensor, k: Tensor, layout: BlockLayout) -> list[tuple[slice, int]]:
    """Return each block of queries with the number of keys that some query of it sees."""
    n, m = q.shape[1], k.shape[1]
    blocks = []
    for lo in range(0, n, layout.block_q):
        hi = min(lo + layout.block_q, n)
        blocks.append((slice(lo, hi), hi + m - n if layout.causal else m))
    return blocks


@dataclass(eq=False)
class QueryBlock:
    r"""A block of queries over its visible keys; the matrices :math:`\Sigma_i` stay implicit.

    Attributes
    ----------
    q : Tensor, shape (B, b, d)
    k : Tensor, shape (B, m, d)
    last : Tensor of int64, shape (b,)
        Index of the last key that each query sees.
    layout : BlockLayout
    top : Tensor, shape (B, b, 1)
        Largest logit of a row; weights are ``exp(logit - top)``.
    ridge : Tensor, shape (B, b, 1)
        Effective ridge, on the scale of these weights.
    kept : Tensor, shape (B, b, m), or None
        Weights, if they are kept.
    passes : int
        Times that all keys were streamed.
    """

    q: Tensor
    k: Tensor
    last: Tensor
    layout: BlockLayout
    top: Tensor | None = None
    ridge: Tensor | None = None
    kept: Tensor | None = None
    omega: Tensor | None = None
    first_moment: Tensor | None = None
    second_moment: Tensor | None = None
    passes: int = 0

    @classmethod
    def of(cls, q: Tensor, k: Tensor, rows: slice, visible: int, layout: BlockLayout) -> QueryBlock:
        """Cut the rows and the keys that they see."""
        last = torch.arange(rows.start, rows.stop) + k.shape[1] - q.shape[1]
        if not layout.causal:
            last = torch.full_like(last, visible - 1)
        return cls(q[:, rows], k[:, :visible], last.to(q.device), layout)

    def parts(self) -> list[slice]:
        """Return the blocks of keys."""
        m, size = self.k.shape[1], self.layout.block_k or self.k.shape[1]
        return [slice(lo, min(lo + size, m)) for lo in range(0, m, max(1, size))]

    def logits(self, part: slice) -> Tensor:
        """Return the logits of a block of keys, minus infinity where nothing is seen."""
        logits = (self.q @ self.k[:, part].mT).mul_(self.layout.scale)
        if self.layout.causal and part.stop - 1 > int(self.last[0]):
            place = torch.arange(part.start, part.stop, device=logits.device)
            logits.masked_fill_(place > self.last[:, None], -torch.inf)
        return logits

    def weights(self, part: slice) -> Tensor:
        """Return ``exp(logit - top)`` of a block of keys."""
        if self.kept is not None:
            return self.kept
        return self.logits(part).sub_(self.top).exp_()

    def gather_moments(self, squares: bool = False) -> None:
        r"""Stream the keys once: online maximum, :math:`\omega`, :math:`\sum_j w_j k_j`."""
        top = self.q.new_full((*self.q.shape[:2], 1), -torch.inf)
        omega, first = torch.zeros_like(top), torch.zeros_like(self.q)
        second = torch.zeros_like(self.q) if squares else None
        for part in self.parts():
            logits = self.logits(part)
            higher = torch.maximum(top, logits.amax(-1, keepdim=True))
            weights, shrink = logits.sub_(higher).exp_(), torch.exp(top - higher)
            omega = omega.mul_(shrink).add_(weights.sum(-1, keepdim=True))
            first = first.mul_(shrink).add_(weights @ self.k[:, part])
            if squares:
                second = second.mul_(shrink).add_(weights @ self.k[:, part].square())
            top = higher
        self.top, self.omega, self.first_moment, self.second_moment = top, omega, first, second
        self.kept = weights if self.layout.block_k is None else None
        self.passes += 1

    def restore(self, top: Tensor, omega: Tensor) -> None:
        """Take over the maximum and sum of an earlier pass."""
        self.top, self.omega = top, omega
        if self.layout.block_k is None:
            self.kept = self.weights(slice(0, self.k.shape[1]))

    def set_ridge(self, ridge: Tensor) -> None:
        r"""Put the ridge on the scale of the weights: λ, λω or :math:`λ e^{-m}`."""
        self.ridge = ridge * effective_ridge(self.layout.norm, self.top, self.omega)

    @property
    def mu(self) -> Tensor:
        r"""First moment of the differences, :math:`\mu = \sum_j w_j k_j - \omega q`."""
        return self.first_moment - self.omega * self.q

    def diagonal(self) -> Tensor:
        r"""Return the diagonal of :math:`\Sigma`, from the squares gathered with the moments."""
        if self.second_moment is None:
            self.gather_moments(squares=True)
        centred = self.second_moment - 2 * self.q * self.first_moment + self.omega * self.q**2
        return centred.clamp_(min=0).add_(self.ridge)

    def product(self, p: Tensor) -> Tensor:
        r"""Return :math:`\Sigma_i p_i` of every row, streaming the keys once."""
        image = self.ridge * p
        for part in self.parts():
            k = self.k[:, part]
            image += relsum(relmm(p, self.q, k).mul_(self.weights(part)), self.q, k)
        self.passes += 1
        return image

    def gram(self) -> Tensor:
        r"""Return the matrices :math:`\Sigma_i` of this block alone, shape (B, b, d, d)."""
        d = self.q.shape[-1]
        raw, first = self.q.new_zeros(*self.q.shape, d), torch.zeros_like(self.q)
        for part in self.parts():
            k, weights = self.k[:, part], self.weights(part)
            raw += (weights @ (k[..., None] * k[..., None, :]).flatten(2)).unflatten(2, (d, d))
            first += weights @ k
        self.passes += 1
        mixed = (first - 0.5 * self.omega * self.q)[..., None] * self.q[..., None, :]
        raw -= mixed + mixed.mT
        return raw + torch.diag_embed(self.ridge.expand_as(self.q))

    def take(self, index: Tensor) -> QueryBlock:
        """Return some rows of the block, for the solver; their passes are counted here."""
        names = ("top", "ridge", "kept", "omega", "first_moment", "second_moment")
        present = {name: getattr(self, name) for name in names}
        cut = {name: None if x is None else x[:, index] for name, x in present.items()}
        return replace(self, q=self.q[:, index], last=self.last[index], **cut)


def effective_ridge(norm: str, top: Tensor, omega: Tensor) -> Tensor:
    """Return the factor that puts a ridge on the scale of weights :math:`e^{s - m}`."""
    if norm == "max":
        return torch.ones_like(top)
    return omega if norm == "softmax" else torch.exp(-top)
