"""The input of ``paralg pagerank`` and its choices: edge lists, remedies, accuracy, method."""

import bz2
import gzip
import io
import lzma

import pytest
from pagerank_cases import arcs

from paralg.rounds.personalized_pagerank import least_l1, walks_needed
from paralg.rounds.personalized_pagerank.command.choice import (
    AccuracyRequest,
    choose_method,
    in_bytes,
)
from paralg.rounds.personalized_pagerank.command.edges import (
    EdgeListError,
    explain,
    read_edges,
)


def read(text: str | bytes, **given):
    return read_edges(io.BytesIO(text.encode() if isinstance(text, str) else text), **given)


@pytest.mark.parametrize("text, given, expected", [
    ("a b", {}, [("a", "b", 1.0)]),
    ("a b 2\n\n# c d\nb a 3\r\n", {}, [("a", "b", 2.0), ("b", "a", 3.0)]),
    ("\ufeffä,b c,1e-3", {"delimiter": ","}, [("ä", "b c", 0.001)]),
    ("a\tb\t4", {"weights": "ignored"}, [("a", "b", 1.0)]),
    ("a b 1\na b 2", {}, [("a", "b", 3.0)]),
    ("#a b", {"comment": ""}, [("#a", "b", 1.0)]),
    ("# x\nfrom to\na b 2", {"header": True}, [("a", "b", 2.0)]),
    ("a b 2", {"undirected": True}, [("a", "b", 2.0), ("b", "a", 2.0)]),
    (gzip.compress(b"a b 2", mtime=0), {}, [("a", "b", 2.0)]),
])  # fmt: skip
def test_edge_lists_by_hand(text, given, expected):
    assert arcs(read(text, **given)) == expected


@pytest.mark.parametrize("line, given, reason", [
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
])  # fmt: skip
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


@pytest.mark.parametrize("content, kind", [
    (bz2.compress(b"a b"), "bzip2 data"),
    (lzma.compress(b"a b"), "xz data"),
    ("a b".encode("utf-16"), "UTF-16 text"),
    (b"PK\x03\x04rest", "a zip archive"),
])  # fmt: skip
def test_what_is_no_plain_text_is_named(content, kind):
    with pytest.raises(OSError, match=f"expected UTF-8 text, plain or gzip, got {kind}"):
        read(content)


def test_a_name_may_begin_like_a_packed_file():
    assert arcs(read("BZh PK 1")) == [("BZh", "PK", 1.0)]


@pytest.mark.parametrize("text, given, remedy", [
    ("a;b\nb;c;2", {}, "try --delimiter ';'"),
    ("a\tb\n", {"delimiter": ","}, "try --delimiter tab"),
    ("a b\n", {"delimiter": ","}, "try without --delimiter"),
    ("a b\nb c x", {}, "try --header"),
    ("a b\nb c nan", {}, None),
    ("a b\nb c 0", {}, None),
    ("a\na b c d", {}, None),
    ("", {}, None),
])  # fmt: skip
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


@pytest.mark.parametrize(
    "text, amount",
    [("10", 10), ("1k", 1024), ("2G", 2**31), ("1.5MB", 3 * 2**19), ("1e3", 1000)],
)
def test_amounts_of_memory(text, amount):
    assert in_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "G", "-1", "0", "lots", "nan", "inf"])
def test_senseless_amounts_are_refused(text):
    with pytest.raises(ValueError, match="expected an amount of memory such as 800M or 2G"):
        in_bytes(text)


def test_accuracies_are_translated():
    default = AccuracyRequest.of(1000)
    assert (default.error, default.strict) == (0.5 / 1000, False)
    assert default.omega == walks_needed(0.5, 1e-3, 1e-3, 10**6)
    assert AccuracyRequest.of(1000, omega=400).error == least_l1(400)
    assert AccuracyRequest.of(1000, error=0.1).omega == 100_000
    assert AccuracyRequest.of(1, epsilon=0.1).omega > 0
    with pytest.raises(ValueError, match="give one of omega, error, or epsilon with delta"):
        AccuracyRequest.of(10, omega=5, epsilon=0.5)
    with pytest.raises(ValueError, match="error must be positive, got -1"):
        AccuracyRequest.of(10, error=-1)


@pytest.mark.parametrize(
    "n, m, omega, memory, method", [
    (77, 508, 1000, 2**30, "exact"),
    (2000, 135_000, 1000, 2**30, "walks"),  # dense rows: a sweep costs more than the walks
    (2000, 40_000, 10_000, 2**30, "exact"),
    (2000, 40_000, 10_000, 2**20, "walks"),  # does not fit
    (10**6, 10**7, 1000, 2**30, "walks"),
])  # fmt: skip
def test_auto_takes_what_fits_and_is_faster(n, m, omega, memory, method):
    choice = choose_method(n, m, 0.2, AccuracyRequest.of(n, omega=omega), memory=memory)
    assert choice.method == method
    if memory < 2**30:
        assert "does not fit" in choice.why
    else:
        faster = min(choice.seconds, key=choice.seconds.get)
        assert faster == method


def test_a_wish_is_obeyed_or_refused():
    accuracy = AccuracyRequest.of(2000, omega=10)
    for method in ("exact", "walks"):
        choice = choose_method(2000, 40_000, 0.2, accuracy, memory=2**30, method=method)
        assert (choice.method, choice.why) == (method, "as asked")
    with pytest.raises(ValueError, match=r"8 sources at a time need .* more than the 1.05 MB"):
        choose_method(2000, 40_000, 0.2, accuracy, memory=2**20, method="exact")
    with pytest.raises(ValueError, match="method must be one of auto, exact, walks, got 'fast'"):
        choose_method(2000, 40_000, 0.2, accuracy, memory=2**30, method="fast")
