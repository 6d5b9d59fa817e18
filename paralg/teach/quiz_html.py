"""Questions to HTML: real forms with labels, readable without script, printable."""

import html
import json
import re
from pathlib import Path

__all__ = ["has_math", "render_quiz", "rich"]

_HERE = Path(__file__).parent
_KINDS = {"multiple_choice": "One answer", "many_choice": "All that apply", "numeric": "A number"}
_MARKS = {"many_choice": ("✗ Does not apply.", "✓ Applies.")}  # of a choice, not of what was chosen
_PIECES = re.compile(r"(\$\$?[^$]+\$\$?|`[^`]+`)")
_EMPHASIS = re.compile(r"(?<![\w*])\*([^*\s][^*]*)\*(?!\w)")


def rich(text: str) -> str:
    """Return a question's text as HTML: ``$math$`` for MathJax, `` `code` ``, ``*emphasis*``."""
    return "".join(map(_piece, _PIECES.split(text)))


def _piece(text: str) -> str:
    if text.startswith("$") and text.endswith("$") and len(text) > 2:
        inner = html.escape(text.strip("$").strip())
        return f'<span class="math mathjax_process tex2jax_process">\\({inner}\\)</span>'
    if text.startswith("`") and text.endswith("`") and len(text) > 2:
        return f"<code>{html.escape(text[1:-1])}</code>"
    return _EMPHASIS.sub(r"<em>\1</em>", html.escape(text))


def has_math(items: list) -> bool:
    """Tell whether a text of the questions holds math, so that a page must load MathJax."""
    return "$" in json.dumps(items)


def render_quiz(items: list, *, name: str) -> str:
    """Return questions as self-contained HTML, the same at every run."""
    style, script = ((_HERE / f"quiz.{kind}").read_text("utf-8").strip() for kind in ("css", "js"))
    return "\n".join([
        f'<section class="paralg-quiz" id="quiz-{name}" aria-label="Quiz">',
        f"<style>{style}</style>",
        *(_form(item, number) for number, item in enumerate(items, 1)),
        '<p class="pq-score pq-status" role="status"></p>',
        '<details class="pq-answers"><summary>Answers</summary>'
        f"<ol>{''.join(map(_answer, items))}</ol></details>",
        f"<script>{script}</script>",
        "</section>",
    ])  # fmt: skip


def _form(item: dict, number: int) -> str:
    numeric = item["type"] == "numeric"
    fields = _number_field(item) if numeric else "".join(_choices(item))
    tolerance = f' data-tolerance="{item.get("tolerance", 0)}"' if numeric else ""
    return (
        f'<form class="pq-item" id="{item["id"]}" data-type="{item["type"]}"{tolerance} '
        f'autocomplete="off"><fieldset><legend>{number}. {rich(item["question"])}'
        f'<span class="pq-kind">{_KINDS[item["type"]]}</span></legend>{fields}</fieldset>'
        '<div class="pq-actions" hidden><button class="pq-check" type="submit">Check</button>'
        '<p class="pq-status" role="status"></p></div></form>'
    )


def _choices(item: dict):
    kind = "radio" if item["type"] == "multiple_choice" else "checkbox"
    for number, answer in enumerate(item["answers"], 1):
        yield (
            f'<div class="pq-choice" data-correct="{str(answer["correct"]).lower()}"><label>'
            f'<input type="{kind}" name="{item["id"]}" value="{number}">'
            f"<span>{rich(answer['answer'])}</span></label>{_feedback(answer, item['type'])}</div>"
        )


def _feedback(answer: dict, kind: str) -> str:
    right = answer.get("correct") is True
    mark = _MARKS.get(kind, ("✗ Wrong.", "✓ Right."))[right]
    return (
        f'<p class="pq-feedback" hidden><span class="pq-mark">{mark}</span> '
        f"{rich(answer['feedback'])}</p>"
    )


def _number_field(item: dict) -> str:
    outcomes = ""
    for answer in item["answers"]:
        other = answer.get("type") == "default"
        matches = "data-default" if other else f'data-range="{json.dumps(_range(answer))}"'
        right = str(answer.get("correct") is True).lower()
        feedback = _feedback(answer, item["type"])
        outcomes += f'<div class="pq-choice" data-correct="{right}" {matches}>{feedback}</div>'
    return (
        '<label class="pq-number">Your number<input class="pq-number-input" type="text" '
        f'inputmode="decimal" name="{item["id"]}"></label>{outcomes}'
    )


def _range(answer: dict) -> list:
    return answer["range"] if answer.get("type") == "range" else [answer["value"]] * 2


def _answer(item: dict) -> str:
    """Return one entry of the list of answers: what is right, and why each other choice is not."""
    lines = []
    for answer in item["answers"]:
        right = answer.get("correct") is True
        text = rich(_words(answer)) if item["type"] == "numeric" else rich(answer["answer"])
        text = f"<strong>✓ {text}</strong>" if right else f"✗ {text}"
        lines.append(f"<li>{text} — {rich(answer['feedback'])}</li>")
    return f"<li><ul>{''.join(lines)}</ul></li>"


def _words(answer: dict) -> str:
    if answer.get("type") == "default":
        return "any other number"
    low, high = _range(answer)
    return f"{low}" if low == high else f"{low} to {high}"
