"""MPI ranks as workers: every rank runs the same driver and holds its share of the partitions."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable

import numpy as np

from paralg.core.engine.base import Engine
from paralg.core.engine.partitions import PartitionCall, ShuffleTraffic
from paralg.core.engine.tasks import (
    EngineError,
    Failure,
    NoInput,
    blocks_of,
    call,
    payload,
    raise_first,
)  # fmt: skip
from paralg.core.engine.wire import dumps, loads

__all__ = ["MpiEngine"]


class MpiEngine(Engine):
    """Runs partition i on rank ``i % size`` of the program that ``mpiexec`` started.

    All ranks make the same calls in the same order, and all get the same results or the same error.
    While the engine is open, an error that ends the program on one rank ends it on all, and is
    printed once.
    """

    name = "mpi"

    def __init__(self, workers: int | None = None, progress: bool | None = None):
        os.environ.setdefault("UCX_DEBUG_SIGNO", "0")  # else it takes the hang-up signal for itself
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise EngineError(
                f"the mpi engine needs mpi4py and an MPI library ({error}): "
                "pip install 'paralg[mpi]', then mpiexec -n 4 python program.py"
            ) from error
        self._comm = MPI.COMM_WORLD.Dup()
        self.rank, size = self._comm.Get_rank(), self._comm.Get_size()
        if workers not in (None, size):
            raise ValueError(f"workers must be the {size} ranks of mpiexec -n, got {workers}")
        super().__init__(size, progress)
        self._hook = sys.excepthook
        sys.excepthook = self._end_together

    @property
    def is_root(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def _own(self, count: int) -> range:
        """Return the partitions of this rank."""
        return range(self.rank, count, self.workers)

    def _scatter(self, parts: list) -> dict:
        return {i: parts[i] for i in self._own(len(parts))}

    def _map(self, job: PartitionCall, states: list, count: int) -> dict:
        results: dict = {}
        with _without_input():
            for i in self._own(count):
                results[i] = job.run(tuple(state[i] for state in states), i)
                if isinstance(results[i], Failure):
                    break
        self._agree(results.values())
        return results

    def _agree(self, results) -> None:
        """Raise the same error on all ranks when one of them has a failure."""
        failures = [result for result in results if isinstance(result, Failure)]
        everywhere = self._comm.allgather(failures[:1])
        raise_first([failure for found in everywhere for failure in found])

    def _shuffle(self, state: dict, count: int) -> tuple[dict, ShuffleTraffic]:
        checked = {i: blocks_of(state[i], i, count) for i in self._own(count)}
        self._agree([blocks for blocks, _, _ in checked.values()])
        rows = {i: blocks for i, (blocks, _, _) in checked.items()}
        bundles = [self._bundle(rows, rank, count) for rank in range(self.workers)]
        for bundle in self._exchange(bundles):
            rows |= loads(bundle) if bundle else {}
        received = {j: [rows[i][j] for i in range(count)] for j in self._own(count)}
        leaving = [(messages, moved) for _, messages, moved in checked.values()]
        return received, self._total(leaving)

    def _bundle(self, rows: dict, rank: int, count: int) -> bytes:
        """Pack what goes to another rank; what stays here does not travel."""
        if rank == self.rank:
            return b""
        targets = range(rank, count, self.workers)
        return dumps({i: {j: blocks[j] for j in targets} for i, blocks in rows.items()}, 5)

    def _exchange(self, bundles: list[bytes]) -> list[memoryview]:
        """Send bundle r to rank r and return those that came: one Alltoall, one Alltoallv."""
        sizes = np.array([len(bundle) for bundle in bundles], dtype=np.int64)
        arriving = np.empty_like(sizes)
        self._comm.Alltoall(sizes, arriving)
        outgoing = np.frombuffer(b"".join(bundles), dtype=np.uint8)
        incoming = np.empty(int(arriving.sum()), dtype=np.uint8)
        self._comm.Alltoallv([outgoing, sizes], [incoming, arriving])
        ends = np.cumsum(arriving)
        pairs = zip(ends - arriving, ends, strict=True)
        return [incoming.data[start:end] for start, end in pairs]

    def _total(self, leaving: list[tuple[int, int]]) -> ShuffleTraffic:
        """Add up the traffic of all ranks."""
        own = np.array(leaving, dtype=np.int64).reshape(-1, 2).sum(axis=0)
        everything = np.empty_like(own)
        self._comm.Allreduce(own, everything)
        return ShuffleTraffic(*map(int, everything))

    def _gather(self, state: dict, count: int) -> list:
        everything: dict = {}
        for share in self._comm.allgather(dumps(state, 5)):
            everything |= loads(share)
        return [everything[i] for i in range(count)]

    def _reduce(self, fn: Callable, state: dict, count: int) -> tuple[object, int]:
        """Combine in the tree of `tree_reduce`; all ranks walk the pairs in order, so none waits.

        A failure travels up the tree in place of a value.
        """
        values, moved, step = dict(state), 0, 1
        while step < count:
            for i in range(0, count - step, 2 * step):
                moved += self._pair(fn, values, i, i + step)
            step *= 2
        value = loads(self._comm.bcast(dumps(values[0], 5) if self.is_root else None))
        raise_first([value])
        return value, self._total([(0, moved)]).bytes

    def _pair(self, fn: Callable, values: dict, i: int, j: int) -> int:
        """Combine partition j into partition i; return the bytes of j where i lives."""
        left, right = i % self.workers, j % self.workers
        if right == self.rank != left:
            self._comm.send(dumps(values.pop(j), 5), dest=left)
        if left != self.rank:
            return 0
        other = values.pop(j) if right == self.rank else loads(self._comm.recv(source=right))
        failed = [value for value in (values[i], other) if isinstance(value, Failure)]
        with _without_input():
            values[i] = failed[0] if failed else call(fn, (values[i], other), {}, i)
        return payload(other)

    def _barrier(self) -> None:
        self._comm.Barrier()

    def _close(self) -> None:
        if sys.excepthook == self._end_together:
            sys.excepthook = self._hook
        self._comm.Free()

    def __exit__(self, kind, error, trace) -> None:
        """Close, unless an error passes: the other ranks may not be here to close with us."""
        if error is None:
            self.close()
        self.closed, self._why_closed = True, "the program left it"
        if isinstance(error, SystemExit) and error.code:
            code = error.code if isinstance(error.code, int) else 1
            self._abort(f"rank {self.rank} of {self.workers}: exit {error.code}\n", code)

    def _end_together(self, kind, error, trace) -> None:
        """Print the error that ends the program once; end all ranks, unless all raise it."""
        lines = "".join(traceback.format_exception(kind, error, trace))
        if not isinstance(error, EngineError):
            self._abort(f"rank {self.rank} of {self.workers}: {lines}")
        elif self.is_root:
            sys.stderr.write(lines)

    def _abort(self, text: str, code: int = 1) -> None:
        """Say why, and end all ranks."""
        sys.stderr.write(text)
        sys.stderr.flush()
        self._comm.Abort(code)


@contextlib.contextmanager
def _without_input():
    """Take standard input away from a task; the program itself may read it."""
    before, sys.stdin = sys.stdin, NoInput()
    try:
        yield
    finally:
        sys.stdin = before
