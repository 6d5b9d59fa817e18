"""Run one notebook in a fresh kernel, strictly: no exception, no word on standard error."""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

# What checks addresses in JSON takes two seconds to be imported; a notebook has none to check.
sys.modules.setdefault("rfc3987_syntax", None)

import nbformat  # noqa: E402
from nbclient import NotebookClient  # noqa: E402
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError  # noqa: E402
from nbformat import NotebookNode  # noqa: E402

__all__ = ["ENVIRONMENT", "CellFailed", "Executed", "SharedLock", "execute", "stop_kernels"]

TIMEOUT = 300  # seconds a cell may take
EXCLUSIVE_TAG = "timing"
ENVIRONMENT = {
    "PARALG_STATIC": "1",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "2",  # an upper limit: chapters ask for one or two
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


WATCH = """
import os, sys
here, root, log = os.path.dirname(os.path.abspath(__file__)), {root!r}, {log!r}
left_out, seen = tuple(os.path.join(root, x, "") for x in ("_build", ".git", ".venv")), set()
def watch(event, arguments):
    if event != "open" or not isinstance(arguments[0], (str, bytes)):
        return
    name = os.path.abspath(os.fsdecode(arguments[0]))
    if name.startswith(root) and not name.startswith(left_out) and name not in seen:
        seen.add(name)
        try:  # opened anew each time: a child may close all the files that it has
            with open(log, "ab") as file:
                file.write(os.fsencode(name) + b"\\n")
        except FileNotFoundError:  # the page has ended
            pass
sys.addaudithook(watch)
sys.path[:] = [x for x in sys.path if os.path.abspath(x) != here]
this = sys.modules.pop("sitecustomize")
try:
    import sitecustomize
except ImportError:
    pass
sys.modules.setdefault("sitecustomize", this)
"""
"""Module ``sitecustomize`` of the kernel and of every Python that it starts: notes what is opened.

It makes way for the module of that name that would have been there without it.
"""


class CellFailed(Exception):
    """A cell raised, timed out or wrote to standard error.

    The text names the notebook and the cell and shows the cell's source and the traceback.
    """

    def __init__(self, notebook: Path, index: int | None, source: str, reason: str):
        self.notebook, self.index, self.source, self.reason = notebook, index, source, reason
        super().__init__(str(self))

    def __str__(self) -> str:
        where = f"{self.notebook}" + ("" if self.index is None else f", cell {self.index}")
        bar = "-" * 60
        return f"{where}\n{bar}\n{self.source.rstrip()}\n{bar}\n{self.reason.rstrip()}"


class SharedLock:
    """Lock that ordinary cells share and that a timed cell has alone."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._inside = 0
        self._alone = False
        self._waiting = 0

    @contextmanager
    def passing(self, alone: bool) -> Iterator[None]:
        """Hold the lock while a cell runs."""
        with self._free:
            self._waiting += alone
            self._free.wait_for(
                (lambda: self._inside == 0) if alone
                else (lambda: not self._alone and not self._waiting)
            )
            self._waiting -= alone
            self._inside += 1
            self._alone = alone
        try:
            yield
        finally:
            with self._free:
                self._inside -= 1
                self._alone = False
                self._free.notify_all()


class _Client(NotebookClient):
    """A notebook client that runs cells tagged ``timing`` with the machine to themselves."""

    lock: SharedLock | None = None
    current = 0  # index of the cell that was started last
    cpu = 0.0  # processor seconds of the kernel and its workers, up to the cell that ended last

    async def async_execute_cell(self, cell, cell_index, *args, **kwargs):
        self.current = cell_index
        if self not in _running:
            raise DeadKernelError("the build was stopped")
        alone = EXCLUSIVE_TAG in cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not cell.source.strip():
            return await super().async_execute_cell(cell, cell_index, *args, **kwargs)
        with self.lock.passing(alone) if self.lock else nullcontext():
            done = await super().async_execute_cell(cell, cell_index, *args, **kwargs)
        self.cpu = max(self.cpu, _processor_seconds(self))
        return done


_running: set[_Client] = set()


def stop_kernels() -> None:
    """End all executions of this process at once, with the kernels and what they started."""
    stopped = list(_running)
    _running.clear()
    for client in stopped:
        atexit.unregister(client._cleanup_kernel)  # it would find no kernel, and say so at length
        pid = getattr(getattr(client.km, "provisioner", None), "pid", None)
        if pid:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)  # a kernel leads a group of its own


@dataclass(frozen=True)
class Executed:
    """An executed notebook, how long it took, processor seconds of its kernel and workers.

    ``opened`` are the files that the kernel and its children opened in the folder watched.
    """

    notebook: NotebookNode
    seconds: float
    when: float
    cpu: float = 0.0
    opened: frozenset[Path] = frozenset()


def execute(
    path: Path, notebook: NotebookNode, lock: SharedLock | None = None,
    watched: Path | None = None,
) -> Executed:
    """Run a copy of a notebook in a fresh kernel, in the notebook's own folder.

    Raises
    ------
    CellFailed
        When a cell raises, takes too long, kills the kernel or writes to standard error.
    """
    run = nbformat.from_dict(json.loads(json.dumps(notebook)))
    client = _Client(
        run, timeout=TIMEOUT, kernel_name="python3", record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.lock = lock
    start = time.perf_counter()
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as scratch:
        opened, environment = Path(scratch, "opened"), {**os.environ, **ENVIRONMENT}
        if watched:
            hook = WATCH.format(root=f"{watched}{os.sep}", log=str(opened))
            Path(scratch, "sitecustomize.py").write_text(hook, encoding="utf-8")
            folders = [scratch, *filter(None, [environment.get("PYTHONPATH")])]
            environment["PYTHONPATH"] = os.pathsep.join(folders)
        _running.add(client)
        try:
            client.execute(env=environment, stderr=log)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            index = client.current
            raise _failure(path, run.cells[index], index, error, log) from None
        finally:
            _running.discard(client)
        names = opened.read_bytes().splitlines() if opened.is_file() else []
        files = _sources(map(os.fsdecode, names))
    _refuse_stderr(path, run)
    seconds = time.perf_counter() - start
    return Executed(run, seconds, datetime.now().timestamp(), client.cpu, files)


def _sources(names: Iterable[str]) -> frozenset[Path]:
    """Files that were opened; for a compiled module its source, other caches left out."""
    paths = (Path(name) for name in names)
    found = (path.parent.parent / f"{path.name.partition('.')[0]}.py"
             if path.parent.name == "__pycache__" and path.suffix == ".pyc" else path
             for path in paths)  # fmt: skip
    return frozenset(p for p in found if "__pycache__" not in p.parts and p.is_file())


def _processor_seconds(client: NotebookClient) -> float:
    """Processor time of the kernel and of the processes it started, where psutil can tell."""
    try:
        import psutil

        process = psutil.Process(client.km.provisioner.pid)
        own = process.cpu_times()
        alive = (child.cpu_times() for child in process.children(recursive=True))
        ended = own.children_user + own.children_system
        return own.user + own.system + ended + sum(t.user + t.system for t in alive)
    except Exception:  # psutil is an extra, and a system may not let us look
        return 0.0


def _failure(path: Path, cell: NotebookNode, index: int, error: Exception, log) -> CellFailed:
    """Describe the cell that was running when execution stopped."""
    reason = str(error)
    errors = [o for o in cell.get("outputs", []) if o.output_type == "error"]
    if errors:
        reason = "\n".join(errors[0].traceback)
    elif isinstance(error, DeadKernelError):
        log.seek(0)
        reason += "\n" + log.read().decode(errors="replace")[-3000:]
    return CellFailed(path, index, cell.source, reason)


def _refuse_stderr(path: Path, run: NotebookNode) -> None:
    for index, cell in enumerate(run.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                reason = f"pages may not write to standard error; this cell wrote:\n{output.text}"
                raise CellFailed(path, index, cell.source, reason)
