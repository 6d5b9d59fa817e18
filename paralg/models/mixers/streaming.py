"""What a stream costs each mixer: bytes kept and seconds of the next token."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from paralg.models.mixers.stack import SequenceModel
from paralg.sequence.state import KeyValueCache, state_bytes

__all__ = ["Stream", "stream"]


@dataclass(frozen=True, eq=False)
class Stream:
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
) -> Stream:  # fmt: skip
    """Read a stream one token at a time and look at the state on the way.

    Parameters
    ----------
    model : SequenceModel
    inputs : Tensor, shape (n,) of int64 or (n, inputs)
        One stream.
    at : iterable of int
        Numbers of tokens after which to look, ascending, at most n.
    window : int
        Tokens before a look of whose times the median is taken.
    reads : int, optional
        For caches: tokens after which the stream is not read through any more; up to the window
        before a look, the caches are filled with copies of what they hold. Time and bytes depend
        on how many keys there are, so a look far out costs a window only.

    Raises
    ------
    ValueError
        ``at`` is empty, does not ascend, or goes beyond the stream.

    Cost
    ----
    n steps, or ``reads`` and a window for each look beyond; a step of a cache reads all tokens
    before it again.
    """
    at = list(at)
    _check(at, len(inputs))
    states, done, kept, seconds = model.first_states(1), 0, [], []
    for look in at:
        if reads is not None and look - window > max(reads, done):
            done = look - window
            states = [_filled(cache, done) for cache in states]
        taken = []
        for t in range(done, look):
            begin = time.perf_counter()
            _, states = model.step(inputs[t : t + 1], t, states)
            taken.append(time.perf_counter() - begin)
        done = look
        kept.append(state_bytes(states))
        seconds.append(float(np.median(taken[-window:])))
    return Stream(np.array(at), np.array(kept), np.array(seconds))


def _filled(cache: KeyValueCache, length: int) -> KeyValueCache:
    """Return a cache that repeats what one holds, in the same order, up to this length."""
    missing = length - len(cache)
    copies = -(-missing // len(cache))
    return cache.extended(*(part.repeat(1, 1, copies, 1)[:, :, :missing] for part in cache.held()))


def _check(at: Sequence[int], length: int) -> None:
    if not at or list(at) != sorted(set(at)) or at[0] < 1 or at[-1] > length:
        raise ValueError(f"at must ascend from at least 1 to at most {length}, got {at}")
