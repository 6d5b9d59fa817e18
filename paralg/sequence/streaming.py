"""What a stream costs a model: bytes kept, and seconds of the next token."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from paralg.core import checks
from paralg.sequence.network import SequenceModel, SequenceState
from paralg.sequence.state import KeyValueCache

__all__ = ["StreamRun", "stream"]


@dataclass(frozen=True, eq=False)
class StreamRun:
    """Memory and time of one model along a stream.

    Parameters
    ----------
    at : ndarray of int, shape (k,)
        Tokens read.
    bytes : ndarray of int, shape (k,)
        Size of the states of all layers after so many tokens.
    seconds : ndarray, shape (k,), seconds
        Median time of the last tokens before.
    """

    at: NDArray[np.int64]
    bytes: NDArray[np.int64]
    seconds: NDArray[np.float64]


@torch.no_grad()
def stream(
    model: SequenceModel, inputs: torch.Tensor, at: Iterable[int], *, window: int = 50,
    reads: int | None = None,
) -> StreamRun:  # fmt: skip
    """Read a stream one token at a time and measure the state on the way.

    Parameters
    ----------
    model : SequenceModel
    inputs : Tensor, shape (n,) of int64 or (n, inputs)
        One stream.
    at : iterable of int
        Numbers of tokens after which to measure, ascending, at most n; else ValueError.
    window : int
        Tokens before a measurement of whose times the median is taken.
    reads : int, optional
        Tokens after which the stream is not read through any more; up to the window before a
        measurement, caches are filled with copies of what they hold, and other states are kept.
        Time and bytes depend on how many keys there are, so a measurement far out costs a window.

    Examples
    --------
    >>> class Sum(torch.nn.Module):
    ...     def begin(self, batch):
    ...         return torch.zeros(batch, 8)
    ...     def step(self, v, state):
    ...         return state + v, state + v
    >>> stream(SequenceModel(Sum, 5, 3, width=8), torch.zeros(9, dtype=torch.int64), (3, 9)).bytes
    array([64, 64])
    """
    checks.instance("model", model, SequenceModel)
    checks.instance("inputs", inputs, torch.Tensor)
    checks.sizes(inputs=(inputs, "n", "n inputs"))
    checks.instance("at", at, Iterable)
    _check(at := [checks.integer("at", one, 1) for one in at], len(inputs))
    checks.integer("window", window, 1)
    checks.integer("reads", 0 if reads is None else reads)
    state, kept, seconds = model.begin(1), [], []
    for stop in at:
        if reads is not None and stop - window > max(reads, state.count):
            for token in inputs[state.count : reads].split(1) if state.count < reads else ():
                _, state = model.step(token, state)  # something to repeat
            state = _filled(state, stop - window)
        taken = []
        for token in inputs[state.count : stop].split(1):
            begin = time.perf_counter()
            _, state = model.step(token, state)
            taken.append(time.perf_counter() - begin)
        kept.append(state.nbytes)
        seconds.append(float(np.median(taken[-window:])))
    return StreamRun(np.array(at), np.array(kept), np.array(seconds))


def _filled(state: SequenceState, length: int) -> SequenceState:
    """Return a state after so many tokens, in which caches repeat what they hold, in order."""
    parts = (_repeated(part, length) if isinstance(part, KeyValueCache) else part
             for part in state.states)  # fmt: skip
    return SequenceState(length, tuple(parts))


def _repeated(cache: KeyValueCache, length: int) -> KeyValueCache:
    missing = length - len(cache)
    copies = -(-missing // len(cache))
    return cache.extended(*(part.repeat(1, 1, copies, 1)[:, :, :missing] for part in cache.held()))


def _check(at: Sequence[int], length: int) -> None:
    if not at or list(at) != sorted(set(at)) or at[0] < 1 or at[-1] > length:
        raise ValueError(f"at must ascend from at least 1 to at most {length}, got {at}")
