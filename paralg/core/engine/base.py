"""The interface of an engine, its checks and its counts; the backends say how it is done."""

import functools
import sys
import threading
from collections.abc import Callable, Iterable

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.engine.partitions import PartitionCall, Partitions, ShuffleTraffic
from paralg.core.engine.tasks import EngineError, tree_reduce, wants_index

__all__ = ["Engine"]


def _in_turn(method):
    """Make calls from several threads wait for each other."""

    @functools.wraps(method)
    def alone(self, *args, **kw):
        with self._turn:
            return method(self, *args, **kw)

    return alone


class Engine:
    """Where partitions live and functions run on them.

    An algorithm is a *driver*: it holds handles (`Partitions`), never the data, and sends
    functions; a lambda or a closure of a notebook will do.
    Partition ``i`` lives on worker ``i % workers``.
    The result is a function of the partitions alone, so it has the same bits on every engine
    and for every number of workers, as long as the functions are deterministic in their
    arguments.
    A function may change its own partition in place and return it; the old handle is then void.

    Parameters
    ----------
    workers : int
        Workers that run at the same time.
    progress : bool, optional
        Whether to show progress bars; by default when standard error is a terminal.

    Raises
    ------
    EngineError
        From every method: a function raised (the error of the first such partition, with its
        traceback), a worker died and the engine is closed, or it was closed before.
    ValueError
        No partition; no handle, one of another engine, or handles of different lengths.

    Notes
    -----
    Counts are in ``cost`` and depend on the partitions, not on the workers: a shuffle, a reduce
    and a barrier are one round each; each non-empty block that goes to another partition is a
    message, and a reduction of P partitions takes P - 1.
    Input (scatter) and output (gather) are not counted.

    Calls from several threads take turns.
    Under MPI all ranks must make the same calls in the same order, so there one thread of each
    rank should make all of them.
    """

    name = "engine"

    def __init__(self, workers: int = 1, progress: bool | None = None):
        self.workers = checks.integer("workers", workers, 1)
        self.cost = Cost()
        self.closed = False
        self._why_closed = "it was closed"
        self._show = progress
        self._owner = object()
        self._turn = threading.RLock()

    @property
    def is_root(self) -> bool:
        """Whether this process is the one that should print and write files."""
        return True

    @_in_turn
    def scatter(self, parts: Iterable) -> Partitions:
        """Return a handle of ``parts``, whose number need not be that of the workers."""
        self._open()
        checks.instance("parts", parts, Iterable)
        parts = list(parts)
        if not parts:
            raise ValueError("expected at least one partition, got none")
        return self._handle(self._scatter(parts), len(parts))

    @_in_turn
    def map(self, fn: Callable, *parts: Partitions, **kw) -> Partitions:
        """Apply ``fn(part, ..., **kw)`` to every partition where it is.

        ``fn`` gets partition i of each handle, and ``index=i`` if it has a parameter of that name.
        """
        count = self._check(*parts)
        checks.instance("fn", fn, Callable)
        job = PartitionCall(fn, kw, wants_index(fn))
        return self._handle(self._map(job, [part.state for part in parts], count), count)

    @_in_turn
    def shuffle(self, parts: Partitions) -> Partitions:
        """Exchange blocks: of P partitions, each a list of P blocks, j receives block j of each.

        Partition j becomes the list ``[block j of partition 0, block j of partition 1, ...]``.
        """
        count = self._check(parts)
        state, traffic = self._shuffle(parts.state, count)
        self._count(traffic)
        return self._handle(state, count)

    @_in_turn
    def reduce(self, fn: Callable, parts: Partitions):
        """Return the partitions combined by ``fn(left, right)`` in a tree of fixed shape.

        ``fn`` is associative and need not commute; the bits do not depend on the workers.
        """
        count = self._check(parts)
        checks.instance("fn", fn, Callable)
        value, moved = self._reduce(fn, parts.state, count)
        self._count(ShuffleTraffic(count - 1, moved))
        return value

    @_in_turn
    def gather(self, parts: Partitions) -> list:
        """Return all partitions in order (on every rank, under MPI)."""
        count = self._check(parts)
        return self._gather(parts.state, count)

    @_in_turn
    def barrier(self) -> None:
        """Wait until all workers have arrived; one round."""
        self._open()
        self._barrier()
        self._count(ShuffleTraffic())

    def progress(
        self, iterable: Iterable, total: int | None = None, label: str = "", delay: float = 0.0
    ) -> Iterable:
        """Return ``iterable``, with a progress bar on a terminal."""
        show = sys.stderr.isatty() if self._show is None else self._show
        if not (show and self.is_root):
            return iterable
        from tqdm import tqdm

        return tqdm(iterable, total=total, desc=label or None, delay=delay)

    def close(self) -> None:
        """Stop the workers; handles become void. Closing twice does nothing."""
        if not self.closed:
            self.closed = True
            self._close()

    def __enter__(self):
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.workers} workers"
        return f"<engine {self.name}, {state}>"

    # What a backend supplies.

    def _scatter(self, parts: list):
        raise NotImplementedError

    def _map(self, job: PartitionCall, states: list, count: int):
        raise NotImplementedError

    def _shuffle(self, state, count: int) -> tuple[object, ShuffleTraffic]:
        raise NotImplementedError

    def _gather(self, state, count: int) -> list:
        raise NotImplementedError

    def _reduce(self, fn: Callable, state, count: int) -> tuple[object, int]:
        """Combine in the driver; a backend with a tree of its own overrides this."""
        return tree_reduce(fn, self._gather(state, count))

    def _barrier(self) -> None:
        """Every call above waits for all workers, so there is nothing left to wait for."""

    def _close(self) -> None:
        """Nothing to stop."""

    # Checks and counts.

    def _open(self) -> None:
        if self.closed:
            raise EngineError(f"the engine {self.name} is closed: {self._why_closed}")

    def _check(self, *parts: Partitions) -> int:
        """Check handles and return their number of partitions."""
        self._open()
        if not parts:
            raise ValueError("expected at least one handle, got none")
        for part in parts:
            if not isinstance(part, Partitions):
                raise ValueError(f"expected a handle made by scatter or map, got {part!r}")
            if part.owner is not self._owner:
                raise ValueError("expected a handle of this engine, got one of another engine")
        counts = [len(part) for part in parts]
        if len(set(counts)) > 1:
            raise ValueError(f"handles must have equally many partitions, got {counts}")
        return counts[0]

    def _handle(self, state, count: int) -> Partitions:
        return Partitions(self._owner, state, count)

    def _count(self, traffic: ShuffleTraffic) -> None:
        self.cost += Cost(rounds=1, messages=traffic.messages, bytes=traffic.bytes)
