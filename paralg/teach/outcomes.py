"""Calling an answer: two ways to be wrong, prints that are shown once, exits that end nothing."""

import contextlib
import copy
import io
import sys
from collections.abc import Callable, Iterable, Iterator

from paralg.teach.time_limit import StillRunning
from paralg.teach.values import show

__all__ = ["AnswerRaised", "PropertyFailed", "call", "own_output", "require"]

_KEPT = 20_000  # characters of the prints that are looked at
_SHOWN = 5  # different lines


class PropertyFailed(Exception):
    """A property that the answer does not have; `paralg.teach.check` turns it into words."""

    def __init__(self, name: str, message: str = "", details: Iterable = ()):
        super().__init__(f"{name}: {message}" if message else name)
        self.name, self.message, self.details = name, message, tuple(details)


class AnswerRaised(Exception):
    """The answer's own code raised; carries the exception and the input."""

    def __init__(self, error: BaseException, arguments: tuple = ()):
        super().__init__(f"{type(error).__name__}: {error}")
        self.error, self.arguments = error, arguments


def call(function: Callable, *arguments):
    """Call the answer; an exception of its own, an exit too, becomes `AnswerRaised`."""
    try:
        result = function(*copy.deepcopy(arguments))
        return list(result) if isinstance(result, Iterator) else result
    except (NotImplementedError, PropertyFailed, AnswerRaised):
        raise
    except StillRunning as stopped:
        stopped.arguments = arguments
        raise
    except BaseException as error:
        raise AnswerRaised(error, arguments) from error


def require(condition, name: str, message: str = "", *, failing=None, expected=None, got=None):
    """Raise `PropertyFailed` unless `condition` holds.

    ``name`` completes "Expected: …"; ``failing``, ``expected`` and ``got`` are shown with it.
    """
    if not condition:
        parts = (("input", failing), ("expected", expected), ("got", got))
        raise PropertyFailed(name, message, [(what, show(v)) for what, v in parts if v is not None])


class _Prints(io.TextIOBase):
    """Keeps the beginning of what is written, and counts all lines."""

    def __init__(self):
        self.text, self.lines = "", 0

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        self.text += text[: _KEPT - len(self.text)]
        return len(text)

    @property
    def details(self) -> list[tuple[str, str]]:
        """What was printed over all trial calls, each line once: a detail of the verdict."""
        different = list(dict.fromkeys(filter(str.strip, self.text.splitlines())))
        shown = [line[:120] for line in different[:_SHOWN]]
        if self.lines > len(shown):
            shown.append(f"({self.lines:,} lines over all trial calls; each is shown once)")
        return [("printed", "\n".join(shown))] if different else []


@contextlib.contextmanager
def own_output():
    """Take what an answer prints, and turn IPython's ``exit()`` into SystemExit."""
    prints = _Prints()
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    with contextlib.redirect_stdout(prints), contextlib.ExitStack() as after:
        if shell is not None:
            after.callback(shell.__dict__.pop, "ask_exit", None)
            shell.ask_exit = sys.exit
        yield prints
