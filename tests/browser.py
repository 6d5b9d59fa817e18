"""Find the browser that the site's tests drive: a variable, the system's, Playwright's own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

HELP = """No Chromium was found, so the site's tests in a browser cannot run. Any of these helps:
  - a package of your system (Debian, Ubuntu: apt-get install chromium)
  - Playwright's own:  .venv/bin/python -m playwright install chromium
  - PARALG_CHROMIUM=/path/to/chromium"""

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # there is no network
    # Each window would open two pages of the address bar's own, which cost more than most of ours.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_browser() -> str | None:
    """Return the path of a Chromium, or None."""
    named = os.environ.get("PARALG_CHROMIUM")
    if named:
        if not Path(named).exists():
            raise FileNotFoundError(f"PARALG_CHROMIUM must name an existing file, got {named!r}")
        return named
    return next(filter(None, map(shutil.which, _NAMES)), None) or _playwright_browser()


def _playwright_browser() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if path and Path(path).exists() else None


def main() -> int:
    """Say which browser the tests will use; in CI a missing one is a failure."""
    path = find_browser()
    print(f"Browser for the site's tests: {path}" if path else HELP, flush=True)
    return int(path is None and os.environ.get("CI") == "true")


if __name__ == "__main__":
    sys.exit(main())
