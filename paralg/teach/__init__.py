"""Exercise checks, quizzes and learning objectives."""

from paralg.teach import objectives
from paralg.teach.checking import exercise
from paralg.teach.quizzes import Quiz, quiz
from paralg.teach.registry import check
from paralg.teach.verdict import Verdict

__all__ = ["Quiz", "Verdict", "check", "exercise", "objectives", "quiz"]
