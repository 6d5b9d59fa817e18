"""A Dask cluster as workers: partitions are futures pinned to the worker that made them."""

import logging
import re
import signal
import sys
from concurrent.futures import CancelledError
from operator import itemgetter

from paralg.core.engine.base import Engine
from paralg.core.engine.partitions import PartitionCall, ShuffleTraffic
from paralg.core.engine.tasks import EngineError, Failure, NoInput, blocks_of, raise_first

__all__ = ["ANSWER", "DaskEngine"]

_ADDRESS = re.compile(r"((tcp|tls|ucxx?|wss?)://)?(\[[\da-fA-F:]+\]|[\w.-]+):\d{1,5}/?")
ANSWER = 10.0  # seconds in which a scheduler must answer
_POLL = 2.0  # seconds between two checks that all workers are there
_GONE = CancelledError, KeyError, OSError  # what Dask raises when a worker or the scheduler is gone
_LARGE = 1 << 20  # bytes of arguments that are not to travel with each task


class DaskEngine(Engine):
    """Runs partition i on worker ``i % workers`` of a Dask cluster.

    A script that starts a cluster of its own needs the guard ``if __name__ == "__main__":``.
    """

    name = "dask"

    def __init__(self, workers: int | None = None, progress: bool | None = None,
                 address: str | None = None):  # fmt: skip
        if address is not None and not _ADDRESS.fullmatch(address):
            raise ValueError(f"address must be one such as tcp://head:8786, got {address!r}")
        try:
            import distributed
        except ImportError as error:
            raise EngineError(
                f"the dask engine needs distributed ({error}): pip install 'paralg[dask]'"
            ) from error
        super().__init__(1 if workers is None else workers, progress)
        self._distributed = distributed
        self._cluster = None if address else self._start(workers or 2)
        self._client = self._join(address or self._cluster)
        self._names = self._choose(workers)
        self.workers = len(self._names)

    def _start(self, workers: int):
        """Start a cluster on this machine; its web page takes any free port."""
        try:
            return self._distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
            )  # fmt: skip
        except (OSError, RuntimeError) as error:
            raise EngineError(
                f"expected {workers} Dask workers on this machine, got: {error} "
                "(a script needs the guard: if __name__ == '__main__')"
            ) from error

    def _join(self, where):
        client = self._distributed.Client.__new__(self._distributed.Client)
        try:
            client.__init__(where, set_as_default=False, timeout=ANSWER)
            return client
        except Exception as error:  # whatever another program answers, MemoryError too
            client.status = "closed"  # or its own end would wait
            raise EngineError(f"expected a Dask scheduler at {where!r}, got: {error}") from error

    def _choose(self, workers: int | None) -> list[str]:
        """Return the addresses of the workers to use, always in the same order."""
        if self._cluster is not None:
            self._client.wait_for_workers(workers or 2)
            self._client.run(_be_a_worker)
        names = sorted(self._client.scheduler_info(n_workers=-1)["workers"])
        wanted = len(names) if workers is None else workers
        if not 1 <= wanted <= len(names):
            self._close()
            raise EngineError(f"expected {max(wanted, 1)} Dask workers, got {len(names)}")
        return names[:wanted]

    def _submit(self, i: int, fn, *args):
        """Run ``fn`` where partition i lives."""
        where = [self._names[i % self.workers]]
        return self._client.submit(
            fn, *args, workers=where, pure=False, retries=0, allow_other_workers=False
        )

    def _finish(self, futures: list, running: str, *, fetch: bool = False) -> list:
        """Wait for futures, or for their values; a worker that left is an error."""
        try:
            while not self._ended(futures):
                self._check_workers(running)
            for future in futures:
                if future.status == "error":
                    error = future.exception()
                    if isinstance(error, self._distributed.scheduler.KilledWorker):
                        raise self._loss(running)
                    raise Failure.of(None, running, error).error()
                if future.status != "finished":
                    raise self._loss(running, f" (a task is {future.status})")
            return self._client.gather(futures) if fetch else futures
        except _GONE:
            raise self._loss(running) from None

    def _ended(self, futures: list) -> bool:
        """Wait a little; tell whether all futures have ended."""
        try:
            with self._client.as_current():
                self._distributed.wait(futures, timeout=_POLL)
        except self._distributed.TimeoutError:
            return False
        return True

    def _check_workers(self, running: str) -> None:
        """Check that all workers are still there."""
        present = self._client.scheduler_info(n_workers=-1)["workers"]
        missing = [name for name in self._names if name not in present]
        if missing:
            raise self._loss(running, f" ({missing[0]})")

    def _loss(self, running: str, detail: str = "") -> EngineError:
        """Close, and describe why."""
        self._why_closed = f"a worker is gone during {running}{detail}"
        self.close()
        message = f"{self._why_closed}; its partitions are lost; the engine is closed"
        return EngineError(message, function=running)

    def _send(self, data, workers: list[str], **how):
        """Send data to workers; one that is not there is an error."""
        try:
            return self._client.scatter(data, workers=workers, hash=False, **how)
        except _GONE:
            raise self._loss("scatter") from None

    def _scatter(self, parts: list) -> list:
        opened = []
        for i, part in enumerate(parts):  # a box keeps Dask from looking into lists
            where = [self._names[i % self.workers]]
            box = self._send((part,), where)
            opened.append(self._submit(i, itemgetter(0), box))
        return self._finish(opened, "scatter")

    def _map(self, job: PartitionCall, states: list, count: int) -> list:
        shared, columns = self._shared(job), zip(*states, strict=True)
        results = [self._submit(i, _run, shared, i, *args) for i, args in enumerate(columns)]
        notes = [self._submit(i, _failed, result) for i, result in enumerate(results)]
        raise_first(self._finish(notes, job.title, fetch=True))
        return results

    def _shared(self, job: PartitionCall):
        """Return the job, or where large arguments are in it a copy for all workers, sent once."""
        if _array_bytes(list(job.kw.values())) < _LARGE:
            return job
        return self._send([job], self._names, broadcast=True)[0]

    def _shuffle(self, state: list, count: int) -> tuple[list, ShuffleTraffic]:
        leaving = [self._submit(i, blocks_of, part, i, count) for i, part in enumerate(state)]
        notes = [self._submit(i, _weigh, blocks) for i, blocks in enumerate(leaving)]
        failures, messages, moved = zip(*self._finish(notes, "shuffle", fetch=True), strict=True)
        raise_first(failures)
        bundles = [
            [self._submit(i, _bundle, blocks, rank, self.workers) for rank in range(self.workers)]
            for i, blocks in enumerate(leaving)
        ]
        received = [
            self._submit(j, _collect, j, *[row[j % self.workers] for row in bundles])
            for j in range(count)
        ]
        return self._finish(received, "shuffle"), ShuffleTraffic(sum(messages), sum(moved))

    def _gather(self, state: list, count: int) -> list:
        return self._finish(state, "gather", fetch=True)

    def _close(self) -> None:
        self.closed = True
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _be_a_worker() -> None:
    """Ignore Ctrl-C, which a terminal sends to workers of this machine, too; read no input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin = NoInput()


def _array_bytes(value) -> int:
    """Return the bytes of the arrays in nested lists and tuples."""
    if isinstance(value, (list, tuple)):
        return sum(map(_array_bytes, value))
    return getattr(value, "nbytes", 0)


def _run(job: PartitionCall, index: int, *args):
    """Run one partition; called on a worker."""
    return job.run(args, index)


def _failed(result) -> Failure | None:
    """Return the failure, or a note that there is none; the result itself stays."""
    return result if isinstance(result, Failure) else None


def _weigh(checked: tuple) -> tuple[Failure | None, int, int]:
    """Return what is wrong with the blocks, and their traffic, without the blocks."""
    blocks, messages, moved = checked
    return _failed(blocks), messages, moved


def _bundle(checked: tuple, rank: int, workers: int) -> dict:
    """Return the blocks for the partitions of one worker."""
    blocks = checked[0]
    return {j: blocks[j] for j in range(rank, len(blocks), workers)}


def _collect(target: int, *bundles: dict) -> list:
    """Return the blocks for one partition, in the order of the partitions they came from."""
    return [bundle[target] for bundle in bundles]
