"""What a reader sees in JupyterLab: every open notebook, rendered, nothing left unresolved."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests import verdicts

ROOT = Path(__file__).resolve().parents[2]
OPEN = ROOT / "notebooks" / "open"
NOTEBOOKS = sorted(path.relative_to(OPEN).as_posix() for path in OPEN.glob("*/*.ipynb"))
UNRESOLVED = re.compile(r"\{(?:ref|numref|eq|term|doc|class|func|prf:\w+|cite[:\w]*)\}|`{3}\{|\)=$")
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is drawn
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on the open notebooks, without a token, for this machine only."""
    pytest.importorskip("jupyterlab")
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(OPEN, home / "open")  # JupyterLab saves what it opens
    for name, value in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root",
               "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token=",
               f"--ServerApp.root_dir={home / 'open'}"]  # fmt: skip
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime",
               "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
               "IPYTHONDIR": "ipython"}  # fmt: skip
    environment = os.environ | {name: str(home / folder) for name, folder in folders.items()}
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield _address(home / "runtime", server)
        finally:
            server.terminate()
            server.wait(20)


def _address(runtime: Path, server, patience: float = 180) -> str:
    until = time.monotonic() + patience
    while time.monotonic() < until and server.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                url = json.loads(path.read_text())["url"]
                urllib.request.urlopen(f"{url}api", timeout=2).read()
            except (OSError, ValueError):
                continue
            return url
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not come up within {patience} s")


@pytest.fixture(scope="module")
def window(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def key(name):
    return hashlib.sha256((OPEN / name).read_bytes()).hexdigest()[:20]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_in_jupyterlab_a_changed_notebook_is_resolved(request, name):
    if not verdicts.passed("lab", name, key(name)):
        look(*map(request.getfixturevalue, ("lab", "window")), name)
        verdicts.note("lab", name, key(name))


def look(lab, window, name):
    """Open a notebook in JupyterLab and read what is shown."""
    cells = json.loads((OPEN / name).read_text())["cells"]
    words = sum(cell["cell_type"] == "markdown" for cell in cells)
    window.goto(f"{lab}lab/tree/{name}?reset")
    window.wait_for_function(
        "n => document.querySelectorAll('.jp-MarkdownCell.jp-mod-rendered .jp-RenderedMarkdown')"
        ".length >= n", arg=words, timeout=60_000,
    )  # fmt: skip
    found = window.evaluate("""() => {
        const bare = [...document.querySelectorAll('.jp-MarkdownCell .jp-RenderedMarkdown')]
            .map(node => {
                const copy = node.cloneNode(true)
                copy.querySelectorAll('code, pre, mjx-container, script').forEach(x => x.remove())
                return copy.textContent
            })
        const folded = document.querySelectorAll('.jp-CodeCell .jp-InputPlaceholder').length
        const errors = document.querySelectorAll('mjx-merror').length
        return {bare, folded, errors}
    }""")
    left = [line for text in found["bare"] for line in text.splitlines() if UNRESOLVED.search(line)]
    assert left == []
    assert found["errors"] == 0, "formulas that MathJax does not understand"
    hidden = sum(cell["metadata"].get("jupyter", {}).get("source_hidden", False) for cell in cells)
    assert found["folded"] == hidden
