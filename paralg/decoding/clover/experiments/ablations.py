"""Heads without a part, or with another one in its place."""

import torch
import torch.nn.functional as F
from torch import nn

from paralg.decoding.clover.heads import EPSILON, AttentionDecoder, CloverHeads

__all__ = [
    "AttentionHalf", "AugmentedMedusa", "AugmentedPerceptron", "MedusaHeads", "PerceptronDecoder",
    "PerceptronHalf", "PerceptronHeads", "SharedHeads", "SiluGate", "SoftmaxDecoder",
    "SoftmaxGate", "UnaugmentedHeads", "UnitHeads",
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


class AugmentedMedusa(CloverHeads):
    """Draft without looking at the drafts before: one distribution a level."""

    def build(self, width, heads):
        """Leave the decoders out."""
        super().build(width, heads)
        del self.decoders

    def join(self, i, h, e):
        """Return h as it was."""
        return h.expand(*e.shape[:-1], -1)


class MedusaHeads(AugmentedMedusa, UnaugmentedHeads):
    """Medusa's heads [cai-2024-medusa], with the target's own head in place of a private one."""


class AttentionHalf(CloverHeads):
    """Augment by the block's attention alone."""

    def build(self, width, heads):
        """Leave the perceptron out."""
        super().build(width, heads)
        del self.block.norm2, self.block.mlp

    def augment(self, hidden, places, mask, past=None):
        """Attend, and normalise."""
        turn = self.target._turn(places) if self.target.config.rotary else None
        mixed, kept = self.block.attention(self.block.norm1(hidden), turn, mask, past)
        return self.norm(hidden + mixed), kept


class PerceptronHalf(CloverHeads):
    """Augment by the block's perceptron alone: each slot for itself."""

    def build(self, width, heads):
        """Leave the attention out."""
        super().build(width, heads)
        del self.block.norm1, self.block.attention

    def augment(self, hidden, places, mask, past=None):
        """Add what the perceptron says, and normalise."""
        return self.norm(hidden + self.block.mlp(self.block.norm2(hidden))), None


class SharedHeads(UnaugmentedHeads):
    """Use one attention decoder at every level."""

    def build(self, width, heads):
        """Make one decoder."""
        super().build(width, heads)
        self.decoders = nn.ModuleList([self.decoders[0]] * self.K)


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
        self.norm = nn.RMSNorm(width, eps=EPSILON)
        self.into, self.out = nn.Linear(2 * width, width), nn.Linear(width, width)
        nn.init.zeros_(self.out.weight), nn.init.zeros_(self.out.bias)

    def forward(self, h, e):
        """Add what the perceptron says."""
        return h + self.out(F.silu(self.into(torch.cat([self.norm(h), e], dim=-1))))


class SoftmaxGate(UnaugmentedHeads):
    """Recur with the gate that is always 1."""

    decoder = SoftmaxDecoder


class SiluGate(UnaugmentedHeads):
    """Recur with a gate that is not bounded."""

    decoder = SiluDecoder


class PerceptronHeads(UnaugmentedHeads):
    """Recur by a perceptron."""

    decoder = PerceptronDecoder


class AugmentedPerceptron(CloverHeads):
    """The same on augmented states: the paper's first ablation."""

    decoder = PerceptronDecoder
