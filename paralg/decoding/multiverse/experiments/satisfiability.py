"""Satisfiability as text: each level branches on a variable (the construction is ours)."""

from collections.abc import Sequence

from paralg.core import checks
from paralg.decoding.multiverse.grammar import Vocabulary

__all__ = ["VARIABLES", "VOCABULARY", "solution_text"]

VARIABLES = "abcdefghij"
VOCABULARY = Vocabulary([*VARIABLES, "1", "2", "sat", "unsat", "."])


def solution_text(clauses: Sequence[Sequence[int]], n: int, prune: bool = False) -> str:
    """Return the text that decides a formula over n variables by trying both values of each.

    A clause has a number k or -k for variable k true or false. Path 1 tries true, path 2 false;
    with ``prune`` a branch in which a clause is false already is a leaf.

    >>> solution_text([[1]], 1).split()[10:18]
    ['<Path>', '1', 'sat', '</Path>', '<Path>', '2', 'unsat', '</Path>']
    """
    checks.integer("n", n, 0, len(VARIABLES))
    if any(not 1 <= abs(literal) <= n for clause in clauses for literal in clause):
        raise ValueError(f"literals must lie in -{n}..-1 or 1..{n}, got {clauses}")
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
    return (f"<Parallel> <Goal> {VARIABLES[k]} {outlines} </Goal> {' '.join(paths)} <Conclusion> "
            f"{'sat' if found else 'unsat'} </Conclusion> </Parallel>"), found  # fmt: skip
