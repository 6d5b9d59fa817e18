"""A bare page in either theme, and the browser to open it in."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading

import pytest

THEMES = {
    "light": "",
    "dark": (
        "--pst-color-text-base:#ced6dd;--pst-color-text-muted:#9ca4af;"
        "--pst-color-background:#14181e;--pst-color-surface:#29313d;--pst-color-border:#48566b"
    ),
}
_PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}" style="{variables}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Page</title>
<link rel="icon" href="data:,"></head>
<body style="font:16px sans-serif;max-width:760px;margin:1rem auto;padding:0 10px;
background:var(--pst-color-background,#fff);color:var(--pst-color-text-base,#1f2328)">
<main><h1>Page</h1>{body}</main></body></html>
"""


def page_of(body: str, theme: str = "light") -> str:
    """Return a page around `body` with the variables that the book's theme sets."""
    return _PAGE.format(theme=theme, variables=THEMES[theme], body=body)


@pytest.fixture
def open_page(chromium, tmp_path):
    """Return a function that opens a body of HTML; at the end no error may have been logged."""
    errors, contexts = [], []

    def opened(
        body, *, theme="light", width=820, wait="[data-ready=true]", address=None, **options
    ):
        context = chromium.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        path = tmp_path / f"{theme}.html"
        path.write_text(page_of(body, theme), encoding="utf-8")
        page.goto(address(path) if address else path.as_uri())
        if wait:
            page.wait_for_selector(wait, state="attached")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def explorer_page(chromium, folder, explorer):
    """Open an explorer alone on a page in `folder`; ``page.errors`` gets what its script throws."""
    path = folder / "page.html"
    path.write_text(f"<!doctype html><meta charset='utf-8'><body>{explorer.html}</body>")
    page = chromium.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("figure[data-ready=true]")
    return page


def shown(page) -> dict[str, str]:
    """Return the numbers that the explorer of a page shows, by name."""
    names, values = (page.locator(f".pe-numbers {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, values, strict=True))


def drag(page, start, end) -> None:
    """Press the mouse at one point, (x, y) in pixels of the page, and let it go at another."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end)
    page.mouse.up()


def set_to(page, label, value) -> None:
    """Move the control with this label."""
    page.get_by_label(label).evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", str(value)
    )


@contextlib.contextmanager
def served(folder):
    """Serve `folder` on a free port of this machine; yields the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def serious(page) -> list[str]:
    """Return what axe finds serious or critical on the page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in bad]
