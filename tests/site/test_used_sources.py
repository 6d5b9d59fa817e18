"""Which library files a notebook uses, on small libraries written for the purpose."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from used_sources import Library

FILES = {
    "paralg/__init__.py": '"""Root."""\n__version__ = "1"\n',
    "paralg/core/__init__.py": (
        '"""Core."""\nfrom paralg.core.cost import Cost\nfrom .prim import scan, pmap\n'
        '__all__ = ["Cost", "scan", "pmap"]\n'
    ),
    "paralg/core/cost.py": "class Cost: ...\n",
    "paralg/core/prim.py": "from paralg.core.cost import Cost\ndef scan(): ...\ndef pmap(): ...\n",
    "paralg/core/engine.py": "from . import cost\n",
    "paralg/core/busy.py": "import time\n",
    "paralg/core/lazy.py": "def lazy(package, homes): ...\n",
    "paralg/training/__init__.py": (
        '"""Lazy."""\nfrom paralg.core.lazy import lazy\n\n'
        '__getattr__, __dir__, __all__ = lazy(__name__, {"run": "loop", "log": "more.logs"})\n'
    ),
    "paralg/training/loop.py": "def run(): ...\n",
    "paralg/training/more/__init__.py": "",
    "paralg/training/more/logs.py": "def log(): ...\n",
    "paralg/figures/__init__.py": (
        '"""Lazy."""\n_LAZY = {"use": ".style", "gantt": ".charts"}\n\n\n'
        "def __getattr__(name):\n    import importlib\n"
        "    return getattr(importlib.import_module(_LAZY[name], __name__), name)\n"
    ),
    "paralg/figures/style.py": "def use(): ...\n",
    "paralg/figures/charts.py": "from paralg.core import cost\ndef gantt(): ...\n",
    "paralg/figures/kit.js": "// used by charts? no: by style, see kit.js\n",
    "paralg/models/__init__.py": "",
    "paralg/models/net.py": 'WEIGHTS = "net.safetensors"\n',
    "paralg/models/other.py": "import math\n",
    "paralg/models/net.safetensors": "weights",
    "paralg/models/licence.txt": "shared by all",
    "paralg/recurrences/__init__.py": '"""Part."""\n',
    "paralg/recurrences/mamba/__init__.py": (
        '"""Paper."""\nfrom paralg.core.lazy import lazy\n__getattr__, __dir__, __all__ = lazy('
        '__name__, {"run": "scan", "explorer": "teaching.explorer"})\n'
    ),
    "paralg/recurrences/mamba/scan.py": "from paralg.core import Cost\ndef run(): ...\n",
    "paralg/recurrences/mamba/theory.py": "from paralg.core import busy\n",
    "paralg/recurrences/mamba/experiments/__init__.py": "",
    "paralg/recurrences/mamba/experiments/runs.py": 'FOLDER = "weights"\n',
    "paralg/recurrences/mamba/experiments/weights/one.log": "{}",
    "paralg/recurrences/mamba/teaching/__init__.py": "",
    "paralg/recurrences/mamba/teaching/checks.py": "from paralg.core.engine import connect\n",
    "paralg/recurrences/mamba/teaching/explorer.py": (
        'from paralg.core import busy\nNAMES = 1\ndef explorer(): return "explorer.js"\n'
    ),
    "paralg/recurrences/mamba/teaching/explorer.js": "export default {}\n",
    "paralg/recurrences/mamba/teaching/quiz.json": "[]",
    "paralg/recurrences/aaren.py": "import paralg.core.prim as prim\n",
    "paralg/rounds/__init__.py": "",
    "paralg/rounds/personalized_pagerank/__init__.py": "",
    "paralg/rounds/personalized_pagerank/walk.py": "from ...core import pmap\n",
    "paralg/teach/__init__.py": '"""Teach."""\nfrom .checking import check, quiz\n',
    "paralg/teach/quiz_html.py": 'STYLE = "quiz.css"\n',
    "paralg/teach/quiz.css": "",
    "paralg/teach/verdict.py": "",
    "paralg/teach/checking.py": "def check(): ...\ndef quiz(): ...\n",
}
CORE = {"core/__init__.py", "core/cost.py", "core/prim.py"}  # importing one imports all
MAMBA = {
    "recurrences/__init__.py", "recurrences/mamba/__init__.py", "recurrences/mamba/scan.py",
    *CORE, "core/lazy.py",
}  # fmt: skip


DRAWN = {
    "recurrences/mamba/teaching/__init__.py", "recurrences/mamba/teaching/explorer.py",
    "recurrences/mamba/teaching/explorer.js", "core/busy.py",
}  # fmt: skip
RUNS = {f"recurrences/mamba/experiments/{name}" for name in ("__init__.py", "runs.py",
                                                             "weights/one.log")}  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Library:
    root = tmp_path_factory.mktemp("library")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Library(root)


CASES = [
    ("", set()),
    ("import numpy as np", set()),
    ("import paralg", set()),
    ("import paralg.core.busy", {*CORE, "core/busy.py"}),
    ("from paralg.core import Cost", CORE),
    ("from paralg.core import scan", CORE),
    ("from paralg.core.cost import *", CORE),
    ("import paralg.core as c\nc.Cost()", CORE),
    (
        "import paralg.core as c\ngetattr(c, name)",
        CORE,
    ),
    (
        "import paralg\nparalg.core.prim.scan()",
        CORE,
    ),
    (
        "import importlib\nimportlib.import_module('paralg.core.busy')",
        {*CORE, "core/busy.py"},
    ),
    (
        "boot = 'import sys; from paralg.core.engine import serve; serve()'",
        {*CORE, "core/engine.py"},
    ),
    ("def later():\n    from paralg.core import busy", {*CORE, "core/busy.py"}),
    ("from paralg import figures\nfigures.use()", {"figures/__init__.py", "figures/style.py"}),
    (
        "from paralg import figures\nfigures.gantt()",
        {"figures/__init__.py", "figures/charts.py", *CORE},
    ),
    (
        "from paralg.training import run",
        {"training/__init__.py", "training/loop.py", *CORE, "core/lazy.py"},
    ),
    (
        "from paralg import training\ntraining.log",
        {"training/__init__.py", "training/more/__init__.py", "training/more/logs.py",
         *CORE, "core/lazy.py"},
    ),
    (
        "from paralg.models import net",
        {"models/__init__.py", "models/net.py", "models/net.safetensors", "models/licence.txt"},
    ),
    (
        "from paralg.models import other",
        {"models/__init__.py", "models/other.py", "models/licence.txt"},
    ),
    ("from paralg.recurrences import mamba\nmamba.run()", MAMBA),
    ("from paralg.recurrences.mamba.scan import run", MAMBA),
    ("from paralg.recurrences.mamba import run", MAMBA),
    ("from paralg.recurrences.mamba import run, explorer\nexplorer()", MAMBA),
    ("from paralg.recurrences import mamba\nmamba.run()\nmamba.explorer()", MAMBA),
    ("from paralg.recurrences.mamba import run, explorer\nx = explorer()", MAMBA | DRAWN),
    ("from paralg.recurrences.mamba import run, explorer\nexplorer().state", MAMBA | DRAWN),
    ("from paralg.recurrences.mamba.teaching.explorer import NAMES, explorer\nexplorer()",
     (MAMBA | DRAWN) - {"recurrences/mamba/scan.py"}),
    ("import paralg.recurrences.mamba.experiments.runs",
     (MAMBA - {"recurrences/mamba/scan.py"}) | RUNS),
    (
        "from paralg.recurrences.aaren import x",
        {"recurrences/__init__.py", "recurrences/aaren.py", *CORE},
    ),
    ("from paralg.teach import check\ncheck('ex-mamba-padding', 3)", set()),
    ("from paralg.teach import quiz\nquiz('personalized_pagerank')", set()),
    ("from paralg.teach import quiz\nshown = quiz('mamba')",
     {"teach/__init__.py", "teach/checking.py", "recurrences/mamba/teaching/quiz.json"}),
    ("from paralg.teach import check\nright = check('ex-mamba-padding', 3)",
     MAMBA | DRAWN | RUNS | {
         "recurrences/mamba/theory.py", "recurrences/mamba/teaching/checks.py", "core/engine.py",
         "teach/__init__.py", "teach/checking.py"}),
    ("%matplotlib inline\nfrom paralg.core import busy\n!ls", {*CORE, "core/busy.py"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CASES, ids=[c[:48] or "empty" for c, _ in CASES])
def test_files_used(library, code, expected):
    used = {path.relative_to(library.root / "paralg").as_posix() for path in library.used_by(code)}
    assert used - {"__init__.py", "figures/kit.js"} == expected


@pytest.mark.parametrize(
    ("code", "drawn"),
    [
        ("from paralg.teach import quiz\nquiz('mamba')",
         {"teach/__init__.py", "teach/checking.py", "teach/quiz_html.py", "teach/quiz.css",
          "recurrences/mamba/teaching/quiz.json"}),
        ("from paralg.teach import check\ncheck('ex-mamba-padding', 3)",
         {"teach/__init__.py", "teach/checking.py", "teach/verdict.py"}),
        ("from paralg.recurrences import mamba\nmamba.explorer()",
         DRAWN | CORE | {"core/lazy.py", "recurrences/__init__.py",
                  "recurrences/mamba/__init__.py", "figures/__init__.py", "figures/style.py"}),
        ("from paralg.recurrences import mamba\nmamba.run()", set()),
    ],
    ids=["quiz", "check", "explorer", "nothing"],
)  # fmt: skip
def test_files_on_which_the_drawing_of_a_page_depends(library, code, drawn):
    found = {p.relative_to(library.root / "paralg").as_posix() for p in library.drawn_by(code)}
    assert found - {"__init__.py", "figures/kit.js"} == drawn


def test_facts_are_kept_by_what_they_were_read_from(library, tmp_path):
    memory = tmp_path / "facts.json"
    code = "from paralg.core import Cost"
    first = Library(library.root, memory=memory)
    assert first.used_by(code) == library.used_by(code)
    first.remember()
    second = Library(library.root, memory=memory)
    assert second.used_by(code) == library.used_by(code)
    assert not second._new
    memory.write_text("broken")
    assert Library(library.root, memory=memory).used_by(code) == library.used_by(code)


def test_the_package_root_is_used_whenever_anything_is(library):
    assert library.root / "paralg/__init__.py" in library.used_by("from paralg.core import Cost")


def test_an_init_that_computes_is_followed_as_a_whole(tmp_path):
    for name, text in {
        "paralg/__init__.py": "",
        "paralg/core/__init__.py": "from .a import x\nfrom .b import y\nx(y)\n",
        "paralg/core/a.py": "x = print\n",
        "paralg/core/b.py": "y = 1\n",
        "paralg/core/c.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    used = {p.name for p in Library(tmp_path).used_by("from paralg.core import c")}
    assert used == {"__init__.py", "a.py", "b.py", "c.py"}


def test_the_key_of_the_arena_holds_the_decoders_that_it_discovers():
    root = Path(__file__).resolve().parents[2]
    used = Library(root).used_by("from paralg.decoding.arena import entrants")
    found = set((root / "paralg" / "decoding").glob("*/entrants.py"))
    assert found
    assert found <= used


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("mamba-padding", "paralg.recurrences.mamba"),
        ("personalized-pagerank-hops", "paralg.rounds.personalized_pagerank"),
        ("aaren", "paralg.recurrences.aaren"),
        ("nothing-here", None),
    ],
)
def test_the_longest_name_decides_the_page(library, name, page):
    assert library.page(name) == page


def test_every_import_of_the_real_library_is_covered():
    """What a fresh interpreter loads when it imports a module is what reading finds."""
    import subprocess
    import sys

    root = Path(__file__).resolve().parents[2]
    code = "import paralg.core.claims, paralg.core.cost, paralg.core.timing"
    script = textwrap.dedent(f"""
        import sys
        {code}
        print(*(m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "paralg"))
    """)
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=root)
    loaded = {Path(name).resolve() for name in shown.stdout.split()}
    assert loaded
    assert loaded <= Library(root).used_by(code)
