"""What a trained model is worth: accuracy, bits per character, text it writes, steps it chooses."""

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from paralg.data import pydoc_text
from paralg.recurrences.mamba.model import MambaLM
from paralg.sequence import TokenTask, answers, state_bytes

__all__ = [
    "Generation", "TokenAccuracy", "accuracy", "bits_per_character", "curve_rows", "generate",
    "length_curve", "ngram_bits", "step_sizes",
]  # fmt: skip

_TOKENS = 2**16  # tokens sent through the model at a time


class TokenAccuracy(NamedTuple):
    """How often a model is right: share of tokens, share of rows without a mistake."""

    token: float
    row: float


class Generation(NamedTuple):
    """What `generate` returns."""

    tokens: Tensor  # (b, n), the new ones
    state_bytes: int  # memory between two tokens


def accuracy(
    model: MambaLM, task: TokenTask, *, rows: int = 512, seed: int = 2025, **sizes: int
) -> TokenAccuracy:
    """Measure a model on rows drawn with a fixed seed."""
    batch = task.draw(rows, np.random.default_rng(seed), **sizes)
    last = None if batch.asked.start is None else -batch.asked.start
    at_once = max(1, _TOKENS // batch.inputs.shape[1])
    said = answers(partial(model, last=last), batch, rows=at_once).argmax(-1)
    right = (said == batch.targets).numpy()
    return TokenAccuracy(float(right.mean()), float(right.all(axis=1).mean()))


def curve_rows(length: int) -> int:
    """Return the rows that `length_curve` draws: 256 up to 8,192 tokens, at least 64 beyond."""
    return min(256, max(64, 2**21 // length))


def length_curve(model: MambaLM, task: TokenTask, lengths: Iterable[int]) -> list[float]:
    """Return the share of right tokens at each length, in one parallel pass over each row."""
    return [accuracy(model, task, rows=curve_rows(n), size=n).token for n in lengths]


@torch.no_grad()
def bits_per_character(model: MambaLM, *, length: int = 1024, split: str = "test") -> float:
    r"""Return the mean of :math:`-\log_2 p` over a split of the text, windows beside each other."""
    text = torch.from_numpy(pydoc_text.load(split).copy())
    windows = (len(text) - 1) // length
    inputs = text[: windows * length].view(windows, length)
    targets = text[1 : windows * length + 1].view(windows, length)
    nats = 0.0
    for x, y in zip(inputs.split(32), targets.split(32), strict=True):
        nats += cross_entropy(model(x).mT, y, reduction="sum").item()
    return nats / np.log(2) / targets.numel()


def ngram_bits(order: int, *, split: str = "test") -> float:
    r"""Return bits per character of counts of the training text, interpolated by Witten and Bell.

    .. math:: p_k(c \mid s) = \frac{n(sc) + t(s) \, p_{k-1}(c \mid s')}{n(s) + t(s)}

    with n counts, t(s) the number of different characters seen after s, s' the context without its
    first character, and :math:`p_0` uniform.
    """
    train, test = pydoc_text.load("train"), pydoc_text.load(split)
    distribution = np.full(len(test) - order, 1 / len(pydoc_text.SYMBOLS))
    for k in range(order + 1):
        distribution = _interpolate(distribution, train, test[order - k :], k)
    return float(-np.log2(distribution).mean())


def _interpolate(shorter: NDArray, train: NDArray, test: NDArray, k: int) -> NDArray:
    """Mix the distribution of shorter contexts with the counts of contexts of k characters."""
    known, counts = np.unique(_codes(train, k + 1), return_counts=True)
    contexts, first = np.unique(known // len(pydoc_text.SYMBOLS), return_index=True)
    totals = np.add.reduceat(counts, first)
    kinds = np.diff(np.append(first, len(known)))
    asked = _codes(test, k + 1)
    n = _look_up(asked, known, counts)
    context = asked // len(pydoc_text.SYMBOLS)
    total, kind = (_look_up(context, contexts, values) for values in (totals, kinds))
    return np.where(total > 0, (n + kind * shorter) / np.maximum(total + kind, 1), shorter)


def _codes(text: NDArray, n: int) -> NDArray:
    """Number every run of n characters."""
    runs = np.lib.stride_tricks.sliding_window_view(text, n)
    return runs @ len(pydoc_text.SYMBOLS) ** np.arange(n)[::-1]


def _look_up(keys: NDArray, known: NDArray, values: NDArray) -> NDArray:
    """Return the value of each key, 0 where it is unknown."""
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, values[at], 0)


@torch.no_grad()
def generate(
    model: MambaLM, prompt: Tensor, n: int, *, temperature: float = 1.0, seed: int = 0
) -> Generation:
    """Sample n tokens after a prompt, in memory that does not grow."""
    random = torch.Generator().manual_seed(seed)
    logits, states = model.continue_from(prompt, None)
    logits, tokens = logits[:, -1], []
    for _ in range(n):
        if temperature == 0:
            tokens.append(logits.argmax(-1))
        else:
            distribution = torch.softmax(logits / temperature, dim=-1)
            tokens.append(torch.multinomial(distribution, 1, generator=random)[:, 0])
        logits, states = model.step(tokens[-1], states)
    rows = torch.stack(tokens, dim=1) if tokens else prompt[:, :0]
    return Generation(rows, state_bytes(states))


@torch.no_grad()
def step_sizes(model: MambaLM, tokens: Tensor) -> list[Tensor]:
    """Return the step sizes that every layer chooses for every token."""
    v, found = model.backbone.embedding(tokens), []
    for layer in model.backbone.layers:
        mixer = layer.mixer
        x = mixer.branches_of(layer.norm(v), mixer.begin(len(v)).window)[1]
        found.append(softplus(mixer.select(x)[0] + mixer.step_bias))
        v = v + mixer(layer.norm(v))
    return found
