"""What a layer keeps between two tokens: the cache of keys and values; the bytes of any state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

__all__ = ["KeyValueCache", "state_bytes"]


class KeyValueCache:
    """Keys and values of the tokens so far, in a buffer that doubles when it is full.

    Unlike the state of a recurrence it grows with the text.

    Parameters
    ----------
    capacity : int
        Tokens for which there is room at first.

    Raises
    ------
    ValueError
        ``capacity < 1``.

    Examples
    --------
    >>> import torch
    >>> cache, one = KeyValueCache(), torch.ones(1, 2, 1, 4)
    >>> keys, values = cache.extend(one, 3 * one)
    >>> keys, values = cache.extend(one, 3 * one)
    >>> tuple(values.shape), len(cache), cache.bytes
    ((1, 2, 2, 4), 2, 128)
    """

    def __init__(self, capacity: int = 64):
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity}")
        self._capacity, self._length = capacity, 0
        self._k: Tensor | None = None
        self._v: Tensor | None = None

    def __len__(self) -> int:
        return self._length

    @property
    def bytes(self) -> int:
        """Bytes of the keys and values held, without the spare room."""
        return 0 if self._k is None else sum(part.nbytes for part in self.held())

    def held(self) -> tuple[Tensor, Tensor]:
        """Return views of all keys and values, shapes (..., n, d) and (..., n, d_v).

        Raises
        ------
        ValueError
            There are none yet, so that no shape is known.
        """
        if self._k is None:
            raise ValueError("expected a cache that has been extended, got one without tokens")
        return self._k[..., : self._length, :], self._v[..., : self._length, :]

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values, and return views of all.

        Parameters
        ----------
        k : Tensor, shape (..., t, d)
        v : Tensor, shape (..., t, d_v)

        Returns
        -------
        (Tensor, Tensor), shapes (..., n, d) and (..., n, d_v)

        Raises
        ------
        ValueError
            Leading axes or widths differ from those of the tokens before.

        Cost
        ----
        O(t d) a call, with the doublings spread over all calls.
        """
        if self._k is not None:
            for name, new, old in (("k", k, self._k), ("v", v, self._v)):
                if new.shape[:-2] != old.shape[:-2] or new.shape[-1] != old.shape[-1]:
                    expected, got = (*old.shape[:-2], "t", old.shape[-1]), tuple(new.shape)
                    raise ValueError(f"{name} must have the shape {expected}, got {got}")
        stop = self._length + k.shape[-2]
        if self._k is None or stop > self._k.shape[-2]:
            self._capacity = max(self._capacity, 2 * self._length, stop)
            self._k, self._v = self._grown(self._k, k), self._grown(self._v, v)
        self._k[..., self._length : stop, :] = k
        self._v[..., self._length : stop, :] = v
        self._length = stop
        return self.held()

    def _grown(self, held: Tensor | None, like: Tensor) -> Tensor:
        room = like.new_empty(*like.shape[:-2], self._capacity, like.shape[-1])
        if held is not None:
            room[..., : self._length, :] = held[..., : self._length, :]
        return room


def state_bytes(state: Tensor | KeyValueCache | Iterable[Any]) -> int:
    """Return the bytes of a state, however nested; of a cache, those in use.

    Parameters
    ----------
    state : Tensor, KeyValueCache, or iterable of states

    Examples
    --------
    >>> import torch
    >>> state_bytes((torch.zeros(2, 3), [torch.zeros(1), KeyValueCache()]))
    28
    """
    if isinstance(state, Tensor):
        return state.nbytes
    if isinstance(state, KeyValueCache):
        return state.bytes
    return sum(map(state_bytes, state))
