"""Pages that are written as text have a notebook made from them, for whoever runs the book."""

import pytest

from tests.teach.tools import ROOT, load

pytest.importorskip("jupytext")
tool = load("pages")
nb = load("nb")

PAGE = """---
jupytext: x
---

(ch-x)=
# A page

```{code-cell} ipython3
1 + 1
```

```{literalinclude} ../../paralg/core/cost.py
:pyobject: Cost.__add__
:caption: "`Cost.__add__`: one after another"
```

```{quiz} x
```
"""


@pytest.fixture
def root(tmp_path):
    """Return a repository with one page that has cells and one that has none."""
    (tmp_path / "book/foundations").mkdir(parents=True)
    (tmp_path / "book/foundations/x.md").write_text(PAGE)
    (tmp_path / "book/plain.md").write_text("# Plain\n\n```python\n1\n```\n")
    return tmp_path


def test_the_notebooks_of_the_book_are_up_to_date():
    old = [str(page.relative_to(ROOT)) for page in tool.stale()]
    assert old == [], "run python book/_tools/pages.py and commit what it writes"
    assert {page.stem for page in tool.pages()} >= {"work_span", "primitives", "measuring"}


def test_a_page_becomes_a_notebook(root, capsys):
    assert tool.main(["--root", str(root), "--check"]) == 1
    assert not (root / "notebooks").exists()
    assert tool.main(["--root", str(root)]) == 0
    assert capsys.readouterr().out == "notebooks/foundations/x.ipynb\n" * 2
    notebook = nb.read(root / "notebooks/foundations/x.ipynb")
    assert nb.problems(notebook) == []
    title, code, listing, quiz = notebook.cells
    assert title.source.endswith("made from `book/foundations/x.md`, where changes belong.*")
    assert code.source == "1 + 1"
    assert listing.source == (
        "*Listing:* `Cost.__add__`: one after another, in `paralg/core/cost.py`."
    )
    assert quiz.source == 'from paralg.teach import quiz\n\nquiz("x")'


def test_an_edit_makes_it_old_and_equal_cells_keep_their_ids(root):
    tool.main(["--root", str(root)])
    before = [cell.id for cell in nb.read(root / "notebooks/foundations/x.ipynb").cells]
    page = root / "book/foundations/x.md"
    page.write_text(PAGE.replace("1 + 1", "2 + 2"))
    assert tool.stale(root) == [page]
    tool.main(["--root", str(root)])
    after = [cell.id for cell in nb.read(root / "notebooks/foundations/x.ipynb").cells]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True]
    assert tool.stale(root) == []
