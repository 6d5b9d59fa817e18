"""A time limit for an answer, so that an endless loop ends in words and not in a dead kernel."""

import contextlib
import ctypes
import sys
import threading
from collections.abc import Callable

__all__ = ["StillRunning", "run_at_most"]

_STEPS = 100  # of the interpreter, within which an interruption arrives
_AGAIN = 1.0  # seconds until an answer that swallowed the exception gets it once more


class StillRunning(BaseException):
    """Raised in an answer that has had its time; no ``except Exception`` of its own stops it."""

    arguments: tuple | None = None


def run_at_most(seconds: float, function: Callable, *arguments):
    """Call a function and stop it when its time is over, by `StillRunning`.

    It is raised at the next step of the interpreter, in the thread of the call; a single long call
    into compiled code ends first. Where Python has no threads, in a browser, there is no limit.
    """
    watch = _Watch(seconds)
    try:
        try:
            watch.start()
            return function(*arguments)
        finally:
            watch.stop()
    except StillRunning:
        while not watch.over or watch.thread.is_alive():  # it came in the middle of stopping
            with contextlib.suppress(StillRunning):
                watch.stop()
        raise


class _Watch:
    """A thread that waits, then interrupts the one that made it, until it is stopped."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.caller = threading.get_ident()
        self.over = self.interrupted = False
        # A bare lock: an interruption in the middle of `Event.set` would leave its lock closed.
        self.lock = threading.Lock()
        self.lock.acquire()
        self.thread = threading.Thread(target=self._wait, daemon=True)

    def start(self) -> None:
        """Begin to wait, where Python can interrupt a thread and has threads at all."""
        if sys.implementation.name == "cpython":
            with contextlib.suppress(RuntimeError):
                self.thread.start()

    def stop(self) -> None:
        """Interrupt no more, and let an interruption arrive here that has not yet."""
        self.over = True
        with contextlib.suppress(RuntimeError):  # rung before
            self.lock.release()
        if self.thread.ident is not None:
            self.thread.join()
        if self.interrupted:
            with contextlib.suppress(StillRunning):
                for _ in range(_STEPS):
                    pass

    def _wait(self) -> None:
        limit = self.seconds
        while not self.lock.acquire(timeout=limit) and not self.over:
            self.interrupted = True
            caller, kind = ctypes.c_ulong(self.caller), ctypes.py_object(StillRunning)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(caller, kind)  # at its next step
            limit = _AGAIN
