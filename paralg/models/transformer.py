r"""One small pre-norm transformer for all mask modes (Vaswani et al. 2017; Xiong et al. 2020).

It maps slots to logits and knows nothing of modes: a slot is a token, a position and a row of the
attention mask, all given by the caller, so that bidirectional, causal, two-stream and tree layouts
are four ways to call the same network.
Block ℓ computes h ← h + Attention(LN(h)), h ← h + MLP(LN(h)).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Shape", "Transformer"]

_EMBEDDING_STD = 0.5

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of one layer, each of shape (B, heads, slots, width / heads)."""


@dataclass(frozen=True)
class Shape:
    """Sizes of a transformer.

    Parameters
    ----------
    V : int
        Tokens; the table has one more entry, V, read as mask, begin symbol or query.
    L : int
        Positions.
    width, layers, heads : int

    Raises
    ------
    ValueError
        If a size is not positive or `width` is not a multiple of `heads`.
    """

    V: int
    L: int
    width: int = 64
    layers: int = 3
    heads: int = 4

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads={self.heads}, got {self.width}")


class Attention(nn.Module):
    """Multi-head attention over given keys and values (of slots computed before) and own ones."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, h: Tensor, mask: Tensor | None, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        B, S, width = h.shape
        split = self.qkv(h).view(B, S, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind()
        own = (k, v)
        if past is not None:
            pairs = zip(past, own, strict=True)
            k, v = (torch.cat([p.expand(B, -1, -1, -1), n], dim=2) for p, n in pairs)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(B, S, width)), own


class Block(nn.Module):
    """Pre-norm residual block: attention, then a two-layer perceptron four times as wide."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(
        self, h: Tensor, mask: Tensor | None, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        mixed, own = self.attention(self.norm1(h), mask, past)
        h = h + mixed
        return h + self.mlp(self.norm2(h)), own


class Transformer(nn.Module):
    """Slots in, logits and keys/values out.

    Parameters
    ----------
    shape : Shape
    seed : int
        Initial weights: linear layers as torch draws them, embeddings N(0, 0.5²).

    Examples
    --------
    >>> network = Transformer(Shape(V=4, L=16), seed=0)
    >>> logits, kept = network(torch.zeros(2, 16, dtype=torch.long), torch.arange(16))
    >>> tuple(logits.shape), len(kept), network.parameters_count
    ((2, 16, 4), 3, 151684)
    """

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        super().__init__()
        self.shape = shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.token = nn.Embedding(shape.V + 1, shape.width)
            self.position = nn.Embedding(shape.L, shape.width)
            self.blocks = nn.ModuleList(
                Block(shape.width, shape.heads) for _ in range(shape.layers)
            )
            self.norm = nn.LayerNorm(shape.width)
            self.head = nn.Linear(shape.width, shape.V)
            for table in (self.token, self.position):
                nn.init.normal_(table.weight, std=_EMBEDDING_STD)

    @property
    def parameters_count(self) -> int:
        """Number of trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        past: list[KeysValues] | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:
        """Compute the logits of S slots that see P earlier slots and each other.

        Parameters
        ----------
        tokens : LongTensor, shape (B, S)
            Entries 0..V.
        positions : LongTensor, shape (S,) or (B, S)
            Entries 0..L-1; they may repeat.
        mask : BoolTensor, shape (S, P + S) or (B, S, P + S), optional
            True where slot q attends to slot k; earlier slots come first. None: all see all.
        past : list over layers of (keys, values), optional
            Each of shape (1 or B, heads, P, width / heads); one row serves all B.

        Returns
        -------
        logits : FloatTensor, shape (B, S, V)
        own : list over layers of (keys, values)
            Those of the S slots, for use as a later `past`.

        Cost
        ----
        Work O(S (P + S) width + S width²) per row and layer; span: `layers` blocks.
        """
        if mask is not None and mask.ndim == 3:
            mask = mask[:, None]
        h = self.token(tokens) + self.position(positions)
        own = []
        for layer, block in enumerate(self.blocks):
            h, kept = block(h, mask, None if past is None else past[layer])
            own.append(kept)
        return self.head(self.norm(h)), own
