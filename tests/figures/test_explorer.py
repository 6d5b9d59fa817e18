"""Explorers as text: safe, the same at every run, complete without a script."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from paralg.figures import Explorer
from paralg.figures.still import clean_svg, to_svg
from tests.figures.demo import SCRIPT, explorer

TINY = "<svg viewBox='0 0 1 1'></svg>"
MODULE = "export default { render() {} }"


def tiny(**changes):
    parts = {
        "name": "tiny",
        "script": MODULE,
        "state": {},
        "still": TINY,
        "caption": "A caption",
        "alt": "A picture that shows nothing at all, for tests.",
    }
    return Explorer(**(parts | changes))


def _state(html):
    payload = re.search(r'class="pe-state">(.*?)</script>', html, re.DOTALL)[1]
    return json.loads(payload)


def test_html_holds_all_parts():
    html = explorer().html
    parts = ("<figure", "<svg", "<noscript>", "<details", "<figcaption>", '"pe-state"')
    assert [part for part in parts if html.count(part) != 1] == []
    assert 'role="img" aria-label="Line chart: speed-up' in html
    assert '<th scope="row">32</th><td>10.8936</td>' in html


def test_state_comes_through_with_numpy():
    state = {"a": np.arange(3), "b": np.float64(0.5), "c": [np.int64(1)], "d": "é"}
    assert _state(tiny(state=state).html)["state"] == {"a": [0, 1, 2], "b": 0.5, "c": [1], "d": "é"}


def test_nothing_breaks_out_of_the_script():
    evil = "</script><script>alert(1)</script><!--\u2028"
    html = tiny(state={"x": evil}, script=f"{MODULE} // {evil!r}", caption=evil + "!").html
    assert html.count("<script") == 2
    assert html.count("</script>") == 2
    assert "alert(1)</script>" not in html
    assert _state(html)["state"]["x"] == evil


def test_two_runs_write_the_same_bytes():
    import matplotlib

    program = "from tests.figures.demo import explorer; print(explorer().html)"
    env = {"PYTHONHASHSEED": "1", "MPLBACKEND": "agg", "PATH": ""}
    there = subprocess.check_output([sys.executable, "-c", program], env=env, text=True)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        here = explorer().html
    assert there.strip() == here.strip()
    assert len(here) > 10_000


def test_ids_of_two_explorers_differ():
    def ids(html):
        return set(re.findall(r'\bid="([^"]+)"', html))

    first, second = explorer("one").html, explorer("two").html
    assert len(ids(first)) > 10
    assert not ids(first) & ids(second)
    references = re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", first)
    assert {a or b for a, b in references} <= ids(first)


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"name": "Tiny_1"}, "name must be lower-case words joined by '-', got 'Tiny_1'"),
        ({"alt": "short"}, "alt must have 30 to 250 characters, got 5"),
        ({"caption": " "}, "caption must say in a few words"),
        ({"script": MODULE + "\n" + MODULE}, "one line 'export default {…}', got 2"),
        ({"state": {"x": float("nan")}}, "finite numbers"),
        ({"state": {"x": object()}}, "object is not JSON"),
        ({"table": (["a", "b"], [[1]])}, r"table rows must have 2 cells, got 1: \[1\]"),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)


def test_script_may_be_a_path_or_text():
    assert tiny(script=SCRIPT).source == SCRIPT.read_text()
    assert tiny(script=str(SCRIPT)).source == SCRIPT.read_text()
    assert tiny().module.endswith(MODULE)
    assert tiny().module.startswith("/* The kit")


def test_still_is_named_scalable_and_without_a_date():
    html = explorer().html
    svg = html[html.index("<svg") : html.index("</svg>")]
    tag = svg[: svg.index(">")]
    assert "viewBox" in tag
    assert " width=" not in tag
    assert "<metadata" not in svg
    assert "#767676" not in svg
    assert ">speed-up</text>" in svg
    assert "*{stroke-linejoin" not in svg.replace(".pe-still *{stroke-linejoin", "")


def test_still_refuses_what_is_no_picture():
    with pytest.raises(ValueError, match="still must be SVG text, got 'hello'"):
        to_svg("hello")
    with pytest.raises(TypeError, match="matplotlib Figure or SVG text, got int"):
        to_svg(3)


def test_svg_text_keeps_its_references():
    text = '<?xml version="1.0"?><svg width="3" height="4"><g id="a"/><use href="#a"/></svg>'
    got = clean_svg(text, prefix="p", alt="x & y")
    assert got == '<svg role="img" aria-label="x &amp; y"><g id="p-a"/><use href="#p-a"/></svg>'


def test_static_build_shows_no_widget(monkeypatch):
    monkeypatch.setenv("PARALG_STATIC", "1")
    bundle = tiny()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/html"] == tiny().html
    assert repr(tiny()) == "Explorer('tiny'): A caption"


def _pretend_kernel(monkeypatch, kernel):
    import IPython

    monkeypatch.delenv("PARALG_STATIC", raising=False)
    monkeypatch.setattr(IPython, "get_ipython", lambda: kernel)


def test_in_jupyter_the_same_module_is_a_widget(monkeypatch):
    pytest.importorskip("anywidget")
    _pretend_kernel(monkeypatch, type("Shell", (), {"kernel": object()})())
    one = tiny(state={"x": np.arange(2), "y": 3})
    data, _ = one._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/html"] == one.html
    assert one.widget.x == [0, 1]
    assert one.widget is one.widget
    assert "const explorer = { render() {} }" in one.widget._esm
    assert one.widget._esm.count("\nexport default") == 1
    assert "<td>0.5</td>" in tiny(table=(["a", "b"], [[1, 0.5]])).widget._table
    one.widget.y = 4
    assert one.widget.get_state()["y"] == 4


def test_no_widget_without_kernel_or_anywidget(monkeypatch):
    _pretend_kernel(monkeypatch, None)
    assert set(tiny()._repr_mimebundle_()) == {"text/plain", "text/html"}
    _pretend_kernel(monkeypatch, type("Shell", (), {"kernel": object()})())
    monkeypatch.setitem(sys.modules, "anywidget", None)
    assert set(tiny()._repr_mimebundle_()) == {"text/plain", "text/html"}


@pytest.mark.parametrize("state", [[1, 2], "x", {1: 2}, None])
def test_the_state_is_a_dict_with_names(state):
    with pytest.raises(ValueError, match="state must be a dict with texts as keys, got"):
        tiny(state=state)


def test_a_state_that_would_break_the_widget_is_refused():
    pytest.importorskip("anywidget")
    with pytest.raises(ValueError, match=r"widget's own attributes, got \['keys', 'layout'\]"):
        tiny(state={"keys": 1, "layout": 2, "free": 3}).widget  # noqa: B018
