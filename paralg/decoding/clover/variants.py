"""Other heads, gates and trees, as subclasses of the plain ones, and drafts without heads.

====================  ==========================================================================
`MedusaHeads`         no regressive connection, no augmenting block: K independent heads
`AugmentedMedusa`     the augmenting block alone
`UnaugmentedHeads`    the regressive connection alone
`AttentionOnlyBlock`  an augmenting block without its perceptron
`SharedHeads`         the same with one attention decoder for all heads
`UnitHeads`           the same with e of unit norm, not of unit root mean square
`SoftmaxGate`         the same with a softmax over the single key: it is always 1
`SiluGate`            the same with SiLU of the scaled product of query and key
`PerceptronHeads`     the same with a perceptron of h and e in place of attention
`Drawn`               children that are drawn, to be verified by `verify_drawn`
`verify_ratio`        the ratio rule on children that were not drawn: **wrong**, to be shown wrong
`TableDrafter`        any table as drafter, for enumeration
`UniformDrafter`      knows nothing: what a tree is worth by its width alone
====================  ==========================================================================
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from paralg.core import checks
from paralg.decoding.clover.heads import AttentionDecoder, CloverHeads
from paralg.decoding.clover.tree import TreeRule
from paralg.decoding.clover.verification import Verdict, without
from paralg.decoding.randomness import Random, softmax
from paralg.decoding.tables import TableModel

__all__ = [
    "AttentionOnlyBlock", "AugmentedMedusa", "Drawn", "MedusaHeads", "PerceptronHeads",
    "SharedHeads", "SiluGate", "SoftmaxGate", "TableDrafter", "UnaugmentedHeads",
    "UniformDrafter", "UnitHeads", "verify_ratio",
]  # fmt: skip


class UnaugmentedHeads(CloverHeads):
    """Read the target's own state: h₀ = norm(h)."""

    def build(self, width, heads):
        """Leave the block out."""
        super().build(width, heads)
        del self.block

    def augment(self, hidden, places, mask, past=None):
        """Normalise."""
        return self.norm(hidden), None


class AttentionOnlyBlock(CloverHeads):
    """Augment by attention, without the block's perceptron."""

    def build(self, width, heads):
        """Leave the perceptron out."""
        super().build(width, heads)
        del self.block.mlp, self.block.norm2

    def augment(self, hidden, places, mask, past=None):
        """Attend, and normalise."""
        turn = self.target._turn(places) if self.target.config.rotary else None
        mixed, kept = self.block.attention(self.block.norm1(hidden), turn, mask, past)
        return self.norm(hidden + mixed), kept


class AugmentedMedusa(CloverHeads):
    """Draft without looking at the drafts before: one distribution a level."""

    def build(self, width, heads):
        """Leave the decoders out."""
        super().build(width, heads)
        del self.decoders

    def join(self, i, h, e):
        """Return h as it was."""
        return h if h.shape[:-1] == e.shape[:-1] else h.expand(*e.shape[:-1], -1)


class MedusaHeads(AugmentedMedusa, UnaugmentedHeads):
    """Medusa's heads [cai-2024-medusa], with the target's own head in place of a private one."""

    def build(self, width, heads):
        """Leave block and decoders out."""
        CloverHeads.build(self, width, heads)
        del self.block, self.decoders

    augment = UnaugmentedHeads.augment


class SharedHeads(UnaugmentedHeads):
    """Use one attention decoder at every level."""

    def build(self, width, heads):
        """Make one decoder."""
        super().build(width, heads)
        self.decoders = nn.ModuleList([self.decoders[0]])

    def join(self, i, h, e):
        """Join as at the first level."""
        return super().join(1, h, e)


class UnitHeads(UnaugmentedHeads):
    """Embed tokens as rows of unit norm."""

    def embeddings(self):
        """Return rows of norm 1."""
        return F.normalize(self.target.head.weight.detach(), dim=-1)


class SoftmaxDecoder(AttentionDecoder):
    """Normalise over the keys, of which there is one."""

    def gate(self, q, k):
        """Return ones."""
        return torch.softmax((q * k).sum(dim=-1, keepdim=True) / q.shape[-1] ** 0.5, dim=-1)


class SiluDecoder(AttentionDecoder):
    """Gate by the size of the product, too."""

    def gate(self, q, k):
        """Return SiLU of the scaled product."""
        return F.silu((q * k).sum(dim=-1, keepdim=True) / q.shape[-1] ** 0.5)


class PerceptronDecoder(nn.Module):
    """h plus a perceptron of h and e side by side, at first nothing."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.into, self.out = nn.Linear(2 * width, width), nn.Linear(width, width)
        nn.init.zeros_(self.out.weight), nn.init.zeros_(self.out.bias)

    def forward(self, h, e):
        """Add what the perceptron says."""
        return h + self.out(F.silu(self.into(torch.cat([self.norm(h), e], dim=-1))))


class _OtherDecoder(UnaugmentedHeads):
    decoder: type[nn.Module]

    def build(self, width, heads):
        super().build(width, heads)
        self.decoders = nn.ModuleList(self.decoder(width, heads) for _ in range(self.K))


class SoftmaxGate(_OtherDecoder):
    """Recur with the gate that is always 1."""

    decoder = SoftmaxDecoder


class SiluGate(_OtherDecoder):
    """Recur with a gate that is not bounded."""

    decoder = SiluDecoder


class PerceptronHeads(_OtherDecoder):
    """Recur by a perceptron."""

    decoder = PerceptronDecoder


@dataclass(frozen=True)
class Drawn(TreeRule):
    """Draw distinct children of every node from q: each path goes on, whatever its probability.

    Parameters
    ----------
    widths : tuple of int
        Children of each node, level by level; fewer where q has fewer possible tokens.

    Raises
    ------
    TypeError, ValueError
        If a width is no integer of at least 1.

    Cost
    ----
    A call of a head for each level.

    Examples
    --------
    >>> Drawn((2, 1, 1)).m
    6
    """

    widths: tuple[int, ...] = (2, 1, 1)

    def __post_init__(self):
        for width in self.widths:
            checks.integer("a width", width, 1)

    @property
    def m(self) -> int:
        """Most drafts of a tree."""
        return int(np.cumprod(self.widths).sum())

    def choose(self, i, q, joint, left, rng):
        """Draw without replacement."""
        drawn = []
        for branch, law in enumerate(q if i <= len(self.widths) else ()):
            for _ in range(min(self.widths[i - 1], np.count_nonzero(law))):
                token = rng.categorical(law)
                drawn.append((branch, token))
                if law[token] < 1:
                    law = without(law, token)
        return tuple(np.array(drawn, dtype=int).reshape(-1, 2).T)


def verify_ratio(tree, p: np.ndarray, rng: Random) -> Verdict:
    """Accept with p(x)/q(x) although the children were chosen: **not** the right distribution.

    Parameters
    ----------
    tree : DraftTree
        With q of every node that has children.
    p : ndarray, shape (m + 1, V)
    rng : Random

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from paralg.decoding.clover.tree import DraftTree
    >>> from paralg.decoding.randomness import RandomDraws
    >>> tree = DraftTree(np.array([0, 1]), np.array([-1, 0]), np.ones(2), (np.array([0.5, 0.5]),))
    >>> verify_ratio(tree, np.array([[0.2, 0.8], [1.0, 0.0]]), RandomDraws(0)).path
    [0, 1]
    """
    path, refused, law = [0], [], p[0]
    while (children := tree.children(path[-1])):
        q = tree.q[path[-1]]
        for child in children:
            if rng.accept(law[tree.tokens[child]] / q[tree.tokens[child]]):
                path.append(child)
                law = p[child]
                break
            refused.append(child)
            excess = np.maximum(law - q, 0)
            law = excess / excess.sum()
        else:
            break
    return Verdict(path, refused, rng.categorical(law))


class TableDrafter:
    """Drafts by a table's own ``causal``, of t₀ and what was drafted, for a table as target.

    Parameters
    ----------
    table : TableModel
        The target itself, whose drafts are always right, or another one of its size.
    K : int
        Levels.

    Raises
    ------
    TypeError, ValueError
        If ``table`` is no table, or K no integer of at least 1.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> drafting = TableDrafter(HashConditional(2, 3)).start()
    >>> states = drafting.read(None, np.array([], dtype=int))
    >>> drafting.expand(1, states, np.array([1]))[1].round(2)
    array([[0.95, 0.05]])
    """

    def __init__(self, table: TableModel, K: int = 3):
        checks.instance("table", table, TableModel)
        self.table, self.K = table, checks.integer("K", K, 1)

    def start(self) -> "TableDrafter":
        """Return itself: it remembers nothing."""
        return self

    def read(self, final, x):
        """Return the known tokens as the one state, (1, n)."""
        return np.asarray(x)[None]

    def expand(self, i, states, tokens):
        """Return the known tokens with the nodes' own, and the table's distributions after them."""
        states = np.concatenate([states, np.asarray(tokens)[:, None]], axis=1)
        n = states.shape[1]
        rows = np.pad(states, ((0, 0), (0, self.table.L - n)), constant_values=self.table.V)
        return states, softmax(self.table.causal(rows, at=[n])[:, 0])


class UniformDrafter:
    """Drafts every token with the same probability, on any model.

    Parameters
    ----------
    V, K : int
        Tokens and levels.

    Raises
    ------
    TypeError, ValueError
        If a number is no integer of at least 1.

    Examples
    --------
    >>> UniformDrafter(4).expand(1, np.zeros(1), np.array([2]))[1]
    array([[0.25, 0.25, 0.25, 0.25]])
    """

    def __init__(self, V: int, K: int = 3):
        self.V, self.K = checks.integer("V", V, 1), checks.integer("K", K, 1)

    def start(self) -> "UniformDrafter":
        """Return itself: it remembers nothing."""
        return self

    def read(self, final, x):
        """Return an empty state."""
        return np.zeros(1)

    def expand(self, i, states, tokens):
        """Return uniform distributions."""
        return np.zeros(len(tokens)), np.full((len(tokens), self.V), 1 / self.V)
