"""The Binder recipe, as far as it can be checked without building an image."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RECIPE = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text())


def _names(requirements):
    return {re.split(r"[<>=\[; ]", r, maxsplit=1)[0].lower() for r in requirements}


def _recipe_names():
    flat = [d for d in RECIPE["dependencies"] if isinstance(d, str)]
    pip = next(d["pip"] for d in RECIPE["dependencies"] if isinstance(d, dict))
    renamed = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}
    return {renamed.get(name, name) for name in _names(flat + pip)}


def test_repo2docker_accepts_the_recipe(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "repo2docker",
            "--no-build",
            "--debug",
            "--user-id=1000",
            "--user-name=reader",
            str(ROOT),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "conda environment for python=3.11" in done.stderr
    assert "binder/postBuild" in done.stdout + done.stderr


def test_recipe_names_every_dependency_of_a_notebook():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = _names(
        project["dependencies"] + extras["torch"] + extras["notebook"] + extras["processes"]
    )
    assert needed <= _recipe_names()


def test_recipe_stays_small():
    heavy = {"torch-cuda", "pytorch", "sphinx", "jupyter-book", "dask", "distributed", "mambapy"}
    assert not heavy & _recipe_names()


@pytest.mark.parametrize("name", ["postBuild"])
def test_scripts_are_executable_and_parse(name):
    path = ROOT / "binder" / name
    assert path.stat().st_mode & 0o111, f"{name} must be executable"
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
