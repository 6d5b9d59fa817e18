"""Checks of exercises, quizzes, verdicts."""

from paralg import teach
from paralg.teach import checking
from tests.project.arguments import Call

COVERS = ("paralg.teach", "paralg.teach.checking")
NOT = {"Quiz": "made by quiz", "AnswerRaised": "an error", "PropertyFailed": "an error",
       "raises": "tells of answers", "call": "calls answers", "require": "tells of answers",
       "smallest_failing": "calls answers", "counts_at_most": "tells of answers",
       "equal_to_oracle": "calls answers", "close_to": "tells of answers: any value is told",
       "entries": "as close_to", "numbers": "as close_to", "whole": "as close_to"}  # fmt: skip

LABEL = "ex-primitives-associative"


def registered(label):
    def nothing(answer):
        return None

    nothing.__globals__.pop("CHECKS", None)
    return checking.exercise(label)(nothing) is nothing


CALLS = [
    Call("check", lambda label, seconds: teach.check(label, None, seconds=seconds).state,
         {"label": LABEL, "seconds": 9.0}),
    Call("quiz", lambda chapter: len(teach.quiz(chapter).items), {"chapter": "mamba"}),
    Call("exercise", registered, {"label": "ex-mamba-one"}, fine={"label": "unknown"}),
    Call("Verdict", lambda exercise, state, summary: repr(teach.Verdict(exercise, state, summary)),
         {"exercise": "ex-mamba-one", "state": "passed", "summary": "Right."},
         fine=dict.fromkeys(("exercise", "summary"), "unknown,empty")),
]  # fmt: skip
