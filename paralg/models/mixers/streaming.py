"""What a stream costs each mixer: bytes kept and seconds of the next token."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from paralg.models.mixers.protocol import state_bytes
from paralg.models.mixers.stack import SequenceModel

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
        Median time of a token over the stretch that ends there.
    """

    at: NDArray[np.int64]
    bytes: NDArray[np.int64]
    seconds: NDArray[np.float64]


@torch.no_grad()
def stream(model: SequenceModel, inputs: torch.Tensor, at: Iterable[int]) -> Stream:
    """Read a stream one token at a time and look at the state on the way.

    Parameters
    ----------
    model : SequenceModel
    inputs : Tensor, shape (n,) of int64 or (n, inputs)
        One stream.
    at : iterable of int
        Numbers of tokens after which to look, ascending, at most n.

    Raises
    ------
    ValueError
        ``at`` is empty, does not ascend, or goes beyond the stream.

    Cost
    ----
    n steps; the last one of a cache reads all n tokens again.
    """
    at = list(at)
    _check(at, len(inputs))
    states, seconds, kept, taken = model.first_states(1), [], [], []
    for t in range(at[-1]):
        begin = time.perf_counter()
        _, states = model.step(inputs[t : t + 1], t, states)
        taken.append(time.perf_counter() - begin)
        if t + 1 in at:
            kept.append(state_bytes(states))
            seconds.append(float(np.median(taken)))
            taken = []
    return Stream(np.array(at), np.array(kept), np.array(seconds))


def _check(at: Sequence[int], length: int) -> None:
    if not at or list(at) != sorted(set(at)) or at[0] < 1 or at[-1] > length:
        raise ValueError(f"at must ascend from at least 1 to at most {length}, got {at}")
