"""Notebooks and their text: ids that stay, nothing else kept, every notebook of the book clean."""

import pytest

from tests.teach.tools import ROOT, load

pytest.importorskip("jupytext")
nb = load("nb")

TEXT = """---
kernelspec: {name: other}
---

(ch-x)=
# Title

+++

Second with `code` and $x$.

```{exercise} One (check, ★, 2 min; x.1)
:label: ex-x-one

What?
```

```{code-cell} ipython3
:tags: [hide-input]

x = 1
```

```{code-cell}
---
mystnb:
  image: {alt: "A chart"}
---
x
```

```{code-cell}
x
```
"""


@pytest.fixture
def made():
    return nb.from_text(TEXT, "x")


def test_cells_and_metadata(made):
    assert [cell.cell_type for cell in made.cells] == ["markdown"] * 2 + ["code"] * 3
    assert made.cells[1].source.endswith("```")
    assert made.cells[2].metadata == {"tags": ["hide-input"]}
    assert made.cells[3].metadata == {"mystnb": {"image": {"alt": "A chart"}}}
    assert made.metadata == nb.KERNEL
    assert nb.problems(made) == []


def test_ids_are_the_same_at_every_run(made):
    assert [c.id for c in nb.from_text(TEXT, "x").cells] == [c.id for c in made.cells]
    assert len({c.id for c in made.cells}) == 5
    assert not {c.id for c in nb.from_text(TEXT, "y").cells} & {c.id for c in made.cells}


def test_equal_cells_keep_their_ids_when_others_change(made):
    for number, cell in enumerate(made.cells):
        cell.id = f"kept-{number}"
    changed = TEXT.replace("Second", "+++\n\nNew cell.\n\n+++\n\nSecond")
    again = nb.from_text(changed, "x", existing=made)
    ids = [cell.id for cell in again.cells]
    assert ids[0] == "kept-0"
    assert ids[-3:] == ["kept-2", "kept-3", "kept-4"]
    assert ids[1].startswith("x-")


def test_to_text_and_back(made):
    again = nb.from_text(nb.to_text(made), "x", existing=made)
    assert again == made


def test_each_fault_is_named(made):
    made.cells[2].outputs = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    made.cells[2].execution_count = 3
    made.cells[3].metadata["trusted"] = True
    made.cells[4].id = made.cells[3].id
    made.cells[1].source = " "
    made.metadata["title"] = "x"
    found = "\n".join(nb.problems(made))
    for words in (
        "cell 3: outputs should be empty",
        "cell 3: execution count should be empty",
        "cell 4: metadata 'trusted' should not be kept",
        "should be unique, got 2 of it",
        "cell 2: the cell should say something",
        "metadata should be",
    ):
        assert words in found


def test_faults_of_the_whole(made):
    del made.cells[0]["id"]
    assert "cell 1: no id" in nb.problems(made)
    made.cells = []
    assert nb.problems(made) == ["there should be at least one cell, got none"]


def test_a_cell_that_text_would_split_is_named(made):
    made.cells[1].source = "one\n\n+++\n\ntwo"
    assert "cell 2 does not survive" in nb.problems(made)[0]


def test_commands(tmp_path, capsys):
    source, target, back = tmp_path / "x.md", tmp_path / "part" / "x.ipynb", tmp_path / "y.md"
    source.write_text(TEXT)
    assert nb.main(["from-text", str(source), str(target)]) == 0
    assert "5 cells, 0 ids kept" in capsys.readouterr().out
    first = target.read_bytes()
    assert nb.main(["from-text", str(source), str(target)]) == 0
    assert "5 cells, 5 ids kept" in capsys.readouterr().out
    assert target.read_bytes() == first
    assert nb.main(["to-text", str(target), str(back)]) == 0
    assert "# Title" in back.read_text()
    assert nb.main(["verify", str(target)]) == 0
    target.write_text(target.read_text().replace('"outputs": []', '"outputs": [{}]', 1))
    assert nb.main(["verify", str(target)]) == 1
    assert nb.main(["to-text", str(tmp_path / "none.ipynb"), str(back)]) == 2
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    "path", nb.notebooks(ROOT / "notebooks"), ids=lambda p: p.stem
)
def test_every_notebook_of_the_book_is_clean(path):
    assert nb.problems(nb.read(path)) == []
