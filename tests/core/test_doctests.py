"""Every example in a docstring of the core runs, and the core imports nothing heavy."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import paralg.core

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(paralg.core.__path__, "paralg.core.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_public_names_exist_and_are_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", []):
        value = getattr(module, public)
        assert not callable(value) or value.__doc__


def test_the_core_needs_numpy_only():
    code = f"import sys\nfor name in {MODULES}: __import__(name)\nprint(*sys.modules)"
    out = subprocess.check_output([sys.executable, "-c", code], text=True)
    loaded = {name.partition(".")[0] for name in out.split()}
    heavy = {"torch", "numba", "scipy", "matplotlib", "mpi4py", "distributed", "dask", "tqdm"}
    assert loaded & heavy == set()
