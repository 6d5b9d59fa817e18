"""Every example in a docstring of the part runs and gives what stands there."""

import doctest
import importlib
import pkgutil

import pytest

import paralg.decoding

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(paralg.decoding.__path__, "paralg.decoding.")
)
UNFINISHED = {
    f"paralg.decoding.{name}"
    for name in (
        "any_subset.decoder", "any_subset.theory", "any_subset.variants", "multiverse.engine"
    )
}  # fmt: skip
"""Modules of chapters that are being written, whose examples show what earlier code gave."""


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    if "peers" in name or name.endswith("runs"):
        pytest.importorskip("torch")
    failed = doctest.testmod(importlib.import_module(name)).failed
    if failed and name in UNFINISHED:
        pytest.xfail("the example is to be run again")
    assert failed == 0
