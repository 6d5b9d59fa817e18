"""Checks of exercises, quizzes, verdicts."""

import numpy as np

from paralg import teach
from paralg.teach import checking
from tests.project.arguments import Call

COVERS = ("paralg.teach", "paralg.teach.checking")
NOT = {"Quiz": "made by quiz", "AnswerRaised": "an error", "PropertyFailed": "an error",
       "require": "states what checks have found",
       "smallest_failing": "calls what checks are made of"}  # fmt: skip
ANY = ",".join((  # whatever an answer is, the reader is told
    "zero", "negative", "fraction", "as float", "nan", "inf", "-inf", "boolean", "string", "none",
    "complex", "several", "longer", "fewer axes", "more axes", "empty", "broadcast", "list",
    "objects", "strings", "other precision", "integers", "booleans", "number"))  # fmt: skip

LABEL = "ex-primitives-associative"


def registered(label):
    def nothing(answer):
        return None

    nothing.__globals__.pop("CHECKS", None)
    return checking.exercise(label)(nothing) is nothing


def told(helper, answer, **more):
    def run(answer):
        try:
            return helper(answer, **more)
        except (checking.PropertyFailed, checking.AnswerRaised):
            return "told"

    return Call(helper.__name__, run, {"answer": answer}, fine={"answer": ANY})


PAIR = np.array([1.0, 2.0])
CALLS = [
    told(checking.close_to, 2.0, expected=2.0), told(checking.close_to, PAIR, expected=PAIR),
    told(checking.numbers, PAIR, size=2, name="x"), told(checking.whole, 4, name="x"),
    *(told(checking.entries, answer, names=("a", "b")) for answer in ({"a": 1, "b": 2}, PAIR)),
    told(checking.equal_to_oracle, np.cumsum, oracle=np.cumsum, cases=[np.arange(3)]),
    told(checking.raises, len, arguments=3, kind=TypeError), told(checking.call, list),
    *(told(checking.counts_at_most, {"work": w}, bound={"work": 3}) for w in (3, None, "x", 1j)),
    Call("check", lambda label, seconds: teach.check(label, None, seconds=seconds).state,
         {"label": LABEL, "seconds": 9.0}),
    Call("quiz", lambda chapter: len(teach.quiz(chapter).items), {"chapter": "mamba"}),
    Call("exercise", registered, {"label": "ex-mamba-one"}, fine={"label": "unknown"}),
    Call("Verdict", lambda exercise, state, summary: repr(teach.Verdict(exercise, state, summary)),
         {"exercise": "ex-mamba-one", "state": "passed", "summary": "Right."},
         fine=dict.fromkeys(("exercise", "summary"), "unknown,empty")),
]  # fmt: skip
