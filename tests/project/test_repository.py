"""The repository as somebody meets it: layout, imports, commands, what must never be committed."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {
    "book",
    "notebooks",
    "paralg",
    "tests",
    "benchmarks",
    "binder",
    "_config.yml",
    "_toc.yml",
    "Makefile",
    "pyproject.toml",
    "requirements.lock",
    "README.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "LICENSE",
    "LICENSE-TEXT",
    ".gitignore",
    ".github",
    ".ci",
}


def _git_files():
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return out.stdout.split("\n")[:-1]


def _make(*arguments, **variables):
    command = [
        "make",
        "--no-print-directory",
        *arguments,
        *(f"{k}={v}" for k, v in variables.items()),
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_top_level_is_the_designs():
    assert {name.split("/")[0] for name in _git_files()} == TOP_LEVEL


def test_import_is_light():
    code = (
        "import sys, paralg, paralg.core.cost, paralg.core.primitives, paralg.core.claims;"
        "heavy = {'torch', 'numba', 'matplotlib', 'scipy', 'ipywidgets'} & set(sys.modules);"
        "sys.exit(','.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"import paralg must stay light, it imported {done.stderr}"


@pytest.mark.parametrize("module", ["core", "rounds.personalized_pagerank", "decoding", "teach"])
def test_numpy_chapters_work_without_torch(module):
    code = f"import sys; sys.modules['torch'] = None; import paralg.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]


def test_notebooks_carry_no_outputs():
    notebooks = [name for name in _git_files() if name.endswith(".ipynb")]
    assert notebooks
    for name in notebooks:
        for cell in json.loads((ROOT / name).read_text())["cells"]:
            assert not cell.get("outputs"), f"{name} carries outputs: run book/_tools/nb.py"
            assert cell.get("execution_count") is None


def test_every_chapter_has_its_three_doors():
    for notebook in (ROOT / "notebooks").glob("*/*.ipynb"):
        part, paper = notebook.parent.name, notebook.stem.removesuffix("_experiments")
        package, module = ROOT / "paralg" / part / paper, ROOT / "paralg" / part / f"{paper}.py"
        assert package.is_dir() or module.is_file(), f"{notebook.name} has no library"
        assert list((ROOT / "tests" / part).glob(f"test_{paper}*.py")), (
            f"{notebook.name} has no tests"
        )


def test_every_recorded_benchmark_has_a_page():
    recorded = {path.stem for path in (ROOT / "benchmarks/results").glob("*.json")}
    assert recorded == {path.stem for path in (ROOT / "book/benchmarks").glob("*.md")}


def test_no_path_of_one_machine_and_no_registry_host():
    machine = re.compile(
        r"(?<![\w.])/(work|root|farm|home/\w+|tmp/bash)/|pypi\.org|pythonhosted|npmjs\.(org|com)"
    )
    here = Path(__file__).relative_to(ROOT).as_posix()
    for name in _git_files():
        if name == here or "/vendor/" in name or not (ROOT / name).is_file():
            continue
        try:
            text = (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue
        found = machine.search(text)
        assert found is None, f"{name} names {found.group(0)!r}"


def test_weights_are_small():
    for path in (ROOT / "paralg").rglob("*.safetensors"):
        assert path.stat().st_size <= 1.5e6, f"{path.name} has {path.stat().st_size} bytes"


def test_readme_commands_exist():
    readme = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^make ([a-z-]+)", readme, flags=re.M))
    assert {"book", "test"} <= targets
    makefile = (ROOT / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.M), f"README names make {target}"
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_readme_names_every_notebook_and_every_link_leads_somewhere():
    readme = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", readme) + re.findall(r'src="([^"]+)"', readme)
    missing = [link for link in links if not (ROOT / link).exists()]
    assert missing == []
    notebooks = {name for name in _git_files() if name.startswith("notebooks/open/")}
    unnamed = sorted(notebooks - set(links))
    assert unnamed == [], "README.md, 'Finished chapters', should link to every open notebook"


def test_pictures_of_the_readme_are_small_and_described():
    readme = (ROOT / "README.md").read_text()
    pictures = re.findall(r"!\[([^]]*)\]\((?!https)([^)]+)\)", readme)
    assert 1 <= len(pictures) <= 2
    for words, path in pictures:
        assert 30 <= len(words) <= 250, path
        assert (ROOT / path).stat().st_size <= 250_000, path


def test_make_says_what_is_missing(tmp_path):
    done = _make("env", PYTHON="no-such-python", VENV=tmp_path / "venv")
    assert done.returncode != 0
    assert "no-such-python" in done.stdout
    assert "Python 3.11 or newer" in done.stdout


def test_make_chapter_says_what_it_expects():
    if not list((ROOT / ".venv").glob(".ready-*")):
        pytest.skip("make env has not run in this checkout")
    done = _make("chapter", PART="nowhere", PAPER="x")
    assert done.returncode != 0
    assert "nowhere" in done.stdout + done.stderr


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [
        r for e in project["optional-dependencies"].values() for r in e
    ]
    normal = {
        re.sub(r"[-_.]+", "-", re.split(r"[<>=\[; ]", r, maxsplit=1)[0]).lower() for r in wanted
    }
    lock = (ROOT / "requirements.lock").read_text()
    locked = {
        re.sub(r"[-_.]+", "-", n).lower() for n in re.findall(r"^([\w.-]+)==", lock, flags=re.M)
    }
    assert normal - locked == {"torch"}  # its builds differ by machine
    assert not [n for n in locked if re.match("(nvidia|cuda)-|triton", n)]  # torch brings its own
    blocks = re.split(r"\n(?=\w)", lock)
    assert all("--hash=sha256:" in b for b in blocks if "==" in b.split("\n")[0])


@pytest.mark.parametrize("name", ["tests.yml", "site.yml", "weekly.yml"])
def test_workflows_parse_and_call_the_makefile(name):
    flow = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    steps = [step for job in flow["jobs"].values() for step in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]
    assert any(c.startswith(("make ", "bash .ci/run")) for c in commands)


def test_ci_script_parses():
    assert subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, check=False).returncode == 0
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
