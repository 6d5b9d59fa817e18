"""The distributions of one sequence's wanted positions, in the order in which they are decoded."""

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import softmax
from paralg.models.counting import CountingModel

__all__ = ["Reader", "ranks"]


class Reader:
    """Reads p(x_i | what comes before i in the order), for a run of positions in one call.

    From left to right after a given prefix by ``causal``, or in another ``order`` of the masked
    positions by ``anyorder``.  A run may lie behind tokens that are only guessed: ``x`` says what
    they are.  With a ``cache`` keys and values are kept from call to call (``extend``), so that a
    call computes only what follows the last :meth:`keep`.

    >>> from paralg.decoding.tables import HashConditional
    >>> read = Reader(CountingModel(HashConditional(2, 3)), np.array([0, 2, 2]))
    >>> read(np.array([0, 1, 2]), 0, 2).round(2)
    array([[0.96, 0.04],
           [0.12, 0.88]])
    """

    def __init__(self, model: CountingModel, x: np.ndarray, order=None, cache: bool = False):
        masked = np.flatnonzero(x == model.V)
        if order is None and len(masked) and masked[0] != model.L - len(masked):
            raise ValueError("expected the given tokens to be a prefix, or an order, got no order")
        if cache and order is not None:
            raise ValueError("keys and values are kept from left to right: expected no order with "
                             "cache=True, got one")  # fmt: skip
        self.model, self.cache = model, cache
        self.rank = None if order is None else ranks(x, model.V, order)
        self.order = masked if order is None else np.asarray(order, dtype=np.int64)
        self._sees = np.tri(model.L, dtype=bool) if cache else None
        self._past = self._seen = None

    def __call__(self, x: np.ndarray, first: int, last: int) -> np.ndarray:
        """Return the distributions of the positions ``order[first:last]``, shape (n, V)."""
        at = self.order[first:last]
        if self.cache:
            return softmax(self._extend(x, int(at[-1]) + 1)[-len(at) :])
        if self.rank is None:
            return softmax(self.model.causal(x[None], at=at)[0])
        sort = np.argsort(at)
        logits = self.model.anyorder(x[None], self.rank, at=at[sort])[0]
        return softmax(logits[np.argsort(sort)])

    def keep(self, final: int) -> None:
        """Take the first ``final`` positions of the order as final; what hangs on others goes."""
        if self._seen is not None and final < len(self.order):
            self._past = self._seen.select(range(self.order[final]))

    def _extend(self, x: np.ndarray, end: int) -> np.ndarray:
        """Compute the slots from the kept ones up to place ``end``; slot i carries x_{i-1}."""
        begin = 0 if self._past is None else len(self._past)
        carried = np.concatenate([[self.model.V], x[: end - 1]])[begin:]
        logits, new = self.model.extend(
            carried[None], np.arange(begin, end), self._sees[begin:end, :end], self._past
        )
        self._seen = new if self._past is None else self._past.join(new)
        return logits[0]


def ranks(x, V: int, order=None) -> np.ndarray:
    """Return ranks for ``anyorder``: the m given positions m-1, the masked ones m, m+1, ….

    >>> ranks([5, 2, 5, 1], V=5)
    array([2, 1, 3, 1])
    """
    x = np.asarray(x)
    masked = np.flatnonzero(x == V)
    order = masked if order is None else np.atleast_1d(checks.array("order", order, "i"))
    order = order.astype(np.int64)  # an empty list has no kind
    if sorted(order) != masked.tolist():
        raise ValueError(f"expected an order of the masked positions {masked.tolist()}, "
                         f"got {np.asarray(order).tolist()}")  # fmt: skip
    given = len(x) - len(masked)
    rank = np.full(len(x), given - 1)
    rank[order] = given + np.arange(len(order))
    return rank
