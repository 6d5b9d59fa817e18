"""What a model writes, token by token in constant memory, and the step sizes that it chooses."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from paralg.recurrences.mamba.model import MambaLM
from paralg.sequence import state_bytes

__all__ = ["Generation", "generate", "step_sizes"]


class Generation(NamedTuple):
    """What `generate` returns."""

    tokens: Tensor  # (b, n), the new ones
    state_bytes: int  # memory between two tokens


@torch.no_grad()
def generate(
    model: MambaLM, prompt: Tensor, n: int, *, temperature: float = 1.0, seed: int = 0
) -> Generation:
    """Sample n tokens after a prompt, in memory that does not grow.

    Parameters
    ----------
    model : MambaLM
    prompt : Tensor of int, shape (b, L), L >= 1
    n : int
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
    logits, states = model.continue_from(prompt, None)
    logits, tokens = logits[:, -1], []
    for _ in range(n):
        tokens.append(_draw(logits, temperature, random))
        logits, states = model.step(tokens[-1], states)
    rows = torch.stack(tokens, dim=1) if tokens else prompt[:, :0]
    return Generation(rows, state_bytes(states))


def _draw(logits: Tensor, temperature: float, random: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    distribution = torch.softmax(logits / temperature, dim=-1)
    return torch.multinomial(distribution, 1, generator=random)[:, 0]


@torch.no_grad()
def step_sizes(model: MambaLM, tokens: Tensor) -> list[Tensor]:
    """Return the step sizes that every layer chooses for every token.

    Parameters
    ----------
    model : MambaLM
    tokens : Tensor of int, shape (b, L)

    Returns
    -------
    list of Tensor, shape (b, L, d_inner), one for each layer
        Positive; in an LTI model the same for all tokens.
    """
    v, found = model.backbone.embedding(tokens), []
    for layer in model.backbone.layers:
        mixer = layer.mixer
        x = mixer.branches_of(layer.norm(v), mixer.first_state(len(v)).window)[1]
        found.append(softplus(mixer.select(x)[0] + mixer.step_bias))
        v, _ = layer(v)
    return found
