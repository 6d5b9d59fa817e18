"""The built site, served on this machine, and a browser that may talk to nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.figures.web import served

ROOT = Path(__file__).resolve().parents[2]
EXTENSIONS = ROOT / "book" / "_ext"
SITE = ROOT / "_build" / "html"

if str(EXTENSIONS) not in sys.path:
    sys.path.append(str(EXTENSIONS))


@pytest.fixture(scope="session")
def site() -> Path:
    """Folder of the site, built first when a source is newer."""
    command = [sys.executable, str(EXTENSIONS / "build.py"), "--if-stale"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"the book does not build:\n{done.stdout[-2000:]}\n{done.stderr[-6000:]}")
    return SITE


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    """Addresses of all pages, relative to the site."""
    found = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(name for name in found if not name.startswith(("_static", "_sources")))


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    with served(site) as root:
        yield f"{root}/"


READY = """document.documentElement.dataset.paralgReady === 'true'
  && [...document.querySelectorAll('figure.paralg-explorer')]
    .every((figure) => figure.dataset.ready === 'true')"""
DRAWN = """Promise.all([window.MathJax?.startup?.promise, document.fonts.ready]).then(() => true)"""
"""Formulas are set, and words have their own font and not the one shown until it arrives."""


class Visit:
    """A window on the site, with everything that went wrong on the page it shows.

    The browser finds no host but this machine, and every address it asks for is looked at.
    (Nothing is intercepted, which would switch off its cache and read MathJax anew on each page.)
    """

    def __init__(self, browser, address: str, theme: str = "light", width: int = 1280):
        self.problems: list[str] = []
        self.address = address
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, reduced_motion="reduce"
        )
        self.context.add_init_script(
            f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
        )
        self.page = self.context.new_page()
        self.page.on("request", self._on_request)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        self.page.on("requestfailed", self._on_failure)
        self.page.on("response", self._on_response)

    def _on_request(self, request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:", "file:")):
            self.problems.append(f"asked the network: {request.url}")

    def _on_failure(self, request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that is left stops what it still loads
            self.problems.append(f"failed: {request.url}")

    def _on_console(self, message) -> None:
        slow = "Slow network" in message.text  # says the browser of a busy machine
        if message.type in ("error", "warning") and not slow:
            self.problems.append(f"console {message.type}: {message.text}")

    def _on_response(self, response) -> None:
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    def open(self, name: str):
        """Open a page and wait until its scripts, its mathematics and its explorers stand."""
        self.problems.clear()
        self.page.goto(self.address + name, wait_until="load")
        self.page.wait_for_function(READY)
        self.page.evaluate(DRAWN)
        return self.page


@pytest.fixture
def visit(chromium, address):
    """Return a function that makes a fresh visit; all are closed afterwards."""
    made: list[Visit] = []

    def make(theme: str = "light", width: int = 1280) -> Visit:
        made.append(Visit(chromium, address, theme, width))
        return made[-1]

    yield make
    for item in made:
        item.context.close()
