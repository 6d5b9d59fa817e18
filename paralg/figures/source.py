"""Quote the current source of a library object as a captioned, highlighted listing."""

import ast
import html
import inspect
import textwrap
from dataclasses import dataclass

from paralg.core import checks

__all__ = ["Listing", "show_source"]

# JupyterLab has no Pygments theme, but its editor colours are variables that follow the theme.
_JUPYTER_COLOURS = {
    "keyword": ".k,.kn,.kd,.kc,.kr,.kt,.ow", "string": ".s,.s1,.s2,.sa,.sd,.se,.si",
    "comment": ".c,.c1,.cm,.ch", "number": ".m,.mi,.mf,.mh", "operator": ".o",
    "builtin": ".nb,.bp", "def": ".nf,.nc,.fm", "meta": ".nd",
}  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """A piece of source, dedented, with its dotted name; displays itself in a notebook."""

    name: str
    code: str

    def _repr_html_(self) -> str:
        name = html.escape(self.name)
        code = _highlight(self.code)
        return (
            f"<style>{_jupyter_css()}</style>"
            f'<figure class="paralg-listing" style="margin:0 0 1em">'
            f'<div class="highlight"><pre tabindex="0" role="region" '
            f'aria-label="Source of {name}" style="overflow-x:auto">{code}</pre></div>'
            '<figcaption style="font-size:.9em;font-weight:400">'
            f"The library's <code>{name}</code></figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"# {self.name}\n{self.code}"


def show_source(obj, *, docstring: str = "summary") -> Listing:
    """Return the listing of an object's current source; displayed when last in a cell.

    Parameters
    ----------
    obj : function, class, method or module
        What to quote; a TypeError if it has no Python source.
    docstring : {"summary", "full", "none"}
        How much of each docstring to keep: first line, all, or nothing.

    Examples
    --------
    >>> print(show_source(show_source).name)
    paralg.figures.source.show_source
    """
    checks.one_of("docstring", docstring, ("summary", "full", "none"))
    target = inspect.unwrap(getattr(obj, "py_func", obj))  # py_func: the body numba compiled
    if not (inspect.isroutine(target) or inspect.isclass(target) or inspect.ismodule(target)):
        raise TypeError(f"obj must be a function, class or module, got {obj!r}")
    code = textwrap.dedent(inspect.getsource(target)).rstrip() + "\n"
    if docstring != "full":
        code = _shorten_docstrings(code, keep_summary=docstring == "summary")
    is_module = inspect.ismodule(target)
    name = target.__name__ if is_module else f"{target.__module__}.{target.__qualname__}"
    return Listing(name, code)


def _shorten_docstrings(code: str, *, keep_summary: bool) -> str:
    lines = code.splitlines()
    for node in reversed(_docstring_nodes(code)):
        pad = " " * node.col_offset
        summary = node.value.value.strip().split("\n\n")[0]
        short = [f'{pad}"""{textwrap.shorten(summary, 300)}"""'] if keep_summary else []
        lines[node.lineno - 1 : node.end_lineno] = short
    return "\n".join(lines) + "\n"


def _docstring_nodes(code: str) -> list[ast.Expr]:
    """Return the docstring statements of `code`, in order, except those that are a whole body."""
    holders = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, holders) and ast.get_docstring(node) and len(node.body) > 1:
            found.append(node.body[0])
    return sorted(found, key=lambda node: node.lineno)


def _highlight(code: str) -> str:
    try:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        return html.escape(code)
    return highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()


def _jupyter_css() -> str:
    rules = []
    for colour, names in _JUPYTER_COLOURS.items():
        scoped = ",".join(f".jp-RenderedHTML .paralg-listing {name}" for name in names.split(","))
        rules.append(f"{scoped}{{color:var(--jp-mirror-editor-{colour}-color)}}")
    return "".join(rules)
