r"""Gap filling on oriented cycles: an algorithm in which no node waits for long beside a quick one.

Our reconstruction of the engine behind the theorem on cycles [feuilloley-2020-long]. Let ``r`` be
the radii of an algorithm A and ``d`` distances along the cycle.

- ``t'(v)``: the least ``t`` at which ``v`` knows the output of some node at or left of it and of
  some node at or right of it, ``d(v, u) + r(u) <= t``;
- *anchors*: the nodes with ``t'(v) = r(v)``; they keep A's label;
- another node stops at ``T''(v)``, the largest ``d(v, x) + t'(x)`` over all ``x`` from its nearest
  anchor on the left to that on the right, and takes its place in the lexicographically first
  labelling between these two, of which all nodes of the gap know the same.

The same as a rule on balls, which looks at nothing else, is `variants.gap_filled`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.rounds.ordinary_node.lcl import LCL, lexicographically_first

__all__ = ["GapFilling", "fill_gaps", "reach"]


@dataclass(frozen=True, eq=False)
class GapFilling:
    """Labels and radii ``T''`` after gap filling, ``reach`` is ``t'``; arrays have shape (n,)."""

    outputs: tuple
    radii: NDArray[np.int64]
    reach: NDArray[np.int64]
    anchors: NDArray[np.int64]


def reach(radii: ArrayLike) -> NDArray[np.int64]:
    """Return ``t'`` of every node of a cycle from the ``radii`` of an algorithm, shape (n,).

    >>> reach([5, 4, 2, 5, 5, 2, 5, 5, 5, 1])
    array([4, 3, 2, 4, 4, 2, 4, 4, 5, 1])
    """
    radii = checks.array("radii", radii, "i", least=0)
    checks.sizes(radii=(radii, "n"))
    return np.maximum(_from_left(radii), _from_left(radii[::-1])[::-1])


def _from_left(radii):
    """Return the least distance plus radius of a node at or left of each."""
    steps = np.arange(2 * len(radii))  # a node on the left may lie beyond the seam
    return (np.minimum.accumulate(np.tile(radii, 2) - steps) + steps)[len(radii) :]


def fill_gaps(problem: LCL, outputs: Sequence, radii: ArrayLike) -> GapFilling:
    """Return labels and stopping rounds of the gap-filled algorithm on an oriented cycle.

    ``problem`` is one that edges can check; ``outputs`` and ``radii``, none above n // 2, are those
    of an algorithm, shape (n,).

    >>> from paralg.rounds.ordinary_node import colouring
    >>> found = fill_gaps(colouring(3), (1, 0, 1, 2, 0, 1, 0, 2, 1, 0),
    ...                   [5, 4, 2, 5, 5, 2, 5, 5, 5, 1])
    >>> found.outputs, found.anchors.tolist()
    ((1, 0, 1, 0, 2, 1, 0, 2, 1, 0), [2, 5, 8, 9])
    """
    checks.instance("problem", problem, LCL), checks.instance("outputs", outputs, Sequence)
    known, n = reach(radii), len(radii)
    checks.sizes(outputs=(np.empty(len(outputs)), f"{n}"))
    anchors = np.flatnonzero(known == radii)
    labels, stops = list(outputs), known.copy()
    for a, b in zip(anchors.tolist(), np.roll(anchors, -1).tolist(), strict=True):
        gap = (b - a - 1) % n
        stretch = known[(a + np.arange(gap + 2)) % n]
        inner = lexicographically_first(problem, outputs[a], outputs[b], gap)
        for k, label in enumerate(inner, 1):
            labels[(a + k) % n] = label
            most = (np.abs(np.arange(gap + 2) - k) + stretch).max()
            stops[(a + k) % n] = min(n // 2, most)
    return GapFilling(tuple(labels), stops, known, anchors)
