"""`check`: look up an exercise's check in its chapter, run it on the answer, say what came out."""

import difflib
import dis
import importlib
import os
import sysconfig
import traceback
from pathlib import Path

import paralg
from paralg.core import checks
from paralg.core.static import is_static
from paralg.teach.chapters import Chapter, chapter_of
from paralg.teach.outcomes import AnswerRaised, PropertyFailed, own_output
from paralg.teach.time_limit import StillRunning, run_at_most
from paralg.teach.values import is_blank, plain, show, show_call
from paralg.teach.verdict import FAILED, PASSED, RAISED, Verdict, unanswered

__all__ = ["TIME_LIMIT", "check", "checks_of", "is_open"]

TIME_LIMIT = 60.0  # seconds; every check in the book takes a small part of it

_PLACES = map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))
_LIBRARIES = tuple(f"{place}{os.sep}" for place in (Path(paralg.__file__).parent, *_PLACES))


def check(label: str, answer, *, seconds: float = TIME_LIMIT) -> Verdict:
    """Check the answer to an exercise.

    Parameters
    ----------
    label : str
        Label of the exercise as the page shows it, ``"ex-mamba-padding"``.
    answer : object
        A function, a number, an array: what the exercise asks for.
    seconds : float, default 60
        How long the answer may run; an endless loop is stopped then.

    Returns
    -------
    Verdict
        Says "right", what was expected and on which smallest input it fails, that the answer raised
        or ran too long, or that there is none yet (``None``, ``...``, a stub that raises
        NotImplementedError). Lists, arrays, fractions and texts of numbers are as good as others.

    Raises
    ------
    KeyError, ValueError
        No exercise has this label; `seconds` is not positive; on a page of the site, the exercise
        is not left open, as what is shown there may not depend on the check.
    """
    if is_static():
        if not is_open(answer):
            raise ValueError(f"a page leaves its exercises open, got an answer to {label!r}")
        return unanswered(label)
    function = _find(label)
    checks.number("seconds", seconds, above=0)
    if is_blank(answer):
        return unanswered(label)
    with own_output() as printed:
        try:
            praise = run_at_most(seconds, function, plain(answer))
            state, summary, details = PASSED, praise if isinstance(praise, str) else "Right.", ()
        except NotImplementedError:
            return unanswered(label)
        except BaseException as error:  # an exit of the answer, too
            state, summary, details = _told(error, seconds)
    return Verdict(label, state, summary, (*details, *printed.details))


def is_open(answer) -> bool:
    """Tell whether an answer is as a page gives it: None, ``...`` somewhere, or a bare stub."""
    code = getattr(answer, "__code__", None)
    if code is None:
        return is_blank(answer)
    steps = {step.opname.partition("_")[0] for step in dis.get_instructions(code)}
    return "NotImplementedError" in code.co_names and not steps & {"RETURN", "YIELD"}


def checks_of(chapter: Chapter) -> dict:
    """Return the checks of a chapter by label; an empty mapping if it has no ``checks.py``."""
    if not (chapter.teaching / "checks.py").exists():
        return {}
    module = importlib.import_module(f"{chapter.module}.teaching.checks")
    return dict(getattr(module, "CHECKS", {}))


def _find(label: str):
    chapter = chapter_of(label, "ex")
    checks = checks_of(chapter)
    if label not in checks:
        near = difflib.get_close_matches(label, checks, n=1)
        ask = f"; did you mean {near[0]!r}?" if near else ""
        known = ", ".join(checks) or "none"
        raise KeyError(f"no check for {label!r}{ask} Chapter {chapter.slug!r} has: {known}")
    return checks[label]


def _told(error: BaseException, seconds: float) -> tuple[str, str, list]:
    """Return state, summary and details of what a check, or the answer, has raised."""
    if isinstance(error, PropertyFailed):
        smallest = any(name == "input" for name, _ in error.details)
        ending = "; shown is the smallest input that breaks it" if smallest else ""
        note = [("note", error.message)] if error.message else []
        return FAILED, f"Expected: {error.name}{ending}.", [*error.details, *note]
    arguments = getattr(error, "arguments", None)
    given = [("input", show_call(arguments))] if arguments else []
    if isinstance(error, StillRunning):
        note = ("note", "does a loop or a recursion never meet the condition that ends it?")
        summary = f"The answer was still running after {seconds:g} seconds and was stopped."
        return FAILED, summary, [*given, *_line_of_answer(error), note]
    own = error.error if isinstance(error, AnswerRaised) else error
    details = [*given, ("message", show(str(own)) or "(none)"), *_line_of_answer(own)]
    return RAISED, f"The answer raised {type(own).__name__}.", details


def _line_of_answer(error: BaseException) -> list[tuple[str, str]]:
    """Return the last line of the reader's own code that the exception passed through, if any."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(_LIBRARIES)]
    if not own:
        return []
    where = f"line {own[-1].lineno} of {own[-1].name}"
    return [("in", f"{where}: {own[-1].line}" if own[-1].line else where)]
