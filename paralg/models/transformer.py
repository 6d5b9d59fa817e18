r"""One small pre-norm transformer for all mask modes (Vaswani et al. 2017; Xiong et al. 2020).

It maps slots to logits and knows nothing of modes: a slot is a token, a position and a row of the
attention mask, all given by the caller, so that bidirectional, causal, two-stream and tree layouts
are four ways to call the same network.
Block ℓ computes h ← h + Attention(LN(h)), h ← h + MLP(LN(h)).
Positions enter as a learned vector added to the token's and, on request, as a rotation of queries
and keys [1]_, which makes neighbourhood easy to learn; a cached key keeps its position either way.

References
----------
.. [1] Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from paralg.core import checks

__all__ = ["TransformerConfig", "Transformer"]

_EMBEDDING_STD = 0.5

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of one layer, each of shape (B, heads, slots, width / heads)."""

Turn = tuple[Tensor, Tensor]
"""Cosines and sines by which queries and keys are rotated."""


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a transformer.

    Parameters
    ----------
    V, L : int
        Tokens and positions; the table of tokens has one more entry, V, read as mask, begin symbol
        or query.
    width, layers, heads : int
        Numbers in a vector, a multiple of twice the heads; blocks; heads of each.
    rotary : bool
        Rotate queries and keys by position: worth it for text, not for grids.

    Examples
    --------
    >>> TransformerConfig(V=4, L=16, layers=2)
    TransformerConfig(V=4, L=16, width=64, layers=2, heads=4, rotary=False)
    """

    V: int
    L: int
    width: int = 64
    layers: int = 3
    heads: int = 4
    rotary: bool = False

    def __post_init__(self) -> None:
        for name in ("V", "L", "width", "layers", "heads"):
            checks.integer(name, getattr(self, name), 1)
        checks.instance("rotary", self.rotary, bool)
        if self.width % (2 * self.heads):
            twice = 2 * self.heads
            raise ValueError(f"width must be a multiple of 2 heads = {twice}, got {self.width}")


def turns(length: int, size: int) -> Tensor:
    """Return the rotation e^{iωp} of each position p and pair of coordinates, (length, size / 2).

    `size` counts the coordinates of a head, two per frequency ω; the periods go from 4 to
    2 `length`.
    """
    pairs = size // 2
    share = torch.arange(pairs, dtype=torch.float64) / max(1, pairs - 1)
    angle = torch.arange(length)[:, None] * (math.pi / 2 * (2 / length) ** share)
    return torch.polar(torch.ones_like(angle), angle)


def rotate(x: Tensor, turn: Turn) -> Tensor:
    """Turn the coordinate pairs (x_k, x_{k + size/2}) by given cosines and sines."""
    cos, sin = turn
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Attention(nn.Module):
    """Multi-head attention over given keys and values (of slots computed before) and own ones."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, h: Tensor, turn: Turn | None, mask: Tensor | None, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        B, S, width = h.shape
        split = self.qkv(h).view(B, S, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind()
        if turn is not None:
            q, k = rotate(q, turn), rotate(k, turn)
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
        self, h: Tensor, turn: Turn | None, mask: Tensor | None, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        mixed, own = self.attention(self.norm1(h), turn, mask, past)
        h = h + mixed
        return h + self.mlp(self.norm2(h)), own


class Transformer(nn.Module):
    """Slots in, logits and keys/values out.

    Parameters
    ----------
    config : TransformerConfig
    seed : int
        Initial weights: linear layers as torch draws them, embeddings N(0, 0.5²).

    Examples
    --------
    >>> network = Transformer(TransformerConfig(V=4, L=16), seed=0)
    >>> logits, kept = network(torch.zeros(2, 16, dtype=torch.long), torch.arange(16))
    >>> tuple(logits.shape), len(kept), network.parameters_count
    ((2, 16, 4), 3, 151684)
    """

    def __init__(self, config: TransformerConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        checks.instance("config", config, TransformerConfig)
        self.turn = turns(config.L, config.width // config.heads)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(checks.integer("seed", seed))
            self.token = nn.Embedding(config.V + 1, config.width)
            self.position = nn.Embedding(config.L, config.width)
            self.blocks = nn.ModuleList(
                Block(config.width, config.heads) for _ in range(config.layers)
            )
            self.norm = nn.LayerNorm(config.width)
            self.head = nn.Linear(config.width, config.V)
            for table in (self.token, self.position):
                nn.init.normal_(table.weight, std=_EMBEDDING_STD)

    @property
    def parameters_count(self) -> int:
        """Number of trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def forward(
        self, tokens: Tensor, positions: Tensor, mask: Tensor | None = None,
        past: list[KeysValues] | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:  # fmt: skip
        """Compute logits, (B, S, V), and own keys and values of slots, all as in :meth:`hidden`."""
        h, own = self.states(tokens, positions, mask, past)
        return self.head(h), own

    def states(
        self, tokens: Tensor, positions: Tensor, mask: Tensor | None = None,
        past: list[KeysValues] | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:  # fmt: skip
        """Compute what the head makes logits of: the :meth:`hidden` states, normalised."""
        h, own = self.hidden(tokens, positions, mask, past)
        return self.norm(h), own

    def hidden(
        self, tokens: Tensor, positions: Tensor, mask: Tensor | None = None,
        past: list[KeysValues] | None = None,
    ) -> tuple[Tensor, list[KeysValues]]:  # fmt: skip
        """Compute what the last block says of S slots after P, before the last norm.

        - ``tokens``, (B, S): entries 0..V.
        - ``positions``, (S,) or (B, S): entries 0..L-1; they may repeat.
        - ``mask``, (S, P + S) or (B, S, P + S): true where slot q attends to slot k; earlier slots
          come first. None: all to all.
        - ``past``: keys and values of each layer, (1 or B, heads, P, width / heads).

        Returned are vectors (B, S, width) and keys and values of the S slots, a later
        `past`; the work is O(S (P + S) width + S width²) per row and layer.
        """
        for name, ids, most in (("tokens", tokens, self.config.V),
                                ("positions", positions, self.config.L - 1)):  # fmt: skip
            checks.instance(name, ids, Tensor)
            checks.kind(name, ids, "i")
            if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) <= most:
                raise ValueError(f"{name} must lie in 0..{most}, got {ids.tolist()}")
        checks.instance("mask", mask, torch.Tensor, type(None))
        checks.kind("mask", torch.ones((), dtype=torch.bool) if mask is None else mask, "b")
        seen = tokens.shape[-1] + (0 if past is None else past[0][0].shape[2])
        checks.sizes(tokens=(tokens, "B S"), positions=(positions, "S", "B S"),
                     mask=(mask, f"S {seen}", f"B S {seen}"))  # fmt: skip
        if mask is not None and mask.ndim == 3:
            mask = mask[:, None]
        h = self.token(tokens) + self.position(positions)
        turn, own = self._turn(positions) if self.config.rotary else None, []
        for layer, block in enumerate(self.blocks):
            h, kept = block(h, turn, mask, None if past is None else past[layer])
            own.append(kept)
        return h, own

    def _turn(self, positions: Tensor) -> Turn:
        """Return the rotations of positions, as precise as the weights."""
        turn = self.turn.to(positions.device)[positions].unsqueeze(-3)
        return turn.real.to(self.token.weight), turn.imag.to(self.token.weight)
