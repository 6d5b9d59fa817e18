"""C programs in one canonical form: parsed, and printed with one statement a line.

Labels are line numbers, so they mean something only if every program is printed by one printer.
[schneider-2024-mpirigen] use the generator of pycparser, and so does this module.
"""

import re
from functools import cache

from paralg.core import checks

__all__ = ["NotC", "canonical"]

TYPES = ("MPI_Comm", "MPI_Datatype", "MPI_Group", "MPI_Op", "MPI_Request", "MPI_Status", "MPI_Win",
         "FILE", "size_t")  # fmt: skip
"""Names of types that the headers would have brought."""

_HEADER = "".join(f"typedef int {name}; " for name in TYPES)
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\')|//[^\n]*|/\*.*?\*/', re.S)


class NotC(ValueError):
    """A text that is no C program of the subset that the parser reads."""


@cache
def _tools():
    from pycparser import c_generator, c_parser

    return c_parser, c_generator


def canonical(source: str) -> str:
    """Return a C program with one statement a line; comments and lines with ``#`` are dropped.

    Macros are not expanded: what is given is the text behind the preprocessor, or has none.

    Parameters
    ----------
    source : str
        A C program; the types of `TYPES` are known.

    Returns
    -------
    str
        Two spaces for each level, braces on their own lines; printing it again changes nothing.

    Raises
    ------
    NotC
        Where it cannot be parsed, with the parser's word for the place.

    References
    ----------
    [schneider-2024-mpirigen], the form of the published data.

    Examples
    --------
    >>> print(canonical("int main() { if (a) b(); else { c(); } }"), end="")
    int main()
    {
      if (a)
        b();
      else
      {
        c();
      }
    }
    """
    checks.instance("source", source, str)
    c_parser, c_generator = _tools()
    bare = _COMMENT.sub(lambda found: found[1] or " ", source)
    bare = "\n".join(line for line in bare.split("\n") if not line.lstrip().startswith("#"))
    try:
        tree = c_parser.CParser().parse(_HEADER + bare)
    except (c_parser.ParseError, AssertionError, AttributeError) as error:
        raise NotC(f"expected a C program, got a text that does not parse: {error}") from None
    tree.ext = tree.ext[len(TYPES) :]
    printed = c_generator.CGenerator().visit(tree)
    return "\n".join(line.rstrip() for line in printed.strip().split("\n")) + "\n"
