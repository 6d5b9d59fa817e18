"""One thread everywhere, so that results do not depend on the machine's load; and a browser."""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.browser import FLAGS, HELP, find_browser
from tests.cost import processor_seconds

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.modules.setdefault("rfc3987_syntax", None)  # see book/_ext/notebook_runner.py


_OPEN: list = []
"""Playwright and the browser that the tests of this process share, while tests need it."""


@pytest.fixture(scope="module")
def chromium():
    """A browser; in CI a missing one is a failure, elsewhere a skip.

    Tests in a browser come first and share it. Playwright holds the event loop while it lives, so
    it ends with the last of them (`pytest_runtest_protocol`).
    """
    if not _OPEN:
        before = processor_seconds()
        _OPEN.extend(_launched())
        _SHARED.append(processor_seconds() - before)
    yield _OPEN[1]
    for context in _OPEN[1].contexts:
        context.close()


def _launched():
    path = find_browser()
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(HELP)
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    return playwright, playwright.chromium.launch(executable_path=path, args=FLAGS)


def _close() -> None:
    if _OPEN:
        playwright, browser = _OPEN
        _OPEN.clear()
        browser.close()
        playwright.stop()


def _in_browser(item) -> bool:
    return "chromium" in item.fixturenames or item.get_closest_marker("site") is not None


def pytest_collection_modifyitems(items):
    """Set the order.

    Tests in a browser come first and together, then file by file what took longest at the last
    run: short ones are left for the end, when workers take work from each other.
    """
    spent = Counter()
    for test, seconds in _BEFORE.items():
        spent[test.partition("::")[0]] += seconds
    items.sort(key=lambda item: (not _in_browser(item), -spent[item.nodeid.partition("::")[0]]))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Remember what a test cost, for ``make cost``; end the browser when the next needs none."""
    before = _LAST.pop() if _LAST else processor_seconds()
    yield
    _LAST.append(processor_seconds())
    found = dict(item.user_properties)
    apart = found.get("axe", 0.0)
    spent = max(0.0, _LAST[0] - before - sum(_SHARED) - apart)
    if _SHARED:
        _SPENT.append(("tests/conftest.py::chromium", round(_SHARED.pop(), 3)))
    if apart:
        _SPENT.append((f"axe: {item.callspec.id}", round(apart, 3)))
    if "kept" in found and item.nodeid in _BEFORE:
        spent = _BEFORE[item.nodeid]  # nothing was examined: what it cost when it was
    if spent >= 0.005:
        _SPENT.append((item.nodeid, round(spent, 3)))
    if nextitem is None or (nextitem.path != item.path and not _in_browser(nextitem)):
        _close()
        _LAST.clear()


_COST = Path(__file__).resolve().parents[1] / "_build" / "cost"
_SPENT: list[tuple[str, float]] = []
_LAST: list[float] = []
"""Processor seconds at the end of the test before."""
_SHARED: list[float] = []
"""What starting the browser cost, in the test that came first: no cost of that test."""
_BEFORE: dict[str, float] = {}


def pytest_sessionstart(session):
    """Read what the tests of the last run cost."""
    for path in _COST.glob("*.json"):
        _BEFORE.update(json.loads(path.read_text()))


def pytest_sessionfinish(session):
    """Write what the tests of this process cost."""
    if _SPENT and _COST.parent.is_dir():
        _COST.mkdir(exist_ok=True)
        who = os.environ.get("PYTEST_XDIST_WORKER", "main")
        (_COST / f"{who}.json").write_text(json.dumps(dict(_SPENT)))
