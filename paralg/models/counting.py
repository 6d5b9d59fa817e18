"""Count what is sent to a model: a wrapper does it, never the decoder.

The wrapper is also the one place where logits are shaped, so every distribution a decoder sees has
been through the hook exactly once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.models.protocol import ForwardCache, Layout, Model, UnsupportedCall, positions

__all__ = ["CountingModel", "LogitsHook", "RowCaches"]

LogitsHook = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Hook ``shape(logits, at) -> logits``; see :mod:`paralg.decoding.shaping`."""


@dataclass(frozen=True)
class RowCaches:
    """One cache for each row that a hook makes of a sequence."""

    caches: tuple[ForwardCache, ...]

    @property
    def nbytes(self) -> int:
        """Size of all, in bytes."""
        return sum(cache.nbytes for cache in self.caches)


class CountingModel:
    """A model that counts its calls, rows and token positions in `cost`, and shapes its logits.

    ===========  ==================================================================
    calls        forward passes; the chain of dependent ones is the span of decoding
    rows         sequences sent through the model
    tokens       positions computed: B·L for a full pass, B·len(at) when only the
                 window is recomputed (cached or causal), B·(L + len(at)) with two
                 streams, contents and queries, B·S for a layout of S slots
    ===========  ==================================================================

    Parameters
    ----------
    model : Model
        Its calls are answered, and the slots of an :class:`~paralg.models.protocol.AttendingModel`.
    shape : callable, optional
        ``shape(logits, at)``, applied to the logits of every call.
        A hook with a method ``expand(x, carried=None)`` is given the rows first and may add some,
        as guidance does; the added rows are counted, and caches and slots are kept for each.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> model = CountingModel(HashConditional(4, 6))
    >>> logits = model.denoise(np.full((3, 6), 4))
    >>> model.cost
    Cost(calls=1, rows=3, tokens=18)
    """

    def __init__(self, model: Model, shape: LogitsHook | None = None):
        checks.instance("shape", shape, Callable, type(None))
        if not (hasattr(model, "V") and hasattr(model, "L")):
            raise TypeError(f"expected a model of V tokens and L positions, got {model!r}")
        self.model, self.shape = model, shape
        self.V, self.L = model.V, model.L
        self.cost = Cost()
        self._since = Cost()

    def denoise(self, x, *, at=None, cache: ForwardCache | None = None, layout: Layout = "rows"):
        """Count and forward."""
        x = self._expand(x)
        self._count(x, self.L if cache is None else positions(at, self.L).size)
        caches = self._caches(cache)
        parts = [self.model.denoise(rows, at=at, cache=one, layout=layout)
                 for rows, one in zip(np.split(x, len(caches)), caches, strict=True)]  # fmt: skip
        return self._shaped(parts[0] if len(parts) == 1 else np.concatenate(parts), at)

    def causal(self, x, *, at=None):
        """Count and forward."""
        x = self._expand(x)
        self._count(x, positions(at, self.L).size)
        return self._shaped(self.model.causal(x, at=at), at)

    def anyorder(self, x, rank, visible=None, *, at=None):
        """Count and forward: all contents, and a query for each wanted position."""
        x = self._expand(x)
        self._count(x, self.L + positions(at, self.L).size)
        return self._shaped(self.model.anyorder(x, rank, visible, at=at), at)

    def snapshot(self, x):
        """Count and forward; with a hook that adds rows, each row gets a cache of its own."""
        if not hasattr(self.shape, "expand"):
            self._count(np.asarray(x), self.L)
            logits, cache = self.model.snapshot(x)
            return self._shaped(logits, None), cache
        if len(x) != 1:
            raise ValueError(f"expected one row to keep, got {len(x)}")
        x = self._expand(x)
        self._count(x, self.L)
        logits, caches = zip(*(self.model.snapshot(row[None]) for row in x), strict=True)
        return self._shaped(np.concatenate(logits), None), RowCaches(caches)

    def attend(self, tokens, position_ids, mask):
        """Count and forward; the hook gets ``position_ids``."""
        tokens, answer = self._slots("attend", tokens, position_ids)
        return self._shaped(answer(tokens, position_ids, mask), position_ids)

    def extend(self, tokens, position_ids, mask, past=None):
        """Count and forward: only the new slots are computed."""
        tokens, answer = self._slots("extend", tokens, position_ids, past)
        logits, kept = answer(tokens, position_ids, mask, past)
        return self._shaped(logits, position_ids), kept

    def cost_since(self) -> Cost:
        """Return what was counted since this was last asked."""
        since, self._since = self._since, Cost()
        return since

    def _count(self, x, length):
        """Add one call of ``len(x)`` rows, ``length`` positions computed in each."""
        cost = Cost(calls=1, rows=len(x), tokens=len(x) * int(length))
        self.cost, self._since = self.cost + cost, self._since + cost

    def _slots(self, call, tokens, position_ids, past=None):
        """Count a call on slots; return its tokens and the model's method."""
        if not hasattr(self.model, call):
            raise UnsupportedCall(f"{call} needs a network, got {type(self.model).__name__}")
        tokens = self._expand(tokens, np.asarray(position_ids) - getattr(self.model, "lag", 0))
        if past is not None and hasattr(self.shape, "expand") and past.rows != len(tokens):
            raise ValueError(f"this hook makes {len(tokens)} rows, each of which has a past of its "
                             f"own: expected slots of as many rows, got {past.rows}")  # fmt: skip
        self._count(tokens, len(position_ids))
        return tokens, getattr(self.model, call)

    def _expand(self, x, carried=None):
        x = np.asarray(x)
        return self.shape.expand(x, carried) if hasattr(self.shape, "expand") else x

    def _caches(self, cache) -> tuple:
        """Return the caches that the groups of rows read: one for all, or one for each."""
        if isinstance(cache, RowCaches):
            return cache.caches
        if cache is not None and hasattr(self.shape, "expand"):
            raise ValueError("this hook adds rows, each of which needs a cache of its own: "
                             "expected one made by this wrapper's snapshot, got "
                             f"{type(cache).__name__}")  # fmt: skip
        return (cache,)

    def _shaped(self, logits, at):
        if self.shape is None:
            return logits
        return self.shape(
            logits, np.arange(self.L) if at is None else np.asarray(at, dtype=np.int64)
        )
