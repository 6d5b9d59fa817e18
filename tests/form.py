"""The form of a chapter, as the house style has it: ``python tests/form.py notebooks/…/x.ipynb``.

Prints what keeps a page from it: order of headings, first screen, places of explorer and speed-up,
questions to predict, sizes, widths of code, lengths of sentences.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests import cost  # noqa: E402

ARC = (
    "The sequential answer", "The idea", "The algorithm", "Why it is right, and what it costs",
    "Counted and measured", "Where it breaks", "What the paper says, and what we found",
    "Summary", "Exercises", "Quiz", "Sources",
)  # fmt: skip
WIDTH, PREDICTIONS, MEAN_WORDS, MOST_WORDS = 76, 3, 18.0, 40

_HEADING = re.compile(r"^## (.+?)\s*$", re.MULTILINE)
_FENCE = re.compile(r"^(`{3,}|:{3,}).*$", re.MULTILINE)
_CODE = re.compile(r"^```(?!\{)\w*\n.*?^```$", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_CELL_OPTIONS = re.compile(r"\A(?:---\n.*?\n---\n|(?::[^\n]*\n)*)", re.DOTALL)
_MATHS = re.compile(r"\$\$.*?\$\$(?: *\([\w-]+\))?|\$[^$]*\$", re.DOTALL)
_ROLE = re.compile(r"\{[\w:]+\}`([^`<]*)(?:<[^`]*>)?`")
_OPTION = re.compile(r"^:[\w-]+:.*$|^\([\w-]+\)=$|^#+ .*$|^\|.*$", re.MULTILINE)
_END = re.compile(r"(?<=[.!?])[\"”)*]*\s+(?=[\"“(*]*[A-Z$`0-9{])")


class Source:
    """A notebook or a page as its cells."""

    def __init__(self, path: Path):
        self.path = Path(path)
        text = self.path.read_text(encoding="utf-8")
        self.cells = list(_cells(text)) if path.suffix == ".md" else json.loads(text)["cells"]
        self.texts = ["".join(cell["source"]) for cell in self.cells]
        self.markdown = [cell["cell_type"] == "markdown" for cell in self.cells]

    @property
    def prose(self) -> str:
        """The Markdown of all cells."""
        return "\n\n".join(t for t, words in zip(self.texts, self.markdown, strict=True) if words)

    def section(self, heading: str) -> list[int]:
        """Places of the cells from a heading of the second level to the next one."""
        found, inside = [], False
        for place, text in enumerate(self.texts):
            names = _HEADING.findall(text) if self.markdown[place] else []
            if names:
                inside = names[-1].startswith(heading) or heading in names
            if inside or heading in names:
                found.append(place)
        return found


def _cells(page: str) -> Iterator[dict]:
    """Yield the words and the code cells of a page in Markdown, options taken off the code."""
    for number, part in enumerate(_CELL.split(page)):
        kind = "code" if number % 2 else "markdown"
        source = _CELL_OPTIONS.sub("", part) if number % 2 else part
        yield {"id": f"{kind} {number}", "cell_type": kind, "source": source, "metadata": {}}


def sentences(text: str) -> list[int]:
    """Return the number of words of every sentence of some Markdown."""
    text = _OPTION.sub("", _FENCE.sub("", _CODE.sub("", text)))
    text = _ROLE.sub(r"\1", _MATHS.sub("x", text))
    found = []
    for line in text.splitlines():
        line = re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", line).strip()
        found += [len(one.split()) for one in _END.split(line) if len(one.split()) > 2]
    return found


def problems(path: Path) -> list[str]:
    """Return what a page with cells lacks, one sentence each."""
    source = Source(path)
    all_pages = [*_widths(source), *_lengths(source), *_asserted_seconds(source)]
    if path.suffix == ".md":
        in_foundations = path.parent.name == "foundations"
        return [*(_box(source) if in_foundations else ()), *all_pages]
    chapter = [] if path.stem.endswith("_experiments") else _form(source)
    return [*chapter, *_sizes(source), *all_pages]


def _form(source: Source) -> Iterator[str]:
    slug = source.path.stem.replace("_", "-")
    headings = _HEADING.findall(source.prose)
    arc = [name for name in headings if name in ARC]
    if arc != list(ARC):
        missing = [name for name in ARC if name not in headings]
        yield f"headings of the arc in order: missing {missing}, found {arc}"
    opening = source.texts[: max(1, min(source.section(ARC[0]), default=8) + 1)]
    head = "\n".join(opening).partition(f"## {ARC[0]}")[0]
    metadata = [json.dumps(cell["metadata"]) for cell in source.cells[:6]]
    if not any(f'"fig-{slug}-hero"' in text for text in metadata):
        yield f"no hero figure named fig-{slug}-hero among the first cells"
    setup = next((i for i, words in enumerate(source.markdown) if not words), 0)
    if "remove-cell" not in source.cells[setup]["metadata"].get("tags", []):
        yield "the first code cell is visible: tag it remove-cell"
    gain = re.search(r"^\*\*What you gain\.\*\* .+$", head, re.MULTILINE)
    if not gain:
        yield "no line '**What you gain.** …' before the first heading"
    elif (number := recorded(source.path.stem)) and number not in gain[0]:
        yield f"'What you gain' should have the recorded {number}, got {gain[0]!r}"
    if not re.search(r"What you will be able to do\n:class: .*dropdown", head):
        yield "the box 'What you will be able to do' should be folded (:class: tip dropdown)"
    for call, heading in (("explorer(", "The idea"), ("recorded_speedup(", "Counted and measured")):
        code = [source.texts[i] for i in source.section(heading) if not source.markdown[i]]
        if not any(call in text for text in code):
            yield f"no {call}…) in '{heading}'"
    asked = source.prose.count("{admonition} Stop and predict")
    if asked < PREDICTIONS:
        yield f"expected {PREDICTIONS} boxes 'Stop and predict', got {asked}"


def _box(source: Source) -> Iterator[str]:
    box = source.prose.partition("{admonition} What you will be able to do")[2].partition("```")[0]
    if not re.search(r"^\*\*Needs\*\* ", box, re.MULTILINE):
        yield "no line '**Needs** …' in the box 'What you will be able to do'"
    if re.search(r"\bminutes\b", box):
        yield "minutes are computed: the box should have none"


def recorded(name: str) -> str | None:
    """The number of a chapter's recorded speed-up, or None."""
    from paralg.figures import recorded_speedup

    try:
        return recorded_speedup(name).number
    except FileNotFoundError:
        return None


def _sizes(source: Source) -> Iterator[str]:
    of_experiments = source.path.stem.endswith("_experiments")
    budget = cost.EXPERIMENTS_PAGE if of_experiments else cost.CORE_PAGE
    for what, size in cost.page_size(source.path).items():
        if size > budget[what]:
            yield f"{size} {what}, budget {budget[what]}"


def _widths(source: Source) -> Iterator[str]:
    for place, text in enumerate(source.texts):
        wide = [line for line in text.splitlines() if len(line) > WIDTH]
        if wide and not source.markdown[place]:
            yield f"cell {source.cells[place]['id']}: {len(wide[0])} characters: {wide[0][:60]}…"


MEASURES = {"compare", "perf_counter", "process_time", "price_here"}


def _asserted_seconds(source: Source) -> Iterator[str]:
    """Find assertions on what a clock decided: they hold on one machine and fail on the next."""
    measured = set(MEASURES)
    for cell, text, words in zip(source.cells, source.texts, source.markdown, strict=True):
        if words or text.startswith(("%", "!")):
            continue
        for statement in ast.parse(text).body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Assert) and _names(node) & measured:
                    yield f"cell {cell['id']} asserts what was measured: {ast.unparse(node)[:60]}"
                elif isinstance(node, ast.Assign | ast.AugAssign) and _names(node.value) & measured:
                    targets = getattr(node, "targets", None) or [node.target]
                    measured |= {name for target in targets for name in _names(target)}


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _lengths(source: Source) -> Iterator[str]:
    found = sentences(source.prose)
    mean = sum(found) / max(1, len(found))
    if mean > MEAN_WORDS:
        yield f"sentences have {mean:.1f} words on average, at most {MEAN_WORDS:g}"
    if max(found, default=0) > MOST_WORDS:
        yield f"{sum(n > MOST_WORDS for n in found)} sentences of more than {MOST_WORDS} words"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for problem in problems(Path(name)):
            print(f"{name}: {problem}")
