r"""The draft heads: an augmenting block, then a light attention decoder per head.

[xiao-2024-clover]; the head of a row is W, the target's own, frozen and shared by all heads.

============  ============================================================================
h₀            norm(block(h)), h the target's hidden state at the last final slot
e_j           √d times the normalised row of W of token j; e₀ belongs to t₀
h_i           h_{i-1} + gate(W_Q norm(h_{i-1}), W_K e_{i-1}) · W_V e_{i-1}, i = 1 … K
logits_i      W (h_i + SiLU(M_i h_i)): head i speaks of the i-th token after t₀
============  ============================================================================

A softmax over the one key would always be 1. The gate of the successor's code is the cosine of
query and key, one for each attention head.
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from paralg.core import checks
from paralg.decoding.randomness import softmax
from paralg.models.slots import NetworkSlots, to_numpy, to_torch, without_gradients
from paralg.models.transformer import Transformer

__all__ = ["AttentionDecoder", "CloverHeads", "HeadsRun"]

EPSILON = 1e-6


class AttentionDecoder(nn.Module):
    """One step of the recurrence: attention over a single key, the token drafted last."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.RMSNorm(width, eps=EPSILON)
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        with torch.no_grad():
            for linear in (self.q, self.k):
                linear.weight.uniform_(0, 0.01).add_(torch.eye(width))
            self.v.weight.zero_()
            for linear in (self.q, self.k, self.v):
                linear.bias.zero_()

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """Return h plus the gated value of e."""
        q, k, v = (x.unflatten(-1, (self.heads, -1))
                   for x in (self.q(self.norm(h)), self.k(e), self.v(e)))  # fmt: skip
        return h + (self.gate(q, k) * v).flatten(-2)

    def gate(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the cosine of query and key, (…, heads, 1)."""
        return F.cosine_similarity(q, k, dim=-1, eps=EPSILON)[..., None]


class ResidualLayer(nn.Module):
    """The layer of a Medusa head, h + SiLU(M h + b), at first the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        nn.init.zeros_(self.linear.weight), nn.init.zeros_(self.linear.bias)

    def forward(self, h: Tensor) -> Tensor:
        """Add what the layer says."""
        return h + F.silu(self.linear(h))


class CloverHeads(nn.Module):
    """K draft heads over a frozen target; variants override how h and e are made and joined.

    Parameters
    ----------
    target : Transformer
        Trained on causal masks; its last norm, head and last block are where training starts.
    K : int
        Heads, and so the most levels of a draft tree.
    seed : int
        Of the initial weights: because of W_V = 0 they are Medusa's heads on augmented states.

    Raises
    ------
    TypeError, ValueError
        If the target is no `Transformer`, or K no integer of at least 1.

    Cost
    ----
    A level of n nodes: O(n d² + n d V); the block: as one layer of the target, on final slots only.

    Notes
    -----
    The paper's augmenting block is ``block``, its attention decoder ``decoders[i]``. It leaves open
    whether heads share W_Q, W_K and W_V; `SharedHeads` of ``experiments.ablations`` do.

    References
    ----------
    [xiao-2024-clover]; gate and initial weights as in its successor's code.

    Examples
    --------
    >>> from paralg.models import TransformerConfig
    >>> heads = CloverHeads(Transformer(TransformerConfig(V=4, L=16)))
    >>> [tuple(logits.shape) for logits in heads(torch.zeros(2, 16, 64), torch.zeros(2, 16).long())]
    [(2, 15, 4), (2, 14, 4), (2, 13, 4)]
    """

    def __init__(self, target: Transformer, K: int = 3, seed: int = 0) -> None:
        super().__init__()
        checks.instance("target", target, Transformer)
        self.K, self._target = checks.integer("K", K, 1), (target,)  # a tuple hides its weights
        self.V, width = target.config.V, target.config.width
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(checks.integer("seed", seed))
            self.build(width, target.config.heads)
        self.to(target.head.weight)

    decoder: type[nn.Module] = AttentionDecoder

    def build(self, width: int, heads: int) -> None:
        """Make the parts that are trained."""
        self.block = copy.deepcopy(self.target.blocks[-1])
        self.norm = copy.deepcopy(self.target.norm)
        self.decoders = nn.ModuleList(self.decoder(width, heads) for _ in range(self.K))
        self.layers = nn.ModuleList(ResidualLayer(width) for _ in range(self.K))

    @property
    def target(self) -> Transformer:
        """The frozen network."""
        return self._target[0]

    def embeddings(self) -> Tensor:
        """Return e of every token, (V, d): rows of the head of unit root mean square."""
        rows = self.target.head.weight.detach()
        return F.normalize(rows, dim=-1) * rows.shape[1] ** 0.5

    def augment(self, hidden: Tensor, places: Tensor, mask: Tensor | None, past=None):
        """Return h₀ of slots (B, S, d) and what the block keeps of them."""
        turn = self.target._turn(places) if self.target.config.rotary else None
        h, kept = self.block(hidden, turn, mask, past)
        return self.norm(h), kept

    def join(self, i: int, h: Tensor, e: Tensor) -> Tensor:
        """Return h_i of h_{i-1} and e_{i-1}: the regressive connection, i from 1."""
        return self.decoders[i - 1](h, e)

    def logits(self, state: Tensor) -> Tensor:
        """Return what the target's head says of a state."""
        head = self.target.head
        return F.linear(state, head.weight.detach(), head.bias.detach())

    def forward(self, hidden: Tensor, x: Tensor) -> list[Tensor]:
        """Return logits (B, L - i, V): head i at place p reads x_p … x_{p+i-1}, says x_{p+i}."""
        return [self.logits(state) for state in self.states(hidden, x)]

    def states(self, hidden: Tensor, x: Tensor) -> list[Tensor]:
        """Return what the logits are made of, (B, L - i, d)."""
        L = hidden.shape[1]
        mask = torch.ones(L, L, dtype=torch.bool).tril()
        h, e, found = self.augment(hidden, torch.arange(L), mask)[0], self.embeddings()[x], []
        for i in range(1, self.K + 1):
            h = self.join(i, h[:, : L - i], e[:, i - 1 : L - 1])
            found.append(self.layers[i - 1](h))
        return found

    def start(self) -> "HeadsRun":
        """Return what drafts for one sequence."""
        return HeadsRun(self)


class HeadsRun:
    """Heads on one sequence: the keys and values of the block, and a level of drafts at a time."""

    def __init__(self, heads: CloverHeads) -> None:
        self.heads, self.K, self.past, self.length = heads, heads.K, None, 0
        with without_gradients():
            self.e = heads.embeddings()

    def read(self, final: NetworkSlots, x: np.ndarray) -> Tensor:
        """Take new final slots, of which the hidden states are read; return the last h₀, (1, d)."""
        with without_gradients():
            end = self.length + len(final)
            mask = torch.ones(len(final), end, dtype=torch.bool).tril(self.length)
            places = torch.arange(self.length, end)
            h, kept = self.heads.augment(final.hidden[:1], places, mask, self.past)
            if self.past is not None:
                kept = tuple(torch.cat(pair, dim=2) for pair in zip(self.past, kept, strict=True))
            self.past, self.length = kept, end
            return h[0, -1:]

    def expand(self, i: int, h: Tensor, tokens: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """Return h_i of n nodes, of their parents' h_{i-1}, and what head i says next, (n, V)."""
        with without_gradients():
            h = self.heads.join(i, h, self.e[to_torch(tokens)])
            return h, softmax(to_numpy(self.heads.logits(self.heads.layers[i - 1](h))))
