"""Satisfiability as text: every level branches on one variable, so the span grows linearly.

The construction is ours; the paper claims linear time with unlimited resources.
"""

from collections.abc import Sequence

from paralg.core import checks
from paralg.decoding.multiverse.grammar import Vocabulary

__all__ = ["VARIABLES", "VOCABULARY", "solution_text"]

VARIABLES = "abcdefghij"
VOCABULARY = Vocabulary([*VARIABLES, "1", "2", "sat", "unsat", "."])


def solution_text(clauses: Sequence[Sequence[int]], n: int, prune: bool = False) -> str:
    """Return the text that decides a formula by trying both values of one variable a level.

    A clause has numbers 1 … n for variables that must be true, -1 … -n for false ones. Path 1 tries
    true, path 2 false; a leaf, and each conclusion, says ``sat`` or ``unsat``. With ``prune`` a
    branch in which a clause is already false is a leaf.

    >>> solution_text([[1]], 1).split()[10:18]
    ['<Path>', '1', 'sat', '</Path>', '<Path>', '2', 'unsat', '</Path>']
    """
    checks.integer("n", n, 0, len(VARIABLES))
    for clause in clauses:
        for literal in clause:
            if not 1 <= abs(checks.integer("each literal", literal, -n, n)) <= n:
                raise ValueError(f"literals must lie in -{n}..-1 or 1..{n}, got {literal}")
    return _level([list(clause) for clause in clauses], 0, n, prune)[0]


def _level(clauses: list[list[int]], k: int, n: int, prune: bool) -> tuple[str, bool]:
    """Return the text of what is left after k variables, and whether it can be satisfied."""
    if k == n or (prune and [] in clauses):
        return ("sat", True) if [] not in clauses else ("unsat", False)
    paths, found = [], False
    for name, literal in (("1", k + 1), ("2", -k - 1)):
        left = [[one for one in c if one != -literal] for c in clauses if literal not in c]
        text, possible = _level(left, k + 1, n, prune)
        paths.append(f"<Path> {name} {text} </Path>")
        found |= possible
    outlines = "<Outline> 1 </Outline> <Outline> 2 </Outline>"
    said = "sat" if found else "unsat"
    return (f"<Parallel> <Goal> {VARIABLES[k]} {outlines} </Goal> {' '.join(paths)} "
            f"<Conclusion> {said} </Conclusion> </Parallel>"), found  # fmt: skip
