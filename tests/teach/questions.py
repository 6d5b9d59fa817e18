"""Questions of the three types, well-formed, for the tests."""

import copy
import hashlib

_QUESTIONS = [
    {
        "id": "quiz-sample-1",
        "objective": "sample.1",
        "about": "fig-sample-span",
        "type": "multiple_choice",
        "question": "What is $S$ in $W/S < p$? Mind `a < b` and *this*.",
        "answers": [
            {"answer": "The work", "correct": False, "feedback": "Work is $W$."},
            {"answer": "The span", "correct": True, "feedback": "The longest chain."},
            {"answer": "The size", "correct": False, "feedback": "Size is $n$."},
        ],
    },
    {
        "id": "quiz-sample-2",
        "objective": "sample.2",
        "type": "many_choice",
        "question": "Which are associative?",
        "answers": [
            {"answer": "Maximum", "correct": True, "feedback": "In any grouping."},
            {"answer": "Subtraction", "correct": False, "feedback": "$(1-1)-1 \\ne 1-(1-1)$."},
            {"answer": "Composition", "correct": True, "feedback": "Always."},
        ],
    },
    {
        "id": "quiz-sample-3",
        "objective": "sample.1",
        "type": "numeric",
        "tolerance": 0.01,
        "question": "How many rounds for $n = 8$?",
        "answers": [
            {"type": "value", "value": 3, "correct": True, "feedback": "$\\log_2 8$."},
            {"type": "range", "range": [7, 8], "correct": False, "feedback": "That is the work."},
            {"type": "default", "feedback": "Double until 8."},
        ],
    },
]


def questions():
    """Return a fresh copy, the choices in the order in which they are shown."""
    fresh = copy.deepcopy(_QUESTIONS)
    for item in fresh[:2]:
        item["answers"].sort(key=lambda a: _digest(f"{item['id']}|{a['answer']}"))
    return fresh


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()
