"""Initial drafts: the distribution from which a position that enters the window is drafted."""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks

__all__ = ["KINDS", "Initialiser"]

KINDS = ("random", "position", "left", "above", "left-likeliest", "left-draw")


@dataclass(frozen=True)
class Initialiser:
    r"""How a position gets its first draft.

    A draft is drawn from a distribution :math:`q_0`. The test uses a one-hot q at the drawn
    token, as in the paper's code, or :math:`q_0` itself; both are true, so both are exact.

    Parameters
    ----------
    kind : {"random", "position", "left", "above", "left-likeliest", "left-draw"}
        Uniform; the token i mod V; the token of the left neighbour or of the one above; of the left
        neighbour's distribution the likeliest token, or a draw. Where there is no neighbour, or no
        token at it yet: uniform.
    width : int, optional
        Pixels in a row of the image; by default the sequence is one row.
    start : int
        Position of the first pixel.
    tokens : int, optional
        Uniform over the tokens 0 … ``tokens`` - 1; by default over all.
    declared : bool
        Whether the test uses :math:`q_0`.

    Raises
    ------
    ValueError
        If the kind is unknown, or a number is below 1 (``start``: 0).

    Cost
    ----
    No forward.

    Notes
    -----
    =====================  ==========================================
    the paper's code       here
    =====================  ==========================================
    ``random``             ``Initialiser("random")``, the default
    ``repeat_horizon``     ``Initialiser("left", width)``
    ``sample_horizon``     ``Initialiser("left-likeliest", width)``
    (vertical)             ``Initialiser("above", width)``
    =====================  ==========================================

    References
    ----------
    [teng-2025-accelerating]

    Examples
    --------
    >>> x, q = np.array([1, 0, 2, 2]), np.zeros((4, 2))
    >>> Initialiser("above", width=2)(2, x, q), Initialiser()(2, x, q)
    (array([0., 1.]), array([0.5, 0.5]))
    """

    kind: str = "random"
    width: int | None = None
    start: int = 0
    tokens: int | None = None
    declared: bool = False

    def __post_init__(self):
        checks.one_of("kind", self.kind, KINDS)
        checks.integer("start", self.start)
        checks.instance("declared", self.declared, bool)
        for name, value in (("width", self.width), ("tokens", self.tokens)):
            if value is not None:
                checks.integer(name, value, 1)

    def __call__(self, i: int, x: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Return q₀ of position ``i``, shape (V,).

        The tokens are ``x``, (L,), drafts included; ``q`` has each position's last distribution,
        (L, V), zero where there is none.
        """
        V = q.shape[1]
        if self.kind == "position":
            return one_hot(i % V, V)
        near = self._neighbour(i)
        unknown = near is None or x[near] == V
        if unknown or (self.kind.startswith("left-") and not q[near].any()):
            return (np.arange(V) < (self.tokens or V)) / min(self.tokens or V, V)
        if self.kind == "left-draw":
            return q[near]
        return one_hot(q[near].argmax() if self.kind == "left-likeliest" else x[near], V)

    def _neighbour(self, i: int) -> int | None:
        """Return the pixel that is copied, if there is one."""
        place = i - self.start
        width = self.width or max(place + 1, 1)
        if self.kind.startswith("left"):
            return i - 1 if place > 0 and place % width else None
        return i - width if self.kind == "above" and place >= width else None


def one_hot(token: int, V: int) -> np.ndarray:
    """Return the distribution that is certain of ``token``."""
    certain = np.zeros(V)
    certain[token] = 1.0
    return certain
