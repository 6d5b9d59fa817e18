r"""The losses of the three modes, in nats per token.

An objective is called with a transformer, tokens x of shape (B, L), ``given`` of shape (B,), the
number of leading tokens of each row that are never masked and in every prompt, and a generator.

The bound of masked diffusion (Sahoo et al., "Simple and effective masked diffusion language
models", 2024) draws t ~ U(0, 1), masks each of n tokens with probability t and
weights the cross-entropy of the masked ones by 1/t.
Given that k tokens are masked, the mean of 1/t is (n + 1)/k whatever the set, so the weighted sum
over masked tokens is, in expectation, n times the *mean over the masked tokens*: the same loss with
less variance.  That mean is computed here, averaged over the rows that have a mask.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from paralg.models import masks
from paralg.models.transformer import Transformer

__all__ = ["OBJECTIVES", "anyorder", "causal", "draw_masks", "draw_ranks", "in_order",
           "masked_diffusion"]  # fmt: skip

Tokens = NDArray[np.int64]


def masked_diffusion(
    transformer: Transformer, x: Tokens, given: Tokens, rng: np.random.Generator
) -> Tensor:
    """Mean cross-entropy of masked tokens, at noise levels spread evenly over the batch."""
    masked = draw_masks(x.shape[1], given, rng)
    context = torch.from_numpy(np.where(masked, transformer.config.V, x))
    logits, _ = transformer(context, torch.arange(x.shape[1]))
    return _mean_where(logits, x, masked)


def draw_masks(length: int, given: Tokens, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw masked sets, (B, length), with antithetic noise levels t_b = (u + b)/B mod 1."""
    rows = len(given)
    t = (rng.random() + np.arange(rows)) / rows
    masked = rng.random((rows, length)) < t[:, None]
    return masked & (np.arange(length) >= given[:, None])


def causal(transformer: Transformer, x: Tokens, given: Tokens, rng: np.random.Generator) -> Tensor:
    """Mean cross-entropy of every token given the earlier ones; nothing is drawn."""
    length = x.shape[1]
    begin = np.full((len(x), 1), transformer.config.V)
    shifted = torch.from_numpy(np.concatenate([begin, x[:, :-1]], axis=1))
    mask = torch.from_numpy(masks.causal(length))
    logits, _ = transformer(shifted, torch.arange(length), mask)
    return F.cross_entropy(logits.flatten(0, 1), torch.from_numpy(x).flatten())


def anyorder(
    transformer: Transformer, x: Tokens, given: Tokens, rng: np.random.Generator,
    ascending: bool = False,
) -> Tensor:  # fmt: skip
    """Mean cross-entropy after the prompt, in a random or the `ascending` order of each row."""
    return in_order(transformer, x, *draw_ranks(x.shape[1], given, rng, ascending))


def in_order(transformer: Transformer, x: Tokens, rank: Tokens, prompt: Tokens) -> Tensor:
    """Mean cross-entropy of the ranks from ``prompt``, (B,), on, each behind the lower ones."""
    length = x.shape[1]
    slots = np.concatenate([x, np.full_like(x, transformer.config.V)], axis=1)
    position_ids = torch.arange(length).repeat(2)
    mask = torch.from_numpy(masks.two_streams(rank))
    logits, _ = transformer(torch.from_numpy(slots), position_ids, mask)
    return _mean_where(logits[:, length:], x, rank >= prompt[:, None])


def draw_ranks(
    length: int, given: Tokens, rng: np.random.Generator, ascending: bool = False,
    prompt: Tokens | None = None,
) -> tuple[Tokens, Tokens]:  # fmt: skip
    """Draw an order per row, (B, length), whose first m entries, the prompt, share the rank m - 1.

    m, returned too, is ``prompt`` or uniform on given..length-1; the prompt holds the given tokens
    and random others. The `ascending` order outside it is one for each prompt: 2^L in all, not L!.
    """
    rows = len(given)
    key = rng.random((rows, length)) - (np.arange(length) < given[:, None])
    rank = key.argsort(axis=1).argsort(axis=1)
    prompt = rng.integers(given, length) if prompt is None else prompt
    if ascending:
        key = np.where(rank < prompt[:, None], -1, np.arange(length))
        rank = key.argsort(axis=1, kind="stable").argsort(axis=1)
    return np.maximum(rank, prompt[:, None] - 1), prompt


def _mean_where(logits: Tensor, x: Tokens, chosen: NDArray[np.bool_]) -> Tensor:
    """Average the cross-entropy over each row's chosen tokens, then over rows that have any."""
    nats = F.cross_entropy(logits.transpose(1, 2), torch.from_numpy(x), reduction="none")
    weight = chosen / np.maximum(1, chosen.sum(axis=1, keepdims=True))
    rows = max(1, int(chosen.any(axis=1).sum()))
    return (nats * torch.from_numpy(weight).to(nats.dtype)).sum() / rows


OBJECTIVES = {"bidirectional": masked_diffusion, "causal": causal, "anyorder": anyorder}
