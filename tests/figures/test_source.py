"""Listings: the current source, with as much docstring as asked for."""

import pytest

from paralg.figures import Listing, show_source, source


def sample(x):
    """Return x.

    Parameters
    ----------
    x : int
    """

    def inner():
        """Say nothing."""
        return x

    return inner()


def test_summary_is_kept_and_the_rest_left_out():
    code = show_source(sample).code
    assert '    """Return x."""\n' in code
    assert "Parameters" not in code
    assert '        """Say nothing."""' in code
    assert compile(code, "listing", "exec")


def test_full_and_none():
    assert "Parameters" in show_source(sample, docstring="full").code
    bare = show_source(sample, docstring="none").code
    assert '"""' not in bare
    assert compile(bare, "listing", "exec")
    with pytest.raises(ValueError, match="docstring must be one of .*got"):
        show_source(sample, docstring="some")


def test_name_is_the_public_path():
    assert show_source(Listing).name == "paralg.figures.source.Listing"
    assert show_source(Listing._repr_html_).name.endswith("Listing._repr_html_")
    assert show_source(source).name == "paralg.figures.source"
    assert show_source(source).code.startswith('"""Quote the current source')


def test_compiled_functions_show_their_python():
    compiled = type("Dispatcher", (), {"py_func": staticmethod(sample)})()
    assert show_source(compiled).name.endswith("test_source.sample")


def test_html_is_highlighted_named_and_escaped():
    listing = Listing("paralg.x", "if a < b:\n    pass\n")
    text = listing._repr_html_()
    assert '<span class="k">if</span>' in text
    assert "&lt;" in text
    assert "<code>paralg.x</code>" in text
    assert text.count("<figcaption") == 1
    assert repr(listing) == "# paralg.x\nif a < b:\n    pass\n"


def test_html_without_pygments(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pygments", None)
    assert "a &lt; b" in Listing("x", "a < b")._repr_html_()
