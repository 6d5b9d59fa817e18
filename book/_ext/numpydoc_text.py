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
_LITERAL = re.compile(r"^(?!\s*\.\. ).*::\s*$|^\s*\.\. (code-block|parsed-literal)::")
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
            body, after = _apart(body)
            out += _definitions(body, typed=name in ("Returns", "Yields", "Raises", "Warns"))
            out += after
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
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        if skip:
            skip = False
        elif line.strip() in LISTS | TEXTS and _RULE.match(following):
            found.append((line.strip(), []))
            skip = True
        else:
            found[-1][1].append(line)
    return found


def _apart(body: list[str]) -> tuple[list[str], list[str]]:
    """Part the entries of a list from a paragraph that follows them after an empty line."""
    for place in range(2, len(body)):
        if body[place][:1].strip() and not body[place - 1].strip():
            return body[:place], ["", *body[place:]]
    return body, []


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
        elif line.strip() and not line[0].isspace() and not line.startswith(("* ", "- ")):
            out.append(f"* {line}")
        else:
            out.append(f"  {line.strip()}" if line.strip() and line[0].isspace() else line)
    return out


def _bullets(body: list[str]) -> list[str]:
    out: list[str] = []
    for line in body:
        if line.strip() and not line[0].isspace():
            name, _, text = line.partition(" : ")
            out.append(f"* ``{name.strip()}``" + (f": {text.strip()}" if text else ""))
        else:
            out.append(line)
    return out


def _bars(text: str) -> str:
    """Escape bars, which are absolute values here and never substitutions."""
    return text if text.startswith(("|", "+")) else re.sub(r"(?<!\\)\|", r"\|", text)


def _inline(lines: list[str], citations: frozenset[str]) -> list[str]:
    """Dollar mathematics and citations, but not inside doctests and literal blocks."""
    out = []
    literal = None  # indentation of the line that opened a literal block
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if literal is not None and line.strip() and depth <= literal:
            literal = None
        if literal is None and not line.lstrip().startswith((">>>", "...")):
            line = _marked_up(line, citations)
        if literal is None and _LITERAL.search(line):
            literal = depth
        out.append(line)
    return out


def _marked_up(line: str, citations: frozenset[str]) -> str:
    def cite(match: re.Match) -> str:
        return f":cite:t:`{match[1]}`" if match[1] in citations else match[0]

    pieces = re.split(r"(``[^`]*``|:\w+:`[^`]*`)", _MATH.sub(r":math:`\1`", line))
    pieces[::2] = [_bars(_CITATION.sub(cite, piece)) for piece in pieces[::2]]
    return re.sub(r"(\[\d+\])_", r"\1", "".join(pieces))
