"""Graphs and edge lists: worked cases, bad input told in words, data that ship; the docstrings."""

import bz2
import doctest
import gzip
import importlib
import io
import lzma
import pkgutil

import numpy as np
import pytest

import paralg.rounds.personalized_pagerank as package
from paralg.data.graphs.make_imports import import_graph
from paralg.data.graphs.make_words import cooccurrence
from paralg.rounds.personalized_pagerank import Digraph
from paralg.rounds.personalized_pagerank.command.advice import explain
from paralg.rounds.personalized_pagerank.command.edges import EdgeListError, read_edges
from paralg.rounds.personalized_pagerank.experiments.graphs import (
    GRAPHS,
    SOURCES,
    barabasi_albert,
    topic_words,
)
from paralg.rounds.personalized_pagerank.variants import without_dangling

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


def read(text: str | bytes, **given):
    return read_edges(io.BytesIO(text.encode() if isinstance(text, str) else text), **given)


def arcs(graph):
    tails, heads = graph.tails.tolist(), graph.targets.tolist()
    return [(graph.label(a), graph.label(b), w)
            for a, b, w in zip(tails, heads, graph.weights.tolist(), strict=True)]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_examples_run_and_names_are_documented(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        value = getattr(module, public)
        assert not callable(value) or value.__doc__


@pytest.mark.parametrize(
    "tails, heads, weights, given, expected",
    [
        ([], [], None, {}, []),
        ([], [], [], {"n": 2}, []),
        ([0], [0], None, {"undirected": True}, [("0", "0", 1.0)]),
        ([0, 0], [1, 1], [1.0, 2.5], {}, [("0", "1", 3.5)]),
        ([1, 0], [0, 1], [1.0, 2.0], {"undirected": True}, [("0", "1", 3.0), ("1", "0", 3.0)]),
        ([0], [1], None, {"names": ("x", "y")}, [("x", "y", 1.0)]),
    ],
)
def test_graphs_by_hand(tails, heads, weights, given, expected):
    assert arcs(Digraph.from_arcs(tails, heads, weights, **given)) == expected


@pytest.mark.parametrize(
    "args, given, message",
    [
        (([0], [1, 2]), {}, "must have the same length, got 1, 2 and 1"),
        (([0], [-1]), {}, r"nodes must lie in 0..0, got -1"),
        (([0], [5]), {"n": 3}, r"nodes must lie in 0..2, got 5"),
        (([0], [1], [0.0]), {}, "weights must be positive and finite, got 0.0 at arc 0"),
        (([0, 0], [1, 1], [1.0, np.nan]), {}, "got nan at arc 1"),
        (([0.5], [1]), {}, "sources must be a list of integers"),
        (([0], [1]), {"n": 2, "names": ("x",)}, "expected 2 names, got 1"),
        (([0, 0], [1, 1], [1e308, 1e308]), {}, "must have a finite sum, got inf"),
    ],
)
def test_bad_arcs_are_refused(args, given, message):
    with pytest.raises(ValueError, match=message):
        Digraph.from_arcs(*args, **given)


def test_huge_weights_keep_their_shares():
    assert Digraph.from_arcs([0, 0], [1, 2], [1e308, 1e308]).shares.tolist() == [0.5, 0.5]


def test_dead_ends_can_be_pruned():
    graph = Digraph.from_arcs([0, 1, 2, 1], [1, 0, 3, 2], names=tuple("abcd"))
    assert arcs(without_dangling(graph)) == [("a", "b", 1.0), ("b", "a", 1.0)]
    assert without_dangling(Digraph.from_arcs([0], [1])).n == 0


@pytest.mark.parametrize(
    "text, given, expected",
    [
        ("a b", {}, [("a", "b", 1.0)]),
        ("a b 2\n\n# c d\nb a 3\r\n", {}, [("a", "b", 2.0), ("b", "a", 3.0)]),
        ("\ufeffä,b c,1e-3", {"delimiter": ","}, [("ä", "b c", 0.001)]),
        ("a\tb\t4", {"weights": "ignored"}, [("a", "b", 1.0)]),
        ("a b 1\na b 2", {}, [("a", "b", 3.0)]),
        ("#a b", {"comment": ""}, [("#a", "b", 1.0)]),
        ("# x\nfrom to\na b 2", {"header": True}, [("a", "b", 2.0)]),
        ("a b 2", {"undirected": True}, [("a", "b", 2.0), ("b", "a", 2.0)]),
        (gzip.compress(b"a b 2", mtime=0), {}, [("a", "b", 2.0)]),
    ],
)
def test_edge_lists_by_hand(text, given, expected):
    assert arcs(read(text, **given)) == expected


@pytest.mark.parametrize(
    "line, given, reason",
    [
        ("a", {}, "expected 'source target [weight]', got 'a'"),
        ("a b 1 2", {}, "expected 'source target [weight]', got 'a b 1 2'"),
        ("a b", {"weights": "required"}, "expected 'source target weight', got 'a b'"),
        ("a,,1", {"delimiter": ","}, "expected 'source target [weight]', got 'a,,1'"),
        ("a b x", {}, "expected a positive weight, got 'x'"),
        ("a b nan", {}, "expected a positive weight, got 'nan'"),
        ("a b inf", {}, "expected a positive weight, got 'inf'"),
        ("a b 0", {}, "expected a positive weight, got '0'"),
        ("a b -3", {}, "expected a positive weight, got '-3'"),
        (b"a \xff", {}, "expected UTF-8 text, got byte 0xff"),
    ],
)
def test_bad_lines_are_told_by_number(line, given, reason):
    line = line.encode() if isinstance(line, str) else line
    fine = b"x,y,1\n" if given.get("delimiter") else b"x y 1\n"
    with pytest.raises(EdgeListError) as caught:
        read(b"# note\n" + fine + b"\n" + line, **given)
    assert str(caught.value) == f"input, line 4: {reason}"


def test_all_bad_lines_are_listed_up_to_a_limit():
    with pytest.raises(EdgeListError) as caught:
        read("a\n" * 30 + "a b\n", limit=2)
    assert str(caught.value).splitlines()[1:] == [
        "input, line 2: expected 'source target [weight]', got 'a'",
        "input: and 28 more bad lines",
    ]
    assert caught.value.count == 30


def test_long_lines_are_shortened():
    with pytest.raises(EdgeListError) as caught:
        read("x" * 500)
    assert len(str(caught.value)) < 130


@pytest.mark.parametrize(
    "content, kind",
    [
        (bz2.compress(b"a b"), "bzip2 data"),
        (lzma.compress(b"a b"), "xz data"),
        ("a b".encode("utf-16"), "UTF-16 text"),
        (b"PK\x03\x04rest", "a zip archive"),
    ],
)
def test_what_is_no_plain_text_is_named(content, kind):
    with pytest.raises(OSError, match=f"expected UTF-8 text, plain or gzip, got {kind}"):
        read(content)


def test_a_name_may_begin_like_a_packed_file():
    assert arcs(read("BZh PK 1")) == [("BZh", "PK", 1.0)]


@pytest.mark.parametrize(
    "text, given, remedy",
    [
        ("a;b\nb;c;2", {}, "try --delimiter ';'"),
        ("a\tb\n", {"delimiter": ","}, "try --delimiter tab"),
        ("a b\n", {"delimiter": ","}, "try without --delimiter"),
        ("a b\nb c x", {}, "try --header"),
        ("a b\nb c nan", {}, None),
        ("a b\nb c 0", {}, None),
        ("a\na b c d", {}, None),
        ("", {}, None),
    ],
)
def test_remedies(text, given, remedy):
    with pytest.raises(EdgeListError) as caught:
        read(text, **given)
    told = explain(caught.value, given.get("delimiter"))
    assert told.endswith(remedy) if remedy else "try" not in told


def test_lines_are_watched():
    seen = []
    read("a b\n\nb c\n", watch=lambda lines: (seen.append(line) or line for line in lines))
    assert [line[:2] for line in seen] == [("a", "b"), ("b", "c")]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing"])
def test_an_empty_list_is_refused(text):
    with pytest.raises(EdgeListError, match="expected at least one line .* found none"):
        read(text)


def test_damaged_compression_is_an_os_error():
    with pytest.raises(OSError, match="the gzip data is damaged or cut off"):
        read(gzip.compress(b"a b\n" * 1000, mtime=0)[:-12])


@pytest.mark.parametrize("name", GRAPHS)
def test_data_that_ship(name):
    graph = GRAPHS[name]()
    assert len(graph.names) == len(set(graph.names)) == graph.n
    assert graph.weights.min() >= 1
    assert str(SOURCES[name]).count("Licence:") == 1
    if name != "stdlib_imports":
        assert np.abs(graph.transition().sum(axis=1) - 1).max() < 1e-12


def test_the_words_file_comes_from_its_script():
    texts = ["the cat and the dog", "a cat"]
    names, tails, heads, counts = cooccurrence(texts, words=3, window=2)
    assert names == ["cat", "the", "a"]
    assert list(zip(tails.tolist(), heads.tolist(), counts.tolist(), strict=True)) == [
        (0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1),
    ]  # fmt: skip
    graph = topic_words()
    weight = graph.transition().tocoo()
    assert set(zip(weight.row, weight.col, strict=True)) == set(
        zip(weight.col, weight.row, strict=True)
    )


def test_the_import_graph_reads_a_library(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "ignored.py").write_text("import pack")
    (tmp_path / "pack" / "__init__.py").write_text("from .inner import a, b\nimport os.path\n")
    (tmp_path / "pack" / "inner.py").write_text("from . import inner\nimport pack, sys, nothing")
    assert list(import_graph(tmp_path)) == [("pack", "pack.inner", 2), ("pack.inner", "pack", 1),
                                            ("pack.inner", "sys", 1)]  # fmt: skip


@pytest.mark.parametrize("attach", [0, 5, 9])
def test_attachment_must_fit(attach):
    with pytest.raises(ValueError, match=f"expected 1 <= attach < n, got attach={attach} and n=5"):
        barabasi_albert(5, attach)
