"""Edge lists of any origin: read right by recognition or an option, noted, or refused."""

import bz2
import gzip
import io
import lzma

import numpy as np
import pytest

from paralg.data.edge_lists import WHITE, EdgeFormat, EdgeListError, read_edge_list


def read(text: str | bytes, watch=iter, limit=20, **form):
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return read_edge_list(stream, EdgeFormat(**form), watch=watch, limit=limit)


def arcs(text, **form):
    """Return the arcs as words 'a>b', 'a>b:2' where the weight is not 1, all backwards, too."""
    tails, heads, weights, names, undirected = read(text, **form)[0]
    ends = [(names[a], names[b]) for a, b in zip(tails, heads, strict=True)]
    words = [f"{a}>{b}" + (f":{weight:g}" if weight != 1 else "")
             for (a, b), weight in zip(ends, weights, strict=True)]  # fmt: skip
    return " ".join(words) + " both ways" * undirected


GEPHI = 'Source,Target,Type,Id,Label,Weight\n1,2,Directed,0,,1.0\n2,3,Undirected,1,"x, y",2.0\n'
SNAP = "# Directed graph\n# Nodes: 3 Edges: 3\n# FromNodeId\tToNodeId\n0\t1\n1\t2\n2\t0\n"
KONECT = "% asym weighted\n1\t2 1\t100\n2\t3 5\t100\n"
MATRIX = "%%MatrixMarket matrix coordinate "


@pytest.mark.parametrize("text, form, expected", [
    ("a b", {}, "a>b"),
    ("a b 2\n\n# c d\nb a 3\r\n", {}, "a>b:2 b>a:3"),
    ("\ufeffä,b c,1e-3", {"delimiter": ","}, "ä>b c:0.001"),
    ("a\tb\t4", {"weights": "ignored"}, "a>b"),
    ("#a b", {"comment": ""}, "#a>b"),
    ('# "x" y\na b\n', {}, "a>b"),
    ("# x\nfrom to\na b 2", {"first": "names"}, "a>b:2"),
    (gzip.compress(b"a b 2", mtime=0), {}, "a>b:2"),
    ("a b\rb c\r", {}, "a>b b>c"),
    ("0, 1\n1, 2\n", {}, "0>1 1>2"),
    ("a,b,\nb,a,2\n", {}, "a>b b>a:2"),
    ("a;b\nb;c;2", {}, "a>b b>c:2"),
    ("New York\tRio\t3\nRio\tBad Ems\t2", {}, "New York>Rio:3 Rio>Bad Ems:2"),
    ("Smith,J Jones,K 2\n", {}, "Smith,J>Jones,K:2"),
    ("a  b\t0,5\nb a 1\n", {"decimal": ","}, "a>b:0.5 b>a"),
    ("a::b::5::9\n", {"delimiter": "::", "columns": ("1", "2", "3")}, "a>b:5"),
    ("w,b,a\n2,x,y\n", {"columns": ("a", "b", "w")}, "y>x:2"),
    ("id,p,q\n0,x,y\n1,y,x\n", {"columns": ("2", "3"), "first": "names"}, "x>y y>x"),
    # quotes
    ('"Ann",Bo\nBo,Ann\n', {}, "Ann>Bo Bo>Ann"),
    ('"Lee, ""A""",Bo\nBo,"Lee, ""A"""\n', {"delimiter": ","}, 'Lee, "A">Bo Bo>Lee, "A"'),
    ('"Ann Lee" Bo\nBo\tAnn\n', {}, "Ann Lee>Bo Bo>Ann"),
    ('5" disk,Bo\n', {"delimiter": ","}, '5" disk>Bo'),
    ('"::a"::b\n', {"delimiter": "::"}, "::a>b"),
    ("'a',b\n'b',a\n", {"quote": "'"}, "a>b b>a"),
    # names of columns
    ("node_1,node_2\n1,2\n2,1\n", {}, "1>2 2>1"),
    ("stop,next\n1,2\n2,1\n", {}, "1>2 2>1"),
    ("stop next trips\na b 2\nb a 3\n", {}, "a>b:2 b>a:3"),
    ("Target,Source,Weight\na,b,3\n", {}, "b>a:3"),
    (",source,target\n0,a,b\n", {}, "a>b"),
    ("from,to\na,b\nfrom,to\nb,c\n", {}, "a>b b>c"),
    ("from,to,label\na,b,x\n", {}, "a>b"),
    ("from,to,year\na,b,1999\n", {"columns": ("from", "to")}, "a>b"),
    (GEPHI, {}, "1>2 2>3:2 3>2:2"),
    (GEPHI, {"undirected": False}, "1>2 2>3:2"),
    ("Source,Target,Type\na,b,Mutual\n", {}, "a>b b>a"),
    # SNAP, KONECT, counts
    (SNAP, {}, "0>1 1>2 2>0"),
    (SNAP.replace("Directed", "Undirected"), {}, "0>1 1>2 2>0 both ways"),
    ("# Undirected graph\n0 1\n1 0\n", {}, "0>1 1>0"),
    (KONECT, {}, "1>2 2>3:5"),
    (KONECT, {"comment": "#"}, "1>2 2>3:5"),
    ("% sym unweighted\n% 3 3 3\n1 2\n2 3", {}, "1>2 2>3 both ways"),
    ("3 7\n1 2\n2 3\n3 1\n1 3\n2 1\n3 2\n1 1\n", {}, "1>2 2>3 3>1 1>3 2>1 3>2 1>1"),
    ("3\n1 2\n2 3\n3 1\n", {}, "1>2 2>3 3>1"),
    ("3 3 2\n2 1\n3 1\n", {}, "2>1 3>1"),
    ("3 3\n1 2\n2 3\n3 1\n", {"first": "counts"}, "1>2 2>3 3>1"),
    # Matrix Market
    (MATRIX[1:] + "pattern symmetric\n3 3 2\n2 1\n3 3\n", {"undirected": True}, "2>1 3>3 1>2"),
    (MATRIX + "real general\n% x\n\n3 3 3\n2 1 0.5\n1 3 2e0\n1 1 0\n", {}, "2>1:0.5 1>3:2"),
    (MATRIX.lower() + "integer general\r\n2 2 1\r\n1 2 7\r\n", {"undirected": True},
     "1>2:7 both ways"),
    (MATRIX.replace("coordinate", "array") + "real general\n2 2\n0\n1\n2\n0\n", {}, "1>2:2 2>1"),
])  # fmt: skip
def test_what_is_read(text, form, expected):
    assert arcs(text, **form) == expected


@pytest.mark.parametrize("text, note", [
    ("a,b", "the fields are separated by comma"),
    ("a b\n# c\n#c d\n", "comment lines skipped: 2"),
    ("a b\n# c\n#c d\n", "of these could be arcs: 1"),
    ("a b\n\ufeffb c\n", "byte-order marks within the file taken off: 1"),
    ('"a" b\nb a\n', "lines whose quotation marks were taken off: 1"),
    ("a b 2\nb a\n", "lines without a weight, which count 1: 1"),
    ("from,to\na,b\nfrom,to\nb,c\n", "lines skipped that name the columns again: 1"),
    ("parent,kid\nAnn,Bo\nBo,Cy\n", "the first line 'parent kid' was read as an arc; --header"),
    ("'Ann',Bo\nBo,Ann\n", "names that look alike and are different nodes: 1, \"'Ann'\" and 'Ann'"),
    ("1 1.0\n2 1\n", "that look alike and are different nodes: 1, '1' and '1.0'"),
    ("e\u0301 b\nb \u00e9\n", "that look alike and are different nodes: 1, "),
    ("5 9\n" + "1 2\n" * 9, "the first line '5 9' gives the numbers of nodes and arcs"),
    (SNAP[:-4], "a comment says 3 nodes and 3 edges, read were 3 and 2 lines"),
    (KONECT, "KONECT, asym weighted, 4 columns: the first are source, target, weight"),
    (GEPHI, "used are Source, Target, Weight, Type, and not Id, Label"),
    (GEPHI, "lines of type Undirected or Mutual, walked both ways: 1"),
    (MATRIX + "pattern general\n9 9 1\n2 1\n", "nodes left out, as they have no entry: 7 of 9"),
])  # fmt: skip
def test_what_is_skipped_joined_or_guessed_is_said(text, note):
    assert note in "\n".join(read(text)[1])


@pytest.mark.parametrize("text, form, words", [
    ("3 3\n1 2\n2 3\n3 1\n", {}, ["--first counts", "--first arc"]),
    ("3 3 2\n2 1 4\n3 1 5\n", {}, ["--first counts", "--first arc"]),
    ("source target\nsource b\nb target", {}, ["--header", "--first arc"]),
    ("love #me\n#x love\n", {}, ["line 2 '#x love'", "--comment '#'", "--comment ''"]),
    ("#b,@a\n@a,#b\n", {"delimiter": ","}, ["line 1 '#b,@a'", "--comment ''"]),
    ("a,b;c\n", {}, ["'a' → 'b;c' (--delimiter comma)", "'a,b' → 'c' (--delimiter ';')"]),
    ("a,b;1.5\n", {}, ["'a' → 'b;1.5' or 'a,b' → '1.5' or 'a' → 'b', weight 1.5, by signs that"]),
    ("a b,2\n", {}, ["'a' → 'b,2' or 'a b' → '2' or 'a' → 'b', weight 2, by signs that change"]),
    ("Bad Ems,Rio\n", {}, ["(--delimiter white) or", "(--delimiter comma)"]),
    ("from,to,year\na,b,1999\n", {}, ["--columns from,to,year", "--columns from,to)"]),
    ("1 2 1082040961\n2 3 1082155839\n", {}, ["--unweighted", "--weighted"]),
    ("1 2 3\n2 3\n3 1 2\n", {}, ["lists of neighbours", "--columns 1,2,3"]),
    ("% bip unweighted\n1 1\n", {}, ["sides of a bipartite KONECT network need names that differ"]),
    ("a;b;1,000\n", {}, ["--decimal ',' if these are decimal commas", "commas between thousands"]),
    ("1\t2 1\t100\n", {}, ["which fields are meant? --columns SOURCE,TARGET"]),
    ("a,b,1,5\n", {"delimiter": ","}, ["which fields are meant?", "are there decimal commas?"]),
    (MATRIX + "real general\n2 2 1\n1 2 -1\n", {}, ["Matrix Market: expected entries, all of"]),
    (MATRIX + "real general\n2 3 1\n1 2 1\n", {}, ["Matrix Market: expected a real matrix of"]),
    (MATRIX + "real general\n2 2 2\n1 2 1\n", {}, ["Matrix Market: Truncated file"]),
    (MATRIX + "pattern general\n2 2 1\n1 2\n", {"weights": "required"}, ["got a pattern without"]),
    (MATRIX + "pattern general\n2 2 1\n1 2\n", {"first": "names"}, ["itself says what its lines"]),
    ("a,b\n", {"columns": ("a", "c")}, ["expected a column 'c' once in the first line"]),
])  # fmt: skip
def test_what_could_be_two_things_is_refused(text, form, words):
    with pytest.raises(EdgeListError) as caught:
        read(text, **form)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("line, form, reason", [
    ("a", {}, "expected 'source target [weight]', got 'a'"),
    ("a b", {"weights": "required"}, "expected 'source target weight', got 'a b'"),
    ("a,,1", {"delimiter": ","}, "expected 'source target [weight]', got 'a,,1'"),
    *((f"a b {w}", {}, f"expected a positive weight, got '{w}'")
      for w in ("x", "nan", "inf", "0", "-3", "1_0")),
    ('"a b', {}, "expected quoted fields as in CSV, got '\"a b'"),
    (b"a \xff", {}, "expected UTF-8 text, got byte 0xff"),
    ("a\0 b", {}, "expected UTF-8 text, got byte 0x00"),
    ("a b\ufeffc d", {}, "expected UTF-8 text, got a byte-order mark within the line"),
    ("x" * (1 << 21), {}, "expected a line end within 1,048,576 bytes"),
])  # fmt: skip
def test_bad_lines_are_told_by_number(line, form, reason):
    line = line.encode() if isinstance(line, str) else line
    fine = b"x,y,1\n" if form.get("delimiter") else b"x y 1\n"
    with pytest.raises(EdgeListError) as caught:
        read(b"# note\n" + fine + b"\n" + line, **form)
    assert str(caught.value).splitlines()[0] == f"input, line 4: {reason}"


def test_all_bad_lines_are_listed_up_to_a_limit_and_shortened():
    with pytest.raises(EdgeListError) as caught:
        read("a\n" * 29 + "x" * 500 + "\na b\n", limit=2)
    assert str(caught.value).splitlines() == [
        "30 bad lines",
        "input, line 1: expected 'source target [weight]', got 'a'",
        "input, line 2: expected 'source target [weight]', got 'a'",
        "input: and 28 more",
    ]
    with pytest.raises(EdgeListError) as caught:
        read("x" * 500)
    assert len(str(caught.value)) < 130


OPTIONS = {
    "--delimiter ';'": {"delimiter": ";"}, "--delimiter tab": {"delimiter": "\t"},
    "without --delimiter": {"delimiter": None}, "--delimiter white": {"delimiter": WHITE},
    "--decimal ','": {"decimal": ","}, "--header if": {"first": "names"},
    "--comment ''": {"comment": ""},
}  # fmt: skip


@pytest.mark.parametrize("text, form, remedy, then", [
    ("a\tb\n", {"delimiter": ","}, "without --delimiter", "a>b"),
    ("a b 0,5\nb a 1,25\n", {}, "--decimal ','", "a>b:0.5 b>a:1.25"),
    ("a;b;0,5\nb;a;1\n", {}, "--decimal ','", "a>b:0.5 b>a"),
    ("a b weight\nb c 2", {}, "--header if", "b>c:2"),
    ("#a b", {}, "--comment ''", "#a>b"),
    ("; made today\na b\nb c\n", {"delimiter": WHITE}, None, None),
    ("*Vertices 2\n1 a\n2 b\n*Arcs\n1 2\n", {}, None, None),
    ('{"a": "b"}\n', {}, None, None),
    ("a,b,1 000\n", {}, None, None),
    ("a b 1,234\nb a 0.5\n", {}, None, None),
    (KONECT, {"delimiter": "\t"}, "without --delimiter", "1>2 2>3:5"),
    ("a b\nb c\nc a\nlast\n", {}, None, None),
    ("a b\nb c x", {}, None, None),
    ("a b\nb c 0", {}, None, None),
    ("a,b\nc;d\n", {}, None, None),
    ("# nothing\n", {}, None, None),
    ("a;b;1,5\nb;c,2\n", {}, None, None),
    ("a b,2\nb c,3\n", {"delimiter": ";"}, None, None),
    ("", {}, None, None),
])  # fmt: skip
def test_a_remedy_is_named_when_the_file_was_read_with_it(text, form, remedy, then):
    with pytest.raises(EdgeListError) as caught:
        read(text, **form)
    told = str(caught.value)
    assert (f"try {remedy}" in told.splitlines()[-1]) if remedy else "try" not in told
    assert remedy is None or arcs(text, **form | OPTIONS[remedy]) == then


@pytest.mark.parametrize("content, kind", [
    (bz2.compress(b"a b"), "bzip2 data"),
    (lzma.compress(b"a b"), "xz data"),
    ("a b".encode("utf-16"), "UTF-16 text"),
    (b"PK\x03\x04rest", "a zip archive"),
])  # fmt: skip
def test_what_is_no_plain_text_is_named(content, kind):
    with pytest.raises(OSError, match=f"expected UTF-8 text, plain or gzip, got {kind}"):
        read(content)
    assert arcs("BZh PK 1") == "BZh>PK"


def test_damaged_compression_is_an_os_error():
    with pytest.raises(OSError, match="the gzip data is damaged or cut off"):
        read(gzip.compress(b"a b\n" * 1000, mtime=0)[:-12])


def test_what_can_be_read_once_only_is_read_and_lines_are_watched():
    class Pipe(io.RawIOBase):
        def __init__(self, text):
            self.text = io.BytesIO(text)

        def readable(self):
            return True

        def readinto(self, room):
            return self.text.readinto(room)

    seen = []
    found, _ = read_edge_list(
        Pipe(gzip.compress(b"a,b\nb,c\n")),
        watch=lambda lines: (seen.append(line) or line for line in lines),
    )
    assert [line[:2] for line in seen] == [("a", "b"), ("b", "c")]
    assert found.names == ("a", "b", "c")
    with pytest.raises(EdgeListError, match="expected a line end within 1,048,576 bytes"):
        read_edge_list(Pipe(b"x" * (3 << 20)))


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing"])
def test_an_empty_list_is_refused(text):
    with pytest.raises(EdgeListError, match="expected at least one line .* found none"):
        read(text)


def test_every_cut_of_a_file_is_read_or_refused():
    for text in (SNAP, KONECT, GEPHI, MATRIX + "pattern symmetric\n3 3 2\n2 1\n3 3\n", "a;b;0,5\n"):
        for end in range(len(text)):
            try:
                found, _ = read(text[:end])
            except (EdgeListError, OSError):
                continue
            assert np.isfinite(found.weights).all()


@pytest.mark.parametrize(("kind", "entry"), [
    ("real", "1 2 2,5"), ("real", "1 2 2.5 7"), ("real", "1 2"), ("real", "1.5 2 2"),
    ("integer", "1 2 2.5"), ("pattern", "1 2 5"),
])  # fmt: skip
def test_what_matrix_market_would_cut_off_is_refused(kind, entry):
    text = f"%%MatrixMarket matrix coordinate {kind} general\n% a,b 1\n\n2 2 1\n{entry}\n"
    with pytest.raises(EdgeListError, match="Matrix Market: expected other numbers, got '1"):
        read_edge_list(io.BytesIO(text.encode()))


def test_a_table_of_nodes_is_refused_and_a_header_alone_gets_no_advice():
    with pytest.raises(EdgeListError, match="got a table of nodes: its columns are Id"):
        read_edge_list(io.BytesIO(b"Id,Label,timeset\n1,a,\n2,b,\n"))
    with pytest.raises(EdgeListError, match="found none; comment lines: 0$"):
        read_edge_list(io.BytesIO(b"source,target,weight\n"))
    notes = read_edge_list(io.BytesIO(b"01 2\n1 2\n02 0\n00 1\n"))[1]
    assert notes[-1].startswith("pairs of names that look alike and are different nodes: 3, '01'")
