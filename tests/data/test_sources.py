"""Every file of numbers that is shipped is in the one list, with a licence that is shipped, too."""

import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path

from paralg import data
from paralg.data.source import Source

LIBRARY = Path(data.__file__).parents[1]
LIST = (LIBRARY / "data" / "SOURCES.md").read_text(encoding="utf-8")
CODE = {".py", ".js", ".css", ".md"}
LICENCES = {"CC0", "CC BY", "CC BY-SA", "PSF", "BSD", "MIT", "public domain"}


def rows():
    """Return of each line of the tables the patterns of its files, and the licence."""
    others, ours = LIST.split("## Made here")
    for folder, text in (("data/", others), ("", ours)):
        lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
        for cells in lines:
            patterns = [f"{folder}{name}" for name in re.findall(r"`(.*?)`", cells[0])]
            yield patterns, cells[-1].strip()


def shipped():
    hidden = {"__pycache__", ".ipynb_checkpoints"}
    files = (path for path in LIBRARY.rglob("*") if path.is_file() and not hidden & set(path.parts))
    return [path.relative_to(LIBRARY).as_posix() for path in files if path.suffix not in CODE]


def test_every_shipped_file_of_numbers_is_in_the_list_and_the_list_has_no_other():
    found = defaultdict(list)
    for patterns, licence in rows():
        for pattern in patterns:
            for name in shipped():
                if fnmatch(name, pattern):
                    found[pattern].append(name)
            assert found[pattern], f"{pattern} is listed and not there"
            assert any(known in licence for known in LICENCES), licence
    listed = {name for names in found.values() for name in names}
    assert set(shipped()) - listed == set()
    assert all(len(found[pattern]) == 1 for pattern in found if "*" not in pattern)


def test_the_list_says_what_the_loaders_and_the_licences_beside_the_files_say():
    of_file = {name: licence for patterns, licence in rows() for name in patterns}
    for path in sorted((LIBRARY / "data").glob("*.npz")):
        licence = of_file[f"data/{path.name}"]
        text = path.with_name(f"{path.stem}.LICENSE.md").read_text(encoding="utf-8")
        assert "Summary of the changes" in text
        module = __import__(f"paralg.data.{path.stem}", fromlist=["SOURCE"])
        assert isinstance(module.SOURCE, Source)
        assert licence.split(" 4")[0].lower() in module.SOURCE.licence.lower(), path.name
    graphs = (LIBRARY / "data/graphs/LICENSES.md").read_text(encoding="utf-8")
    assert all(f"`{name[12:]}`" in graphs for name in of_file if name.startswith("data/graphs/"))


def test_the_wheel_names_every_licence_and_takes_its_text_along(tmp_path):
    root = LIBRARY.parent
    code = "from setuptools.build_meta import prepare_metadata_for_build_wheel as make; make({!r})"
    command = [sys.executable, "-c", code.format(str(tmp_path))]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (metadata,) = tmp_path.glob("*.dist-info/METADATA")
    head = metadata.read_text(encoding="utf-8").partition("\n\n")[0]
    named = set(re.findall(r"^License-File: (.*)$", head, flags=re.M))
    texts = {path.relative_to(root).as_posix() for path in LIBRARY.rglob("*LICENSE*.md")
             if path.parent.name != ".ipynb_checkpoints"}  # fmt: skip
    assert named == {"LICENSE", "LICENSE-TEXT", "paralg/data/SOURCES.md"} | texts
    (expression,) = re.findall(r"^License-Expression: (.*)$", head, flags=re.M)
    parts = set(expression.split(" AND "))
    assert parts == {"BSD-3-Clause", "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0", "MIT", "PSF-2.0"}
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    kinds = project["tool"]["setuptools"]["package-data"]["*"]
    assert all(any(fnmatch(name, kind) for kind in kinds) for name in shipped())
