"""`make chapter`: what it makes runs, passes its tests and keeps the form; what it refuses."""

import os
import shutil
import subprocess
import sys

import pytest

from paralg.core.static import DRAWN
from tests.teach.tools import ROOT, load

pytest.importorskip("jupytext")
new_chapter = load("new_chapter")
nb = load("nb")

PAGES = ("sample_paper", "sample_paper_experiments")
DATA = ("explorer.js", "quiz.json", "speedup.json")
TOC = """# a comment stays
parts:
  - caption: The book
    chapters:
      - file: book/parts/kernels
      - file: book/parts/rounds
        sections:
          - file: notebooks/rounds/old
      - file: book/parts/scaling
"""


@pytest.fixture
def empty(tmp_path):
    """Return a repository with a table of contents and nothing else."""
    (tmp_path / "_toc.yml").write_text(TOC)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a repository whose library is this one, by links, with a new chapter in it."""
    root = tmp_path_factory.mktemp("repository")
    (root / "paralg" / "rounds").mkdir(parents=True)
    for item in (ROOT / "paralg").iterdir():
        if item.name not in ("rounds", "__pycache__"):
            (root / "paralg" / item.name).symlink_to(item)
    for item in (ROOT / "paralg" / "rounds").iterdir():
        if item.name != "__pycache__":
            (root / "paralg" / "rounds" / item.name).symlink_to(item)
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "_toc.yml").write_text(TOC)
    paths = new_chapter.create(root, "rounds", "sample_paper")
    paths += new_chapter.create(root, "rounds", "sample_paper", experiments=True)
    return root, paths


def _run(root, *command, timeout=200, static="1"):
    env = os.environ | {"PYTHONPATH": str(root), "PARALG_STATIC": static, "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, *command], cwd=root, env=env, capture_output=True,
                          text=True, timeout=timeout)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_the_doors_and_the_rooms(made):
    _, paths = made
    package = "paralg/rounds/sample_paper/"
    rooms = {
        "": ["__init__", "method", "theory", "variants"],
        "fast/": ["__init__", "compiled"],
        "experiments/": ["__init__", "peers"],
        "teaching/": ["__init__", "answers", "checks", "explorer"],
    }
    expected = [f"{package}{room}{name}.py" for room, names in rooms.items() for name in names]
    expected += [f"{package}teaching/{name}" for name in DATA]
    expected += ["benchmarks/bench_sample_paper.py", "notebooks/rounds/sample_paper.ipynb"]
    expected += ["notebooks/rounds/sample_paper_experiments.ipynb"]
    expected += ["tests/project/arguments/sample_paper.py"]
    expected += ["tests/rounds/test_sample_paper.py", "book/api/rounds/sample_paper.md"]
    assert sorted(map(str, paths)) == sorted(expected)


def test_its_benchmark_runs_and_its_kernel_can_be_warmed(made):
    root, _ = made
    (root / "benchmarks" / "_common.py").symlink_to(ROOT / "benchmarks" / "_common.py")
    (root / "benchmarks" / "__init__.py").touch()
    assert "numpy.sum" in _run(root, "-m", "benchmarks.bench_sample_paper", "--quick")
    program = (
        "import paralg.warm\n"
        "paralg.warm.PARTS = ('rounds',)  # the other parts need seconds to be imported\n"
        "found = dict(paralg.warm.warmable())\n"
        "(warm,) = [warm for name, warm in found.items() if name.endswith('.sample_paper')]\n"
        "warm()"
    )
    _run(root, "-c", program)


def test_its_tests_and_its_examples_pass(made):
    root, _ = made
    options = ["-q", "-p", "no:cacheprovider", "--doctest-modules"]
    package = "paralg/rounds/sample_paper"
    assert "passed" in _run(root, "-m", "pytest", *options, "tests/rounds", package)


def test_bad_arguments_of_its_functions_are_tried(made):
    root, _ = made
    (root / "tests/__init__.py").touch()
    (root / "tests/project/__init__.py").touch()
    path = root / "tests/project/arguments/__init__.py"
    path.symlink_to(ROOT / "tests/project/arguments/__init__.py")
    program = (
        "from tests.project import arguments; name = 'sample_paper'; "
        "arguments.__path__ = ['tests/project/arguments']; "
        "arguments.LIBRARY = __import__('os').path.abspath('paralg'); "
        "counts, wrong = arguments.counted(name); "
        "assert wrong == arguments.uncovered(name) == [], wrong; print(counts.total())"
    )
    assert int(_run(root, "-c", program)) > 50


def test_it_keeps_the_form_and_is_lint_clean(made):
    root, paths = made
    program = """
import importlib.util, sys
from pathlib import Path
from paralg.teach import chapters, objectives
from paralg.teach.quizzes import load_quiz
def load(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
chapter = chapters.find("sample-paper")
assert chapter.folder.resolve().is_relative_to(Path.cwd().resolve())
quiz = load_quiz(chapter.folder / "teaching" / "quiz.json", chapter.slug)
page = objectives.read_page("notebooks/rounds/sample_paper.ipynb")
plan = objectives.read_plan(page, chapter.name, quiz)
pages = Path("notebooks/rounds").glob("sample_paper*.ipynb")
form, plan_form = map(load, FORMS)
lacks = [what for page in sorted(pages) for what in form.problems(page)]
lacks += plan_form.problems(plan)
items = [item["answers"] for item in quiz if item["type"] == "multiple_choice"]
longest = [max(item, key=lambda choice: len(choice["answer"]))["correct"] for item in items]
assert sum(longest) <= 0.4 * len(longest), longest
assert form.recorded("sample_paper") == "2.26× slower"
sys.exit("\\n".join(lacks) or 0)
"""
    forms = [str(ROOT / "tests" / f"{name}.py") for name in ("form", "plan_form")]
    _run(root, "-c", f"FORMS = {forms!r}\n{program}")
    for name in PAGES:
        assert nb.problems(nb.read(root / "notebooks" / "rounds" / f"{name}.ipynb")) == []
    _run(root, "-m", "ruff", "check", *[str(path) for path in paths if path.suffix == ".py"])


def test_its_checks_know_right_from_wrong(made):
    root, _ = made
    program = """
from paralg.rounds.sample_paper.teaching.answers import RIGHT, WRONG
from paralg.teach import check
for label, answer in RIGHT.items():
    assert check(label, answer), label
for label, wrongs in WRONG.items():
    for wrong, told in wrongs:
        verdict = check(label, wrong)
        assert not verdict and told in str(verdict), (label, told, str(verdict))
"""
    _run(root, "-c", program, static="")


@pytest.mark.parametrize("name", PAGES)
def test_its_pages_run_without_a_warning(made, name):
    import nbformat

    root, _ = made
    program = f"""
import nbclient, nbformat
book = nbformat.read("notebooks/rounds/{name}.ipynb", as_version=4)
nbclient.NotebookClient(book, timeout=120).execute()
nbformat.write(book, "executed.ipynb")
"""
    _run(root, "-W", "ignore", "-c", program)
    outputs = [
        o for c in nbformat.read(root / "executed.ipynb", 4).cells for o in c.get("outputs", [])
    ]
    assert outputs
    assert [o for o in outputs if o.get("name") == "stderr"] == []
    shown = [o["data"] for o in outputs if "data" in o]
    if name == "sample_paper":
        assert "paralg-listing" in "".join(data.get("text/html", "") for data in shown)
        drawn = [data[DRAWN]["kind"] for data in shown if DRAWN in data]
        assert {"explorer", "quiz", "check", "speedup"} <= set(drawn), drawn
    else:
        assert "paralg-table" in "".join(data.get("text/html", "") for data in shown)


def test_its_explorer_is_alive(made, open_page):
    root, _ = made
    program = "from paralg.rounds.sample_paper import explorer; print(explorer().html)"
    page = open_page(_run(root, "-c", program))
    page.get_by_role("slider").fill("256")
    assert "256 workers: at most 14 additions" in page.get_by_role("status").inner_text()


def test_only_prompts_are_left(made):
    root, paths = made
    for path in paths:
        text = (root / path).read_text()
        finished = path.parts[0] in ("tests", "book") or path.parent.name in ("teaching", "fast")
        assert "✎" in text or finished or path.parent.name == "experiments", path
        assert not any(word in text for word in ("PART_NAME", "PAPER_NAME", "PAPER-SLUG", "TODO"))


def test_the_table_of_contents_gains_its_lines(made):
    root, _ = made
    after = (root / "_toc.yml").read_text()
    lines = """          - file: notebooks/rounds/sample_paper
            sections:
              - file: notebooks/rounds/sample_paper_experiments
"""
    assert after.replace(lines, "") == TOC
    assert after.index("rounds/old") < after.index("sample_paper") < after.index("parts/scaling")


def test_a_page_of_experiments_is_made_on_request_with_the_chapter_or_later(empty, capsys):
    pages = [empty / f"notebooks/rounds/one{end}.ipynb" for end in ("", "_experiments")]
    arguments = ["rounds", "one", "--root", str(empty), "--experiments"]
    assert new_chapter.main(arguments[:-1]) == 0
    assert [path.exists() for path in pages] == [True, False]
    chapter = pages[0].read_text()
    assert new_chapter.main(arguments) == 0
    assert pages[1].exists()
    assert pages[0].read_text() == chapter
    toc = (empty / "_toc.yml").read_text()
    assert new_chapter.main(arguments) == 2
    assert "'one' has a page of experiments and nothing was changed" in capsys.readouterr().err
    assert (empty / "_toc.yml").read_text() == toc
    assert new_chapter.main(["scaling", "two", *arguments[2:]]) == 0
    assert "notebooks/scaling/two_experiments" in (empty / "_toc.yml").read_text()


@pytest.mark.parametrize("part", ["kernels", "scaling"])
def test_a_part_without_sections_gains_them(part):
    yaml = pytest.importorskip("yaml")
    table = yaml.safe_load(new_chapter.with_entry(TOC, part, "x"))
    chapters = {c["file"]: c for c in table["parts"][0]["chapters"]}
    assert chapters[f"book/parts/{part}"]["sections"] == [{"file": f"notebooks/{part}/x"}]
    assert len(chapters["book/parts/rounds"]["sections"]) == 1


PAPERS = """
papers:
  - {module: known, part: rounds, short: A known paper, cite: known-2020-paper}
"""


def test_what_is_known_of_the_paper_is_filled_in(empty, capsys):
    (empty / "book/_data").mkdir(parents=True)
    (empty / "book/_data/papers.yml").write_text(PAPERS)
    assert new_chapter.main(["kernels", "known", "--root", str(empty)]) == 2
    assert "papers.yml has 'known' in 'rounds'; got 'kernels'" in capsys.readouterr().err
    assert new_chapter.main(["rounds", "known", "--root", str(empty)]) == 0
    assert "papers.yml" not in capsys.readouterr().out
    assert "[known-2020-paper]" in (empty / "paralg/rounds/known/__init__.py").read_text()
    text = (empty / "notebooks/rounds/known.ipynb").read_text()
    assert "# ✎ A known paper" in text
    assert "{cite}`known-2020-paper`" in text
    assert new_chapter.main(["rounds", "unknown", "--root", str(empty)]) == 2
    error = capsys.readouterr().err
    assert "does not know 'unknown'. Add an entry" in error
    assert "    module: unknown\n" in error


def test_an_unknown_paper_is_asked_for_in_a_terminal(empty, monkeypatch, capsys):
    (empty / "book/_data").mkdir(parents=True)
    papers = empty / "book/_data/papers.yml"
    papers.write_text("patterns:\n  - {name: scan}\n" + PAPERS)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    answers = {"number": "43", "short": 'A "new" paper: one', "year": "2026", "arxiv": "",
               "cite": "new-2026-one", "patterns": "walks", "idea": "It adds."}  # fmt: skip
    monkeypatch.setattr(new_chapter, "ask", lambda part, paper: answers)
    assert new_chapter.main(["rounds", "newer", "--root", str(empty)]) == 2
    assert "patterns must be of scan; got walks" in capsys.readouterr().err
    answers["patterns"] = "scan"
    assert new_chapter.main(["rounds", "newer", "--root", str(empty)]) == 0
    assert new_chapter.entry_of(empty, "newer")["short"] == 'A "new" paper: one'
    assert new_chapter.entry_of(empty, "known")["part"] == "rounds"
    assert "[new-2026-one]" in (empty / "paralg/rounds/newer/__init__.py").read_text()


REFERENCE = """  - caption: Reference
    chapters:
      - file: book/api/index
        sections:
          - file: book/api/core
          - file: book/api/rounds
            sections:
              - glob: book/api/rounds/*
          - file: book/api/models
      - file: book/glossary
"""


@pytest.mark.parametrize(
    ("part", "order"),
    [
        ("kernels", ["index", "core", "kernels", "rounds", "models"]),
        ("learning", ["index", "core", "rounds", "learning", "models"]),
        ("rounds", ["index", "core", "rounds", "models"]),
    ],
)
def test_the_first_chapter_of_a_part_brings_its_page_of_the_reference(empty, part, order):
    (empty / "_toc.yml").write_text(TOC + "      - file: book/parts/learning\n" + REFERENCE)
    paths = new_chapter.create(empty, part, "one")
    toc = (empty / "_toc.yml").read_text()
    listed = [line.strip() for line in toc.splitlines() if "file: book/api/" in line]
    assert listed == [f"- file: book/api/{name}" for name in order]
    assert f"- glob: book/api/{part}/*\n" in toc
    own = (empty / "book" / "api" / part / "one.md").read_text()
    assert f"(api-{part}-one)=" in own
    assert f"```{{library}} paralg.{part}.one\n```" in own
    page = empty / "book" / "api" / f"{part}.md"
    assert page.exists() == (page.relative_to(empty) in paths) == (part != "rounds")
    if page.exists():
        assert f"```{{library}} paralg.{part}\n```" in page.read_text()


def test_every_part_is_in_the_books_table():
    toc = (ROOT / "_toc.yml").read_text()
    for part in new_chapter.PARTS:
        assert f"notebooks/{part}/x\n" in new_chapter.with_entry(toc, part, "x")


@pytest.mark.parametrize(
    "part,paper,message",
    [
        ("nowhere", "x", "PART must be one of kernels, recurrences"),
        ("", "x", "got ''"),
        ("rounds", "Bad-Name", "PAPER must be a module name in lower case such as"),
        ("rounds", "", "got ''"),
        ("rounds", "class", "got 'class'"),
        ("rounds", "a__b", "got 'a__b'"),
        ("learning", "x", "_toc.yml should have a line '- file: book/parts/learning', got none"),
    ],
)
def test_bad_requests_change_nothing(empty, capsys, part, paper, message):
    assert new_chapter.main([part, paper, "--root", str(empty)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("No chapter was made.")
    assert message in error
    assert [path.name for path in empty.iterdir()] == ["_toc.yml"]
    assert (empty / "_toc.yml").read_text() == TOC


def test_nothing_is_overwritten(empty, capsys):
    assert new_chapter.main(["rounds", "one", "--root", str(empty)]) == 0
    told = "✎ benchmarks/bench_one.py notebooks/rounds/one.ipynb paralg/rounds/one"
    assert told in capsys.readouterr().out
    before = {path: path.read_bytes() for path in empty.rglob("*.*") if path.is_file()}
    assert new_chapter.main(["scaling", "one", "--root", str(empty)]) == 2
    assert "'one' is taken and nothing was changed: paralg/rounds/one" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in empty.rglob("*.*") if path.is_file()}
