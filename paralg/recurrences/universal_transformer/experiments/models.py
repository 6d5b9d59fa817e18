"""Whole models: a tagger, an encoder with decoder, a plain transformer."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.recurrences.universal_transformer.recurrence import UTRun
from paralg.recurrences.universal_transformer.variants import PlainStack, Recurrence, UTConfig

__all__ = ["Seq2Seq", "Seq2SeqRun", "Tagger", "Transduced"]


def _core(config: UTConfig, plain: bool | str, **kind) -> nn.Module:
    if plain:
        return PlainStack(config, every=plain == "every", **kind)
    return Recurrence(config, **kind)


class _Embedding(nn.Embedding):
    """Embeddings times the root of their width, as in the released code."""

    def reset_parameters(self):
        super().reset_parameters()  # its draws come first in the shipped runs
        nn.init.normal_(self.weight, std=self.embedding_dim**-0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens) * math.sqrt(self.embedding_dim)


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

    Examples
    --------
    >>> logits, run = Tagger(5, 2, UTConfig())(torch.tensor([[0, 3, 4]]))
    >>> tuple(logits.shape), run.rounds
    ((1, 3, 2), 6)
    """

    def __init__(self, symbols: int, classes: int, config: UTConfig, *, plain=False, seed: int = 0):
        super().__init__()
        checks.instance("config", config, UTConfig)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(checks.integer("seed", seed))
            self.embedding = _Embedding(checks.integer("symbols", symbols, 1), config.d_model)
            self.core = _core(config, plain)
            self.readout = nn.Linear(config.d_model, checks.integer("classes", classes, 1))

    def forward(self, symbols: Tensor, **options) -> tuple[Tensor, UTRun]:
        """Return logits, shape (b, n, classes), and the run."""
        run = self.core(self.embedding(symbols), **options)
        return self.readout(run.output), run


class Seq2SeqRun(NamedTuple):
    """Logits of a model with encoder and decoder, and both runs."""

    logits: Tensor
    encoder: UTRun
    decoder: UTRun


class Transduced(NamedTuple):
    """Greedy output, shape (b, length), and the number of decoder calls."""

    tokens: Tensor
    calls: int


class Seq2Seq(nn.Module):
    """Encoder and decoder of the paper, both recurrent in depth.

    Source: [dehghani-2019-universal], section 2.1.

    Parameters
    ----------
    symbols : int
        Tokens, padding 0 and start 1 among them.
    config : UTConfig
    plain : bool or "every"
        Whether to stack different layers instead, and with the signal before every one of them.
    seed : int

    Examples
    --------
    >>> model, source = Seq2Seq(9, UTConfig()), torch.tensor([[3, 4, 2]])
    >>> tuple(model(source, source).logits.shape), model.transduce(source, 4).calls
    ((1, 3, 9), 4)
    """

    PAD, START = 0, 1

    def __init__(self, symbols: int, config: UTConfig, *, plain=False, seed: int = 0):
        super().__init__()
        checks.instance("config", config, UTConfig)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(checks.integer("seed", seed))
            self.embedding = _Embedding(checks.integer("symbols", symbols, 2), config.d_model)
            self.encoder = _core(config, plain)
            self.decoder = _core(config, plain, cross=True, causal=True)
            self.readout = nn.Linear(config.d_model, symbols)

    def forward(self, source: Tensor, target: Tensor, *, position_ids=None, **options):
        """Return logits for each target token, given the ones before it, as a `Seq2SeqRun`."""
        encoded, context = self._read(source, position_ids, options)
        shifted = nn.functional.pad(target[:, :-1], (1, 0), value=self.START)
        decoded = self._decode(shifted, padding_mask=target != self.PAD, **context, **options)
        return Seq2SeqRun(self.readout(decoded.output), encoded, decoded)

    @torch.no_grad()
    def transduce(self, source: Tensor, length: int, *, position_ids=None, **options) -> Transduced:
        """Write `length` tokens greedily, one decoder call each; arguments as in a call."""
        _, context = self._read(source, position_ids, options)
        tokens = torch.full((len(source), 1), self.START)
        for _ in range(length):
            run = self._decode(tokens, **context, **options)
            said = self.readout(run.output[:, -1]).argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, said], dim=1)
        return Transduced(tokens[:, 1:], length)

    def _read(self, source: Tensor, position_ids, options: dict) -> tuple[UTRun, dict]:
        """Encode; return the run, and what the decoder is to attend to."""
        read, states = source != self.PAD, self.embedding(source)
        run = self.encoder(states, padding_mask=read, position_ids=position_ids, **options)
        return run, {"context": run.output, "context_mask": read}

    def _decode(self, tokens: Tensor, **options) -> UTRun:
        mask = torch.ones(1, *tokens.shape[1:] * 2, dtype=torch.bool).tril()
        return self.decoder(self.embedding(tokens), attention_mask=mask, **options)
