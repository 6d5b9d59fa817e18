"""Turn numpydoc sections into plain reST: rubrics and definition lists.

Nothing here imports Sphinx.  Types stay text (``ndarray, shape (n, d)``) instead of becoming
references that nothing resolves; the extra section *Cost* is treated like the others.
"""

from __future__ import annotations

import re

__all__ = ["to_rest"]

LISTS = {"Parameters", "Other Parameters", "Returns", "Yields", "Raises", "Attributes", "Warns"}
TEXTS = {"Cost", "Notes", "References", "Examples", "See Also", "Warnings", "Algorithm"}
_RULE = re.compile(r"^-{3,}\s*$")
_FOOTNOTE = re.compile(r"^\.\. \[\w+\]\s*(.*)$")
_MATH = re.compile(r"(?<![\\$`\w])\$(?=\S)([^$`]+?)(?<=\S)\$(?![\d$])")
_CITATION = re.compile(r"\[([a-z]+-\d{4}-[a-z]+)\]_?")
_NAMES_TYPE = re.compile(r"^(?P<names>[^:`]*?)\s*:(?P<type>\s.*)?$")


def to_rest(lines: list[str], citations: frozenset[str] = frozenset()) -> list[str]:
    """Rewrite a docstring.

    Parameters
    ----------
    lines : list of str
        The docstring without common indentation.
    citations : frozenset of str
        Known bibliography keys: ``[key]`` becomes a citation.

    Returns
    -------
    list of str
        Lines of reST.
    """
    out: list[str] = []
    for name, body in _sections(lines):
        if name:
            out += ["", f".. rubric:: {name}", "   :class: paralg-rubric", ""]
        if name in LISTS:
            out += _definitions(body, typed=name in ("Returns", "Yields", "Raises", "Warns"))
        elif name == "References":
            out += _references(body)
        elif name == "See Also":
            out += _bullets(body)
        else:
            out += body
    return [*_inline(out, citations), ""]


def _sections(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Split into ``(name, body)``; the text before the first section has an empty name."""
    found: list[tuple[str, list[str]]] = [("", [])]
    skip = False
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if skip:
            skip = False
        elif line.strip() in LISTS | TEXTS and _RULE.match(following):
            found.append((line.strip(), []))
            skip = True
        else:
            found[-1][1].append(line)
    return found


def _definitions(body: list[str], typed: bool) -> list[str]:
    """Entries ``name : type`` with indented text; ``typed`` entries may be a bare type."""
    out: list[str] = []
    open_entry = False
    for line in body:
        if line.strip() and not line[0].isspace():
            if open_entry:
                out.append("   ..")
            out += ["", _term(line.strip(), typed)]
            open_entry = True
        elif line.strip():
            out.append(line)
            open_entry = False
        elif not open_entry:
            out.append(line)
    return [*out, "   .."] if open_entry else out


def _term(line: str, typed: bool) -> str:
    match = _NAMES_TYPE.match(line)
    if match is None:
        return f"*{_escape(line)}*" if typed and "`" not in line else _escape(line)
    names = ", ".join(f"``{name.strip()}``" for name in match["names"].split(","))
    kind = (match["type"] or "").strip()
    return f"{names} : {_escape(kind)}" if kind else names


def _escape(text: str) -> str:
    """Escape what reST would read as markup, outside of backticks and dollars."""
    pieces = re.split(r"(`+[^`]*`+|\$[^$]+\$)", text)
    pieces[::2] = [re.sub(r"([*|]|_(?=\W|$))", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _references(body: list[str]) -> list[str]:
    """Numbered footnotes become a list: the numbers would clash on a page with many objects."""
    out: list[str] = []
    for line in body:
        match = _FOOTNOTE.match(line)
        if match:
            out.append(f"* {match[1]}")
        elif out and out[-1].startswith(("* ", "  ")) and line.startswith(" "):
            out.append(f"  {line.strip()}")
        else:
            out.append(line)
    return out


def _bullets(body: list[str]) -> list[str]:
    out: list[str] = []
    for line in body:
        match = _NAMES_TYPE.match(line) if line.strip() and not line[0].isspace() else None
        if match:
            text = (match["type"] or "").strip()
            out.append(f"* ``{match['names'].strip()}``" + (f": {text}" if text else ""))
        else:
            out.append(line)
    return out


def _inline(lines: list[str], citations: frozenset[str]) -> list[str]:
    """Dollar mathematics and citations, but not inside doctests and code."""

    def cite(match: re.Match) -> str:
        return f":cite:t:`{match[1]}`" if match[1] in citations else match[0]

    out = []
    for line in lines:
        if not line.lstrip().startswith((">>>", "...")):
            pieces = re.split(r"(``[^`]*``|:\w+:`[^`]*`)", line)
            pieces[::2] = [
                _CITATION.sub(cite, _MATH.sub(r":math:`\1`", piece)) for piece in pieces[::2]
            ]
            line = re.sub(r"(\[\d+\])_", r"\1", "".join(pieces))
        out.append(line)
    return out
