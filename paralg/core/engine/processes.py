"""Workers on this machine, each a process that keeps its partitions."""

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import weakref
from multiprocessing.connection import wait

from paralg.core import checks
from paralg.core.engine.base import Engine
from paralg.core.engine.partitions import PartitionCall, Partitions, ShuffleTraffic
from paralg.core.engine.tasks import EngineError, Failure, raise_first
from paralg.core.engine.wire import Packed, receive, send

__all__ = ["ProcessesEngine"]

_BOOT = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given.pop('path'); "
    "from paralg.core.engine.worker import serve; serve(**given)"
)

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)  # fmt: skip

_GRACE = 5.0  # seconds that a worker gets to leave by itself


class ProcessesEngine(Engine):
    """Runs partitions in worker processes that live as long as the engine.

    Workers are started afresh, not forked, so threads of the driver do no harm, and the driver's
    main module is not imported again, so scripts need no guard.
    A worker leaves when the driver does, even when the driver is killed.
    Blocks of a shuffle travel through the driver, in a time in proportion to their bytes; MPI ranks
    exchange them directly.
    A pool of the standard library or of joblib may replace a worker (joblib's does when a worker
    grows by 300 MB), and the partitions would be gone.
    """

    name = "processes"

    def __init__(self, workers: int | None = None, progress: bool | None = None, threads: int = 1):
        if os.name != "posix":
            raise EngineError(
                f"the processes engine needs Linux, macOS or WSL, got {sys.platform}; "
                "use 'serial' or 'dask'"
            )
        checks.integer("threads", threads, 1)
        super().__init__(_processors() if workers is None else workers, progress)
        self._numbers = itertools.count()
        self._dead: list[int] = []
        self._processes: list[tuple[subprocess.Popen, socket.socket]] = []
        self._driver = os.getpid()
        self._finalizer = weakref.finalize(self, _stop_workers, self._processes, self._driver)
        for rank in range(self.workers):
            self._processes.append(_start_worker(rank, self.workers, threads))

    @property
    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [process.pid for process, _ in self._processes]

    def _scatter(self, parts: list) -> int:
        out, indexed = next(self._numbers), list(enumerate(parts))
        shares = [dict(indexed[rank :: self.workers]) for rank in range(self.workers)]
        self._ask("scatter", [(out, share) for share in shares])
        return out

    def _map(self, job: PartitionCall, states: list, count: int) -> int:
        out = next(self._numbers)
        request = (out, job, states)
        answers = self._ask("map", [request] * self.workers, job.title)
        if any(answers):
            self._dead.append(out)
        raise_first(answers)
        return out

    def _shuffle(self, state: int, count: int) -> tuple[int, ShuffleTraffic]:
        out = next(self._numbers)
        answers = self._ask("split", [(state, count)] * self.workers)
        failures, messages, moved, bundles = zip(*answers, strict=True)
        raise_first(failures)
        arrivals = [(out, count, list(column)) for column in zip(*bundles, strict=True)]
        self._ask("join", arrivals)
        return out, ShuffleTraffic(sum(messages), sum(moved))

    def _gather(self, state: int, count: int) -> list:
        everything: dict = {}
        for share in self._ask("gather", [(state,)] * self.workers):
            everything.update(share)
        return [everything[i] for i in range(count)]

    def _close(self) -> None:
        self._finalizer()

    def _handle(self, state: int, count: int) -> Partitions:
        """Make a handle whose partitions are dropped with the handle."""
        parts = super()._handle(state, count)
        weakref.finalize(parts, self._dead.append, state).atexit = False
        return parts

    def _ask(self, name: str, requests: list[tuple], running: str = "") -> list:
        """Send every worker its request, return the answers in the order of the workers."""
        if os.getpid() != self._driver:
            raise EngineError("the engine belongs to the process that made it, not to a fork of it")
        dead = list(self._dead)
        packed = self._pickled(name, dead, requests, running)
        del self._dead[: len(dead)]
        try:
            for rank, message in enumerate(packed):
                with self._alive(rank, running or name):
                    send(self._processes[rank][1], message)
            replies = self._receive(running or name)
        except EngineError:
            self._kill()
            raise
        except BaseException as error:
            self._why_closed = f"{running or name} was ended by {type(error).__name__}"
            self._kill()
            raise
        return [_opened(reply) for reply in replies]

    def _kill(self) -> None:
        """Stop workers that may be busy, without waiting for what they do."""
        for process, _ in self._processes:
            process.kill()
        self.close()

    def _pickled(self, name: str, dead: list[int], requests: list, running: str) -> list[Packed]:
        """Pickle the requests; equal ones once."""
        try:
            packed = {id(args): args for args in requests}
            packed = {key: Packed.of((name, dead, args)) for key, args in packed.items()}
        except Exception as error:
            what = running or "the data"
            raise EngineError(
                f"{what} cannot be sent to another process: {error} "
                "(functions of a notebook or script need the extra paralg[processes])",
                function=running or None,
            ) from error
        return [packed[id(args)] for args in requests]

    def _receive(self, running: str) -> list[Packed]:
        """Collect the answers as they come, so that a death is noticed at once."""
        waiting = {connection: rank for rank, (_, connection) in enumerate(self._processes)}
        replies: dict[int, Packed] = {}
        while waiting:
            for connection in wait(list(waiting)):
                rank = waiting.pop(connection)
                with self._alive(rank, running):
                    replies[rank] = receive(connection)
        return [replies[rank] for rank in range(self.workers)]

    @contextlib.contextmanager
    def _alive(self, rank: int, running: str):
        """Turn a broken connection into words that describe how the worker ended."""
        try:
            yield
        except (EOFError, OSError):
            process = self._processes[rank][0]
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
            self._why_closed = f"worker {rank} died during {running}"
            raise EngineError(
                f"worker {rank} of {self.workers} died during {running} ({_ending(process)}); its "
                f"partitions (i % {self.workers} == {rank}) are lost; all workers are stopped",
                function=running,
            ) from None


def _opened(reply: Packed):
    """Unpickle an answer; a failure of the whole request is raised."""
    try:
        answer = reply.open()
    except Exception as error:
        raise EngineError(f"the answer of a worker cannot be read here: {error}") from error
    if isinstance(answer, Failure) and answer.partition is None:
        raise answer.error()
    return answer


def _processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker(rank: int, workers: int, threads: int) -> tuple[subprocess.Popen, socket.socket]:
    """Start one worker at the other end of a connection, in a session of its own."""
    ours, theirs = socket.socketpair()
    with theirs:
        given = {"rank": rank, "workers": workers, "descriptor": theirs.fileno()}
        given["path"] = list(map(str, sys.path))
        process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, json.dumps(given)],
            stdin=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
            env=os.environ | dict.fromkeys(_THREADS, str(threads)),
            start_new_session=True,  # without the terminal: who asks there gets an error, too
        )
    return process, ours


def _stop_workers(processes: list[tuple[subprocess.Popen, socket.socket]], driver: int) -> None:
    """Stop all workers, wait for their end, and leave no process and no open file."""
    if os.getpid() != driver:
        return
    for _, connection in processes:
        connection.close()  # an idle worker leaves by itself
    for process, _ in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        process.kill()
        process.wait()
        process.stdin.close()
    processes.clear()


def _ending(process: subprocess.Popen) -> str:
    """Tell in words how a process ended."""
    code = process.poll()
    if code is None:
        return "it closed its connection"
    if code >= 0:
        return f"exit code {code}"
    hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return f"signal {signal.Signals(-code).name}{hint}"
