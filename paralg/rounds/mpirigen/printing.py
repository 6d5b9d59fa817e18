"""C programs in one canonical form: parsed, and printed with one statement a line.

Labels are line numbers, so they mean something only if every program is printed by one printer.
[schneider-2024-mpirigen] use the generator of pycparser, and so does this module.
"""

import re

from paralg.core import checks

__all__ = ["TYPES", "canonical"]

TYPES = ("MPI_Comm", "MPI_Datatype", "MPI_Group", "MPI_Op", "MPI_Request", "MPI_Status", "MPI_Win",
         "FILE", "size_t")  # fmt: skip
"""Names of types that the headers would have brought."""

_COMMENT = re.compile(r'("(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\')|//[^\n]*|/\*.*?\*/|^\s*#[^\n]*',
                      re.S | re.M)  # fmt: skip


def canonical(source: str) -> str:
    """Return a C program with one statement a line; comments and lines with ``#`` are dropped.

    There are two spaces a level, and braces have their own lines; printing it again changes
    nothing. A ValueError where it cannot be parsed.

    Parameters
    ----------
    source : str
        A C program behind the preprocessor, or without macros; `TYPES` are known.

    Examples
    --------
    >>> canonical("int main() { if (a) b(); }")
    'int main()\\n{\\n  if (a)\\n    b();\\n}\\n'
    """
    checks.instance("source", source, str)
    from pycparser import c_generator, c_parser  # an extra

    header = "".join(f"typedef int {name}; " for name in TYPES)
    bare = _COMMENT.sub(lambda found: found[1] or " ", source)
    try:
        tree = c_parser.CParser().parse(header + bare)
    except (c_parser.ParseError, AssertionError, AttributeError) as error:
        raise ValueError(f"expected a C program, got a text that does not parse: {error}") from None
    tree.ext = tree.ext[len(TYPES) :]
    printed = c_generator.CGenerator().visit(tree)
    return "\n".join(line.rstrip() for line in printed.strip().split("\n")) + "\n"
