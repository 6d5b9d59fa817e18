"""Count what is sent to a model: a wrapper does it, never the decoder.

The wrapper is also the one place where logits are shaped, so every distribution a decoder sees has
been through the hook exactly once.
"""

from collections.abc import Callable

import numpy as np

from paralg.core.cost import Cost
from paralg.models.protocol import ForwardCache, Layout, Model, UnsupportedCall, positions

__all__ = ["CountingModel", "LogitsHook"]

LogitsHook = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Hook ``shape(logits, at) -> logits``; see :mod:`paralg.decoding.shaping`."""


class CountingModel:
    """A model that counts its calls, rows and token positions in `cost`, and shapes its logits.

    ===========  ==================================================================
    calls        forward passes; the chain of dependent ones is the span of decoding
    rows         sequences sent through the model
    tokens       positions computed: B·L for a full pass, B·len(at) when only the
                 window is recomputed (cached or causal), 2·B·L with two streams,
                 B·S for a layout of S slots
    ===========  ==================================================================

    Parameters
    ----------
    model : Model
        Its calls are answered, and the slots of an :class:`~paralg.models.protocol.AttendingModel`.
    shape : callable, optional
        ``shape(logits, at)``, applied to the logits of every call.
        A hook with a method ``expand(x)`` is given the rows first and may add some, as guidance
        does; the added rows are counted.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> model = CountingModel(HashConditional(4, 6))
    >>> logits = model.denoise(np.full((3, 6), 4))
    >>> model.cost
    Cost(calls=1, rows=3, tokens=18)
    """

    def __init__(self, model: Model, shape: LogitsHook | None = None):
        self.model, self.shape = model, shape
        self.V, self.L = model.V, model.L
        self.cost = Cost()
        self._since = Cost()

    def denoise(self, x, *, at=None, cache: ForwardCache | None = None, layout: Layout = "rows"):
        """Count and forward."""
        x = self._expand(x, cache)
        self._count(x, self.L if cache is None else positions(at, self.L).size)
        return self._shaped(self.model.denoise(x, at=at, cache=cache, layout=layout), at)

    def causal(self, x, *, at=None):
        """Count and forward."""
        x = self._expand(x)
        self._count(x, positions(at, self.L).size)
        return self._shaped(self.model.causal(x, at=at), at)

    def anyorder(self, x, rank, visible=None, *, at=None):
        """Count and forward: both streams."""
        x = self._expand(x)
        self._count(x, 2 * self.L)
        return self._shaped(self.model.anyorder(x, rank, visible, at=at), at)

    def snapshot(self, x):
        """Count and forward."""
        x = self._expand(x, cache=True)
        self._count(x, self.L)
        logits, cache = self.model.snapshot(x)
        return self._shaped(logits, None), cache

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
        tokens = self._expand(tokens, past)
        self._count(tokens, len(position_ids))
        return tokens, getattr(self.model, call)

    def _expand(self, x, cache=None):
        expand = getattr(self.shape, "expand", np.asarray)
        if hasattr(self.shape, "expand") and cache is not None:
            raise ValueError("a cache keeps one row, and this hook adds rows: decode without cache")
        return expand(np.asarray(x))

    def _shaped(self, logits, at):
        if self.shape is None:
            return logits
        return self.shape(
            logits, np.arange(self.L) if at is None else np.asarray(at, dtype=np.int64)
        )
