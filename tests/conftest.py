"""One thread everywhere, so that results do not depend on the machine's load; and a browser."""

import json
import os
from pathlib import Path

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


def _processor_seconds() -> float:
    """Processor time of this process, of what it started and of what that left behind."""
    import psutil

    process, total = psutil.Process(), 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            spent = one.cpu_times()
            total += sum(spent[:4] if one is process else spent[:2])
        except psutil.NoSuchProcess:
            continue
    return total


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Remember what a test cost, for ``make cost``."""
    before = _processor_seconds()
    yield
    spent = max(0.0, _processor_seconds() - before)
    if ("kept", True) in item.user_properties and item.nodeid in _BEFORE:
        spent = _BEFORE[item.nodeid]  # nothing was examined: what it cost when it was
    if spent >= 0.005:
        _SPENT.append((item.nodeid, round(spent, 3)))


_COST = Path(__file__).resolve().parents[1] / "_build" / "cost"
_SPENT: list[tuple[str, float]] = []
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
