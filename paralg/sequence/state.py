"""What is kept between two tokens: the cache of keys and values; the bytes of any state."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from paralg.core import checks

__all__ = ["KeyValueCache", "state_bytes"]


class _Room:
    """Buffers that several caches may share: each reads as far as its own length."""

    def __init__(self, k: Tensor, v: Tensor):
        self.k, self.v, self.used = k, v, 0


class KeyValueCache:
    """Keys and values of the tokens so far; unlike the state of a recurrence it grows with them.

    A cache never changes. `extended` returns a longer one that shares its buffer, which doubles
    when it is full; where the room after a cache was taken by another one, the buffer is copied.
    So a token costs O(d), with the doublings spread over all tokens of one line of caches.

    At first there is room for ``capacity`` tokens, at least 1.

    >>> import torch
    >>> one = torch.ones(1, 2, 1, 4)
    >>> first = KeyValueCache().extended(one, 3 * one)
    >>> second = first.extended(one, 3 * one)
    >>> len(first), len(second), second.held()[1].shape, second.nbytes
    (1, 2, torch.Size([1, 2, 2, 4]), 128)
    """

    def __init__(self, capacity: int = 64):
        self.capacity, self._length = checks.integer("capacity", capacity, 1), 0
        self._room: _Room | None = None

    def __len__(self) -> int:
        return self._length

    @property
    def nbytes(self) -> int:
        """Bytes of the keys and values held, without the spare room."""
        return 0 if self._room is None else sum(part.nbytes for part in self.held())

    def held(self) -> tuple[Tensor, Tensor]:
        """Return views of keys and values, (..., n, d) and (..., n, d_v); ValueError if none."""
        if self._room is None:
            raise ValueError("expected a cache that has been extended, got one without tokens")
        return tuple(part[..., : self._length, :] for part in (self._room.k, self._room.v))

    def extended(self, k: Tensor, v: Tensor) -> "KeyValueCache":
        """Return the cache with keys, shape (..., t, d), and values, shape (..., t, d_v), appended.

        ValueError if leading axes or widths differ from those of the tokens before.
        """
        checks.tensors(k=(k, "... t d"), v=(v, "... t d_v"))
        stop, room = self._length + k.shape[-2], self._room
        if room is not None:
            for name, new, old in (("k", k, room.k), ("v", v, room.v)):
                _check(name, new, old)
        full = stop > self.capacity
        longer = KeyValueCache(max(2 * self._length, stop) if full else self.capacity)
        if room is None or room.used != self._length or full:
            room = self._copied(k, v, longer.capacity)
        room.k[..., self._length : stop, :], room.v[..., self._length : stop, :] = k, v
        room.used = longer._length = stop
        longer._room = room
        return longer

    def _copied(self, k: Tensor, v: Tensor, capacity: int) -> _Room:
        """Return fresh buffers with what is held."""
        room = _Room(*(x.new_empty(*x.shape[:-2], capacity, x.shape[-1]) for x in (k, v)))
        if self._room is not None:
            for new, old in zip((room.k, room.v), self.held(), strict=True):
                new[..., : self._length, :] = old
        return room


def _check(name: str, new: Tensor, old: Tensor) -> None:
    expected, got = (*old.shape[:-2], "t", old.shape[-1]), tuple(new.shape)
    if (*got[:-2], "t", got[-1]) != expected:
        raise ValueError(f"{name} must have the shape {expected}, got {got}")


def state_bytes(state: Any | Iterable[Any]) -> int:
    """Return the bytes of a state, however nested; of a cache, those in use.

    It is a tensor, a `KeyValueCache`, a `SequenceState` or an iterable of states, else a TypeError.

    >>> import torch
    >>> state_bytes((torch.zeros(2, 3), [torch.zeros(1), KeyValueCache()]))
    28
    """
    if hasattr(state, "nbytes"):
        return state.nbytes
    if isinstance(state, str) or not isinstance(state, Iterable):
        raise TypeError(f"state must be tensors, caches or iterables of such, got {state!r}")
    return sum(map(state_bytes, state))
