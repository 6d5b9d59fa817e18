"""The small transformer behind the decoding protocol: numpy in, numpy out, one thread.

A :class:`Network` has one set of weights, trained for one *mode*, and answers the calls of that
mode; a :class:`~paralg.models.family.Family` joins networks of several modes over the same data.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from paralg.models import masks
from paralg.models.arrays import to_numpy, to_torch, without_gradients
from paralg.models.attending import Attending
from paralg.models.cache import NetworkCache
from paralg.models.protocol import UnsupportedCall, positions, tokens_of
from paralg.models.transformer import Transformer, TransformerConfig

__all__ = ["CALLS", "NetworkCache", "Network"]

CALLS = {
    "bidirectional": ("denoise", "snapshot"),
    "causal": ("causal",),
    "anyorder": ("anyorder",),
}
"""Mode of the weights → the calls of the protocol that it answers."""


def _answers(call: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse `call` on weights of another mode; run it without gradients on one thread."""
    name = call.__name__

    @functools.wraps(call)
    def checked(self: Network, *args: Any, **options: Any) -> Any:
        if name not in CALLS[self.mode]:
            needed = next(mode for mode, calls in CALLS.items() if name in calls)
            raise UnsupportedCall(f"{name} needs {needed} weights, got {self.name} ({self.mode})")
        with without_gradients():
            return call(self, *args, **options)

    return checked


class Network(Attending):
    """A transformer as a model of the decoding protocol.

    Parameters
    ----------
    transformer : Transformer
    mode : {"bidirectional", "causal", "anyorder"}
    name : str
    config : dict, optional
        How the weights were made: data, seed, steps, scores.

    Attributes
    ----------
    V, L : int
        Tokens and positions; the mask id is V.

    Raises
    ------
    ValueError
        If the mode is unknown.

    Notes
    -----
    Logits are computed in the precision of the weights (float32 as loaded, see :meth:`double`)
    and converted to float64.  Rows computed together and alone may differ in the last bits,
    because matrix products of different sizes add in different orders.

    Examples
    --------
    >>> network = Network.untrained(TransformerConfig(V=4, L=16), "bidirectional")
    >>> network.denoise(np.full((1, 16), 4), at=[0, 5]).shape
    (1, 2, 4)
    """

    def __init__(
        self,
        transformer: Transformer,
        mode: str,
        name: str = "untrained",
        config: dict[str, Any] | None = None,
    ) -> None:
        if mode not in CALLS:
            raise ValueError(f"mode must be one of {', '.join(CALLS)}, got {mode!r}")
        self.transformer = transformer.eval()
        self.mode, self.name, self.config = mode, name, dict(config or {})
        self.V, self.L = transformer.config.V, transformer.config.L

    def __repr__(self) -> str:
        count = self.transformer.parameters_count
        return f"<Network {self.name}: {self.mode}, V={self.V}, L={self.L}, {count} parameters>"

    @classmethod
    def untrained(cls, shape: TransformerConfig, mode: str, seed: int = 0) -> Network:
        """Return a network with random weights."""
        return cls(Transformer(shape, seed), mode)

    def double(self) -> Network:
        """Return the same network computing in float64: slower, ties broken far less often."""
        twin = Transformer(self.transformer.config)
        twin.load_state_dict(self.transformer.state_dict())
        return Network(twin.double(), self.mode, self.name, self.config)

    @_answers
    def denoise(
        self,
        x: np.ndarray,
        *,
        at: Sequence[int] | None = None,
        cache: NetworkCache | None = None,
        layout: str = "rows",
    ) -> np.ndarray:
        """ExactDistribution of x_i given every unmasked x_j; see
        :meth:`paralg.models.protocol.Model.denoise`.

        Raises
        ------
        ValueError
            If x or `at` do not fit, the layout is unknown, a tree is asked for without a cache,
            or the cache comes from another network.

        Cost
        ----
        Without a cache B · L slots are computed, with one B · len(at).
        """
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        if layout not in ("rows", "tree"):
            raise ValueError(f'layout must be "rows" or "tree", got {layout!r}')
        if cache is None and layout == "tree":
            raise ValueError(
                'layout="tree" needs a cache: outside the window nothing is frozen, so every copy '
                "would see the drafts of the others"
            )
        if cache is None:
            return self._logits(x, np.arange(self.L))[:, at]
        if cache.owner is not self:
            raise ValueError(f"the cache was made by {cache.owner!r}, not by {self!r}")
        ask = self._as_tree if layout == "tree" else self._as_rows
        return ask(x[:, at], at, cache.outside(at))

    @_answers
    def snapshot(self, x: np.ndarray) -> tuple[np.ndarray, NetworkCache]:
        """Denoise one full sequence and keep the keys and values of all positions.

        Parameters
        ----------
        x : ndarray of int, shape (1, L)

        Returns
        -------
        logits : ndarray of float64, shape (1, L, V)
        cache : NetworkCache

        Raises
        ------
        ValueError
            If x does not hold exactly one row.
        """
        x = tokens_of(x, self.V, self.L)
        if len(x) != 1:
            raise ValueError(f"a snapshot is made of one sequence, got {len(x)} rows")
        tokens, position_ids = to_torch(x), to_torch(np.arange(self.L))
        logits, kept = self.transformer(tokens, position_ids)
        return to_numpy(logits), NetworkCache(self, tuple(kept))

    @_answers
    def causal(self, x: np.ndarray, *, at: Sequence[int] | None = None) -> np.ndarray:
        """ExactDistribution of x_i given x_{<i}; see :meth:`paralg.models.protocol.Model.causal`.

        Raises
        ------
        ValueError
            If x or `at` do not fit, or a wanted row would read a mask.
        """
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        last = int(at[-1]) + 1 if len(at) else 0
        self._refuse_masks(x, np.arange(self.L) < last - 1)
        begin = np.full((len(x), 1), self.V)
        shifted = np.concatenate([begin, x[:, : self.L - 1]], axis=1)[:, :last]
        return self._logits(shifted, np.arange(last), masks.causal(last))[:, at]

    @_answers
    def anyorder(
        self,
        x: np.ndarray,
        rank: np.ndarray,
        visible: int | None = None,
        *,
        at: Sequence[int] | None = None,
    ) -> np.ndarray:
        """ExactDistribution of x_i given earlier ranks; see
        :meth:`paralg.models.protocol.Model.anyorder`.

        Raises
        ------
        ValueError
            If x, `rank` or `at` do not fit, or a wanted query would read a mask.

        Cost
        ----
        B · (L + len(at)) slots: the content stream and one query per wanted position.
        """
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        rank = self._rank(rank)
        self._refuse_masks(x, masks.query_mask(rank, visible)[at].any(axis=0))
        queries = np.full((len(x), len(at)), self.V)
        slots = np.concatenate([x, queries], axis=1)
        position_ids = np.concatenate([np.arange(self.L), at])
        seen = masks.two_streams(rank, visible, at)
        return self._logits(slots, position_ids, seen)[:, self.L :]

    def _logits(
        self,
        tokens: np.ndarray,
        position_ids: np.ndarray,
        mask: np.ndarray | None = None,
        past: list[tuple[Tensor, Tensor]] | None = None,
    ) -> np.ndarray:
        if not tokens.size:
            return np.zeros((*tokens.shape, self.V))
        seen = None if mask is None else to_torch(mask)
        logits, _ = self.transformer(to_torch(tokens), to_torch(position_ids), seen, past)
        return to_numpy(logits)

    def _as_rows(self, window: np.ndarray, at: np.ndarray, frozen: list) -> np.ndarray:
        return self._logits(window, at, past=frozen)

    def _as_tree(self, window: np.ndarray, at: np.ndarray, frozen: list) -> np.ndarray:
        rows, size = window.shape
        side_by_side = window.reshape(1, rows * size)
        seen = masks.tree(rows, size, self.L - size)
        logits = self._logits(side_by_side, np.tile(at, rows), seen, frozen)
        return logits.reshape(rows, size, self.V)

    def _rank(self, rank: np.ndarray) -> np.ndarray:
        rank = np.asarray(rank)
        if rank.shape != (self.L,) or not np.issubdtype(rank.dtype, np.integer):
            raise ValueError(f"rank must hold {self.L} integers, got {rank.dtype} {rank.shape}")
        return rank

    def _refuse_masks(self, x: np.ndarray, read: np.ndarray) -> None:
        masked = (x[:, read] == self.V).any(axis=0)
        if masked.any():
            place = np.flatnonzero(read)[masked][0]
            raise ValueError(f"a wanted row reads position {place}, which is masked")
