"""From a sequential answer to a tagged one: the curator's five stages, as rules.

The paper asks a language model in each stage. Here a step says which earlier steps it needs, and
rules take the place of the model; the stages and both checks are the paper's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from paralg.core import checks
from paralg.decoding.multiverse.grammar import TAGS, parse

__all__ = ["Step", "curate", "edit_distance", "groups", "steps_of"]

TOLERANCE = 0.2


@dataclass(frozen=True)
class Step:
    """A step of an answer: its text, the numbers of the steps that it needs, and its own steps.

    ``parts`` is the second level of the summary tree: steps inside this one, whose ``needs`` count
    among themselves.
    """

    text: str
    needs: frozenset[int] = frozenset()
    parts: tuple["Step", ...] = ()


def steps_of(answer: str, needs: dict[int, set[int]], last: int) -> list[Step]:
    """Stage 1, a summary: cut a plain answer of numbered items into steps, by its numbers.

    Item i needs the items ``needs[i]``; the conclusion, after ``=``, is kept as a step that needs
    all ``last`` items.
    """
    body, _, conclusion = answer.partition(" = ")
    words, found, current = body.split(), [], []
    for word in words:
        if word == str(len(found) + 1 + bool(current)) and len(found) + bool(current) < last:
            if current:
                found.append(current)
            current = []
        current.append(word)
    found.append(current)
    if len(found) != last:
        raise ValueError(f"answer must have {last} numbered items, got {len(found)}")
    items = [Step(" ".join(part), frozenset(needs.get(i, ()))) for i, part in enumerate(found, 1)]
    return [*items, Step(conclusion, frozenset(range(1, last + 1)))]


def groups(steps: Sequence[Step]) -> list[list[int]]:
    """Stage 2: split steps 1 … n into the longest runs of neighbours that need none of each other.

    >>> groups([Step("x"), Step("y"), Step("z", frozenset({2}))])
    [[1, 2], [3]]
    """
    runs: list[list[int]] = []
    for i, step in enumerate(steps, 1):
        checks.instance("each of steps", step, Step)
        if runs and not step.needs & set(runs[-1]):
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def curate(steps: Sequence[Step], original: str) -> str:
    """Stages 2 to 5: group, tag, refill, and add outlines and conclusions; then check.

    A step after a run of several becomes the run's conclusion if it needs all of it, else text.
    ValueError if the text, tags and ids taken off, is further than 20 % of its length away from
    the ``original``, or is no text of the grammar.

    >>> curate([Step("1 a"), Step("2 b")], "1 a 2 b").split()[:4]
    ['<Parallel>', '<Goal>', '<Outline>', '1']
    """
    text = _body(steps)
    parse(text)
    flat, wanted = _untagged(text), original.split()
    off = edit_distance(flat, wanted) / max(len(flat), len(wanted), 1)
    if off > TOLERANCE:
        raise ValueError(f"expected a text within {TOLERANCE} of the original, got {off:.2f}")
    return text


def _body(steps: Sequence[Step]) -> str:
    """Write steps as text and blocks."""
    said, runs, written = [], groups(steps), set()
    for k, run in enumerate(runs):
        inner = {i: _body(steps[i - 1].parts) for i in run if steps[i - 1].parts}
        full = {i: inner.get(i, steps[i - 1].text) for i in run if i not in written}
        if len(full) < 2:
            said += full.values()
            continue
        after = runs[k + 1][0] if k + 1 < len(runs) else 0
        conclusion = ""
        if after and steps[after - 1].needs >= set(run) and not steps[after - 1].parts:
            conclusion, _ = steps[after - 1].text, written.add(after)
        said.append(_block(list(full.values()), conclusion))
    return " ".join(said)


def _block(paths: Sequence[str], conclusion: str) -> str:
    """Write a block; a path keeps the number that its text begins with, if it is its own."""
    texts = [path if path.split()[0] == str(i) else f"{i} {path}"
             for i, path in enumerate(paths, 1)]  # fmt: skip
    outlines = " ".join(f"<Outline> {i} </Outline>" for i in range(1, len(texts) + 1))
    bodies = " ".join(f"<Path> {text} </Path>" for text in texts)
    end = " ".join(["<Conclusion>", *conclusion.split(), "</Conclusion> </Parallel>"])
    return f"<Parallel> <Goal> {outlines} </Goal> {bodies} {end}"


def _untagged(text: str) -> list[str]:
    """Take off tags and outlines."""
    words, inside = [], False
    for word in text.split():
        inside = (inside or word == "<Outline>") and word != "</Outline>"
        if word not in TAGS and not inside:
            words.append(word)
    return words


def edit_distance(a: Sequence, b: Sequence) -> int:
    """Return the least number of insertions, deletions and replacements from a to b.

    >>> edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]
