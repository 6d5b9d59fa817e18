"""Notebooks are executed once, strictly, and again exactly when something they use changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebook_runner import CellFailed, SharedLock, execute
from notebook_store import Store, fill, read_notebook, run_all

HALVES = {
    "paralg/__init__.py": '"""Root."""\n',
    "paralg/left.py": "NAME = 'left'\n",
    "paralg/right.py": "NAME = 'right'\n",
}


@pytest.fixture
def root(tmp_path):
    """A repository with two library modules and a notebook for each."""
    for name, text in HALVES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for half in ("left", "right"):
        # the folder of the notebook comes first on the path, so this library is the one imported
        code = f"import sys; sys.path.insert(0, '..')\nfrom paralg import {half}\n{half}.NAME"
        write(tmp_path / "notebooks" / f"{half}.ipynb", code)
    return tmp_path


def write(path, *codes: str, tags=()) -> None:
    path.parent.mkdir(exist_ok=True)
    cells = [new_code_cell(code, metadata={"tags": list(tags)}) for code in codes]
    nbformat.write(new_notebook(cells=cells), path)


def outputs(notebook) -> list[str]:
    found = [o for c in notebook.cells for o in c.get("outputs", [])]
    return [o.get("text") or o["data"]["text/plain"] for o in found]


def build(root) -> list[str]:
    """Execute both notebooks and return the names of those that really ran."""
    lines: list[str] = []
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    assert run_all(Store(root), paths, say=lines.append) == []
    return sorted(name for line in lines for name in ("left", "right") if f"{name}.ipynb" in line)


def test_an_edited_module_reruns_exactly_its_notebooks(root):
    assert build(root) == ["left", "right"]
    assert build(root) == []
    (root / "paralg/left.py").write_text("NAME = 'new'\n")
    assert build(root) == ["left"]
    notebook = read_notebook(root / "notebooks/left.ipynb")
    store = Store(root)
    assert outputs(store.load(store.key(notebook)).notebook) == ["'new'"]
    (root / "paralg/__init__.py").write_text('"""Used by both."""\n')
    assert build(root) == ["left", "right"]


def test_going_back_to_an_old_version_runs_nothing(root):
    build(root)
    (root / "paralg/left.py").write_text("NAME = 'new'\n")
    build(root)
    (root / "paralg/left.py").write_text(HALVES["paralg/left.py"])
    assert build(root) == []


def test_the_key_sees_code_tags_and_scale_but_no_text(root, monkeypatch):
    store = Store(root)

    def key(code, text="", tags=()):
        cell = new_code_cell(code, metadata={"tags": list(tags)})
        return store.key(new_notebook(cells=[new_markdown_cell(text), cell]))

    assert key("1") == key("1", text="more words") == key("1", tags=["hide-input"])
    assert len({key("1"), key("2"), key("1", tags=["raises-exception"])}) == 3
    before = key("1")
    monkeypatch.setenv("PARALG_SCALE", "full")
    assert key("1") != before


def test_outputs_are_filled_into_the_current_notebook(root):
    build(root)
    store = Store(root)
    notebook = read_notebook(root / "notebooks/left.ipynb")
    notebook.cells.insert(0, new_markdown_cell("a heading written later"))
    fill(notebook, store.load(store.key(notebook)).notebook)
    assert outputs(notebook) == ["'left'"]
    assert notebook.cells[0].source == "a heading written later"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings; warnings.warn('careful')", "careful"),
        ("import sys; print('oh', file=sys.stderr)", "may not write to standard error"),
        ("import os; os._exit(3)", "Kernel died"),
    ],
)
def test_a_failure_shows_notebook_cell_and_reason(tmp_path, code, reason):
    path = tmp_path / "bad.ipynb"
    write(path, "x = 1", code)
    with pytest.raises(CellFailed) as failure:
        execute(path, read_notebook(path))
    assert str(failure.value).startswith(f"{path}, cell 1\n")
    assert code in str(failure.value)
    assert reason in str(failure.value)


def test_a_failed_notebook_is_not_kept(root):
    write(root / "notebooks/left.ipynb", "raise RuntimeError('no')")
    store = Store(root)
    failures = run_all(store, [root / "notebooks/left.ipynb"], say=lambda line: None)
    assert [failure.index for failure in failures] == [0]
    assert not list(store.folder.glob("*.ipynb"))


def test_pages_run_static_in_their_own_folder_and_on_one_thread(tmp_path):
    path = tmp_path / "folder" / "where.ipynb"
    write(
        path, "import os, pathlib\npathlib.Path.cwd().name",
        "[os.environ[n] for n in ('PARALG_STATIC', 'OMP_NUM_THREADS', 'PYTHONHASHSEED')]",
    )  # fmt: skip
    assert outputs(execute(path, read_notebook(path)).notebook) == ["'folder'", "['1', '1', '0']"]


def test_executable_pages_are_notebooks_and_others_are_not(tmp_path):
    head = "---\njupytext:\n  text_representation:\n    format_name: myst\n---\n\n"
    (tmp_path / "page.md").write_text(head + "# T\n\n```{code-cell}\n1 + 1\n```\n")
    (tmp_path / "plain.md").write_text("# T\n")
    assert [c.cell_type for c in read_notebook(tmp_path / "page.md").cells] == ["markdown", "code"]
    assert read_notebook(tmp_path / "plain.md") is None


def test_the_store_keeps_what_is_current_and_a_few_others(root):
    store = Store(root)
    store.folder.mkdir(parents=True)
    for number in range(6):
        (store.folder / f"{number}.ipynb").write_text("")
    store.prune({"0", "5"}, spare=2)
    kept = {path.stem for path in store.folder.glob("*.ipynb")}
    assert {"0", "5"} <= kept
    assert len(kept) == 4


def test_a_timed_cell_has_the_machine_to_itself():
    shared, log, lock = SharedLock(), [], threading.Lock()

    def cell(name: str, alone: bool) -> None:
        with shared.passing(alone):
            with lock:
                log.append(("in", name))
            time.sleep(0.05)
            with lock:
                log.append(("out", name))

    jobs = [threading.Thread(target=cell, args=(f"{i}", i % 3 == 0)) for i in range(9)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    for place, (what, name) in enumerate(log):
        if what == "in" and int(name) % 3 == 0:
            inside = [n for w, n in log[:place] if w == "in"]
            left = [n for w, n in log[:place] if w == "out"]
            assert sorted(inside) == sorted(left)
            assert log[place + 1] == ("out", name)


HIDDEN = """
import sys; sys.path.insert(0, '..')
from paralg import left
name = 'par' + 'alg.hid' + 'den'; __import__(name)
import subprocess
code = "import sys; sys.path.insert(0, '..'); __import__('par' + 'alg.deep')"
subprocess.run([sys.executable, "-c", code], check=True, close_fds=True)
"""


def test_a_file_that_is_opened_but_not_in_the_key_is_told_and_decides_all_the_same(root):
    """By the kernel or by a process that it starts."""
    for name in ("hidden", "deep"):
        (root / f"paralg/{name}.py").write_text(f"NAME = '{name}'\n")
    path = root / "notebooks/left.ipynb"
    write(path, HIDDEN)

    def told():
        lines = []
        assert run_all(Store(root), [path], say=lines.append) == []
        return lines[2:]

    beyond = [f"    opens paralg/{n}.py, which its key does not cover" for n in ("deep", "hidden")]
    assert told() == beyond
    assert told() == []  # from the store
    (root / "paralg/deep.py").write_text("NAME = 'other'\n")
    assert told() == beyond
    kept = Store(root).load(Store(root).key(read_notebook(path)))
    names = {one.relative_to(root).as_posix() for one in kept.opened}
    assert names == {f"paralg/{n}.py" for n in ("__init__", "left", "deep", "hidden")}


def test_what_ran_while_a_file_was_edited_is_not_kept(root):
    path, lines = root / "notebooks/left.ipynb", []
    edit = "import pathlib; pathlib.Path('../paralg/left.py').write_text('NAME = 2')"
    write(path, f"import sys; sys.path.insert(0, '..')\nfrom paralg import left\n{edit}")
    run_all(Store(root), [path], say=lines.append)
    assert lines[2:] == ["    not kept: paralg/left.py was edited while it ran"]
    assert not list(Store(root).folder.glob("*"))


@pytest.mark.parametrize("damage", [
    lambda text: "", lambda text: text[: len(text) // 2], lambda text: text.replace("left", "lost"),
    lambda text: "[]", lambda text: text.replace("paralg_execution", "x"),
])  # fmt: skip
def test_a_damaged_entry_is_named_and_made_again(root, capsys, damage):
    path = root / "notebooks/left.ipynb"
    store, notebook = Store(root), read_notebook(path)
    assert run_all(store, [path], say=lambda line: None) == []
    entry = store.path(store.key(notebook))
    entry.write_text(damage(entry.read_text()))
    assert run_all(store, [path], say=print) == []
    told, said = capsys.readouterr().err, store.load(store.key(notebook))
    assert f"{entry.name} in execution is damaged" in told
    assert outputs(said.notebook) == ["'left'"]


STOPPED = """
import sys
from pathlib import Path
from notebook_store import Store, run_all
root = Path(sys.argv[1])
run_all(Store(root), sorted((root / "notebooks").glob("*.ipynb")), workers=2)
"""


def test_an_interrupt_starts_nothing_more_and_keeps_what_is_done(root):
    mark = root / "kernel"
    wait = f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))"
    write(root / "notebooks/right.ipynb", f"{wait}\ntime.sleep(300)")
    write(root / "notebooks/to_come.ipynb", "import pathlib; pathlib.Path('begun').touch()")
    write(root / "notebooks/too.ipynb", "import time; time.sleep(300)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    build = subprocess.Popen([sys.executable, "-c", STOPPED, root], env=environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    said = [build.stdout.readline()]
    while "left.ipynb" not in said[-1] or not mark.exists():
        said.append(build.stdout.readline() if "left.ipynb" not in said[-1] else said[-1])
        time.sleep(0.05)
    build.send_signal(signal.SIGINT)
    out, error = build.communicate(timeout=30)
    assert "KeyboardInterrupt" in error
    assert "atexit" not in error
    assert "stopped; executed and kept: " in out
    store = Store(root)
    assert outputs(store.load(store.key(read_notebook(root / "notebooks/left.ipynb"))).notebook)
    assert not psutil.pid_exists(int(mark.read_text()))
    assert not list(store.folder.glob("*.part"))


def test_a_build_that_fails_reads_its_pages_again_next_time(tmp_path, monkeypatch, capsys):
    import build

    folder = tmp_path / "_build"
    for name, where in (("BUILD", folder), ("STAMP", folder / ".built"), ("SITE", folder / "html")):
        monkeypatch.setattr(build, name, where)
    (folder / ".doctrees").mkdir(parents=True)
    (folder / "execution").mkdir()
    monkeypatch.setattr(build, "execute", lambda paths, jobs, whole: True)
    monkeypatch.setattr(build, "sphinx", lambda: False)
    assert not build.build(1)
    assert not (folder / ".doctrees").exists()
    assert (folder / "execution").exists()
    monkeypatch.setattr(build, "sphinx", lambda: True)
    assert build.build(1)
    assert (folder / ".built").exists()


def test_two_builds_of_a_folder_take_turns_and_one_that_is_stopped_says_so(
    tmp_path, monkeypatch, capsys
):
    import build

    monkeypatch.setattr(build, "BUILD", tmp_path)
    order = []

    def second():
        with build.alone():
            order.append("second")

    with build.alone():
        other = threading.Thread(target=second)
        other.start()
        while "waiting for it" not in capsys.readouterr().out:
            time.sleep(0.01)
        order.append("first")
    other.join(20)
    assert order == ["first", "second"]

    def stopped(options):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(build, "_run", stopped)
    assert build.main([]) == 130
    assert "the build was stopped; the next one goes on from here" in capsys.readouterr().out
    for number, handler in handlers.items():
        signal.signal(number, handler)
