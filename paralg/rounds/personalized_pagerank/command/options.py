"""The arguments of ``paralg pagerank``."""

import argparse
import re
from pathlib import Path

from paralg.core.engine import ENGINES
from paralg.data.edge_lists import WHITE
from paralg.rounds.personalized_pagerank.command.choice import METHODS, in_bytes
from paralg.rounds.personalized_pagerank.fast.checks import DANGLING

__all__ = ["configure"]

_DESCRIPTION = """\
Personalised PageRank of every node of a weighted graph.

Each line of the input is 'source target [weight]'; node names are any text, a
missing weight is 1, and repeated lines add their weights. SNAP, KONECT, Matrix
Market, CSV and gephi's are recognised, which is said; two readings are refused.
Each line of the output is 'source target score', best targets first, the source
itself among them: the probability that a walk from the source, which stops with
probability alpha before each hop and follows arcs in proportion to their
weights, stops there.

Two methods: 'exact' is power iteration for a block of sources at a time; 'walks'
sends random walks from all sources at once and counts where they stop. The
program chooses by the sizes of the graph, and says which and why."""

_EXAMPLES = """\
examples:
  paralg pagerank edges.txt --top 20 --output ranks.tsv
  paralg pagerank edges.csv.gz --delimiter , --header --undirected --epsilon 0.2
  zcat logs.gz | paralg pagerank - --omega 2000 --method walks > ranks.tsv
  paralg pagerank big.txt --engine processes --workers 8 --output ranks.tsv --resume
  mpiexec -n 64 -hostfile hosts paralg pagerank big.txt --engine mpi --output ranks.tsv
  paralg pagerank big.txt --engine dask --address tcp://head:8786 --output ranks.tsv

A file given with --output appears whole or not at all; until then finished sources lie
in a hidden folder beside it (for standard output, in TMPDIR), which the next run removes
if this one is killed. The same command gives the same bytes on every engine and for every
number of workers.

exit codes: 0 done, 1 failed on the way, 2 wrong usage or input, 129 hung up,
130 interrupted, 143 terminated."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    for title, options in (
        ("input", _input_options), ("method and accuracy", _method_options),
        ("where it runs", _engine_options), ("output", _output_options),
    ):  # fmt: skip
        group = parser.add_argument_group(title)
        options(group.add_argument, group.add_mutually_exclusive_group)


def _input_options(add, either) -> None:
    add("edges", help="edge list, plain or gzip; '-' is standard input")
    add("--delimiter", type=_delimiter, metavar="TEXT", help="white, tab ... (default: recognised)")
    add("--columns", type=_columns, metavar="A,B[,W]", help="by number from 1, or by name")
    add("--comment", metavar="TEXT", help="begins a line to skip (default: #, %% or //)")
    add("--quote", default='"', metavar="SIGN", help="around fields; '' for none (default: \")")
    add("--decimal", choices=(".", ","), default=".", help="sign in a weight (default: .)")
    add("--dangling", choices=DANGLING, default="stop",
        help="at a node without arcs a walk stops, or jumps back to its source "
             "(default: %(default)s)")  # fmt: skip
    add = either().add_argument
    add("--header", dest="first", action="store_const", const="names", help="same as --first names")
    add("--first", choices=("arc", "names", "counts"), help="first line (default: recognised)")
    add = either().add_argument
    add("--weighted", dest="weights", action="store_const", const="required", default="optional",
        help="every line must have a weight")  # fmt: skip
    add("--unweighted", dest="weights", action="store_const", const="ignored", help="ignore them")
    add = either().add_argument
    add("--undirected", action="store_true", default=None, help="walk each line both ways")
    add("--directed", dest="undirected", action="store_false", help="... or one way only")


def _method_options(add, _) -> None:
    add("--method", choices=METHODS, default="auto",
        help="auto takes the exact method where it fits in memory and is faster, the walks "
             "elsewhere, and says so (default: %(default)s)")  # fmt: skip
    add("--alpha", type=float, default=0.2, metavar="X",
        help="probability to stop before each hop, 1 minus what others call damping "
             "(default: %(default)s)")  # fmt: skip
    add("--omega", type=int, metavar="N", help="accuracy, first way: walks per source")
    for name, words in (
        ("--error", "second way: sum of the errors of each source's scores"),
        ("--epsilon", "third way, and the default: relative error (default: 0.5) ..."),
        ("--delta", "... of all scores above this (default: 1/n) ..."),
        ("--failure", "... but for this probability that any misses (default: 1/n)"),
    ):
        add(name, type=float, metavar="X", help=words)
    add("--memory", type=_memory, default="1G", metavar="SIZE",
        help="bound for the exact method, e.g. 800M (default: %(default)s)")  # fmt: skip
    add("--seed", type=int, metavar="N", help="of the walks (default: 0)")
    for name, default, words in (
        ("--largest", 1024, "outcomes of one record; larger nodes become alias trees"),
        ("--hops", 1, "hops of a big move; more means fewer rounds and larger tables"),
    ):
        add(name, type=int, default=default, metavar="N", help=f"{words} (default: %(default)s)")


def _engine_options(add, _) -> None:
    add("--engine", choices=list(ENGINES), default="serial",
        help="this process, processes of this machine, ranks of mpiexec, a Dask cluster "
             "(default: %(default)s)")  # fmt: skip
    add("--workers", type=int, metavar="N", help="default: what the engine finds")
    add("--address", metavar="URL", help="scheduler of a running Dask cluster")


def _output_options(add, _) -> None:
    add("--output", type=_file, metavar="FILE",
        help="gzip if it ends in .gz; '-' and the default are standard output")  # fmt: skip
    add("--top", type=int, default=50, metavar="N",
        help="targets kept of each source; 0 keeps all (default: %(default)s)")  # fmt: skip
    add("--threshold", type=float, default=0.0, metavar="X", help="drop smaller scores")
    add("--output-delimiter", type=_delimiter, default="\t", metavar="TEXT", help="default: tab")
    add("--no-header", action="store_true", help="no line with column names")
    add("--resume", action="store_true",
        help="keep finished sources when interrupted, and go on from those of an earlier run",
    )  # fmt: skip
    add("--quiet", action="store_true", help="nothing on standard error but errors")


def _file(text: str) -> Path | None:
    """Read the name of a file; "-" is standard output."""
    if text.endswith("/"):
        raise argparse.ArgumentTypeError(f"expected the name of a file, got the folder {text!r}")
    return None if text == "-" else Path(text)


def _delimiter(text: str) -> str:
    """Read a delimiter; some have names."""
    named = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "white": WHITE}
    if text in named:
        return named[text]
    if not text or re.search(r"[\r\n\0\ud800-\udfff]", text):
        raise argparse.ArgumentTypeError(f"expected one or more characters, got {text!r}")
    return text


def _columns(text: str) -> tuple[str, ...]:
    """Read the columns of source, target and, where there is one, weight."""
    names = tuple(name.strip() for name in text.split(","))
    if not 2 <= len(names) <= 3 or not all(names) or len(set(names)) < len(names) or "0" in names:
        raise argparse.ArgumentTypeError(f"expected two or three columns, from 1, got {text!r}")
    return names


def _memory(text: str) -> int:
    try:
        return in_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
