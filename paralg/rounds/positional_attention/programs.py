"""Programs of rounds with fixed wires, run without any network, and the scans among them.

In a round each node reads, through each head, the state of one node or nothing, and then all nodes
take the same local step. A step is written once: with arrays it runs, with the compiler's forms it
becomes weights. Node n is the scratch node: its state is and stays 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.rounds.positional_attention.wiring import sources_of

__all__ = [
    "Round", "RoundProgram", "RoundRun", "maximum", "minimum", "prefix_minima", "prefix_sums",
    "relu", "run_rounds", "strides",
]  # fmt: skip


def relu(a):
    """Return max(0, a), of numbers or of a form."""
    return a.relu() if hasattr(a, "relu") else np.maximum(a, 0.0)


def maximum(a, b):
    """Return the larger one, by one ReLU."""
    return b + relu(a - b)


def minimum(a, b):
    """Return the smaller one, by one ReLU."""
    return a - relu(a - b)


@dataclass(frozen=True, eq=False)
class Round:
    """Whom nodes read, (heads, n) with n for the scratch node, and what they make of it.

    ``local(own, *heard)`` takes lists of the numbers of a state and returns such a list.
    """

    sources: NDArray[np.int64]
    local: Callable[..., Sequence]


@dataclass(frozen=True, eq=False)
class RoundProgram:
    """Rounds on n nodes, and how a state begins and ends.

    Parameters
    ----------
    n : int
    rounds : tuple of Round
        At least one, all with the same number of heads.
    depth : int
        ReLUs that local steps nest: hidden layers of the MLP.
    begin, end : ndarray, shapes (state, inputs) and (outputs, state)
        Linear maps from inputs and to outputs.
    """

    n: int
    rounds: tuple[Round, ...]
    depth: int
    begin: NDArray[np.float64]
    end: NDArray[np.float64]

    @property
    def state(self) -> int:
        """Numbers of a state."""
        return len(self.begin)

    @property
    def heads(self) -> int:
        """Nodes that a node may read in a round."""
        return len(self.rounds[0].sources)


@dataclass(frozen=True, eq=False)
class RoundRun:
    """Outputs (..., n, outputs), states after each round, and what it cost.

    ``cost`` has rounds, messages between different nodes, and as work the nodes that received one.
    """

    outputs: NDArray[np.float64]
    states: tuple[NDArray[np.float64], ...]
    cost: Cost


def run_rounds(program: RoundProgram, values: ArrayLike) -> RoundRun:
    """Run a program on arrays, without any network.

    Parameters
    ----------
    program : RoundProgram
    values : array_like, shape (..., n, inputs)
        Finite.

    Examples
    --------
    >>> run = run_rounds(prefix_sums(8), np.ones((8, 1)))
    >>> run.outputs[:, 0].tolist(), run.cost
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], Cost(work=17, rounds=3, messages=17))
    """
    checks.instance("program", program, RoundProgram)
    (values,) = checks.floats(values=(values, "... n inputs"))
    if values.shape[-2:] != (program.n, program.begin.shape[1]):
        expected = f"(..., {program.n}, {program.begin.shape[1]})"
        raise ValueError(f"values must have the shape {expected}, got {values.shape}")
    rest = [(0, 0)] * (values.ndim - 2)
    x = np.pad(values @ program.begin.T, [*rest, (0, 1), (0, 0)])
    states, cost, me = [], Cost(), np.arange(program.n + 1)
    for one in program.rounds:
        table = sources_of(program.n, one.sources)
        heard = [list(np.moveaxis(x[..., row, :], -1, 0)) for row in table]
        x = np.stack(one.local(list(np.moveaxis(x, -1, 0)), *heard), axis=-1)
        sent = (table != me) & (table != program.n)
        cost += Cost(work=sent.any(axis=0).sum(), rounds=1, messages=sent.sum())
        states.append(x)
    return RoundRun(x[..., :-1, :] @ program.end.T, tuple(states), cost)


def strides(n: int) -> list[int]:
    """Return 1, 2, 4, … below n, at least 1."""
    return [1 << t for t in range(max(1, (n - 1).bit_length()))]


def _back(n: int, stride: int, idle: ArrayLike) -> NDArray[np.int64]:
    """Return i - stride, and ``idle`` of the nodes that have no such neighbour."""
    me = np.arange(n)
    return np.where(me >= stride, me - stride, idle)


def _scan(n: int, combine: Callable, *, own: bool) -> RoundProgram:
    """Return the program of a prefix scan: idle nodes read themselves, or nothing."""
    n = checks.integer("n", n, 1)
    idle = np.arange(n) if own else n
    rounds = tuple(
        Round(_back(n, stride, idle)[None], lambda own, left: [combine(left[0], own[0])])
        for stride in strides(n)
    )
    return RoundProgram(n, rounds, 1, np.eye(1), np.eye(1))


def prefix_sums(n: int) -> RoundProgram:
    """Return the scan of n nodes by addition: idle ones read the scratch node.

    >>> [one.sources[0].tolist() for one in prefix_sums(4).rounds]
    [[4, 0, 1, 2], [4, 4, 0, 1]]
    """
    return _scan(n, lambda left, own: left + own, own=False)


def prefix_minima(n: int) -> RoundProgram:
    """Return the scan of n nodes by the smaller one: an idle node reads itself, min(a, a) = a.

    >>> prefix_minima(8).rounds[1].sources[0].tolist()
    [0, 1, 0, 1, 2, 3, 4, 5]
    """
    return _scan(n, minimum, own=True)
