"""Claims: rows, their three renderings, and the rules that keep the scoreboard honest."""

import json
from html.parser import HTMLParser

import numpy as np
import pytest

from paralg.core.claims import (
    MIME,
    NOT_AT_THIS_SCALE,
    REFUTED,
    REPRODUCED,
    SAME_DIRECTION,
    Claims,
)


def chapter() -> Claims:
    claims = Claims("mamba")
    claims.add("calls", paper=100, source="table 2", ours=250_000, unit="calls",
               verdict=REPRODUCED, why="counted", headline=True)  # fmt: skip
    claims.add("a < b & c", ours=0.123456, verdict=REFUTED, why="see 'limits'")
    return claims


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.seen = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def count(self, tag, **attrs):
        return sum(name == tag and attrs.items() <= given.items() for name, given in self.seen)


def test_text_has_one_line_for_each_row():
    assert repr(chapter()).splitlines() == [
        "Claims of mamba",
        "- calls: paper 100 calls (table 2), here 250,000 calls; reproduced: counted",
        "- a < b & c: paper no figure, here 0.123; refuted: see 'limits'",
    ]


@pytest.mark.parametrize(
    ("ours", "text"),
    [(3.14159, "3.14"), (999.4, "999"), (12345.6, "12,346"), (-2500.0, "-2,500"), (1e-7, "1e-07"),
     (float("inf"), "inf"), (np.float32(0.5), "0.5"), (np.int64(4096), "4,096"), ("½", "½")],
)  # fmt: skip
def test_figures_are_written_as_a_reader_would(ours, text):
    claims = Claims("mamba")
    claims.add("it", ours=ours, verdict=REPRODUCED, why="so")
    assert claims.rows[0].ours == text


def test_data_is_json_with_the_fields_of_the_site():
    data = chapter()._repr_mimebundle_()[MIME]
    assert json.loads(json.dumps(data)) == data
    assert data["chapter"] == "mamba"
    assert data["rows"][0] == {
        "what": "calls", "paper": "100", "source": "table 2", "ours": "250,000", "unit": "calls",
        "verdict": "reproduced", "why": "counted", "headline": True,
    }  # fmt: skip
    assert data["rows"][1]["paper"] is None


def test_the_table_is_accessible_and_escaped():
    text = chapter()._repr_mimebundle_()["text/html"]
    tags = Tags(text)
    assert tags.count("table") == tags.count("caption") == 1
    assert tags.count("th", scope="col") == 5
    assert tags.count("th", scope="row") == 2
    assert tags.count("td") == 8
    assert "a &lt; b &amp; c" in text
    assert tags.count("span", **{"class": "verdict verdict-refuted"}) == 1
    assert tags.count("tr", **{"class": "headline"}) == 1


@pytest.mark.parametrize("verdict", [REPRODUCED, SAME_DIRECTION, NOT_AT_THIS_SCALE, REFUTED])
def test_a_verdict_is_its_words(verdict):
    claims = Claims("mamba")
    claims.add("x", ours="1", verdict=str(verdict), why="y")
    assert claims.rows[0].verdict is verdict


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"verdict": "maybe"}, "verdict must be one of 'reproduced', .*got 'maybe'"),
        ({"what": " "}, "what must say something, got ' '"),
        ({"why": ""}, "why must say something, got ''"),
        ({"paper": "5x"}, "source must say where the paper has '5x', got ''"),
    ],
)
def test_a_row_that_says_too_little_is_refused(row, text):
    good = {"what": "x", "ours": "1", "verdict": REPRODUCED, "why": "counted"}
    with pytest.raises(ValueError, match=text):
        Claims("mamba").add(**(good | row))


def test_there_is_exactly_one_headline():
    claims = Claims("mamba")
    with pytest.raises(ValueError, match="exactly one row with headline=True, got 0"):
        claims.as_json()
    claims.add("x", ours="1", verdict=REPRODUCED, why="y", headline=True)
    with pytest.raises(ValueError, match="expected one headline, got a second one: 'z'"):
        claims.add("z", ours="1", verdict=REPRODUCED, why="y", headline=True)
    assert len(claims.rows) == 1


def test_the_chapter_is_a_module_name():
    with pytest.raises(ValueError, match="chapter must be a module name .*, got 'a-b'"):
        Claims("a-b")
