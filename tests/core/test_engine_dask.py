"""Dask: same bits as serial, errors named, a lost worker noticed."""

import signal
import socket
import sys
import threading

import engine_programs as programs
import numpy as np
import psutil
import pytest

from paralg.core.engine import EngineError, connect, dask
from paralg.core.engine.partitions import PartitionCall

distributed = pytest.importorskip("distributed")

pytestmark = [pytest.mark.dask, pytest.mark.slow]


@pytest.fixture(scope="module")
def engine():
    with connect("dask", 2) as engine:
        yield engine


@pytest.mark.parametrize("program", [programs.exchange, programs.walk])
def test_two_workers_equal_serial_bit_by_bit(program, engine):
    before = engine.cost
    got, expected = program(engine), program(connect("serial"))
    assert programs.same(got[:2], expected[:2])
    assert before + expected[2] == engine.cost


def test_partitions_of_any_kind_come_back(engine):
    parts = [[1, [2, 3]], {"a": None}, np.arange(3), "text"]
    assert programs.same(engine.gather(engine.scatter(parts))[:2], parts[:2])


def test_a_task_that_reads_standard_input_fails_at_once(engine):
    with pytest.raises(EngineError, match="a worker has no standard input"):
        engine.map(lambda part: input(), engine.scatter([0, 1]))


def test_failures_are_named_and_the_engine_goes_on(engine):
    parts = engine.scatter(range(6))
    with pytest.raises(EngineError, match="partition 3: fail_on_three raised KeyError") as caught:
        engine.map(programs.fail_on_three, parts)
    assert "raise KeyError" in caught.value.remote_traceback
    with pytest.raises(EngineError, match="expected a list of 6 blocks"):
        engine.shuffle(parts)
    assert engine.gather(parts) == list(range(6))


def test_a_running_cluster_is_joined_and_left_running(engine):
    address = engine._cluster.scheduler_address
    with connect("dask", 1, address=address) as guest:
        assert guest.workers == 1
        assert guest.gather(guest.map(lambda x: x + 1, guest.scatter([1, 2]))) == [2, 3]
    assert engine.gather(engine.scatter([5])) == [5]
    with pytest.raises(EngineError, match="expected 9 Dask workers, got 2"):
        connect("dask", 9, address=address)


def test_large_arguments_travel_once(engine, recwarn):
    table = np.arange(1 << 18)
    parts = engine.map(lambda i, table: int(table[i]), engine.scatter(range(3)), table=table)
    assert engine.gather(parts) == [0, 1, 2]
    job = PartitionCall(len, {"kw": ([table], "x")}, False)
    assert isinstance(engine._shared(job), distributed.Future)
    assert engine._shared(PartitionCall(len, {"few": [1]}, False)).kw == {"few": [1]}
    assert not recwarn.list


def test_an_interrupt_is_left_to_the_driver(engine):
    held = engine._client.run(lambda: signal.getsignal(signal.SIGINT))
    assert set(held.values()) == {signal.SIG_IGN}


def test_a_cluster_that_does_not_start(monkeypatch):
    def fail(*args, **given):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", fail)
    with pytest.raises(EngineError, match="expected 3 Dask workers on this machine, got: Nanny"):
        connect("dask", 3)


def test_what_workers_run():
    blocks = dask.blocks_of(["a", "b", "c"], 0, 3)
    assert dask._weigh(blocks) == (None, 2, 2)
    assert dask._weigh(dask.blocks_of("abc", 0, 3))[0].kind == "ValueError"
    assert dask._bundle(blocks, 0, 2) == {0: "a", 2: "c"}
    assert dask._collect(2, {0: "a", 2: "c"}, {2: "f"}) == ["c", "f"]
    exiting = PartitionCall(programs.ask_to_exit, {}, False)
    assert dask._failed(dask._run(exiting, 4, 1)).partition == 4


def test_a_task_that_cannot_run_is_told(engine):
    lost = engine._submit(0, int, "x")
    with pytest.raises(EngineError, match="a worker: step raised ValueError: invalid literal"):
        engine._finish([lost], "step")


def test_a_worker_that_left_is_missed_in_the_check_workers(engine, monkeypatch):
    closed = []
    monkeypatch.setattr(engine, "_names", [*engine._names, "tcp://gone:1"])
    monkeypatch.setattr(engine, "close", lambda: closed.append(True))
    with pytest.raises(EngineError, match="a worker is gone during step .tcp://gone:1."):
        engine._check_workers("step")
    with pytest.raises(EngineError, match="a worker is gone during scatter; its partitions"):
        engine._send((1,), ["tcp://gone:1"])
    assert closed == [True] * 2


def test_another_program_at_the_address_is_one_error_at_once():
    def answer():
        with other.accept()[0] as connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)

    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(EngineError, match="expected a Dask scheduler at 'tcp://127.*, got: "):
            connect("dask", address=f"tcp://127.0.0.1:{other.getsockname()[1]}")


def test_the_error_without_distributed_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EngineError, match=r"needs distributed.*pip install 'paralg\[dask\]'"):
        connect("dask")


def test_a_worker_that_dies_is_one_error(engine):
    """The last one: it ends the cluster that the others share."""
    processes = [one for one in psutil.Process().children() if "spawn_main" in str(one.cmdline())]
    assert len(processes) == 2
    parts = engine.scatter(range(2))
    with pytest.raises(EngineError, match="a worker is gone during leave; .*the engine is closed"):
        engine.map(programs.leave, parts, busy=0.1)
    with pytest.raises(EngineError, match="closed: a worker is gone during leave"):
        engine.gather(parts)
    assert psutil.wait_procs(processes, timeout=10)[1] == []
