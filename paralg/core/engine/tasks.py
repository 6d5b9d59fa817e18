"""What an engine does with one partition: call a function, weigh a block, report a failure."""

import inspect
import pickle
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

__all__ = [
    "EngineError", "Failure", "NoInput", "blocks_of", "call", "name_of", "payload", "raise_first",
    "tree_reduce", "wants_index",
]  # fmt: skip


class EngineError(RuntimeError):
    """The one error of an engine: something is missing, a function failed, or a worker died.

    Its attributes: ``message`` says what happened, ``partition`` and ``function`` (or None) where,
    ``remote_traceback`` is the traceback as it was there.
    """

    def __init__(self, message, partition=None, function=None, remote_traceback=""):
        super().__init__(message, partition, function, remote_traceback)
        self.message = message
        self.partition = partition
        self.function = function
        self.remote_traceback = remote_traceback

    def __str__(self) -> str:
        if not self.remote_traceback:
            return self.message
        return f"{self.message}\n\nWhere it ran:\n{self.remote_traceback.rstrip()}"


@dataclass(frozen=True)
class Failure:
    """An exception turned into text, so that it travels between any two processes."""

    partition: int | None
    function: str
    kind: str
    text: str
    trace: str = ""

    @classmethod
    def of(cls, partition: int | None, function: str, error: BaseException) -> "Failure":
        """Describe the exception that is being handled."""
        trace = "".join(traceback.format_exception(error))
        return cls(partition, function, type(error).__name__, str(error), trace)

    def error(self) -> EngineError:
        """Return the error to raise in the driver."""
        where = "a worker" if self.partition is None else f"partition {self.partition}"
        message = f"{where}: {self.function} raised {self.kind}: {self.text}"
        return EngineError(message, self.partition, self.function, self.trace)


class NoInput:
    """Standard input of a task in a worker: reading is an error at once, not a wait for ever."""

    def __getattr__(self, name: str):
        raise OSError("a worker has no standard input (input, breakpoint); only the driver can ask")


def call(fn: Callable, args: tuple, kw: dict, index: int, indexed: bool = False):
    """Return ``fn`` of one partition's arguments, or the `Failure` that it raised."""
    try:
        return fn(*args, index=index, **kw) if indexed else fn(*args, **kw)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Failure.of(index, name_of(fn), error)


def raise_first(results: Iterable) -> None:
    """Raise the error of the failed partition with the smallest number, if one failed."""
    failures = [result for result in results if isinstance(result, Failure)]
    if failures:  # those of a whole worker come first
        first = min(failures, key=lambda f: -1 if f.partition is None else f.partition)
        raise first.error() from None


def tree_reduce(fn: Callable, values: list) -> tuple[object, int]:
    """Combine neighbours, then neighbours of those; return the value and the bytes moved."""
    values, step, moved = list(values), 1, 0
    while step < len(values):
        for i in range(0, len(values) - step, 2 * step):
            moved += payload(values[i + step])
            values[i] = call(fn, (values[i], values[i + step]), {}, i)
            raise_first([values[i]])
        step *= 2
    return values[0], moved


def wants_index(fn: Callable) -> bool:
    """Tell whether ``fn`` has a parameter named ``index``."""
    try:
        return "index" in inspect.signature(fn).parameters
    except (TypeError, ValueError):  # some built-in functions do not tell
        return False


def name_of(fn: Callable) -> str:
    """Return the name under which errors speak of ``fn``."""
    return getattr(fn, "__name__", None) or type(fn).__name__


def payload(block) -> int:
    """Return the bytes of data in a block; nothing (None, an empty array or list) weighs 0.

    Numbers count as 8 bytes, arrays as their buffer, containers as the sum of what they hold,
    anything else as its pickle.

    >>> payload((np.zeros(3), [1, 2.5], None)), payload("ab"), payload([])
    (40, 2, 0)
    """
    if block is None:
        return 0
    if isinstance(block, np.ndarray) and not block.dtype.hasobject:
        return block.nbytes
    if isinstance(block, (bool, int, float, np.number, np.bool_)):
        return 8
    if isinstance(block, (bytes, bytearray, str)):
        return len(block.encode() if isinstance(block, str) else block)
    if isinstance(block, dict):
        return sum(map(payload, block)) + sum(map(payload, block.values()))
    if isinstance(block, (tuple, list)):
        return sum(map(payload, block))
    return len(pickle.dumps(block))


def blocks_of(part, index: int, n: int) -> tuple[list | Failure, int, int]:
    """Check that a partition is a list of ``n`` blocks; return it with messages and bytes."""
    if not isinstance(part, (list, tuple)) or len(part) != n:
        got = f"{len(part)} of them" if isinstance(part, (list, tuple)) else type(part).__name__
        text = f"expected a list of {n} blocks, one for each partition, got {got}"
        return Failure(index, "shuffle", "ValueError", text), 0, 0
    try:
        sizes = [payload(block) for j, block in enumerate(part) if j != index]
    except Exception as error:  # a block that cannot be pickled cannot be sent either
        return Failure.of(index, "shuffle", error), 0, 0
    return list(part), sum(size > 0 for size in sizes), sum(sizes)
