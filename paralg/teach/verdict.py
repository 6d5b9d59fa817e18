"""What `check` says about an answer: a symbol, plain words, and never a traceback."""

import html
from dataclasses import dataclass

from paralg.core import checks
from paralg.core.static import data_for_the_site, is_static

__all__ = ["FAILED", "PASSED", "RAISED", "UNANSWERED", "Verdict", "unanswered"]

PASSED, FAILED, RAISED, UNANSWERED = "passed", "failed", "raised", "unanswered"

_WRONG = ("✗", "#D55E00")
_LOOKS = {PASSED: ("✓", "#009E73"), FAILED: _WRONG, RAISED: _WRONG, UNANSWERED: ("○", "#767676")}
_PLAIN = "display:block;float:none;margin:0;padding:0"
_ROW = (
    '<div style="display:flex;flex-wrap:wrap;gap:0 .7em">'
    f'<dt style="{_PLAIN};width:6em;font-weight:normal">{{}}</dt>'
    f'<dd style="{_PLAIN};width:auto"><code style="white-space:pre-wrap">{{}}</code></dd></div>'
)
_BOX = "margin:.5em 0;padding:.4em .8em;text-align:left"


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check; displays itself when it is last in a cell.

    ``state`` is passed, failed, raised or unanswered, ``summary`` one sentence, ``details`` pairs
    of a name and a text: the input, what was expected, what came.
    """

    exercise: str
    state: str
    summary: str
    details: tuple = ()

    def __post_init__(self):
        for name in ("exercise", "summary"):
            checks.instance(name, getattr(self, name), str)
        checks.one_of("state", self.state, _LOOKS)

    def __bool__(self) -> bool:
        return self.state == PASSED

    def __repr__(self) -> str:
        lines = [f"{_LOOKS[self.state][0]} {self.exercise}: {self.summary}"]
        width = max((len(name) for name, _ in self.details), default=0)
        indent = "\n" + " " * (width + 6)
        for name, text in self.details:
            lines.append(f"    {name:<{width}}  {text}".replace("\n", indent))
        return "\n".join(lines)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        if is_static():
            return data_for_the_site("check", exercise=self.exercise, state=self.state)
        return {"text/plain": repr(self), "text/html": self.html}

    @property
    def html(self) -> str:
        """The outcome as a box with its details."""
        rows = "".join(_ROW.format(*map(html.escape, detail)) for detail in self.details)
        listing = f'<dl style="margin:.3em 0 0">{rows}</dl>' if rows else ""
        symbol, colour = _LOOKS[self.state]
        symbol = f'<span aria-hidden="true">{symbol}</span>'
        return (
            f'<div class="paralg-check" data-verdict="{self.state}" role="status" '
            f'style="{_BOX};border-left:4px solid {colour}">'
            f"<strong>{symbol} {html.escape(self.exercise)}</strong> "
            f"{html.escape(self.summary)}{listing}</div>"
        )


def unanswered(exercise: str) -> Verdict:
    """Return the outcome of an exercise that is still open."""
    return Verdict(exercise, UNANSWERED, "Not answered yet.")
