"""The command line: one subcommand a chapter that has something to offer outside the book.

A subcommand is a module with ``configure(parser)`` and ``run(args) -> int``; add it to
``COMMANDS``.
Modules are imported only when their command is called, so ``paralg --help`` answers at once.
"""

import argparse
import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import paralg

__all__ = ["COMMANDS", "Command", "CommandError", "Stopped", "main"]

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
_STOPS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}


class Command(NamedTuple):
    """A subcommand: the module where ``configure`` and ``run`` are, and a line for ``--help``."""

    module: str
    summary: str


COMMANDS = {
    "pagerank": Command(
        "paralg.rounds.personalized_pagerank.command",
        "personalised PageRank of every node of a weighted edge list",
    ),
}


class CommandError(Exception):
    """Ends a command with a message and an exit code, without a traceback.

    The message says what was expected and what came; nothing is printed when it is empty. The code
    is 2 for wrong usage or input, 1 for what failed on the way.
    """

    def __init__(self, message: str, code: int = USAGE):
        super().__init__(message)
        self.code = code


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, by default that of the program's arguments, and return its exit code.

    0 done; 1 failed on the way; 2 wrong usage or input; 128 and its number after a signal.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    name = argv[0] if argv and argv[0] in COMMANDS else None
    if sys.stderr is None:  # closed by the caller
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    with _stoppable():
        try:
            args = _parser(name).parse_args(argv)
            return args.run(args)
        except CommandError as error:
            if str(error):  # of several processes one speaks
                print(f"paralg {name}: {error}", file=sys.stderr)
            return _flushed(error.code)
        except KeyboardInterrupt as error:
            print(f"paralg {name}: {str(error) or 'interrupted'}", file=sys.stderr)
            return _flushed(getattr(error, "code", INTERRUPTED))
        except BrokenPipeError:  # the reader of our output has left
            return _flushed(FAILED)


def _flushed(code: int) -> int:
    """Return the code; what standard output does not take is dropped, and not tried at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _parser(name: str | None) -> argparse.ArgumentParser:
    """Return the parser; only the command that is called is imported and configured."""
    parser = argparse.ArgumentParser(
        prog="paralg", description="Tools of the book on parallel algorithms."
    )
    parser.add_argument("--version", action="version", version=f"paralg {paralg.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="command", required=True)
    for command, (module, summary) in COMMANDS.items():
        chosen = commands.add_parser(
            command, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if command == name:
            code = importlib.import_module(module)
            code.configure(chosen)
            chosen.set_defaults(run=code.run)
    return parser


class Stopped(KeyboardInterrupt):
    """A signal that asks to stop. Engines let it pass; ``code`` is the exit code."""

    def __init__(self, number: int):
        super().__init__(_STOPS[signal.Signals(number).name])
        self.code = 128 + number


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turn signals into an exception, so that all clean up; once, so that cleaning up can end."""

    def stop(number, frame):
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    def lost(found):
        if not isinstance(found.exc_value, Stopped):
            return usual(found)
        number = found.exc_value.code - 128  # raised where nothing passes it on: send it again
        signal.signal(number, stop)
        threading.Timer(0.1, os.kill, (os.getpid(), number)).start()

    usual, sys.unraisablehook = sys.unraisablehook, lost
    numbers = [getattr(signal, name) for name in _STOPS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: kept for number, kept in before.items() if kept != signal.SIG_IGN}  # nohup
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        sys.unraisablehook = usual
        for number, handler in before.items():
            signal.signal(number, handler)
