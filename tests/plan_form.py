"""What the teaching of a chapter lacks: objectives served, exercises of four kinds, questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from paralg.teach.objectives import Exercise, TeachingPlan, served
from paralg.teach.quizzes import validate

KINDS = ("check", "derive", "code", "explore")
MIN_OBJECTIVES, MIN_EXERCISES, MIN_QUESTIONS, MIN_ABOUT = 3, 6, 6, 2


def problems(plan: TeachingPlan) -> list[str]:
    """Return what the chapter's teaching form lacks, one sentence each; empty if nothing."""
    found = [*_objective_problems(plan), *_quiz_problems(plan)]
    for exercise in plan.exercises:
        found += [f"{exercise.label or exercise.title}: {what}" for what in _lacks(exercise, plan)]
    count = len(plan.exercises)
    if count < MIN_EXERCISES:
        found.append(f"expected at least {MIN_EXERCISES} exercises, got {count}")
    kinds = {exercise.kind for exercise in plan.exercises}
    found += [f"no exercise of kind '{kind}'" for kind in KINDS if kind not in kinds]
    labels = Counter(exercise.label for exercise in plan.exercises)
    found += [f"label {label!r} is used {n} times" for label, n in labels.items() if n > 1]
    return found


def _objective_problems(plan: TeachingPlan) -> Iterator[str]:
    count, by = len(plan.objectives), served(plan)
    if not count:
        yield "no box 'What you will be able to do' with items '- **chapter.1** *verb* …'"
        return
    expected = [f"{plan.chapter}.{i}" for i in range(1, count + 1)]
    if list(plan.objectives) != expected:
        yield f"objectives should be {expected}, got {list(plan.objectives)}"
    if count < MIN_OBJECTIVES:
        yield f"expected at least {MIN_OBJECTIVES} objectives, got {count}"
    for name in plan.objectives:
        if not by[name]:
            yield f"objective {name} is served by nothing"


def _lacks(exercise: Exercise, plan: TeachingPlan) -> Iterator[str]:
    if not exercise.kind:
        yield f"title should end with '(kind, ★, N min; chapter.1)', got {exercise.title!r}"
        return
    if exercise.kind not in KINDS:
        yield f"kind should be one of {', '.join(KINDS)}, got {exercise.kind!r}"
    slug = plan.chapter.replace("_", "-")
    if not exercise.label.startswith(f"ex-{slug}-"):
        yield f"label should be 'ex-{slug}-<word>', got {exercise.label!r}"
    for name in exercise.objectives:
        if name not in plan.objectives:
            yield f"objective {name!r} is not in the box of objectives"
    if exercise.label not in plan.solutions:
        yield "no solution"
    if exercise.kind == "code" and exercise.label not in plan.checked:
        yield f'no code cell with check("{exercise.label}", …)'


def _quiz_problems(plan: TeachingPlan) -> Iterator[str]:
    wrong = validate(plan.quiz, plan.chapter.replace("_", "-"))
    if wrong:
        yield from wrong
        return
    if len(plan.quiz) < MIN_QUESTIONS:
        yield f"expected at least {MIN_QUESTIONS} questions, got {len(plan.quiz)}"
    for item in plan.quiz:
        if item["objective"] not in plan.objectives:
            yield f"{item['id']}: objective {item['objective']!r} is not in the box"
        if "about" in item and item["about"] not in plan.page.raw:
            yield f"{item['id']}: is about {item['about']!r}, which is not on the page"
    about = sum("about" in item for item in plan.quiz)
    if about < MIN_ABOUT:
        yield f"expected {MIN_ABOUT} questions with 'about' (a figure or table), got {about}"
