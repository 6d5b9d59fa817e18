"""One thread everywhere, so that results do not depend on the machine's load; and a browser."""

import os

import pytest

from tests.browser import FLAGS, HELP, find_browser

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


@pytest.fixture(scope="module")
def chromium():
    """A browser; in CI a missing one is a failure, elsewhere a skip.

    It lives as long as one file of tests: Playwright allows one at a time in a process and holds
    the event loop while it lives.
    """
    path = find_browser()
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(HELP)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
