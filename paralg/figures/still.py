"""Stills: a matplotlib figure or an SVG text made fit to stand inside a page."""

import html
import io
import re

from paralg.figures.style import GREY

__all__ = ["clean_svg", "close", "to_svg"]

_SIZE = re.compile(r'\s(width|height)="[^"]*"')
_ID = re.compile(r'(\sid=")([^"]+)"')
_REFERENCE = re.compile(r'(url\(#|href="#|aria-labelledby="|aria-describedby=")([^")]+)')


def to_svg(still) -> str:
    """Return a matplotlib figure, or SVG text, as SVG text: words as words, and without a date."""
    if isinstance(still, str):
        if "<svg" not in still:
            raise ValueError(f"still must be SVG text, got {still[:40]!r}")
        return still
    if not hasattr(still, "savefig"):
        got = type(still).__name__
        raise TypeError(f"still must be a matplotlib Figure or SVG text, got {got}")
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "paralg", "svg.fonttype": "none"}):
        still.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    close(still)
    return target.getvalue()


def close(still) -> None:
    """Close a still that is a figure, so that it is not shown a second time under the cell."""
    if hasattr(still, "savefig"):
        import matplotlib.pyplot as plt

        plt.close(still)


def clean_svg(text: str, *, prefix: str, alt: str) -> str:
    """Return the ``<svg>`` element alone, scalable, in the page's text colour, named `alt`.

    `prefix` is put before every id, so that two stills on a page do not collide.
    """
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace('<style type="text/css">*{', "<style>.pe-still *{")  # not the whole page
    svg = _ID.sub(rf'\1{prefix}-\2"', svg)
    svg = _REFERENCE.sub(rf"\g<1>{prefix}-\2", svg)
    svg = re.sub(re.escape(GREY), "currentColor", svg, flags=re.IGNORECASE)
    svg = re.sub(r"'DejaVu Sans', [^;]*?sans-serif|'DejaVu Sans'", "sans-serif", svg)
    tag, rest = svg.split(">", 1)
    tag = re.sub(r'\s(role|aria-label|aria-hidden)="[^"]*"', "", _SIZE.sub("", tag))
    return f'{tag} role="img" aria-label="{html.escape(alt, quote=True)}">{rest}'.strip()
