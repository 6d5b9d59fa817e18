"""The small transformer behind the decoding protocol: numpy in, numpy out, one thread.

A :class:`Network` has one set of weights, trained for one *mode*, and answers the calls of that
mode; a :class:`~paralg.models.family.Family` joins networks of several modes over the same data.
Whatever its mode, it also runs layouts of the caller's own making: draft trees, wavefronts over an
image and texts that fork and join are slots, each a token, a position and a row of the attention
mask, after the keys and values of slots computed before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from paralg.core import checks
from paralg.models import masks
from paralg.models.protocol import UnsupportedCall, positions, tokens_of
from paralg.models.slots import NetworkSlots, to_numpy, to_torch, without_gradients
from paralg.models.transformer import Transformer, TransformerConfig

__all__ = ["CALLS", "Network"]

CALLS = {"bidirectional": ("denoise", "snapshot"), "causal": ("causal",), "anyorder": ("anyorder",)}
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


class Network:
    """A transformer as a model of the decoding protocol.

    The calls are those of :class:`paralg.models.protocol.Model` and
    :class:`~paralg.models.protocol.AttendingModel`; operands that do not fit, masks that a wanted
    row would read, and slots of another network are refused with a ValueError.

    Parameters
    ----------
    transformer : Transformer
        Its V tokens and L positions are those of the network; the mask id is V.
    mode : {"bidirectional", "causal", "anyorder"}
        What the weights were trained for.
    name : str
        Shown in error messages.
    config : dict, optional
        How the weights were made: data, seed, steps, scores.

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
        self, transformer: Transformer, mode: str, name: str = "untrained",
        config: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        checks.instance("transformer", transformer, Transformer)
        checks.one_of("mode", mode, CALLS)
        self.transformer = transformer.eval()
        self.mode, self.name, self.config = mode, name, dict(config or {})
        self.V, self.L = transformer.config.V, transformer.config.L
        self.lag = int(mode == "causal")

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
        self, x: np.ndarray, *, at: Sequence[int] | None = None,
        cache: NetworkSlots | None = None, layout: str = "rows",
    ) -> np.ndarray:  # fmt: skip
        """Distribution of x_i given every unmasked x_j: B · L slots, B · len(at) with a cache."""
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        checks.one_of("layout", layout, ("rows", "tree"))
        if cache is None and layout == "tree":
            raise ValueError(
                'layout="tree" needs a cache: outside the window nothing is frozen, so every copy '
                "would see the drafts of the others"
            )
        if cache is None:
            return self._logits(x, np.arange(self.L))[:, at]
        if cache.owner is not self:
            raise ValueError(f"the cache was made by {cache.owner!r}, not by {self!r}")
        window, frozen = x[:, at], cache.select(np.setdiff1d(np.arange(self.L), at))
        if layout == "rows":
            return self._logits(window, at, past=frozen)
        return self._as_tree(window, at, frozen)

    def _as_tree(self, window: np.ndarray, at: np.ndarray, frozen: NetworkSlots) -> np.ndarray:
        """Lay the rows of a window side by side."""
        rows, size = window.shape
        mask = masks.tree(rows, size, len(frozen))
        logits = self._logits(window.reshape(1, -1), np.tile(at, rows), mask, frozen)
        return logits.reshape(rows, size, self.V)

    @_answers
    def snapshot(self, x: np.ndarray) -> tuple[np.ndarray, NetworkSlots]:
        """Denoise one full sequence, shape (1, L), and keep keys and values of all positions."""
        x = tokens_of(x, self.V, self.L)
        if len(x) != 1:
            raise ValueError(f"a snapshot is made of one sequence, got {len(x)} rows")
        return self._run(x, np.arange(self.L))

    @_answers
    def causal(self, x: np.ndarray, *, at: Sequence[int] | None = None) -> np.ndarray:
        """Distribution of x_i given x_{<i}."""
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        last = int(at[-1]) + 1 if len(at) else 0
        self._refuse_masks(x, np.arange(self.L) < last - 1)
        begin = np.full((len(x), 1), self.V)
        shifted = np.concatenate([begin, x[:, : self.L - 1]], axis=1)[:, :last]
        return self._logits(shifted, np.arange(last), masks.causal(last))[:, at]

    @_answers
    def anyorder(
        self, x: np.ndarray, rank: np.ndarray, visible: int | None = None, *,
        at: Sequence[int] | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Distribution of x_i given earlier ranks: the content stream, and a query for each i."""
        x, at = tokens_of(x, self.V, self.L), positions(at, self.L)
        rank = checks.array("rank", rank, "i", least=-1)
        checks.sizes(x=(x, "B L"), rank=(rank, "L"))
        visible = visible if visible is None else checks.integer("visible", visible)
        self._refuse_masks(x, masks.query_mask(rank, visible)[at].any(axis=0))
        queries = np.full((len(x), len(at)), self.V)
        slots = np.concatenate([x, queries], axis=1)
        ids = np.concatenate([np.arange(self.L), at])
        return self._logits(slots, ids, masks.two_streams(rank, visible, at))[:, self.L :]

    def attend(self, tokens: np.ndarray, position_ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the logits of a layout of the caller's own making, shape (B, S, V)."""
        return self.extend(tokens, position_ids, mask)[0]

    def extend(
        self, tokens: np.ndarray, position_ids: np.ndarray, mask: np.ndarray,
        past: NetworkSlots | None = None,
    ) -> tuple[np.ndarray, NetworkSlots]:  # fmt: skip
        """Run S slots after P earlier ones, of one row or of B; keep keys, values, hidden states.

        A causal network read token by token says what it says in one call:

        >>> network = Network.untrained(TransformerConfig(V=4, L=16), "causal")
        >>> first, kept = network.extend([[4, 1]], [0, 1], masks.causal(2))
        >>> then, more = network.extend([[3]], [2], [[True, True, True]], past=kept)
        >>> whole = network.causal(np.array([[1, 3] + [0] * 14]), at=[0, 1, 2])
        >>> bool(np.allclose(np.concatenate([first, then], axis=1), whole, atol=1e-5))
        True
        >>> len(kept.join(more))
        3
        """
        position_ids = checks.array("position_ids", position_ids, "i").astype(np.int64)
        checks.sizes(position_ids=(position_ids, "S"))
        mask = checks.array("mask", mask, "bif")
        if mask.dtype != bool:
            zero_one = np.where(np.isin(mask, (0, 1)), mask, 2).astype(int)
            mask = checks.mask("mask", zero_one, mask.shape)
        tokens = tokens_of(tokens, self.V, len(position_ids))
        if past is not None and past.owner is not self:
            raise ValueError(f"the slots were made by {past.owner!r}, not by {self!r}")
        expected = (len(position_ids), len(position_ids) + (0 if past is None else len(past)))
        if mask.shape != expected or not mask.any(axis=1).all():
            raise ValueError(f"expected a mask {expected} without empty rows, "
                             f"got shape {mask.shape}")  # fmt: skip
        if position_ids.size and not (position_ids.min() >= 0 and position_ids.max() < self.L):
            raise ValueError(f"positions must lie in 0..{self.L - 1}, got {position_ids.tolist()}")
        with without_gradients():
            return self._run(tokens, position_ids, mask, past)

    def _run(
        self, tokens: np.ndarray, position_ids: np.ndarray, mask: np.ndarray | None = None,
        past: NetworkSlots | None = None,
    ) -> tuple[np.ndarray, NetworkSlots]:  # fmt: skip
        """Run the transformer: arrays in, arrays and slots out."""
        mask = None if mask is None else to_torch(mask)
        earlier = None if past is None else list(past.layers)
        net = self.transformer
        hidden, kept = net.hidden(to_torch(tokens), to_torch(position_ids), mask, earlier)
        return to_numpy(net.head(net.norm(hidden))), NetworkSlots(self, tuple(kept), hidden)

    def _logits(self, tokens: np.ndarray, *layout: Any, **past: Any) -> np.ndarray:
        """Return the logits alone; none of no slots."""
        if not tokens.size:
            return np.zeros((*tokens.shape, self.V))
        return self._run(tokens, *layout, **past)[0]

    def _refuse_masks(self, x: np.ndarray, read: np.ndarray) -> None:
        masked = (x[:, read] == self.V).any(axis=0)
        if masked.any():
            place = np.flatnonzero(read)[masked][0]
            raise ValueError(f"a wanted row reads position {place}, which is masked")
