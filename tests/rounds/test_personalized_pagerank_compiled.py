"""The compiled loops say what their Python bodies say, bit by bit; typing traps would show here."""

import importlib
import os
import pkgutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from pagerank_cases import HAND, digest

import paralg.rounds.personalized_pagerank as package
from paralg.rounds.personalized_pagerank import (
    Digraph,
    Pipelined,
    aggregated_walks,
    blocked_power_iteration,
    move_table,
    random_walks,
)
from paralg.rounds.personalized_pagerank.experiments.graphs import barabasi_albert
from paralg.rounds.personalized_pagerank.fast.multinomial import binomial

WITH_RETURNS = Digraph.from_arcs([0, 0, 1, 3, 3], [1, 2, 3, 0, 3], [1, 2, 3, 4, 5])


def modules():
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(info.name)


@pytest.fixture
def in_python(monkeypatch):
    """Return a function that takes the compiled functions away until the test ends."""

    def replace():
        replaced = 0
        for module in modules():
            for name, value in vars(module).items():
                if hasattr(value, "py_func"):
                    monkeypatch.setattr(module, name, value.py_func)
                    replaced += 1
        return replaced

    return replace


def results():
    """Return digests of everything that has a compiled loop in it."""
    found = []
    for graph in (WITH_RETURNS, HAND["a star"], barabasi_albert(14, 2)):
        for dangling in ("stop", "source"):
            table = move_table(graph, 0.4, largest=4, hops=2, dangling=dangling)
            found += [table.threshold.tobytes(), table.own.tobytes(), table.other.tobytes()]
            for omega, top in ((3, None), (3, 2), (20, None), (20, 2)):
                for schedule, partitions in ((None, 1), (Pipelined(2), 3)):
                    run = random_walks(
                        table, omega, schedule=schedule, partitions=partitions, top=top,
                        sources=range(1, graph.n), descend=partitions == 1,
                    )  # fmt: skip
                    found.append(digest(run.counts))
            found.append(digest(aggregated_walks(table, 90, partitions=2).counts))
    draws = [binomial(np.uint64(5), np.uint64(0), 150, chance)[0] for chance in (0.0, 0.3, 1.0)]
    return [*found, draws]


def test_compiled_loops_equal_their_python_bodies(in_python):
    compiled = results()
    exact = blocked_power_iteration(barabasi_albert(20, 2), error=1e-3, block=7).scores
    assert in_python() > 20
    with np.errstate(over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 64-bit products wrap, as they should
        assert results() == compiled
    plain = blocked_power_iteration(barabasi_albert(20, 2), error=1e-3, block=7).scores
    assert plain.values == pytest.approx(exact.values, abs=1e-14)  # fused multiply-add differs
    assert np.array_equal(plain.nodes, exact.nodes)


def test_warming_compiles_everything_once():
    """In a process of its own: other tests may call a kernel with other types."""
    code = """
import test_personalized_pagerank_compiled as here
here.package.warm()
found = [value for module in here.modules() for value in vars(module).values()]
kernels = {value for value in found if hasattr(value, "signatures")}
print([one.py_func.__name__ for one in kernels if len(one.signatures) > 1], len(kernels) > 20)
"""
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    out = subprocess.check_output(
        [sys.executable, "-c", code], text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert out.split() == ["[]", "True"]
