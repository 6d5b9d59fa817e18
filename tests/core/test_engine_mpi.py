"""MPI: alone in this process, and on several ranks started by the wheel's mpiexec."""

import io
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import engine_programs as programs
import pytest

from paralg.core.cost import Cost
from paralg.core.engine import EngineError, connect

pytest.importorskip("mpi4py")

MPIEXEC = Path(sysconfig.get_path("scripts")) / "mpiexec"

pytestmark = pytest.mark.mpi


def launch(ranks: int, program: str) -> subprocess.CompletedProcess:
    """Run a program on several ranks; a hang fails the test."""
    if not MPIEXEC.exists():
        pytest.skip("needs the mpiexec of the wheel mpich")
    head = """
import engine_programs as programs
from paralg.core.engine import EngineError, connect
"""
    path = os.pathsep.join([str(Path(programs.__file__).parent), *filter(None, sys.path)])
    return subprocess.run(
        [MPIEXEC, "-n", str(ranks), sys.executable, "-c", head + program],
        capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip


@pytest.mark.parametrize("program", [programs.exchange, programs.walk])
def test_one_rank_equals_serial(program):
    hook = sys.excepthook
    with connect("mpi") as engine:
        assert (engine.workers, engine.rank, engine.is_root) == (1, 0, True)
        assert programs.same(program(engine), program(connect("serial")))
    assert sys.excepthook == hook


def test_failures_on_one_rank():
    with connect("mpi", 1) as engine:
        parts = engine.scatter(range(6))
        with pytest.raises(EngineError, match="partition 3: fail_on_three raised KeyError"):
            engine.map(programs.fail_on_three, parts)
        with pytest.raises(EngineError, match="partition 4: .* raised ZeroDivisionError"):
            engine.reduce(lambda a, b: 1 / (5 - b), parts)
        with pytest.raises(EngineError, match="expected a list of 6 blocks"):
            engine.shuffle(parts)
        assert engine.gather(parts) == list(range(6))


def test_a_task_that_reads_standard_input_fails_and_the_program_may_read_it(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("line\n"))
    with connect("mpi", 1) as engine:
        with pytest.raises(EngineError, match="a worker has no standard input"):
            engine.map(lambda part: input(), engine.scatter([0]))
        with pytest.raises(EngineError, match="a worker has no standard input"):
            engine.reduce(lambda a, b: input(), engine.scatter([0, 1]))
    assert sys.stdin.readline() == "line\n"


def test_the_number_of_ranks_is_that_of_mpiexec():
    with pytest.raises(ValueError, match="must be the 1 ranks of mpiexec -n, got 2"):
        connect("mpi", 2)


def test_the_error_without_mpi4py_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(EngineError, match=r"needs mpi4py.*pip install 'paralg\[mpi\]'"):
        connect("mpi")


def test_after_an_error_the_engine_is_closed_without_waiting_for_other_ranks():
    hook, engine = sys.excepthook, connect("mpi")
    try:
        with pytest.raises(ZeroDivisionError), engine:
            1 // 0  # noqa: B018
        assert engine.closed
        assert sys.excepthook == engine._end_together
    finally:
        sys.excepthook = hook


def test_the_error_that_ends_a_program_is_printed_once(capsys, monkeypatch):
    with connect("mpi") as engine:
        error = EngineError("partition 1: f raised E: text")
        engine._end_together(EngineError, error, None)
        assert "partition 1: f raised E: text" in capsys.readouterr().err
        monkeypatch.setattr(engine, "rank", 1)
        engine._end_together(EngineError, error, None)
        assert capsys.readouterr().err == ""


def test_an_error_that_may_be_of_one_rank_alone_aborts(capsys, monkeypatch):
    codes = []
    hook, engine = sys.excepthook, connect("mpi")
    monkeypatch.setattr(sys, "excepthook", hook)
    monkeypatch.setattr(engine, "_comm", SimpleNamespace(Abort=codes.append))
    engine._end_together(RuntimeError, RuntimeError("driver"), None)
    with pytest.raises(SystemExit), engine:
        sys.exit("bad edges")
    assert codes == [1, 1]
    assert capsys.readouterr().err.split("\n")[:2] == [
        "rank 0 of 1: RuntimeError: driver", "rank 0 of 1: exit bad edges",
    ]  # fmt: skip


@pytest.mark.parametrize("ranks", [pytest.param(2, marks=pytest.mark.weekly), 3])
def test_several_ranks_equal_serial_bit_by_bit(ranks):
    result = launch(ranks, """
for program in (programs.exchange, programs.walk):
    with connect("mpi") as engine:
        assert programs.same(program(engine), program(connect("serial")))
        if engine.is_root:
            print(engine)
""")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout == 2 * f"<engine mpi, {ranks} workers>\n"


def test_all_ranks_get_the_same_error_and_costs_and_go_on():
    result = launch(3, """
with connect("mpi") as engine:
    parts, texts = engine.scatter(range(6)), []
    for call in (
        lambda: engine.map(programs.fail_on_three, parts),
        lambda: engine.reduce(lambda a, b: 1 / (5 - b), parts),
        lambda: engine.shuffle(parts),
    ):
        try:
            call()
        except EngineError as error:
            texts.append(error.message)
    engine.shuffle(engine.scatter([[None, "ab"], ["c", None]]))
    texts.append(str(engine.cost))
    everywhere = engine.gather(engine.map(lambda part: texts, parts))
    assert len(texts) == 4 and everywhere == [texts] * 6
    if engine.is_root:
        print(*texts, sep="\\n")
""")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "partition 3: fail_on_three raised KeyError: 'no 3'",
        "partition 4: <lambda> raised ZeroDivisionError: division by zero",
        "partition 0: shuffle raised ValueError: "
        "expected a list of 6 blocks, one for each partition, got int",
        str(Cost(rounds=1, messages=2, bytes=3)),
    ]


def test_a_failing_function_ends_all_ranks_with_one_message():
    result = launch(3, """
with connect("mpi") as engine:
    engine.map(programs.fail_on_three, engine.scatter(range(6)))
    engine.barrier()
""")  # fmt: skip
    assert result.returncode != 0
    assert result.stderr.count("EngineError: partition 3: fail_on_three raised KeyError") == 1


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ('raise RuntimeError("only here")', "rank 1 of 2: Traceback"),
        ('sys.exit("bad edges")', "rank 1 of 2: exit bad edges"),
        ("os._exit(7)", ""),
    ],
)
def test_the_end_of_one_rank_alone_ends_the_ranks_that_wait_for_it(end, told):
    result = launch(2, f"""
import os, sys
with connect("mpi") as engine:
    if engine.rank == 1:
        {end}
    engine.barrier()
""")  # fmt: skip
    assert result.returncode != 0
    assert told in result.stderr
    assert result.stderr.count("RuntimeError: only here") == ("only" in end)
