"""A language model of Mamba blocks: embedding, pre-norm residual blocks, norm, tied head."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from paralg.recurrences.mamba.block import BlockState, MambaBlock
from paralg.recurrences.mamba.config import MambaConfig

__all__ = ["Generation", "MambaLM", "RMSNorm", "ResidualBlock", "decay_groups"]


class RMSNorm(nn.Module):
    r"""Return :math:`w \odot v / \sqrt{\text{mean}(v^2) + \epsilon}`."""

    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, v: Tensor) -> Tensor:
        """Scale each vector along the last axis."""
        return v * torch.rsqrt((v * v).mean(-1, keepdim=True) + self.epsilon) * self.weight


class ResidualBlock(nn.Module):
    """Add what the block makes of the normed stream to the stream."""

    def __init__(self, config: MambaConfig):
        super().__init__()
        self.mixer = MambaBlock(config)
        self.norm = RMSNorm(config.d_model, config.epsilon)

    def forward(self, v: Tensor, state: BlockState | None = None) -> tuple[Tensor, BlockState]:
        """Mix a sequence, shape (b, L, d_model)."""
        out, state = self.mixer(self.norm(v), state)
        return v + out, state

    def step(self, v: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Mix one token, shape (b, d_model)."""
        out, state = self.mixer.step(self.norm(v), state)
        return v + out, state


class _Backbone(nn.Module):
    """Embedding, blocks and last norm, under the names of the official model."""

    def __init__(self, config: MambaConfig):
        super().__init__()
        self.embedding = nn.Embedding(config.padded_vocab, config.d_model)
        self.layers = nn.ModuleList(ResidualBlock(config) for _ in range(config.n_layer))
        self.norm_f = RMSNorm(config.d_model, config.epsilon)


class Generation(NamedTuple):
    """What `MambaLM.generate` returns."""

    tokens: Tensor  # (b, n), the new ones
    state_bytes: int  # memory between two tokens


class MambaLM(nn.Module):
    """A causal language model without attention and without MLP.

    Parameters
    ----------
    config : MambaConfig
    seed : int
        Of the initial weights.

    Notes
    -----
    State-dictionary keys are those of the official language model: ``backbone.embedding``,
    ``backbone.layers.i.{mixer, norm}``, ``backbone.norm_f``, ``lm_head`` (tied).

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
            self.backbone = _Backbone(config)
            self.lm_head = nn.Linear(config.d_model, config.padded_vocab, bias=False)
            self._initialise()

    def _initialise(self) -> None:
        """Draw the embedding, tie the head, shrink what every block adds to the stream."""
        nn.init.normal_(self.backbone.embedding.weight, std=0.02)
        self.lm_head.weight = self.backbone.embedding.weight
        for layer in self.backbone.layers:
            layer.mixer.out_proj.weight.data /= math.sqrt(self.config.n_layer)

    def forward(self, tokens: Tensor, last: int | None = None) -> Tensor:
        """Return the logits of the next token after every token, or after the last few.

        Parameters
        ----------
        tokens : Tensor of int, shape (b, L)
        last : int, optional
            Number of positions, counted from the end, whose logits are wanted.

        Returns
        -------
        Tensor, shape (b, L, vocab_size), or (b, last, vocab_size)
        """
        return self.continue_from(tokens, None, last)[0]

    def continue_from(
        self, tokens: Tensor, states: list[BlockState] | None, last: int | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """Return the logits of a sequence that follows earlier tokens, and the states after it."""
        self._check(tokens, 2)
        states = [None] * self.config.n_layer if states is None else states
        v, after = self.backbone.embedding(tokens), []
        for layer, state in zip(self.backbone.layers, states, strict=True):
            v, state = layer(v, state)
            after.append(state)
        return self._logits(v if last is None else v[:, v.shape[1] - last :]), after

    def first_states(self, batch: int) -> list[BlockState]:
        """Return the states before the first token."""
        return [layer.mixer.first_state(batch) for layer in self.backbone.layers]

    def step(self, tokens: Tensor, states: list[BlockState]) -> tuple[Tensor, list[BlockState]]:
        """Return the logits after one token of each row, and the new states.

        Parameters
        ----------
        tokens : Tensor of int, shape (b,)
        states : list of BlockState, one for each layer

        Returns
        -------
        logits : Tensor, shape (b, vocab_size)
        states : list of BlockState
        """
        self._check(tokens, 1)
        v, after = self.backbone.embedding(tokens), []
        for layer, state in zip(self.backbone.layers, states, strict=True):
            v, state = layer.step(v, state)
            after.append(state)
        return self._logits(v), after

    @torch.no_grad()
    def step_sizes(self, tokens: Tensor) -> list[Tensor]:
        """Return the step sizes that every layer chooses for every token.

        Parameters
        ----------
        tokens : Tensor of int, shape (b, L)

        Returns
        -------
        list of Tensor, shape (b, L, d_inner), one for each layer
        """
        self._check(tokens, 2)
        v, found = self.backbone.embedding(tokens), []
        for layer in self.backbone.layers:
            found.append(layer.mixer.step_sizes(layer.norm(v)))
            v, _ = layer(v)
        return found

    @torch.no_grad()
    def generate(
        self, prompt: Tensor, n: int, *, temperature: float = 1.0, seed: int = 0
    ) -> Generation:
        """Sample n tokens after a prompt, in memory that does not grow.

        Parameters
        ----------
        prompt : Tensor of int, shape (b, L), L >= 1
        n : int
            Tokens to sample.
        temperature : float
            0 takes the most likely token.
        seed : int
            Of the samples.

        Returns
        -------
        Generation
            Tokens of shape (b, n), and the bytes of all states.
        """
        random = torch.Generator().manual_seed(seed)
        logits, states = self.continue_from(prompt, None)
        logits, tokens = logits[:, -1], []
        for _ in range(n):
            tokens.append(_draw(logits, temperature, random))
            logits, states = self.step(tokens[-1], states)
        size = sum(part.numel() * part.element_size() for state in states for part in state)
        rows = torch.stack(tokens, dim=1) if tokens else prompt[:, :0]
        return Generation(rows, size)

    def _logits(self, v: Tensor) -> Tensor:
        return self.lm_head(self.backbone.norm_f(v))[..., : self.config.vocab_size]

    def _check(self, tokens: Tensor, axes: int) -> None:
        if tokens.dim() != axes:
            raise ValueError(f"tokens must have {axes} axes, got the shape {tuple(tokens.shape)}")


def _draw(logits: Tensor, temperature: float, random: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    law = torch.softmax(logits / temperature, dim=-1)
    return torch.multinomial(law, 1, generator=random)[:, 0]


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Split parameters for an optimiser: decay rates, D and step biases are exempt from decay.

    Parameters
    ----------
    model : Module
    weight_decay : float

    Returns
    -------
    list of dict
        Two parameter groups.
    """
    exempt = [p for p in model.parameters() if getattr(p, "_no_weight_decay", False)]
    others = _without(model.parameters(), exempt)
    return [
        {"params": others, "weight_decay": weight_decay},
        {"params": exempt, "weight_decay": 0.0},
    ]


def _without(parameters: Iterable[nn.Parameter], exempt: list[nn.Parameter]) -> list[nn.Parameter]:
    known = {id(p) for p in exempt}
    return [p for p in parameters if id(p) not in known]
