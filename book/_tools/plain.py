"""Markdown that any notebook program shows, from the MyST of a chapter.

References become links into the site, with their numbers; theorems become quotations, solutions
fold; equations carry their numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Plain", "UnknownLabel", "left_over"]

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|:{3,})\{(?P<name>[\w:-]+)\} *(?P<title>.*)$")
_OPTION = re.compile(r"^:([\w-]+): *(.*)$")
_TOKEN = re.compile(  # what may hold a role or a link, and code, which holds none
    r"\{(?P<role>[\w:]+)\}`(?P<content>[^`]+)`"
    r"|(?P<code>^```.*?^```$|`[^`\n]+`)"
    r"|(?<!!)\[(?P<words>[^\]`]*)\]\(#(?P<target>[\w-]+)\)",
    re.DOTALL | re.MULTILINE,
)
_TITLED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)
_TARGET = re.compile(r"^\([\w.-]+\)=\n", re.MULTILINE)
_ATTRIBUTES = re.compile(r"^\{[.#][^}`]*\}\n|(?<=[\])`])\{\.[\w .-]+\}", re.MULTILINE)
_EQUATION = re.compile(r"\$\$(.+?)\$\$ *\(([\w-]+)\)", re.DOTALL)
_KINDS = {"prf": "label", "ref": "label", "numref": "label", "eq": "equation", "term": "term"}


class UnknownLabel(KeyError):
    """A label that the site does not have."""


@dataclass(frozen=True)
class Plain:
    """Turns MyST into plain Markdown.

    Parameters
    ----------
    references : dict
        ``_build/references.json``: text and address by kind and label.
    site : str
        Address of the site, with a slash at its end.
    """

    references: dict[str, dict[str, list[str]]]
    site: str

    def find(self, kind: str, label: str) -> tuple[str, str]:
        """Return the text and the full address of a label; `UnknownLabel` if there is none."""
        known = self.references[kind]
        entry = known.get(label) or known.get(label.lower())
        if entry is None and kind == "term":
            entry = {name.lower(): entry for name, entry in known.items()}.get(label.lower())
        if entry is None and kind == "label":
            entry = self.references["equation"].get(label)
        if entry is None:
            raise UnknownLabel(f"the site has no {kind} {label!r}")
        return entry[0], self.site + entry[1]

    def text(self, source: str) -> str:
        """Return a cell of MyST as plain Markdown."""
        return re.sub(r"\n{3,}", "\n\n", self._blocks(source.splitlines())).strip()

    def link(self, label: str) -> str:
        """Return a link to a label, called by its number."""
        text, address = self.find("label", label)
        return f"[{text}]({address})"

    def _blocks(self, lines: list[str]) -> str:
        """Directives one by one, what is between them as running text."""
        done, loose, at = [], [], 0
        while at < len(lines):
            opened = _FENCE.match(lines[at])
            if opened is None:
                loose.append(lines[at])
                at += 1
                continue
            end = _end(lines, at, opened["indent"] + opened["fence"])
            done += [self._running("\n".join(loose)), self._directive(opened, lines[at + 1 : end])]
            loose, at = [], end + 1
        return "\n\n".join([*done, self._running("\n".join(loose))])

    def _directive(self, opened: re.Match, lines: list[str]) -> str:
        options, at = {}, 0
        while at < len(lines) and (option := _OPTION.match(lines[at].strip())):
            options[option[1]] = option[2]
            at += 1
        body = self._blocks(lines[at:])
        name, title = opened["name"], self._running(opened["title"])
        if name == "prf:proof":
            return f"**Proof.** {body.strip()} ∎"
        if name.startswith("prf:"):
            return _quoted(f"**{self._headed(options, name[4:].capitalize(), title)}**\n\n{body}")
        if name == "exercise":
            return f"**{self._headed(options, 'Exercise', title)}**\n\n{body}"
        if name == "solution":
            return _folded(f"Solution to {self.find('label', opened['title'].strip())[0]}", body)
        if "dropdown" in options.get("class", ""):
            return _folded(title or name.capitalize(), body)
        shown = "" if name == "div" else f"**{title or name.capitalize()}**\n\n"
        return _quoted(shown + body)

    def _headed(self, options: dict[str, str], kind: str, title: str) -> str:
        number = self.find("label", options["label"])[0] if "label" in options else kind
        if kind == "Exercise":
            return f"{number}: {title}"
        return f"{number} ({title})" if title else number

    def _running(self, text: str) -> str:
        """Text without directives: targets, attributes, equations, roles, links."""
        text = _ATTRIBUTES.sub("", _TARGET.sub("", text + "\n")).rstrip("\n")
        text = _EQUATION.sub(self._equation, text)
        return _TOKEN.sub(self._token, text)

    def _token(self, found: re.Match) -> str:
        if found["code"]:
            return found["code"]
        if found["role"]:
            return self._role(found["role"], found["content"].replace("\n", " ").strip())
        text, address = self.find("label", found["target"])
        return f"[{found['words'] or text}]({address})"

    def _equation(self, found: re.Match) -> str:
        number = self.find("equation", found[2])[0].strip("()")
        return f"$${found[1].rstrip()} \\tag{{{number}}}\n$$"

    def _role(self, role: str, content: str) -> str:
        kind = role.partition(":")[0]
        if kind == "cite":
            texts = [self._cited(role, key.strip()) for key in content.split(",")]
            return ", ".join(texts) if role == "cite:t" else f"({', '.join(texts)})"
        if kind in _KINDS:
            titled = _TITLED.match(content)
            own, label = (titled[1], titled[2]) if titled else ("", content)
            text, address = self.find(_KINDS[kind], label)
            if "%s" in own or "{number}" in own:
                own = own.replace("%s", text.split()[-1]).replace("{number}", text.split()[-1])
            return f"[{own or (content if kind == 'term' else text)}]({address})"
        titled = _TITLED.match(content)
        name = titled[1] if titled else content
        return f"`{name.rpartition('.')[2] if name.startswith('~') else name}`"

    def _cited(self, role: str, key: str) -> str:
        text, address = self.find("cite", key)
        if role != "cite:t":
            text = re.sub(r" \(([^()]*)\)$", r", \1", text)
        return f"[{text}]({address})"


def _end(lines: list[str], start: int, fence: str) -> int:
    """Line that closes the fence opened at `start`."""
    for at in range(start + 1, len(lines)):
        if lines[at].rstrip() == fence:
            return at
    raise ValueError(f"a fence is not closed: {lines[start]!r}")


def _quoted(text: str) -> str:
    text = re.sub(r"\n{3,}", "\n\n", text.strip())
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _folded(title: str, body: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{body.strip()}\n\n</details>"


def left_over(text: str) -> list[str]:
    """Return what of a text only MyST would understand; empty if all is plain."""
    found = [token[0] for token in _TOKEN.finditer(text) if not token["code"]]
    found += _TARGET.findall(text)
    fences = [line for line in text.splitlines() if _FENCE.match(line)]
    return found + fences
