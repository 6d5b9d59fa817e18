"""Every chapter has the form of the house style; the whole book's quizzes do not give away."""

import hashlib

import pytest

from paralg.teach import chapters
from paralg.teach.quizzes import load_quiz
from tests import cost, form

MOST = 0.4
"""Share of questions in which the right choice may be the first, and the longest."""

FOUNDATIONS = sorted((form.ROOT / "book" / "foundations").glob("*.md"))
COMPARISONS = [form.ROOT / "book" / f"{n}.md" for n in
               ("recurrences_compared", "rounds_compared", "decoding_arena")]
PAGES = [path for chapter in cost.chapters() for path in cost.notebooks(chapter)]
PAGES += FOUNDATIONS + COMPARISONS


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_the_form(path):
    assert form.problems(path) == []


def questions():
    for chapter in chapters.find_all().values():
        path = chapter.teaching / "quiz.json"
        if path.is_file():
            for item in load_quiz(path, chapter.slug):
                if item["type"] == "multiple_choice":
                    yield item


def test_the_first_choice_is_the_right_one_no_more_often_than_chance_allows():
    first = [item["answers"][0]["correct"] for item in questions()]
    assert sum(first) <= MOST * len(first)


def test_choices_are_shown_in_an_order_that_nobody_chose():
    for item in questions():
        keys = [hashlib.sha256(f"{item['id']}|{a['answer']}".encode()).hexdigest()
                for a in item["answers"]]  # fmt: skip
        assert keys == sorted(keys), item["id"]


@pytest.mark.parametrize("name", sorted(
    {c.name for c in cost.chapters()} | {path.stem for path in FOUNDATIONS}
))  # fmt: skip
def test_the_longest_choice_is_not_the_right_one(name):
    chapter = chapters.find(name)
    items = [item for item in load_quiz(chapter.teaching / "quiz.json", chapter.slug)
             if item["type"] == "multiple_choice"]  # fmt: skip
    longest = [max(item["answers"], key=lambda a: len(a["answer"]))["correct"] for item in items]
    assert sum(longest) <= MOST * len(longest)


WIDE = "x = 1" + " + 1" * 20
PAGE = f"""# A page

```{{admonition}} What you will be able to do
- **a.1** *do* it.

**You need** nothing. **Time:** 5 minutes.
```

{"word " * 90}.

```{{code-cell}} ipython3
---
alt: "{"long " * 20}"
---
{WIDE}
```
"""


def test_what_a_foundation_page_lacks_is_told(tmp_path):
    path = tmp_path / "foundations" / "page.md"
    path.parent.mkdir()
    path.write_text(PAGE)
    needs, minutes, wide, mean, long = form.problems(path)
    assert "no line '**Needs** …'" in needs
    assert "minutes are computed" in minutes
    assert wide.startswith("cell code 1: 85 characters: x = 1 + 1")
    assert "on average, at most 18" in mean
    assert long == "1 sentences of more than 40 words"
    path.write_text(PAGE.replace("You need", "Needs").replace(" **Time:** 5 minutes.", "")
                    .replace("word " * 90, "One two three").replace(WIDE, "x = 1"))  # fmt: skip
    assert form.problems(path) == []


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("t = compare({})\nr = t.ratio(1, 2)\nassert r > 2", "asserts what was measured: assert r"),
        ("t, n = compare({}), 3\nassert n == 3", "asserts what was measured: assert n"),
        ("t = compare({})\nn = 3\nassert n == 3", None),
    ],
)
def test_an_assertion_on_seconds_is_told(tmp_path, code, told):
    path = tmp_path / "page.md"
    path.write_text(f"```{{code-cell}} ipython3\n{code}\n```\n")
    found = form.problems(path)
    assert len(found) == bool(told)
    assert all(told in one for one in found)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("One two three. Four five six seven.", [3, 4]),
        ("- See {ref}`the page <ch-x>` about $a + b$.\n\n## Not this heading at all", [5]),
        ("```python\nnot a sentence at all\n```\nBut this one is.", [4]),
        ("$$\na = b\n$$ (eq-x)\nIt holds for all $n$.", [5]),
    ],
)
def test_words_of_sentences_are_counted(text, lengths):
    assert form.sentences(text) == lengths
