"""One answer on every engine: this process, several processes, MPI ranks, a Dask cluster."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from pagerank_cases import digest, walk_program

from paralg.core.engine import connect
from paralg.rounds.personalized_pagerank import aggregated_walks, move_table, random_walks
from paralg.rounds.personalized_pagerank.experiments.graphs import les_miserables

HERE = Path(__file__).parent
MPIEXEC = Path(sysconfig.get_path("scripts")) / "mpiexec"


@pytest.fixture(scope="module")
def reference():
    return walk_program(connect("serial"))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_processes(reference, workers):
    with connect("processes", workers) as engine:
        assert walk_program(engine) == reference


@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_the_number_of_partitions_does_not_show(partitions):
    table = move_table(les_miserables(), largest=16, hops=2)
    whole = random_walks(table, 60, seed=11, top=5)
    apart = random_walks(table, 60, seed=11, top=5, partitions=partitions)
    assert digest(apart.counts) == digest(whole.counts)


def test_aggregated_walks_on_processes():
    table = move_table(les_miserables(), largest=16)
    whole = aggregated_walks(table, 300, seed=4, partitions=2)
    with connect("processes", 2) as engine:
        apart = aggregated_walks(table, 300, seed=4, engine=engine)
    assert digest(apart.counts) == digest(whole.counts)
    assert apart.cost == whole.cost


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_mpi(reference, ranks):
    pytest.importorskip("mpi4py")
    if not MPIEXEC.exists():
        pytest.skip("needs the mpiexec of the wheel mpich")
    code = (
        "from pagerank_cases import walk_program\nfrom paralg.core.engine import connect\n"
        "with connect('mpi') as engine:\n"
        "    found = walk_program(engine)\n"
        "    if engine.is_root: print(engine.workers, found)"
    )
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    done = subprocess.run(
        [MPIEXEC, "-n", str(ranks), sys.executable, "-c", code],
        capture_output=True, text=True, timeout=200, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert done.stdout.split() == [str(ranks), reference], done.stderr


@pytest.mark.dask
@pytest.mark.slow
def test_dask():
    pytest.importorskip("distributed")
    table = move_table(les_miserables(), 0.5, largest=64, hops=4)
    whole = random_walks(table, 10, seed=2)
    with connect("dask", 2) as engine:
        apart = random_walks(table, 10, seed=2, engine=engine)
    assert digest(apart.counts) == digest(whole.counts)
