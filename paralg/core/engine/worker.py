"""The other side of the processes engine: a loop that keeps partitions and answers requests.

Run as ``python -c`` by the engine, with its end of a connection inherited and a pipe from the
driver as standard input.
When the driver is gone, however it went, the pipe closes and the worker leaves at once.
"""

import contextlib
import os
import signal
import socket
import sys
import threading

from paralg.core.engine.partitions import PartitionCall
from paralg.core.engine.tasks import Failure, NoInput, blocks_of
from paralg.core.engine.wire import Packed, receive, send

__all__ = ["Worker", "answer_requests", "serve"]


class Worker:
    """Partitions by handle number, and the requests that work on them."""

    def __init__(self, rank: int, workers: int):
        self.rank = rank
        self.workers = workers
        self.store: dict[int, dict[int, object]] = {}

    def forget(self, handles: list[int]) -> None:
        """Drop partitions whose handles are gone."""
        for handle in handles:
            self.store.pop(handle, None)

    def scatter(self, out: int, parts: dict) -> None:
        """Keep partitions that the driver sends."""
        self.store[out] = parts

    def map(self, out: int, job: PartitionCall, handles: list[int]) -> Failure | None:
        """Run a function on the own partitions; keep the results or return the first failure."""
        results = {}
        for i in sorted(self.store[handles[0]]):
            results[i] = job.run(tuple(self.store[handle][i] for handle in handles), i)
            if isinstance(results[i], Failure):
                return results[i]
        self.store[out] = results

    def split(self, handle: int, count: int):
        """Return (failure, messages, bytes, blocks for each worker)."""
        checked = {i: blocks_of(part, i, count) for i, part in sorted(self.store[handle].items())}
        failures = [blocks for blocks, _, _ in checked.values() if isinstance(blocks, Failure)]
        if failures:
            return failures[0], 0, 0, []
        self.own = {i: blocks for i, (blocks, _, _) in checked.items()}
        bundles = [self._bundle(rank, count) for rank in range(self.workers)]
        messages = sum(messages for _, messages, _ in checked.values())
        return None, messages, sum(moved for _, _, moved in checked.values()), bundles

    def _bundle(self, rank: int, count: int) -> Packed | None:
        """Pack what goes to another worker; what stays here does not travel."""
        if rank == self.rank:
            return None
        targets = range(rank, count, self.workers)
        return Packed.of({i: {j: blocks[j] for j in targets} for i, blocks in self.own.items()})

    def join(self, out: int, count: int, bundles: list[Packed | None]) -> None:
        """Keep the blocks that arrived, in the order of the partitions they came from."""
        rows = dict(self.own)
        for bundle in filter(None, bundles):
            rows |= bundle.open()
        del self.own
        targets = range(self.rank, count, self.workers)
        self.store[out] = {j: [rows[i][j] for i in range(count)] for j in targets}

    def gather(self, handle: int) -> dict:
        """Return the own partitions."""
        return self.store[handle]


def serve(descriptor: int, rank: int, workers: int) -> None:
    """Be a worker until the driver closes the connection or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what an interrupt means
    pipe = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = NoInput()
    threading.Thread(target=_leave_with_driver, args=(pipe,), daemon=True).start()
    answer_requests(Worker(rank, workers), socket.socket(fileno=descriptor))


def answer_requests(worker: Worker, connection: socket.socket) -> None:
    """Answer requests until the connection closes."""
    with connection, contextlib.suppress(EOFError, ConnectionError):
        while True:
            send(connection, _answer(worker, receive(connection)))


def _answer(worker: Worker, request: Packed) -> Packed:
    """Answer one request; what goes wrong becomes a failure and not the end of the worker."""
    name = "request"
    try:
        name, dead, args = request.open()
        worker.forget(dead)
        answer = Packed.of(getattr(worker, name)(*args))
        sys.stdout.flush()
        return answer
    except Exception as error:
        return Packed.of(Failure.of(None, name, error))


def _leave_with_driver(pipe: int) -> None:
    """Wait on the pipe that only the driver holds open, then leave at once."""
    with contextlib.suppress(OSError):
        os.read(pipe, 1)
    os._exit(1)
