"""Explorers: figures that compute in the reader's browser, alive in a static page and in Jupyter.

An explorer is an ES module with anywidget's interface, the state it computes from, and a still.
Its HTML carries all three, so a page needs no kernel, no network and no loader.
"""

import html
import json
import re
import sys
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from paralg.core import checks
from paralg.core.static import data_for_the_site, is_static
from paralg.figures.still import clean_svg, close, to_svg
from paralg.figures.table import check_rows, head_and_body

__all__ = ["Explorer"]

_HERE = Path(__file__).parent
_EXPORT = re.compile(r"^export\s+default\s", re.MULTILINE)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

# In Jupyter the widget draws its own card, so that both places look alike.
_WIDGET_TAIL = """
export default {
  render({ model, el }) {
    const live = kit.html("div", { class: "pe-live" });
    const card = kit.html("div", { class: "pe-card" }, live);
    card.insertAdjacentHTML("beforeend", model.get("_table"));
    const caption = kit.html("figcaption", { text: model.get("_caption") });
    el.append(kit.html("figure", { class: "paralg-explorer", "data-ready": "true", role: "group",
      "aria-label": model.get("_alt") }, card, caption));
    return explorer.render({ model, el: live });
  },
};
"""


@dataclass
class Explorer:
    """An interactive figure; displays itself when it is last in a notebook's cell.

    The HTML is a pure function of the parts: two executions write the same bytes. On a page of the
    site an explorer that a function ``explorer()`` of the library makes is named only, and drawn by
    the site, with the scripts and style of that moment (`paralg.core.static`). A part that is
    missing or malformed gets a ValueError.

    Parameters
    ----------
    name : str
        Lower-case words joined by hyphens, unique on the page: ``"mamba-gate"``.
    script : Path or str
        Path of the ES module (``.js``), or its text. It exports ``default { render({model, el}) }``
        and finds the helpers of ``explorer_kit.js`` as ``kit``.
    state : dict
        What the script computes from; JSON values, numpy numbers or arrays.
    still : matplotlib Figure or str
        Picture for print and for readers without script; a string is SVG text.
    caption : str
        Plain text under the figure.
    alt : str
        What the still shows, 30 to 250 characters.
    table : tuple of (header, rows), optional
        The numbers behind the figure, shown under a fold.
    """

    name: str
    script: Path | str
    state: dict
    still: object
    caption: str
    alt: str
    table: tuple | None = None
    home: str = field(default="", init=False, compare=False)

    def __post_init__(self):
        made_in = sys._getframe(2)  # under the dataclass's own __init__
        if made_in.f_code.co_name == "explorer" and not made_in.f_code.co_argcount:
            self.home = made_in.f_globals.get("__name__", "")
        for what in ("name", "alt", "caption"):
            checks.instance(what, getattr(self, what), str)
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name must be lower-case words joined by '-', got {self.name!r}")
        if not 30 <= len(self.alt) <= 250:
            got = f"{len(self.alt)}: {self.alt!r}"
            raise ValueError(f"alt must have 30 to 250 characters, got {got}")
        if not self.caption.strip():
            raise ValueError("caption must say in a few words what the figure is, got none")
        exports = len(_EXPORT.findall(self.source))
        if exports != 1:
            raise ValueError(f"script must have one line 'export default {{…}}', got {exports}")
        names = self.state if isinstance(self.state, dict) else [None]
        if not all(isinstance(name, str) for name in names):
            raise ValueError(f"state must be a dict with texts as keys, got {self.state!r:.60}")
        _to_json(self.state)
        checks.instance("table", self.table, tuple, list, type(None))
        if self.table is not None:
            check_rows(*self.table)

    @property
    def source(self) -> str:
        """The explorer's own script."""
        if isinstance(self.script, Path) or not _EXPORT.search(str(self.script)):
            return Path(self.script).read_text(encoding="utf-8")
        return str(self.script)

    @property
    def module(self) -> str:
        """The module the browser runs: kit and script."""
        return _read("explorer_kit.js") + "\n" + self.source

    @cached_property
    def widget(self):
        """The live anywidget: the same module, every key of the state a synchronised trait."""
        return _make_widget(self)

    @cached_property
    def html(self) -> str:
        """The figure as self-contained HTML: state, module, still, table, caption."""
        prefix = f"explorer-{self.name}"
        still = clean_svg(to_svg(self.still), prefix=prefix, alt=self.alt)
        payload = _to_json({"state": self.state, "esm": self.module})
        parts = [
            f'<figure class="paralg-explorer" id="{prefix}" role="group" '
            f'aria-label="Interactive figure: {html.escape(self.caption, quote=True)}">',
            f"<style>{_read('explorer.css')}</style>",
            f'<div class="pe-card"><div class="pe-live"></div><div class="pe-still">{still}</div>',
            "<noscript><p>With JavaScript this figure is interactive.</p></noscript>",
            _table_html(self.table, self.caption), "</div>",
            f"<figcaption>{html.escape(self.caption)}</figcaption>",
            f'<script type="application/json" class="pe-state">{payload}</script>',
            f"<script>{_read('explorer_boot.js')}</script>", "</figure>",
        ]  # fmt: skip
        return "\n".join(part for part in parts if part)

    def _repr_mimebundle_(self, include=None, exclude=None):
        if is_static() and self.home:
            close(self.still)
            return data_for_the_site("explorer", module=self.home)
        bundle = {"text/plain": repr(self), "text/html": self.html}
        if not _is_live():
            return bundle
        live = self.widget._repr_mimebundle_()
        data, metadata = live if isinstance(live, tuple) else (live, {})
        return {**data, **bundle}, metadata

    def __repr__(self) -> str:
        return f"Explorer({self.name!r}): {self.caption}"


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").strip()


def _to_json(value) -> str:
    """Return JSON that is safe inside a script element: no '<', no line separators."""
    try:
        how = {"allow_nan": False, "ensure_ascii": False, "sort_keys": True}
        text = json.dumps(value, default=_plain, **how)
    except (TypeError, ValueError) as error:
        raise ValueError(f"state must be JSON values with finite numbers: {error}") from None
    for unsafe in "<>&\u2028\u2029":
        text = text.replace(unsafe, f"\\u{ord(unsafe):04x}")
    return text


def _plain(value):
    """Turn numpy numbers and arrays, and anything else with ``tolist``, into plain Python."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _table_html(table, caption: str) -> str:
    if table is None:
        return ""
    label = f"Data of the figure: {html.escape(caption, quote=True)}"
    return (
        '<details class="pe-data"><summary>Data behind this figure</summary>'
        f'<div class="pe-scroll" tabindex="0" role="region" aria-label="{label}">'
        f"<table>{head_and_body(*table)}</table></div></details>"
    )


def _is_live() -> bool:
    """Tell whether a kernel with widgets stands behind the page and the build did not forbid it."""
    if is_static():
        return False
    try:
        import anywidget  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None


def _make_widget(explorer: Explorer):
    import anywidget
    import traitlets

    table = _table_html(explorer.table, explorer.caption)
    taken = sorted(explorer.state.keys() & set(dir(anywidget.AnyWidget)))
    if taken:
        raise ValueError(f"state must not use the names of a widget's own attributes, got {taken}")
    words = {"_caption": explorer.caption, "_alt": explorer.alt, "_table": table}
    values = json.loads(_to_json(explorer.state | words))
    traits = {key: traitlets.Any(value).tag(sync=True) for key, value in values.items()}
    body = _EXPORT.sub("const explorer = ", explorer.module)
    parts = {"_esm": body + _WIDGET_TAIL, "_css": _read("explorer.css"), "__module__": __name__}
    class_name = "".join(word.title() for word in explorer.name.split("-")) + "Widget"
    return type(class_name, (anywidget.AnyWidget,), {**traits, **parts})()
