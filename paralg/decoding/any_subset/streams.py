"""One network asked twice: draft mask and density mask, two streams, one order for each prompt.

[guo-2026-self]; two streams are those of [yang-2019-xlnet].
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import softmax
from paralg.decoding.reading import ranks
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import Model, tokens_of

__all__ = ["TwoStreams", "lattice_order", "log_density"]


def lattice_order(x, V: int) -> np.ndarray:
    r"""Return the masked positions from left to right: one order for each set of given ones.

    Every set S of known positions then has one next position, the leftmost outside S: a model has
    :math:`2^L - 1` conditionals to learn, instead of :math:`L\,2^{L-1}` for all orders.

    Parameters
    ----------
    x : array_like of int, shape (L,)
        Given tokens, and the mask V where one is wanted.
    V : int
        Tokens of the alphabet.

    Returns
    -------
    ndarray of int, shape (u,)

    Raises
    ------
    ValueError, TypeError
        If x is not one row of integers in 0..V.

    References
    ----------
    [guo-2026-self], after the recursive binary lattice of [shih-2022-training].

    Examples
    --------
    >>> lattice_order([3, 0, 3, 1, 3], V=3)
    array([0, 2, 4])
    """
    x = checks.array("x", x, "i")
    checks.sizes(x=(x, "L"))
    return np.flatnonzero(tokens_of(x[None], checks.integer("V", V, 1), len(x))[0] == V)


class TwoStreams:
    """Logits at the positions ``order[n:last]`` of one sequence, under either mask.

    Position ``order[j]`` has rank m + j, all m given ones have rank m - 1. A query of the *draft*
    mask sees the ranks below m + n, the same set for all of them; a query of the *density* mask
    sees all ranks below its own, drafts included.
    """

    def __init__(self, model: CountingModel, x: np.ndarray, order: np.ndarray):
        self.model, self.rank = model, ranks(x, model.V, order)
        self.order = np.asarray(order, dtype=np.int64)
        self.given = model.L - len(self.order)

    def draft(self, x: np.ndarray, n: int, last: int) -> np.ndarray:
        """Return the logits given the first n decoded tokens, shape (last - n, V)."""
        return self._ask(x, n, last, self.given + n)

    def density(self, x: np.ndarray, n: int, last: int) -> np.ndarray:
        """Return the logits given everything before each position in the order, drafts too."""
        return self._ask(x, n, last, None)

    def keep(self, x: np.ndarray, done: int) -> None:
        """Hear that the first ``done`` positions of the order are final in ``x``."""

    def _ask(self, x, n, last, visible):
        at = self.order[n:last]
        sort = np.argsort(at)
        logits = self.model.anyorder(x[None], self.rank, visible, at=at[sort])[0]
        return logits[np.argsort(sort)]


def log_density(model: Model, x, start, *, order=None, shape: LogitsHook | None = None):
    r"""Return :math:`\log p(x_{\sigma(j)} \mid x_{\sigma(<j)})` of the wanted tokens, in one call.

    Their sum is the log-probability of the completion. Diffusion with full attention has no such
    call: it needs one for each token.

    Parameters
    ----------
    model : Model
        Answers ``anyorder``.
    x : array_like of int, shape (L,)
        The finished sequence.
    start : array_like of int, shape (L,)
        The prompt: x with masks at the wanted positions.
    order : sequence of int, optional
        The wanted positions in the order :math:`\sigma`; by default from left to right.
    shape : callable, optional
        A hook on the logits.

    Returns
    -------
    ndarray of float, shape (u,)
        In the order; -inf where a token is impossible.

    Raises
    ------
    ValueError, TypeError
        If x has a mask or differs from the prompt, or the order is not one of its masks.

    Cost
    ----
    One call over L contents and u queries.

    References
    ----------
    [guo-2026-self]

    Examples
    --------
    >>> from paralg.decoding.tables import TabularJoint
    >>> joint = TabularJoint(np.array([[0.5, 0.0], [0.25, 0.25]]))
    >>> np.exp(log_density(joint, [1, 0], [2, 2]))
    array([0.5, 0.5])
    """
    x, start = (tokens_of(checks.array(name, one, "i")[None], model.V, model.L)[0]
                for name, one in (("x", x), ("start", start)))  # fmt: skip
    wanted = start == model.V
    if (x == model.V).any() or (x != start)[~wanted].any():
        raise ValueError(f"expected x without masks that agrees with the prompt {start.tolist()}, "
                         f"got {x.tolist()}")  # fmt: skip
    order = lattice_order(start, model.V) if order is None else order
    streams = TwoStreams(CountingModel(model, shape), start, order)
    if not len(streams.order):
        return np.zeros(0)
    p = softmax(streams.density(x, 0, len(streams.order)))
    with np.errstate(divide="ignore"):
        return np.log(p[np.arange(len(p)), x[streams.order]])
