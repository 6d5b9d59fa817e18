"""What a decoder may ask of a model: three calls, one cache, one row of logits per position.

Every decoder of Part 5 is written against :class:`Model` and runs unchanged on exact tables,
on :class:`~paralg.decoding.sudoku.Sudoku4` and on the small transformer.

Conventions
-----------
tokens
    integers ``0 … V-1``; the mask is ``V``, so a logits row has ``V`` columns and can never
    propose a mask.
sequences
    ``x`` is an integer array of shape (B, L), always of full length.  A decoder handles one
    sequence; B counts its own rows: drafts, candidates, guidance pairs.
logits
    float64 arrays of shape (B, len(at), V); ``-inf`` is allowed, NaN is not.  A network converts
    at this border, so a decoder never imports its framework.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from paralg.core import checks

__all__ = [
    "AttendingModel", "ForwardCache", "Layout", "Model", "SlotMemory",
    "UnsupportedCall", "positions", "tokens_of",
]  # fmt: skip

Layout = Literal["rows", "tree"]


class UnsupportedCall(TypeError):
    """A model was asked a call that it does not answer: weights of another mode, or no network."""


@runtime_checkable
class ForwardCache(Protocol):
    """Keys and values (or whatever stands for them) of one full forward; never changed in place.

    A decoder makes a new one per block and hands it back to :meth:`Model.denoise`; one copy
    serves all rows.
    """

    @property
    def nbytes(self) -> int:
        """Size of what is kept, in bytes."""


@runtime_checkable
class SlotMemory(Protocol):
    """Keys and values of slots, in the order of the mask; never changed in place."""

    @property
    def nbytes(self) -> int:
        """Size of what is kept, in bytes."""

    @property
    def rows(self) -> int:
        """Number of rows that the slots are of."""

    def __len__(self) -> int:
        """Return the number of slots."""

    def select(self, slots: Sequence[int], row: int | None = None) -> "SlotMemory":
        """Return some of the slots, in the order given; of one row, if a row is named."""

    def join(self, *others: "SlotMemory") -> "SlotMemory":
        """Return these slots followed by the others', nothing recomputed."""


@runtime_checkable
class Model(Protocol):
    """Conditional distributions of a sequence of ``L`` tokens from an alphabet of ``V``."""

    V: int
    L: int

    def denoise(
        self, x: np.ndarray, *, at: Sequence[int] | None = None,
        cache: ForwardCache | None = None, layout: Layout = "rows",
    ) -> np.ndarray:  # fmt: skip
        """Row i is the distribution of ``x_i`` given every unmasked ``x_j``, j ≠ i.

        - ``x``, shape (B, L): at an unmasked position the value returned is unspecified; carrying
          tokens over is the decoder's job.
        - ``at``: the positions wanted, ascending; all of them by default.  With a ``cache``, made
          by :meth:`snapshot`, they are also the *window*: only they are recomputed, and what lies
          outside is read, frozen, from the cache (whatever ``x`` says there).
        - ``layout``: "rows"; or "tree", the B rows side by side in one sequence whose copies of the
          window do not attend to each other.  That needs a cache: without one the bidirectional
          neighbourhood would attend to the drafts, so a model raises ``ValueError``.
        """

    def causal(self, x: np.ndarray, *, at: Sequence[int] | None = None) -> np.ndarray:
        """Row i is the distribution of ``x_i`` given ``x_0 … x_{i-1}`` (not of ``x_{i+1}``).

        Entries from the wanted position on, masks too, are ignored; models add the begin symbol.
        """

    def anyorder(
        self, x: np.ndarray, rank: np.ndarray, visible: int | None = None, *,
        at: Sequence[int] | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Row i is the distribution of ``x_i`` given the entries before it in an order.

        Query i attends to content j if and only if ``rank[j] < min(rank[i], visible)``; content i
        to content j if and only if ``rank[j] <= rank[i]``, ``rank`` having shape (L,). So ties mean
        mutual visibility: give all m prompt positions the rank m-1 and the others m, m+1, …
        No ``visible`` is the density mask; n is the draft mask at progress n.
        """

    def snapshot(self, x: np.ndarray) -> tuple[np.ndarray, ForwardCache]:
        """Run one full ``denoise`` of ``x``, shape (1, L), that also keeps what a cache needs."""


@runtime_checkable
class AttendingModel(Protocol):
    """A model that also runs a layout of the caller's own making; tables cannot.

    What a slot's logits mean is a matter of training: on causal weights the slot at place i
    carries the token x_{i-1} (the begin symbol ``V`` at place 0) and its row is the distribution
    of x_i; on bidirectional weights it carries x_i itself, or the mask. ``lag`` says which: 1 or 0.
    """

    V: int
    L: int
    lag: int

    def attend(self, tokens: np.ndarray, position_ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the logits of S slots, float64 of shape (B, S, V), of ``tokens`` (B, S).

        Position ids (S,) may repeat; ``mask`` (S, S) is true where slot q attends to slot k.
        """

    def extend(
        self, tokens: np.ndarray, position_ids: np.ndarray, mask: np.ndarray,
        past: SlotMemory | None = None,
    ) -> tuple[np.ndarray, SlotMemory]:  # fmt: skip
        """Do the same after P slots that were computed before; return logits and the S new slots.

        ``mask`` has shape (S, P + S), the earlier slots first; ``past`` is of one row or of B.
        """


def tokens_of(x: np.ndarray, V: int, L: int) -> np.ndarray:
    """Check a batch of sequences and return it as an int64 array of shape (B, L).

    ValueError if the shape is another one or an entry is neither a token nor the mask, TypeError
    if the entries are not integers.
    """
    x = checks.array("x", x, "i")
    if x.ndim != 2 or x.shape[1] != L:
        raise ValueError(f"expected x of shape (B, {L}), got {x.shape}")
    tokens = x.astype(np.int64, copy=False)
    if x.size and tokens.view(np.uint64).max() > V:  # nor is one negative
        raise ValueError(f"expected tokens in 0..{V} (mask = {V}), got {x.min()}..{x.max()}")
    return tokens


def positions(at: Sequence[int] | None, L: int) -> np.ndarray:
    """Check that positions are ascending and in ``0 … L-1``; return int64, all of them for None."""
    if at is None:
        return np.arange(L)
    at = checks.array("at", at, "i").astype(np.int64)
    if at.ndim != 1 or (at.size and (at[0] < 0 or at[-1] >= L or (at[1:] <= at[:-1]).any())):
        raise ValueError(f"expected ascending positions in 0..{L - 1}, got {at.tolist()}")
    return at
