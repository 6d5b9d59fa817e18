"""One token after the other: the cache of keys and values, and a step that solves one system."""

from __future__ import annotations

import torch
from torch import Tensor

from paralg.recurrences.local_linear_attention.attention import lla_attention

__all__ = ["KeyValueCache"]


class KeyValueCache:
    """Keys and values of the tokens so far, in a buffer that doubles when it is full.

    Unlike the state of a linear recurrence it grows with the text: local linear attention reads
    every earlier key again for every new query.

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
    >>> cache, one = KeyValueCache(), torch.ones(1, 1, 2)
    >>> cache.step(one, one, 3 * one, 1.0), len(cache)
    (tensor([[[3., 3.]]]), 1)
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
        if self._k is None:
            return 0
        rows = self._k[..., : self._length, :], self._v[..., : self._length, :]
        return sum(x.numel() * x.element_size() for x in rows)

    def extend(self, k: Tensor, v: Tensor) -> None:
        """Append keys and values.

        Parameters
        ----------
        k : Tensor, shape (..., t, d)
        v : Tensor, shape (..., t, d_v)

        Raises
        ------
        ValueError
            Leading axes or widths differ from those of the tokens before.
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

    def _grown(self, held: Tensor | None, like: Tensor) -> Tensor:
        room = like.new_empty(*like.shape[:-2], self._capacity, like.shape[-1])
        if held is not None:
            room[..., : self._length, :] = held[..., : self._length, :]
        return room

    @torch.no_grad()
    def step(
        self, q: Tensor, k: Tensor, v: Tensor, ridge_lambda: Tensor | float = 10.0, **options
    ) -> Tensor:
        """Append the keys and values of new tokens, and attend from their queries.

        Parameters
        ----------
        q, k : Tensor, shape (..., t, d)
            Of t new tokens; usually one.
        v : Tensor, shape (..., t, d_v)
        ridge_lambda, **options
            As for `lla_attention`.

        Returns
        -------
        Tensor, shape (..., t, d_v)

        Cost
        ----
        For one token: T iterations of work O(n d) each, span O(T log n); memory Θ(n d).
        """
        self.extend(k, v)
        keys, values = (x[..., : self._length, :] for x in (self._k, self._v))
        return lla_attention(q, keys, values, ridge_lambda, **options)
