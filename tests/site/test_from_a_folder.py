"""A page of each kind, opened as a file of a folder: nothing is fetched, nothing goes wrong."""

import pytest

from tests.site.conftest import READY

pytestmark = pytest.mark.site

KINDS = (
    "index.html", "book/index.html", "book/data.html", "book/foundations/measuring.html",
    "book/api/core.html", "book/scoreboard.html", "notebooks/decoding/freedave.html",
    "genindex.html", "search.html?q=scan",
)  # fmt: skip


def test_pages_open_from_a_folder_without_an_error_in_the_console(chromium, site):
    context = chromium.new_context(reduced_motion="reduce")  # a reader who was never here
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning") else None)  # fmt: skip
    page.on("pageerror", lambda error: said.append(f"exception: {error}"))
    page.on("requestfailed", lambda request: said.append(f"failed: {request.url}")
            if request.failure != "net::ERR_ABORTED" else None)  # fmt: skip
    for name in KINDS:
        page.goto(f"{site.as_uri()}/{name}", wait_until="load")
        page.wait_for_function(READY)
        assert said == [], name
    page.wait_for_function("document.querySelectorAll('#search-results ul.search li').length > 5")
    assert said == []
    context.close()
