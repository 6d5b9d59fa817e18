"""Whole models: a tagger, an encoder with decoder, a plain transformer."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.config import UTConfig
from paralg.recurrences.universal_transformer.recurrence import OPTIONS, Recurrence
from paralg.recurrences.universal_transformer.run import UTRun

__all__ = [
    "PlainStack",
    "Seq2Seq",
    "Seq2SeqRun",
    "Tagger",
    "Transduced",
    "causal_mask",
]


def causal_mask(n: int) -> Tensor:
    """Return who may look at whom when nobody sees later positions, shape (n, n).

    Examples
    --------
    >>> causal_mask(2).tolist()
    [[True, False], [True, True]]
    """
    return torch.ones(n, n, dtype=torch.bool).tril()


class PlainStack(nn.Module):
    """A transformer's stack of different layers, with the position signal at its input.

    Parameters
    ----------
    config : UTConfig
        ``steps`` is the number of layers; switches of halting and recurrence play no part.
    cross, causal : bool
        As for :class:`Recurrence`.
    every : bool
        Whether the position signal is added before every layer, as the recurrence has it.
    """

    def __init__(self, config: UTConfig, *, cross=False, causal=False, every: bool = False):
        super().__init__()
        self.config = config
        bare = replace(config, before=config.steps, after=0, halting=None, recurrence="basic",
                       step_signal="none", layers_inside=1)  # fmt: skip
        self.body = Recurrence(bare, cross=cross, causal=causal)
        self.body.layers = nn.ModuleList()
        self.body.signal_every = every

    def forward(self, x: Tensor, **options) -> UTRun:
        """Run all layers; options are those of :class:`Recurrence` but for `steps`."""
        body = self.body
        scene = body.scene(x, **OPTIONS | options)
        state = body.last_norm(body.mixed_in(body.before, x, scene))
        zeros, depth = torch.zeros(x.shape[:2], dtype=x.dtype), len(body.before)
        taken = scene.valid.numel() * depth
        return UTRun(state, depth * scene.valid.to(x.dtype), zeros, zeros, scene.valid,
                     zeros[None][:0], queries=taken, keys=taken, rounds=depth)  # fmt: skip


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
        """Return logits, shape (b, n, classes), and the run.

        Parameters
        ----------
        symbols : Tensor of int, shape (b, n)
        **options
            Those of :class:`Recurrence`.
        """
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
        self, source: Tensor, target: Tensor, *, positions: Tensor | None = None, **options
    ) -> Seq2SeqRun:
        """Return logits for each target token, given the ones before it.

        Parameters
        ----------
        source : Tensor of int, shape (b, m)
        target : Tensor of int, shape (b, n)
        positions : Tensor of int, shape (m,), optional
            Index of each source token; the target's are counted from 0.
        **options
            `steps`, `offset`, `generator` of :class:`Recurrence`, the same for both stacks.
        """
        read = source != self.PAD
        encoded = self.encoder(self._embed(source), valid=read, positions=positions, **options)
        shifted = nn.functional.pad(target[:, :-1], (1, 0), value=self.START)
        decoded = self.decoder(
            self._embed(shifted), valid=target != self.PAD, context=encoded.output, seen=read,
            allowed=causal_mask(target.shape[1])[None], **options,
        )  # fmt: skip
        return Seq2SeqRun(self.readout(decoded.output), encoded, decoded)

    @torch.no_grad()
    def transduce(
        self, source: Tensor, length: int, *, positions: Tensor | None = None, **options
    ) -> Transduced:
        """Write `length` tokens greedily, one decoder call each; arguments as in a call."""
        read = source != self.PAD
        encoded = self.encoder(self._embed(source), valid=read, positions=positions, **options)
        tokens = torch.full((len(source), 1), self.START)
        for _ in range(length):
            run = self.decoder(
                self._embed(tokens), context=encoded.output, seen=read,
                allowed=causal_mask(tokens.shape[1])[None], **options,
            )  # fmt: skip
            said = self.readout(run.output[:, -1]).argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, said], dim=1)
        return Transduced(tokens[:, 1:], length)

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
