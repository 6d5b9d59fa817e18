"""Graphs that ship: what was derived from a text or a library comes from the scripts beside it."""

from paralg.data.graphs.make import cooccurrence, import_graph


def test_the_derived_graphs_come_from_their_scripts(tmp_path):
    names, tails, heads, counts = cooccurrence(["the cat and the dog", "a cat"], 3, 2)
    assert names == ["cat", "the", "a"]
    assert list(zip(tails.tolist(), heads.tolist(), counts.tolist(), strict=True)) == [
        (0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1),
    ]  # fmt: skip
    (tmp_path / "pack").mkdir()
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "ignored.py").write_text("import pack")
    (tmp_path / "pack" / "__init__.py").write_text("from .inner import a, b\nimport os.path\n")
    (tmp_path / "pack" / "inner.py").write_text("from . import inner\nimport pack, sys, nothing")
    assert list(import_graph(tmp_path)) == [("pack", "pack.inner", 2), ("pack.inner", "pack", 1),
                                            ("pack.inner", "sys", 1)]  # fmt: skip
