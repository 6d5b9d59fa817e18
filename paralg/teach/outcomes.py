"""The two ways an answer can be wrong, and calling an answer so that one of them tells."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator

from paralg.teach.time_limit import StillRunning
from paralg.teach.values import show

__all__ = ["AnswerRaised", "PropertyFailed", "call", "require"]


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


def call(function: Callable, *arguments, fresh: bool = True):
    """Call the answer; an exception of its own, an exit too, becomes `AnswerRaised`."""
    try:
        result = function(*(copy.deepcopy(arguments) if fresh else arguments))
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
