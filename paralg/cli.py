"""The command line: one subcommand a chapter that has something to offer outside the book.

A subcommand is a module with ``configure(parser)`` and ``run(args) -> int``; add it to
``COMMANDS``.
Modules are imported only when their command is called, so ``paralg --help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import paralg

__all__ = ["COMMANDS", "Command", "CommandError", "main"]

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


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

    0 done; 1 failed on the way; 2 wrong usage or input; 130 interrupted; 143 terminated.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    name = argv[0] if argv and argv[0] in COMMANDS else None
    args = _parser(name).parse_args(argv)
    prefix = f"paralg {name}"
    try:
        with _stoppable():
            return args.run(args)
    except CommandError as error:
        if str(error):  # of several processes one speaks
            print(f"{prefix}: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt as error:
        print(f"{prefix}: {error or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


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


class _Interrupt(KeyboardInterrupt):
    """A Ctrl-C. Python kills itself after a plain one that passed through ``exec`` of a text."""


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turn Ctrl-C and a polite termination into exceptions, so that both clean up."""

    def interrupt(signum, frame):
        raise _Interrupt

    def terminate(signum, frame):
        raise SystemExit(128 + signum)

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: terminate}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
