"""Every example in a docstring of the part runs and gives what stands there."""

import doctest
import importlib
import pkgutil

import pytest

import paralg.decoding

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(paralg.decoding.__path__, "paralg.decoding.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    if "peers" in name or name.endswith("runs"):
        pytest.importorskip("torch")
    assert doctest.testmod(importlib.import_module(name)).failed == 0
