"""Every chapter has an open notebook: plain Markdown, references with numbers, captions, folds."""

import json

import nbformat
import pytest

from tests.teach.tools import ROOT, load

pytest.importorskip("jupytext")
nb = load("nb")
tool = load("pages")
import plain  # noqa: E402 (the tool put its folder on the path)

REFERENCES = {
    "label": {
        "ch-x": ["A page", "book/x.html#ch-x"], "thm-x": ["Theorem 1.2", "book/x.html#thm-x"],
        "ex-x-one": ["Exercise 1.3", "book/x.html#ex-x-one"],
        "fig-x": ["Figure 1.4", "book/x.html#fig-x"],
    },
    "equation": {"eq-x": ["(1.5)", "book/x.html#equation-eq-x"]},
    "term": {"span": ["span", "book/glossary.html#term-span"]},
    "cite": {"gu-2023-mamba": ["Gu and Dao (2023)", "book/bib.html#cite-gu-2023-mamba"]},
}  # fmt: skip
SITE = "https://here/"

PAGE = """---
jupytext: x
---

(ch-x)=
# A page

See {ref}`ch-x`.

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

CASES = {
    "(sec-x)=\n## Title": "## Title",
    "{ref}`ch-x` and {ref}`here <ch-x>`":
        "[A page](https://here/book/x.html#ch-x) and [here](https://here/book/x.html#ch-x)",
    "{prf:ref}`thm-x`, {eq}`eq-x`": "[Theorem 1.2](https://here/book/x.html#thm-x), "
                                    "[(1.5)](https://here/book/x.html#equation-eq-x)",
    "{numref}`Fig. %s <fig-x>`": "[Fig. 1.4](https://here/book/x.html#fig-x)",
    "{term}`spans <span>`, {term}`Span`": "[spans](https://here/book/glossary.html#term-span), "
                                          "[Span](https://here/book/glossary.html#term-span)",
    "{cite:t}`gu-2023-mamba`": "[Gu and Dao (2023)](https://here/book/bib.html#cite-gu-2023-mamba)",
    "{cite:p}`gu-2023-mamba`":
        "([Gu and Dao, 2023](https://here/book/bib.html#cite-gu-2023-mamba))",
    "{class}`~paralg.core.cost.Cost`": "`Cost`",
    "[](#ch-x), [x](#ch-x)": "[A page](https://here/book/x.html#ch-x), "
                             "[x](https://here/book/x.html#ch-x)",
    "$$\na = b\n$$ (eq-x)": "$$\na = b \\tag{1.5}\n$$",
    "`{ref}` and `a[](#b)`": "`{ref}` and `a[](#b)`",
    "```python\n{ref}`x`\n```": "```python\n{ref}`x`\n```",
    "```{prf:theorem} Name\n:label: thm-x\n\nSo.\n```": "> **Theorem 1.2 (Name)**\n>\n> So.",
    "```{prf:proof}\nClear.\n```": "**Proof.** Clear. ∎",
    "```{exercise} Add (check, ★, 2 min)\n:label: ex-x-one\nDo.\n```":
        "**Exercise 1.3: Add (check, ★, 2 min)**\n\nDo.",
    "````{solution} ex-x-one\n:class: dropdown\n```python\n1\n```\n````":
        "<details>\n<summary>Solution to Exercise 1.3</summary>\n\n```python\n1\n```\n\n</details>",
    "```{admonition} Watch {ref}`ch-x`\n:class: warning\nNo.\n```":
        "> **Watch [A page](https://here/book/x.html#ch-x)**\n>\n> No.",
    ":::{admonition} More\n:class: dropdown\nText.\n:::":
        "<details>\n<summary>More</summary>\n\nText.\n\n</details>",
}  # fmt: skip


@pytest.fixture
def maker():
    return plain.Plain(REFERENCES, SITE)


@pytest.mark.parametrize("source", CASES)
def test_myst_becomes_plain_markdown(maker, source):
    assert maker.text(source) == CASES[source]


def test_an_unknown_label_and_an_open_fence_are_refused(maker):
    with pytest.raises(plain.UnknownLabel, match="the site has no label 'ch-y'"):
        maker.text("{ref}`ch-y`")
    with pytest.raises(ValueError, match="a fence is not closed"):
        maker.text("```{prf:proof}\nClear.")


@pytest.fixture
def root(tmp_path):
    """Return a repository with a chapter, a page that has cells and one that has none."""
    (tmp_path / "book/foundations").mkdir(parents=True)
    (tmp_path / "book/foundations/x.md").write_text(PAGE)
    (tmp_path / "book/plain.md").write_text("# Plain\n\n```python\n1\n```\n")
    (tmp_path / "_config.yml").write_text("repository: {url: https://github.com/we/it}\n")
    (tmp_path / "_build").mkdir()
    (tmp_path / "_build/references.json").write_text(json.dumps(REFERENCES))
    figure = {"name": "fig-x", "caption": "See {term}`span`"}
    metadata = {"tags": ["hide-input"], "mystnb": {"figure": figure}}
    cells = [nbformat.v4.new_markdown_cell("# One", id="a"),
             nbformat.v4.new_code_cell("plot()", id="b", metadata=metadata)]  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=nb.KERNEL)
    nb.write(notebook, tmp_path / "notebooks/rounds/one.ipynb")
    return tmp_path


def test_chapters_and_pages_become_open_notebooks(root, capsys):
    assert tool.main(["--root", str(root), "--check"]) == 1
    assert not (root / "notebooks/open").exists()
    assert tool.main(["--root", str(root)]) == 0
    names = ["notebooks/open/rounds/one.ipynb", "notebooks/open/foundations/x.ipynb"]
    assert capsys.readouterr().out.split() == names * 2
    notebook = nb.read(root / names[1])
    title, made, install, code, listing, quiz = notebook.cells
    assert nb.problems(notebook) == []
    assert title.source.endswith("See [A page](https://we.github.io/it/book/x.html#ch-x).")
    assert "https://we.github.io/it/book/foundations/x.html" in made.source
    assert "paralg[torch] @ git+https://github.com/we/it" in install.source
    assert install.metadata.jupyter.source_hidden
    assert code.source == "1 + 1"
    assert listing.source == (
        "*Listing:* `Cost.__add__`: one after another, in `paralg/core/cost.py`."
    )
    assert quiz.source == 'from paralg.teach import quiz\n\nquiz("x")'
    *_, figure, caption = nb.read(root / names[0]).cells
    assert (figure.source, figure.id) == ("plot()", "b")
    assert figure.metadata.jupyter.source_hidden
    assert caption.source.startswith("**[Figure 1.4](https://we.github.io/it/book/x.html#fig-x).**")


def test_an_edit_makes_it_old_and_what_lost_its_source_goes(root):
    tool.main(["--root", str(root)])
    assert tool.main(["--root", str(root), "--check"]) == 0
    page = root / "book/foundations/x.md"
    page.write_text(PAGE.replace("1 + 1", "2 + 2"))
    assert tool.main(["--root", str(root), "--check"]) == 1
    page.unlink()
    tool.main(["--root", str(root)])
    left = [path.name for path in (root / "notebooks/open").rglob("*.ipynb")]
    assert left == ["one.ipynb"]


def test_what_jupyterlab_saves_beside_notebooks_is_none_of_the_books(root):
    tool.main(["--root", str(root)])
    for place in ("notebooks/rounds", "notebooks/open/rounds", "book"):
        copy = root / place / ".ipynb_checkpoints/one-checkpoint.ipynb"
        copy.parent.mkdir(parents=True)
        copy.write_text("{}")
    (root / "book/.ipynb_checkpoints/x-checkpoint.md").write_text(PAGE)
    assert tool.main(["--root", str(root), "--check"]) == 0
    tool.main(["--root", str(root)])
    assert (root / "notebooks/open/rounds/.ipynb_checkpoints/one-checkpoint.ipynb").exists()


def test_the_lab_works_on_copies_and_keeps_what_a_reader_saved(tmp_path):
    lab, book, copies = load("lab"), tmp_path / "book", tmp_path / "lab"
    for name in ("a", "b"):
        (book / "part").mkdir(parents=True, exist_ok=True)
        (book / f"part/{name}.ipynb").write_text(f"{name} 1")
    copies.mkdir()
    assert lab.copy(book, copies) == []
    (copies / "part/a.ipynb").write_text("a 1, mine")
    assert lab.copy(book, copies) == []
    for name in ("a", "b"):
        (book / f"part/{name}.ipynb").write_text(f"{name} 2")
    assert lab.copy(book, copies) == [copies / "part/a.ipynb"]
    texts = {path.name: path.read_text() for path in (copies / "part").iterdir()}
    assert texts == {"a.ipynb": "a 1, mine", "a.new.ipynb": "a 2", "b.ipynb": "b 2"}


def test_without_a_build_it_says_what_comes_first(root, capsys):
    (root / "_build/references.json").unlink()
    with pytest.raises(SystemExit):
        tool.main(["--root", str(root)])
    assert "make book comes first" in capsys.readouterr().err


def test_the_notebooks_of_the_book_are_up_to_date():
    if not (ROOT / "_build/references.json").exists():
        pytest.skip("the book is not built")
    assert tool.main(["--check"]) == 0, "run make pages and commit what it writes"
    for path in nb.notebooks(ROOT / "notebooks/open"):
        for cell in nb.read(path).cells:
            if cell.cell_type == "markdown":
                assert plain.left_over(cell.source) == [], path.name
