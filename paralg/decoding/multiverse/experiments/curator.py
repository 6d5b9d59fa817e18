"""From a sequential answer to a tagged one: the curator's five stages, as rules.

The paper asks a language model in each stage. Here a step says which earlier steps it needs, and
rules take the place of the model; the stages and both checks are the paper's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from paralg.decoding.multiverse.grammar import TAGS, parse

__all__ = ["AnswerStep", "curate", "edit_distance", "groups", "steps_of"]

TOLERANCE = 0.2


@dataclass(frozen=True)
class AnswerStep:
    """A step: its text, the numbers of the steps that it needs, and, a level below, its parts."""

    text: str
    needs: frozenset[int] = frozenset()
    parts: tuple["AnswerStep", ...] = ()


def steps_of(answer: str, needs: dict[int, set[int]], last: int) -> list[AnswerStep]:
    """Stage 1, a summary: cut a plain answer at the numbers 1 … ``last`` and at its ``=``.

    Item i needs the items ``needs[i]``; the conclusion is a step that needs all.
    """
    body, _, conclusion = answer.partition(" = ")
    words = body.split()
    cuts = [0]
    for i in range(2, last + 1):
        if str(i) not in words[cuts[-1] + 1 :]:
            raise ValueError(f"answer must have {last} numbered items, got {i - 1}")
        cuts.append(words.index(str(i), cuts[-1] + 1))
    items = [AnswerStep(" ".join(words[a:b]), frozenset(needs.get(i, ())))
             for i, (a, b) in enumerate(zip(cuts, [*cuts[1:], None], strict=True), 1)]  # fmt: skip
    return [*items, AnswerStep(conclusion, frozenset(range(1, last + 1)))]


def groups(steps: Sequence[AnswerStep]) -> list[list[int]]:
    """Stage 2: split steps 1 … n into the longest runs of neighbours that need none of each other.

    >>> groups([AnswerStep("x"), AnswerStep("y"), AnswerStep("z", frozenset({2}))])
    [[1, 2], [3]]
    """
    runs: list[list[int]] = []
    for i, step in enumerate(steps, 1):
        if runs and not step.needs & set(runs[-1]):
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def curate(steps: Sequence[AnswerStep], original: str) -> str:
    """Stages 2 to 5: group, tag, refill, and add outlines and conclusions; then check.

    A step after a run of several becomes the run's conclusion if it needs all of it, else text.
    ValueError if the text, tags taken off, is further than 20 % of its length away from the
    ``original``, or is no text of the grammar.
    """
    text = _body(steps)
    parse(text)
    flat, wanted = _untagged(text), original.split()
    off = edit_distance(flat, wanted) / max(len(flat), len(wanted), 1)
    if off > TOLERANCE:
        raise ValueError(f"expected a text within {TOLERANCE} of the original, got {off:.2f}")
    return text


def _body(steps: Sequence[AnswerStep]) -> str:
    """Write steps as text and blocks."""
    said, runs, written = [], groups(steps), set()
    for k, run in enumerate(runs):
        parts = [_body(steps[i - 1].parts) or steps[i - 1].text for i in run if i not in written]
        if len(parts) < 2:
            said += parts
            continue
        after, conclusion = runs[k + 1][0] if k + 1 < len(runs) else 0, ""
        if after and steps[after - 1].needs >= set(run):
            conclusion, _ = steps[after - 1].text, written.add(after)
        texts = [part if part.split()[0] == str(i) else f"{i} {part}"
                 for i, part in enumerate(parts, 1)]  # fmt: skip
        outlines = " ".join(f"<Outline> {i + 1} </Outline>" for i in range(len(texts)))
        paths = " ".join(f"<Path> {text} </Path>" for text in texts)
        end = " ".join(["<Conclusion>", *conclusion.split(), "</Conclusion>"])
        said.append(f"<Parallel> <Goal> {outlines} </Goal> {paths} {end} </Parallel>")
    return " ".join(said)


def _untagged(text: str) -> list[str]:
    """Take off tags and outlines."""
    words, inside = [], False
    for word in text.split():
        inside = (inside or word == "<Outline>") and word != "</Outline>"
        words += [] if inside or word in TAGS else [word]
    return words


def edit_distance(a: Sequence, b: Sequence) -> int:
    """Return the least number of insertions, deletions and replacements from a to b."""
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]
