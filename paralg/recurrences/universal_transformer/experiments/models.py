"""Whole models: a tagger, an encoder with decoder, a plain transformer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.recurrence import UTRun
from paralg.recurrences.universal_transformer.variants import PlainStack, Recurrence, UTConfig

__all__ = ["Seq2Seq", "Seq2SeqRun", "Tagger", "Transduced", "causal_mask"]  # fmt: skip

def causal_mask(n: int) -> Tensor:
    """Return which positions attend to which when none attends to later ones, shape (n, n).

    Examples
    --------
    >>> causal_mask(2).tolist()
    [[True, False], [True, True]]
    """
    return torch.ones(n, n, dtype=torch.bool).tril()


def _core(config: UTConfig, plain: bool | str, **kind) -> nn.Module:
    return (
        PlainStack(config, every=plain == "every", **kind) if plain else Recurrence(config, **kind)
    )


class Tagger(nn.Module):
    """Give every position a class: embedding, recurrence, linear readout.

    Parameters
    ----------
    symbols, classes : int
    config : UTConfig
    plain : bool
        Whether to stack ``config.steps`` different layers instead of applying one again and again.
    seed : int
        Of the first weights.
    """

    def __init__(self, symbols: int, classes: int, config: UTConfig, *, plain=False, seed: int = 0):
        super().__init__()
        with _seeded(seed):
            self.embedding = _embedding(symbols, config.d_model)
            self.core = _core(config, plain)
            self.readout = nn.Linear(config.d_model, classes)

    def forward(self, symbols: Tensor, **options) -> tuple[Tensor, UTRun]:
        """Return logits, shape (b, n, classes), and the run."""
        run = self.core(self.embed(symbols), **options)
        return self.readout(run.output), run

    def embed(self, symbols: Tensor) -> Tensor:
        r"""Return embeddings scaled by :math:`\sqrt d`, shape (b, n, d)."""
        return self.embedding(symbols) * math.sqrt(self.embedding.embedding_dim)


@dataclass(frozen=True, eq=False)
class Seq2SeqRun:
    """Logits of a model with encoder and decoder, and both runs."""

    logits: Tensor
    encoder: UTRun
    decoder: UTRun

    @property
    def ponder(self) -> Tensor:
        """Sum of the two ponder costs."""
        return self.encoder.ponder + self.decoder.ponder


@dataclass(frozen=True, eq=False)
class Transduced:
    """Greedy output, shape (b, length), and the number of decoder calls."""

    tokens: Tensor
    calls: int


class Seq2Seq(nn.Module):
    """Encoder and decoder of the paper, both recurrent in depth.

    Parameters
    ----------
    symbols : int
        Tokens, padding 0 and start 1 among them.
    config : UTConfig
    plain : bool or "every"
        Whether to stack different layers instead, and with the signal before every one of them.
    seed : int

    References
    ----------
    [dehghani-2019-universal], section 2.1.
    """

    PAD, START = 0, 1

    def __init__(self, symbols: int, config: UTConfig, *, plain=False, seed: int = 0):
        super().__init__()
        with _seeded(seed):
            self.embedding = _embedding(symbols, config.d_model)
            self.encoder = _core(config, plain)
            self.decoder = _core(config, plain, cross=True, causal=True)
            self.readout = nn.Linear(config.d_model, symbols)

    def forward(
        self, source: Tensor, target: Tensor, *, position_ids: Tensor | None = None, **options
    ) -> Seq2SeqRun:
        """Return logits for each target token, given the ones before it."""
        read = source != self.PAD
        encoded = self._read(source, read, position_ids, options)
        shifted = nn.functional.pad(target[:, :-1], (1, 0), value=self.START)
        decoded = self.decoder(
            self._embed(shifted), padding_mask=target != self.PAD, context=encoded.output,
            context_mask=read, attention_mask=causal_mask(target.shape[1])[None], **options,
        )  # fmt: skip
        return Seq2SeqRun(self.readout(decoded.output), encoded, decoded)

    @torch.no_grad()
    def transduce(
        self, source: Tensor, length: int, *, position_ids: Tensor | None = None, **options
    ) -> Transduced:
        """Write `length` tokens greedily, one decoder call each; arguments as in a call."""
        read = source != self.PAD
        encoded = self._read(source, read, position_ids, options)
        tokens = torch.full((len(source), 1), self.START)
        for _ in range(length):
            run = self.decoder(
                self._embed(tokens), context=encoded.output, context_mask=read,
                attention_mask=causal_mask(tokens.shape[1])[None], **options,
            )  # fmt: skip
            said = self.readout(run.output[:, -1]).argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, said], dim=1)
        return Transduced(tokens[:, 1:], length)

    def _read(self, source: Tensor, read: Tensor, position_ids: Tensor | None, options) -> UTRun:
        states = self._embed(source)
        return self.encoder(states, padding_mask=read, position_ids=position_ids, **options)

    def _embed(self, tokens: Tensor) -> Tensor:
        return self.embedding(tokens) * math.sqrt(self.embedding.embedding_dim)


def _embedding(symbols: int, d: int) -> nn.Embedding:
    table = nn.Embedding(symbols, d)
    nn.init.normal_(table.weight, std=d**-0.5)
    return table


class _seeded:
    """Draw first weights from a seed and leave torch's generator as it was."""

    def __init__(self, seed: int):
        self.seed = seed

    def __enter__(self):
        self.before = torch.get_rng_state()
        torch.manual_seed(self.seed)

    def __exit__(self, *error):
        torch.set_rng_state(self.before)
