"""Prefix sums of n positive numbers, one at each worker, on machines that move in rounds.

There are two wirings. In a *chain* a worker hears its left neighbour. When *doubling*, it hears in
round t the worker 2^(t-1) places to the left. State machines, layers of a network and ranks of a
real MPI program all can do both; the number of rounds is that of the wiring.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.rounds.mpirigen.experiments.execute import RunVerdict, run
from paralg.rounds.neural_compilation import BellmanFord, run_compiled
from paralg.rounds.ordinary_node import NodeProgram, PortGraph, run_local
from paralg.rounds.positional_attention import compile_program, prefix_sums, run_rounds

__all__ = [
    "CHAIN", "DOUBLING", "RoundTable", "at_once", "by_chain_layers", "by_chain_messages",
    "by_doubling_layers", "by_doubling_messages", "by_ranks", "reached",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class RoundTable:
    """What happened in each round.

    Parameters
    ----------
    sums : ndarray of float64, shape (n,)
    complete : ndarray of bool, shape (rounds + 1, n)
        Which workers have their sum before round 1 and after each round.
    wires : tuple of tuples of pairs
        Of each round, from whom to whom a message went that was used.
    """

    sums: NDArray[np.float64]
    complete: NDArray[np.bool_]
    wires: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def rounds(self) -> int:
        """Rounds until the last worker has its sum."""
        return int(np.argmax(self.complete.all(axis=1)))

    @property
    def ordinary(self) -> float:
        """Rounds that a worker waits, in the mean."""
        return float((~self.complete).sum(axis=0).mean())

    @property
    def messages(self) -> int:
        """Messages in all rounds."""
        return sum(map(len, self.wires))

    @property
    def heard(self) -> int:
        """Messages that the busiest worker of a round has to take, summed over rounds."""
        n = self.complete.shape[1]
        taken = (np.bincount([i for _, i in wires], minlength=n).max() for wires in self.wires)
        return int(sum(taken))

    def bsp(self, latency: float, gap: float = 1.0) -> float:
        """Return the cost of [valiant-1990-bridging]: L a round and g a message of the busiest.

        Parameters
        ----------
        latency, gap : float, not negative
            L and g, in any one unit of time.
        """
        L, g = checks.number("latency", latency, 0), checks.number("gap", gap, 0)
        return L * self.rounds + g * self.heard


def _values(values: ArrayLike) -> NDArray[np.float64]:
    (values,) = checks.floats(values=(values, "n"))
    if not len(values) or values.min() <= 0:
        raise ValueError(f"values must be at least one number, all above 0, got {values}")
    return values


def _table(values, sums, states, wires) -> RoundTable:
    """Compare what workers hold after each round with the true sums."""
    right = np.cumsum(values)
    complete = np.isclose(np.array(states), right, rtol=1e-9, atol=0)
    return RoundTable(np.asarray(sums, float), complete, tuple(map(tuple, wires)))


def by_chain_messages(values: ArrayLike) -> RoundTable:
    """Sum along a path of state machines of the LOCAL model: one worker moves in a round.

    Parameters
    ----------
    values : array_like of float, shape (n,), all above 0

    Returns
    -------
    RoundTable

    Examples
    --------
    >>> table = by_chain_messages([3, 1, 4, 1])
    >>> table.sums.tolist(), table.rounds, table.ordinary, table.wires
    ([3.0, 4.0, 8.0, 9.0], 3, 1.5, (((0, 1),), ((1, 2),), ((2, 3),)))
    """
    values = _values(values)
    n, wires = len(values), [[] for _ in values[1:]]

    class Sum(NodeProgram):
        """Wait for the sum of the left neighbour, add, and tell the right one."""

        def __init__(self, me):
            super().__init__(me)
            self.round, self.output = 0, float(values[0]) if me.id == 0 else None

        def send(self, port):
            if self.output is None or self.round != self.me.id or port != self.me.degree - 1:
                return None
            wires[self.round].append((self.me.id, self.me.id + 1))
            return self.output

        def receive(self, round, inbox):
            self.round = round
            if self.output is None and inbox[0] is not None:
                self.output = inbox[0] + float(values[self.me.id])

    path = PortGraph.from_edges(np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), n)
    found = run_local(path, Sum, range(n), most=n)
    states = [np.where(found.radii <= t, found.outputs, values) for t in range(n)]
    return _table(values, found.outputs, states, wires)


def by_chain_layers(values: ArrayLike) -> RoundTable:
    """Sum along a path as shortest paths: each layer of the compiled Bellman–Ford is a round.

    Parameters
    ----------
    values : array_like of float, shape (n,), all above 0
        All but the first are the edges of the path; the first is added to every distance.

    Returns
    -------
    RoundTable
        Without the network's last layer, which only notices that nothing changes any more.

    Examples
    --------
    >>> table = by_chain_layers([3, 1, 4, 1])
    >>> table.sums.round(9).tolist(), table.rounds, table.wires
    ([3.0, 4.0, 8.0, 9.0], 3, (((0, 1),), ((1, 2),), ((2, 3),)))
    """
    values, algorithm = _values(values), BellmanFord()
    scale = values.sum() / 100  # its weights hold distances below 200 less the number of nodes
    found = run_compiled(algorithm, np.diag(values[1:] / scale, 1))
    states = [algorithm.get(z, "d") * scale + values[0] for z in found.states[:-1]]
    wires = []
    for (alpha,), before, after in zip(found.attention, states, states[1:], strict=False):
        moved = np.flatnonzero(~np.isclose(before, after, rtol=1e-12, atol=0)).tolist()
        wires.append([(int(alpha[i].argmax()), i) for i in moved])
    return _table(values, states[-1], states, wires)


def _wires(program) -> list[list[tuple[int, int]]]:
    """From whom to whom a program sends in each round, without itself and the scratch node."""
    tables = [one.sources[0].tolist() for one in program.rounds]
    return [[(j, i) for i, j in enumerate(table) if j not in (i, program.n)] for table in tables]


def by_doubling_messages(values: ArrayLike) -> RoundTable:
    """Sum by doubling: in round t worker i hears worker i - 2^(t-1).

    Parameters
    ----------
    values : array_like of float, shape (n,), all above 0

    Returns
    -------
    RoundTable

    Examples
    --------
    >>> table = by_doubling_messages(range(1, 9))
    >>> table.rounds, table.messages, table.complete.sum(axis=1).tolist()
    (3, 17, [1, 2, 4, 8])
    """
    values = _values(values)
    program = prefix_sums(len(values))
    found = run_rounds(program, values[:, None])
    states = [values, *(state[:-1, 0] for state in found.states)]
    return _table(values, found.outputs[:, 0], states, _wires(program))


def by_doubling_layers(values: ArrayLike) -> RoundTable:
    """Sum by a transformer whose weights are the program: each layer is a round.

    Parameters
    ----------
    values : array_like of float, shape (n,), all above 0

    Returns
    -------
    RoundTable

    Examples
    --------
    >>> by_doubling_layers(range(1, 9)).rounds
    3
    """
    values = _values(values)
    program, states = prefix_sums(len(values)), [values]
    network = compile_program(program)
    for layer in network.locals:
        layer.register_forward_hook(
            lambda _layer, _x, after: states.append(network.decoder(after)[:-1, 0].numpy()))
    with torch.no_grad():
        sums = network(torch.from_numpy(values)[:, None])[:, 0].numpy()
    return _table(values, sums, states, _wires(program))


def at_once(values: ArrayLike) -> RoundTable:
    """Sum in one round: every worker hears all workers on its left.

    Parameters
    ----------
    values : array_like of float, shape (n,), all above 0

    Returns
    -------
    RoundTable

    Examples
    --------
    >>> table = at_once([3, 1, 4, 1])
    >>> table.rounds, table.messages, table.heard, table.bsp(10)
    (1, 6, 3, 13.0)
    """
    values = _values(values)
    n, sums = len(values), np.cumsum(values)
    return _table(values, sums, [values, sums], [[(j, i) for i in range(n) for j in range(i)]])


CHAIN = """
int main(int argc, char **argv) {
  int rank, ranks;
  double sum = 0, left = 0, values[] = {VALUES};
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (rank > 0)
    MPI_Recv(&left, 1, MPI_DOUBLE, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  sum = left + values[rank];
  if (rank < ranks - 1)
    MPI_Send(&sum, 1, MPI_DOUBLE, rank + 1, 0, MPI_COMM_WORLD);
  printf("%d %.12g\\n", rank, sum);
  MPI_Finalize();
  return 0;
}
"""
"""A chain of ranks: each waits for its left neighbour, adds, and tells the right one."""

DOUBLING = """
int main(int argc, char **argv) {
  int rank, ranks, stride;
  double sum, heard, values[] = {VALUES};
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  sum = values[rank];
  for (stride = 1; stride < ranks; stride *= 2) {
    int left = rank >= stride ? rank - stride : MPI_PROC_NULL;
    int right = rank + stride < ranks ? rank + stride : MPI_PROC_NULL;
    heard = 0;
    MPI_Sendrecv(&sum, 1, MPI_DOUBLE, right, 0, &heard, 1, MPI_DOUBLE, left, 0,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    sum += heard;
  }
  printf("%d %.12g\\n", rank, sum);
  MPI_Finalize();
  return 0;
}
"""
"""Doubling: a send and a receive at once, so that no rank waits for another to begin."""


def by_ranks(program: str, values: ArrayLike) -> NDArray[np.float64]:
    """Compile `CHAIN` or `DOUBLING` and run it, a rank for each value.

    Parameters
    ----------
    program : str
        C with ``VALUES`` where the numbers go; it prints the rank and its sum.
    values : array_like of float, shape (n,), all above 0

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    MPIMissing
        Without a launcher or a compiler.
    ValueError
        If the program does not compile, end, or print one line a rank.
    """
    values = _values(values)
    checks.instance("program", program, str)
    found = run(program.replace("VALUES", ", ".join(map(repr, values.tolist()))), [len(values)])
    if isinstance(found, RunVerdict):
        raise ValueError(f"program must run on {len(values)} ranks, got: {' '.join(found)}")
    sums = dict(map(str.split, found[0]))
    return np.array([float(sums[str(rank)]) for rank in range(len(values))])


def reached(table: RoundTable, worker: int) -> NDArray[np.bool_]:
    """Return to whom what one worker holds can have come after each round, by the wires alone.

    Parameters
    ----------
    table : RoundTable
    worker : int

    Returns
    -------
    ndarray of bool, shape (rounds + 1, n)

    Examples
    --------
    >>> reached(by_doubling_messages([1, 1, 1, 1]), 0).astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    """
    checks.instance("table", table, RoundTable)
    n = table.complete.shape[1]
    cone = [np.arange(n) == checks.integer("worker", worker, 0, n - 1)]
    for wires in table.wires:
        now = cone[-1].copy()
        for source, target in wires:
            now[target] |= cone[-1][source]
        cone.append(now)
    return np.array(cone)
