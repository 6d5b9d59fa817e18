"""A language model of Mamba blocks: embedding, pre-norm residual blocks, norm, tied head."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from paralg.recurrences.mamba.block import BlockState, MambaBlock
from paralg.recurrences.mamba.config import MambaConfig

__all__ = ["MambaLM", "RMSNorm", "ResidualBlock"]


class RMSNorm(nn.Module):
    r"""Return :math:`w \odot v / \sqrt{\text{mean}(v^2) + \epsilon}`, along the last axis.

    Parameters
    ----------
    width : int
    epsilon : float
    """

    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, v: Tensor) -> Tensor:
        """Scale each vector."""
        return v * torch.rsqrt((v * v).mean(-1, keepdim=True) + self.epsilon) * self.weight


class ResidualBlock(nn.Module):
    """Add what the block makes of the normed stream to the stream."""

    def __init__(self, mixer: MambaBlock):
        super().__init__()
        self.mixer = mixer
        self.norm = RMSNorm(mixer.config.d_model, mixer.config.epsilon)

    def forward(self, v: Tensor, state: BlockState | None = None) -> tuple[Tensor, BlockState]:
        """Mix a sequence, shape (b, L, d_model)."""
        out, state = self.mixer(self.norm(v), state)
        return v + out, state

    def step(self, v: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Mix one token, shape (b, d_model)."""
        out, state = self.mixer.step(self.norm(v), state)
        return v + out, state


class MambaLM(nn.Module):
    """A causal language model without attention and without MLP; keys are the official model's.

    Parameters
    ----------
    config : MambaConfig
    seed : int
        Of the initial weights.

    References
    ----------
    [gu-2023-mamba], section 3.4 and appendix C.

    Examples
    --------
    >>> model = MambaLM(MambaConfig(d_model=8, vocab_size=5))
    >>> model(torch.tensor([[3, 1, 4]])).shape
    torch.Size([1, 3, 5])
    """

    def __init__(self, config: MambaConfig, seed: int = 0):
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = nn.Module()
            self.backbone.embedding = nn.Embedding(config.padded_vocab, config.d_model)
            layers = [ResidualBlock(self.make_block()) for _ in range(config.n_layer)]
            self.backbone.layers = nn.ModuleList(layers)
            self.backbone.norm_f = RMSNorm(config.d_model, config.epsilon)
            self.lm_head = nn.Linear(config.d_model, config.padded_vocab, bias=False)
            nn.init.normal_(self.backbone.embedding.weight, std=0.02)
        self.lm_head.weight = self.backbone.embedding.weight
        for layer in layers:  # what every block adds to the stream is smaller, the more there are
            layer.mixer.out_proj.weight.data /= math.sqrt(config.n_layer)

    def make_block(self) -> MambaBlock:
        """Return a fresh block."""
        return MambaBlock(self.config)

    def forward(self, tokens: Tensor, last: int | None = None) -> Tensor:
        """Return the next token's logits after every token, (b, L), or after the ``last`` few."""
        return self.continue_from(tokens, None, last)[0]

    def continue_from(
        self, tokens: Tensor, states: list[BlockState] | None, last: int | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """Return the logits of a sequence that follows earlier tokens, and the states after it."""
        self._check(tokens, 2)
        states = [None] * self.config.n_layer if states is None else states
        v, states = self._through(tokens, states, ResidualBlock.forward)
        return self._logits(v if last is None else v[:, v.shape[1] - last :]), states

    def first_states(self, batch: int) -> list[BlockState]:
        """Return the states before the first token."""
        return [layer.mixer.first_state(batch) for layer in self.backbone.layers]

    def step(self, tokens: Tensor, states: list[BlockState]) -> tuple[Tensor, list[BlockState]]:
        """Return the logits after one token of each row, shape (b,), and the new states."""
        self._check(tokens, 1)
        v, states = self._through(tokens, states, ResidualBlock.step)
        return self._logits(v), states

    def _through(self, tokens: Tensor, states: list, move) -> tuple[Tensor, list[BlockState]]:
        """Send embedded tokens through all layers; return the stream and the new states."""
        v, after = self.backbone.embedding(tokens), []
        for layer, state in zip(self.backbone.layers, states, strict=True):
            v, state = move(layer, v, state)
            after.append(state)
        return v, after

    def _logits(self, v: Tensor) -> Tensor:
        return self.lm_head(self.backbone.norm_f(v))[..., : self.config.vocab_size]

    def _check(self, tokens: Tensor, axes: int) -> None:
        if tokens.dim() != axes:
            raise ValueError(f"tokens must have {axes} axes, got the shape {tuple(tokens.shape)}")
