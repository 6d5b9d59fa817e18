"""Layouts of the caller's own making: any tokens at any positions under any mask, with memory.

Draft trees, wavefronts over an image and texts that fork and join all are slots: a token, a place,
a row of the attention mask, and the keys and values of slots computed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paralg.models.arrays import to_numpy, to_torch, without_gradients
from paralg.models.protocol import tokens_of
from paralg.models.transformer import Transformer

__all__ = ["Attending", "NetworkSlots"]


@dataclass(frozen=True)
class NetworkSlots:
    """Keys and values of S slots of B rows, in the order in which they are seen.

    Parameters
    ----------
    owner : object
        The network that made them; no other may read them.
    layers : tuple over layers of (keys, values)
        Each of shape (B, heads, S, width / heads).

    Notes
    -----
    Cutting back to an accepted prefix, keeping one branch of a tree and joining what branches
    have computed apart are all :meth:`select` and :meth:`join`.
    """

    owner: object
    layers: tuple[tuple[Tensor, Tensor], ...]

    def __len__(self) -> int:
        return self.layers[0][0].shape[2]

    @property
    def rows(self) -> int:
        """B."""
        return self.layers[0][0].shape[0]

    @property
    def nbytes(self) -> int:
        """Size of keys and values, in bytes."""
        return sum(part.nbytes for layer in self.layers for part in layer)

    def select(self, slots: Sequence[int], row: int | None = None) -> NetworkSlots:
        """Return some of the slots, in the order given; of one row, if a row is named.

        Raises
        ------
        ValueError
            If a slot or the row does not exist.
        """
        chosen = np.asarray(slots, dtype=np.int64)
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise ValueError(f"expected slots in 0..{len(self) - 1}, got {chosen.tolist()}")
        if row is not None and not 0 <= row < self.rows:
            raise ValueError(f"expected a row in 0..{self.rows - 1}, got {row}")
        at, rows = to_torch(chosen), slice(row, None if row is None else row + 1)
        layers = tuple((k[rows, :, at], v[rows, :, at]) for k, v in self.layers)
        return NetworkSlots(self.owner, layers)

    def join(self, *others: NetworkSlots) -> NetworkSlots:
        """Return these slots followed by the others', nothing recomputed.

        Raises
        ------
        ValueError
            If they come from different networks or have different numbers of rows.
        """
        if any(one.owner is not self.owner or one.rows != self.rows for one in others):
            raise ValueError(f"expected slots of {self.owner!r} with {self.rows} rows each, got "
                             f"{[(one.owner, one.rows) for one in others]}")  # fmt: skip
        layers = zip(self.layers, *(one.layers for one in others), strict=True)
        return NetworkSlots(self.owner, tuple(_joined(layer) for layer in layers))


def _joined(parts: tuple[tuple[Tensor, Tensor], ...]) -> tuple[Tensor, Tensor]:
    """Concatenate the keys and the values of one layer along the slots."""
    keys, values = zip(*parts, strict=True)
    return torch.cat(keys, dim=2), torch.cat(values, dim=2)


class Attending:
    """Calls of a network on a layout of the caller's own making, whatever its mode.

    See :class:`paralg.models.protocol.AttendingModel` for what a slot means.
    """

    transformer: Transformer
    V: int
    L: int

    def attend(self, tokens: np.ndarray, position_ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Run the network on a layout of the caller's own making.

        Parameters
        ----------
        tokens : ndarray of int, shape (B, S)
            Entries 0..V.
        position_ids : ndarray of int, shape (S,)
            Positions 0..L-1, which may repeat.
        mask : ndarray of bool, shape (S, S)
            True where slot q attends to slot k; every slot sees at least one.

        Returns
        -------
        ndarray of float64, shape (B, S, V)

        Raises
        ------
        ValueError
            If the shapes do not agree, an entry is out of range or a slot sees nothing.
        """
        return self.extend(tokens, position_ids, mask)[0]

    def extend(
        self, tokens: np.ndarray, position_ids: np.ndarray, mask: np.ndarray,
        past: NetworkSlots | None = None,
    ) -> tuple[np.ndarray, NetworkSlots]:
        """Run slots after earlier ones and keep their keys and values.

        Parameters
        ----------
        tokens : ndarray of int, shape (B, S)
        position_ids : ndarray of int, shape (S,)
        mask : ndarray of bool, shape (S, P + S)
            The P earlier slots come first.
        past : NetworkSlots, optional
            Kept by earlier calls, of one row or of B.

        Returns
        -------
        logits : ndarray of float64, shape (B, S, V)
        kept : NetworkSlots
            Of the S new slots.

        Raises
        ------
        ValueError
            As :meth:`attend`, or if `past` comes from another network.

        Cost
        ----
        B · S slots.

        Examples
        --------
        A causal network read token by token says what it says in one call:

        >>> from paralg.models import Network, TransformerConfig, masks
        >>> network = Network.untrained(TransformerConfig(V=4, L=16), "causal")
        >>> first, kept = network.extend([[4, 1]], [0, 1], masks.causal(2))
        >>> then, more = network.extend([[3]], [2], [[True, True, True]], past=kept)
        >>> whole = network.causal(np.array([[1, 3] + [0] * 14]), at=[0, 1, 2])
        >>> bool(np.allclose(np.concatenate([first, then], axis=1), whole, atol=1e-5))
        True
        >>> len(kept.join(more))
        3
        """
        position_ids, mask = np.asarray(position_ids, dtype=np.int64), np.asarray(mask, dtype=bool)
        tokens = tokens_of(tokens, self.V, len(position_ids))
        if past is not None and past.owner is not self:
            raise ValueError(f"the slots were made by {past.owner!r}, not by {self!r}")
        expected = (len(position_ids), len(position_ids) + (0 if past is None else len(past)))
        if mask.shape != expected or not mask.any(axis=1).all():
            raise ValueError(f"expected a mask {expected} without empty rows, "
                             f"got shape {mask.shape}")  # fmt: skip
        if position_ids.size and not (position_ids.min() >= 0 and position_ids.max() < self.L):
            raise ValueError(f"positions must lie in 0..{self.L - 1}, got {position_ids.tolist()}")
        earlier = None if past is None else list(past.layers)
        with without_gradients():
            logits, kept = self.transformer(
                to_torch(tokens), to_torch(position_ids), to_torch(mask), earlier
            )
        return to_numpy(logits), NetworkSlots(self, tuple(kept))
