"""Engines on this machine: same bits, same counts, one error, no orphans."""

import functools
import gc
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import engine_programs as programs
import numpy as np
import psutil
import pytest

from paralg.core.cost import Cost
from paralg.core.engine import EngineError, connect, payload
from paralg.core.engine.base import Engine
from paralg.core.engine.partitions import PartitionCall, raise_first
from paralg.core.engine.processes import ProcessesEngine
from paralg.core.engine.tasks import Failure, blocks_of, name_of, wants_index
from paralg.core.engine.wire import Packed, receive, send
from paralg.core.engine.worker import Worker, answer_requests

LOCAL = ["serial", "processes"]


def children() -> set[int]:
    """Return this process's children that are alive or not yet waited for."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def gone(pids, seconds: float = 10) -> bool:
    """Wait until none of the processes exists."""
    end = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.02)
    return not any(psutil.pid_exists(pid) for pid in pids)


@pytest.fixture(scope="module")
def references():
    return {program: program(connect("serial")) for program in (programs.exchange, programs.walk)}


@pytest.fixture(scope="module")
def shared():
    """Two processes that tests which break nothing share."""
    with connect("processes", 2) as engine:
        yield engine


@pytest.fixture(params=LOCAL)
def engine(request, shared):
    return connect("serial") if request.param == "serial" else shared


WEEKLY = pytest.mark.weekly


@pytest.mark.parametrize(
    "workers", [1, pytest.param(2, marks=WEEKLY), 3, pytest.param(7, marks=WEEKLY)]
)
def test_bits_and_counts_do_not_depend_on_the_workers(workers, references):
    for program, expected in references.items():
        with connect("processes", workers) as engine:
            assert programs.same(program(engine), expected)


def test_the_serial_exchange_is_what_the_definition_says(references):
    received, joined, cost = references[programs.exchange]
    for j, part in enumerate(received):
        expected = [k + 1000 * i for i in range(5) for k in range(10 * i, 11 * i) if k % 5 == j]
        assert part.tolist() == expected
    assert joined.tolist() == np.concatenate(received).tolist()
    messages = sum(i != k % 5 for i in range(5) for k in range(10 * i, 11 * i))
    reduced = sum(8 * n for n in (len(received[1]), len(received[3]), len(received[4])))
    reduced += 8 * (len(received[2]) + len(received[3]))
    assert cost == Cost(rounds=3, messages=messages + 4, bytes=8 * messages + reduced)


def test_one_partition_needs_no_message():
    with connect("serial") as engine:
        parts = engine.shuffle(engine.scatter([[np.ones(3)]]))
        assert engine.reduce(lambda a, b: a + b, engine.map(lambda b: b[0].sum(), parts)) == 3
        assert engine.cost == Cost(rounds=2)


def test_functions_of_any_kind(engine):
    offset = 10
    parts = engine.scatter([1, 2, 3])
    assert engine.gather(engine.map(lambda x: x + offset, parts)) == [11, 12, 13]
    assert engine.gather(engine.map(lambda x, index: (x, index), parts)) == [(1, 0), (2, 1), (3, 2)]
    assert engine.gather(engine.map(lambda x, by, to=0: x * by + to, parts, by=3)) == [3, 6, 9]
    assert engine.gather(engine.map(lambda x, y: x - y, parts, parts)) == [0, 0, 0]
    assert engine.gather(engine.map(str, parts)) == ["1", "2", "3"]


def test_handles_stay_valid_and_tell_their_length(engine):
    first = engine.scatter([[1], [2]])
    engine.map(lambda x: x * 2, first)
    assert engine.gather(first) == [[1], [2]]
    assert len(first) == 2
    assert repr(first) == "<2 partitions>"


def test_the_first_failure_is_the_error_and_the_engine_goes_on(engine):
    parts = engine.scatter(range(6))
    with pytest.raises(EngineError) as caught:
        engine.map(programs.fail_on_three, parts)
    error = caught.value
    assert str(error).startswith("partition 3: fail_on_three raised KeyError: 'no 3'")
    assert (error.partition, error.function) == (3, "fail_on_three")
    assert 'raise KeyError(f"no {index}")' in error.remote_traceback
    assert error.remote_traceback in str(error) + "\n"
    assert engine.gather(parts) == list(range(6))


def test_sys_exit_in_a_function_is_a_failure_too(engine):
    with pytest.raises(EngineError, match="partition 0: ask_to_exit raised SystemExit: enough"):
        engine.map(programs.ask_to_exit, engine.scatter([1]))


def test_an_interrupt_in_a_serial_function_goes_through():
    def interrupt(part):
        raise KeyboardInterrupt

    with connect("serial") as engine, pytest.raises(KeyboardInterrupt):
        engine.map(interrupt, engine.scatter([1]))


def test_a_failing_reduction_names_the_partition(engine):
    with pytest.raises(EngineError, match="partition 2: .* raised ZeroDivisionError"):
        engine.reduce(lambda a, b: a // b, engine.scatter([8, 2, 1, 0]))


@pytest.mark.parametrize(
    ("part", "got"), [([1, 2], "2 of them"), (7, "int"), (np.ones(3), "ndarray")]
)
def test_a_shuffle_wants_a_block_for_each_partition(engine, part, got):
    text = f"partition 1: shuffle raised ValueError: expected a list of 3 blocks.*got {got}"
    with pytest.raises(EngineError, match=text):
        engine.shuffle(engine.scatter([[1, 2, 3], part, [4, 5, 6]]))


def test_a_block_that_cannot_be_sent_is_an_error_of_its_partition(engine):
    parts = engine.map(lambda part, index: [0, (k for k in part)][:: 1 - 2 * index],
                       engine.scatter([[1], [2]]))  # fmt: skip
    with pytest.raises(EngineError, match="partition 0: shuffle raised TypeError: .*generator"):
        engine.shuffle(parts)


def test_handles_are_checked(engine):
    two, three = engine.scatter([1, 2]), engine.scatter([1, 2, 3])
    foreign = connect("serial").scatter([1])
    for call, text in (
        (lambda: engine.scatter([]), "expected at least one partition, got none"),
        (lambda: engine.map(str), "expected at least one handle, got none"),
        (lambda: engine.map(max, two, three), r"equally many partitions, got \[2, 3\]"),
        (lambda: engine.gather([1]), r"expected a handle made by scatter or map, got \[1\]"),
        (lambda: engine.gather(foreign), "a handle of this engine, got one of another engine"),
    ):
        with pytest.raises(ValueError, match=text):
            call()


def test_a_closed_engine_says_so(engine):
    other = connect(engine.name, None if engine.name == "serial" else 1)
    parts = other.scatter([1])
    assert "workers" in repr(other)
    other.close()
    other.close()
    assert repr(other) == f"<engine {engine.name}, closed>"
    for call in (lambda: other.gather(parts), lambda: other.scatter([1]), other.barrier):
        with pytest.raises(EngineError, match=f"engine {engine.name} is closed: it was closed"):
            call()


def test_engines_are_chosen_by_name():
    with pytest.raises(ValueError, match=r"engine must be one of \['serial', .*got 'cloud'"):
        connect("cloud")
    with pytest.raises(ValueError, match="the serial engine has 1 worker, got workers=2"):
        connect("serial", 2)
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        connect("processes", 0)
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        connect("processes", 1, threads=0)
    with pytest.raises(ValueError, match="workers must be at least 1, got 1.5"):
        connect("processes", 1.5)
    with connect("processes", np.int64(1)) as engine:
        assert engine.gather(engine.scatter([5])) == [5]


@pytest.mark.parametrize(
    ("name", "arguments"), [("_scatter", 1), ("_map", 3), ("_shuffle", 2), ("_gather", 2)]
)
def test_the_interface_alone_does_nothing(name, arguments):
    with pytest.raises(NotImplementedError):
        getattr(Engine(), name)(*[None] * arguments)


# Processes: what can go wrong with them.


def test_workers_leave_when_the_engine_closes():
    before = children()
    with connect("processes", 3) as engine:
        pids = engine.pids
        assert set(pids) <= children()
    assert gone(pids)
    assert children() == before


def test_workers_leave_when_the_engine_is_forgotten():
    engine = connect("processes", 2)
    pids = engine.pids
    del engine
    gc.collect()
    assert gone(pids)


def test_the_death_of_a_worker_is_one_error_and_ends_the_others_at_once():
    engine = connect("processes", 2)
    pids, begin = engine.pids, time.monotonic()
    with pytest.raises(EngineError) as caught:
        engine.map(programs.leave, engine.scatter(range(4)), busy=100)
    assert time.monotonic() - begin < 60  # the other worker would sleep for 100 s a partition
    assert str(caught.value) == (
        "worker 1 of 2 died during leave (exit code 7); its partitions (i % 2 == 1) are lost; "
        "all workers are stopped"
    )
    assert gone(pids)
    with pytest.raises(EngineError, match="closed: worker 1 died during leave"):
        engine.scatter([1])


def test_a_killed_worker_is_named_with_its_signal():
    engine = connect("processes", 2)
    parts = engine.scatter([1, 2])
    os.kill(engine.pids[0], signal.SIGKILL)
    text = "worker 0 of 2 died during gather .signal SIGKILL, perhaps for want of memory"
    with pytest.raises(EngineError, match=text):
        engine.gather(parts)


def test_an_error_in_the_driver_leaves_no_worker():
    engine = connect("processes", 2)
    pids = engine.pids
    with pytest.raises(ZeroDivisionError), engine:
        1 // 0  # noqa: B018
    assert gone(pids)


@pytest.fixture
def interruptible():
    """Ctrl-C raises here even where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_stops_busy_workers(interruptible):
    engine = connect("processes", 2)
    pids, parts = engine.pids, engine.scatter([0, 1])
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        engine.map(lambda part: time.sleep(60), parts)
    assert time.monotonic() - begin < 50
    assert gone(pids)
    with pytest.raises(EngineError, match="closed: <lambda> was ended by KeyboardInterrupt"):
        engine.gather(parts)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_of_the_driver_can_neither_use_nor_stop_the_workers(shared):
    parts = shared.scatter([1, 2])
    child = os.fork()
    if child == 0:
        try:
            shared.gather(parts)
        except EngineError as error:
            os._exit(40 + str(error).startswith("the engine belongs to the process that made it"))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 41
    assert shared.gather(parts) == [1, 2]


SCRIPT = """
import sys, time
from paralg.core.engine import connect

engine = connect("processes", 2)
scale = 3

def triple(part):
    return part * scale

parts = engine.map(triple, engine.scatter([1, 2, 3]))
print(*engine.gather(parts), *engine.pids, flush=True)
{end}
"""


def script(end: str) -> subprocess.Popen:
    """Start a program without a main guard whose functions live in ``__main__``."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(end=end)], stdout=subprocess.PIPE, text=True
    )


def test_functions_of_a_script_run_and_its_end_takes_the_workers_along():
    process = script("")
    out, _ = process.communicate(timeout=60)
    first, second, third, *pids = map(int, out.split())
    assert (first, second, third) == (3, 6, 9)
    assert process.returncode == 0
    assert gone(pids)


def test_workers_leave_when_the_driver_is_killed_even_while_they_are_busy():
    process = script("engine.map(lambda part: time.sleep(60), parts)")
    pids = list(map(int, process.stdout.readline().split()))[3:]
    time.sleep(0.3)
    process.kill()
    process.communicate()
    assert gone(pids)


def test_what_a_function_prints_is_not_lost():
    process = script("engine.map(lambda part: print(f'hello {part}\\n', end=''), parts)")
    out, _ = process.communicate(timeout=60)
    assert sorted(out.splitlines()[1:]) == ["hello 3", "hello 6", "hello 9"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_stop_the_workers_of_its_parent(shared):
    pid = os.fork()
    if pid == 0:
        shared._finalizer()
        os._exit(0)
    os.waitpid(pid, 0)
    assert shared.gather(shared.scatter([1, 2])) == [1, 2]


def test_dropped_handles_free_the_partitions(shared):
    probe = shared.map(lambda part: (), shared.scatter([0, 0]))
    for _ in range(3):
        shared.scatter([np.zeros(10), np.zeros(10)])
    assert len(shared._dead) > 0
    shared.gather(probe)
    assert shared._dead == []


def test_what_cannot_be_sent_is_an_error_and_the_workers_live_on(shared):
    lock = threading.Lock()
    with pytest.raises(EngineError, match="cannot be sent to another process.*paralg.processes"):
        shared.map(lambda part: lock, shared.scatter([1]))
    with pytest.raises(EngineError, match="the data cannot be sent to another process"):
        shared._ask("scatter", [(0, lock)] * 2)
    locks = shared.map(lambda part: threading.Lock(), shared.scatter([1]))
    with pytest.raises(EngineError, match="a worker: gather raised TypeError: cannot pickle"):
        shared.gather(locks)
    assert shared.gather(shared.scatter([1])) == [1]


def test_an_answer_that_cannot_be_read_is_an_error(shared):
    class Odd:
        def __reduce__(self):
            return int, ("x",)

    odd = shared.map(lambda part: Odd(), shared.scatter([1]))
    with pytest.raises(EngineError, match="answer of a worker cannot be read here: invalid lit"):
        shared.gather(odd)
    assert shared.gather(shared.scatter([1])) == [1]


def test_threads_of_workers_are_limited():
    with connect("processes", 1, threads=3) as engine:
        read = engine.map(lambda part: os.environ["OMP_NUM_THREADS"], engine.scatter([0]))
        assert engine.gather(read) == ["3"]


def test_large_arrays_arrive_whole_and_can_be_changed(shared):
    big = np.arange(300_000, dtype=float).reshape(3, -1)
    parts = shared.scatter([[big, big.T], [big[:, ::2], np.ones(0)]])
    received = shared.gather(shared.shuffle(parts))
    np.testing.assert_array_equal(received[0][0], big)
    np.testing.assert_array_equal(received[0][1], big[:, ::2])
    np.testing.assert_array_equal(received[1][0], big.T)
    received[0][0][:] = 0


def test_the_default_is_one_worker_for_each_processor(monkeypatch):
    from paralg.core.engine import processes

    assert processes._processors() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert processes._processors() == os.cpu_count()


def test_a_system_without_posix_is_told_what_to_use(monkeypatch):
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(EngineError, match="needs Linux, macOS or WSL, got .*; use 'serial'"):
        ProcessesEngine(1)


def test_without_cloudpickle_functions_that_can_be_imported_still_run():
    program = textwrap.dedent("""
        import operator, sys
        sys.modules["cloudpickle"] = None
        from paralg.core.engine import EngineError, connect
        with connect("processes", 1) as engine:
            parts = engine.scatter([-3])
            print(engine.gather(engine.map(operator.neg, parts)))
            try:
                engine.map(lambda part: part, parts)
            except EngineError as error:
                print(error)
    """)
    out = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert out.startswith("[3]\n<lambda> cannot be sent to another process")


# The pieces, in this process.


def test_a_worker_keeps_its_own_partitions_and_splits_and_joins():
    workers = [Worker(rank, 2) for rank in (0, 1)]
    parts = [[10 * i + j for j in range(3)] for i in range(3)]
    for worker in workers:
        worker.scatter(0, dict(list(enumerate(parts))[worker.rank :: 2]))
    split = [worker.split(0, 3) for worker in workers]
    assert [failure for failure, *_ in split] == [None, None]
    assert sum(messages for _, messages, *_ in split) == 6
    for worker in workers:
        worker.join(1, 3, [bundles[worker.rank] for *_, bundles in split])
    received = workers[0].gather(1) | workers[1].gather(1)
    assert received == {j: [j, 10 + j, 20 + j] for j in range(3)}
    assert workers[0].map(2, len, {}, False, [1]) is None
    assert workers[0].gather(2) == {0: 3, 2: 3}
    workers[0].forget([0, 1, 2, 99])
    assert workers[0].store == {}


def test_a_worker_reports_failures():
    worker = Worker(0, 1)
    worker.scatter(0, {0: [1, 2], 1: 5})
    assert worker.split(0, 2)[0].text.endswith("got int")
    assert worker.map(1, programs.ask_to_exit, {}, False, [0]).kind == "SystemExit"


def test_a_worker_answers_every_request_and_leaves_when_the_connection_closes():
    ours, theirs = socket.socketpair()
    worker = threading.Thread(target=answer_requests, args=(Worker(0, 1), theirs))
    worker.start()
    with ours:
        answers = []
        requests = [
            ("scatter", [], (0, {0: 4})), ("map", [], (1, str, {}, False, [0])),
            ("gather", [0], (1,)), ("gather", [], (0,)), ("nonsense", [], ()),
        ]  # fmt: skip
        for request in requests:
            send(ours, Packed.of(request))
            answers.append(receive(ours).open())
    worker.join(10)
    assert not worker.is_alive()
    assert answers[:3] == [None, None, {0: "4"}]
    assert answers[3].error().message == "a worker: gather raised KeyError: 0"
    assert answers[4].kind == "AttributeError"


def test_frames_survive_the_wire_and_the_flat_form():
    value = {"big": np.arange(50_000.0), "odd": np.arange(9)[::2], "none": np.ones(0), "s": "x"}
    left, right = socket.socketpair()
    with left, right:
        sender = threading.Thread(target=send, args=(left, Packed.of({"in": Packed.of(value)})))
        sender.start()
        travelled = receive(right).open()["in"]
        sender.join()
        left.close()
        with pytest.raises(EOFError, match="connection was closed"):
            receive(right)
    flat = Packed.from_flat(memoryview(bytearray(Packed.of(value).flat())))
    for packed in (travelled, flat):
        copy = packed.open()
        assert copy["s"] == "x"
        for name in ("big", "odd", "none"):
            np.testing.assert_array_equal(copy[name], value[name])
    assert flat.open()["big"].flags.aligned


def test_a_packed_object_passed_on_twice_is_no_view_of_a_view():
    # views of views in a cycle, as after an interrupt, crash the collector of CPython 3.11
    ours, theirs = socket.socketpair()
    passed = Packed.of({"numbers": np.arange(5)})
    with ours, theirs:
        for _ in range(2):
            send(ours, Packed.of([passed]))
            (passed,) = receive(theirs).open()
            assert not any(isinstance(frame, memoryview) for frame in passed.frames)
    np.testing.assert_array_equal(passed.open()["numbers"], np.arange(5))


def test_payload_weighs_data():
    cases = [
        (None, 0), ([], 0), (np.ones((2, 3)), 48), (5, 8), (2.5, 8), (True, 8), (np.int8(1), 8),
        ("é", 2), (b"abc", 3), ((1, [2, None]), 16), ({"a": 1}, 9),
    ]  # fmt: skip
    assert [payload(block) for block, _ in cases] == [size for _, size in cases]
    assert payload({1, 2}) > 0
    assert payload(np.array([{}], dtype=object)) > 0


def test_small_helpers():
    assert wants_index(lambda part, index: 0)
    assert not wants_index(lambda part, **kw: 0)
    assert not wants_index(dict)
    assert name_of(np.add) == "add"
    assert name_of(functools.partial(max)) == "partial"
    assert blocks_of([1, None], 0, 2) == ([1, None], 0, 0)
    assert Failure(None, "f", "E", "text").error().message == "a worker: f raised E: text"
    assert PartitionCall(len, {}, False).title == "len"
    failures = [Failure(place, "f", "E", "text") for place in (2, 1)]
    with pytest.raises(EngineError, match="partition 1"):
        raise_first([1, *failures])


def test_progress_shows_only_where_somebody_looks(monkeypatch, capsys):
    quiet = connect("serial", progress=False)
    assert list(quiet.progress(range(3))) == [0, 1, 2]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert connect("serial").progress("ab") == "ab"
    assert capsys.readouterr().err == ""
    assert list(connect("serial", progress=True).progress(range(3), 3, "walks")) == [0, 1, 2]
    shown = capsys.readouterr().err
    assert "walks" in shown
    assert "3/3" in shown


@pytest.mark.parametrize("name, workers", [("serial", 1), ("processes", 2)])
def test_threads_take_turns(name, workers):
    with connect(name, workers) as engine:

        def exchange(number):
            parts = engine.scatter([[number] * 4 for _ in range(4)])
            for _ in range(10):
                parts = engine.shuffle(engine.map(lambda part: [x + 1 for x in part], parts))
            return engine.gather(parts)

        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(exchange, range(8)))
        assert found == [[[number + 10] * 4] * 4 for number in range(8)]
        assert engine.cost.rounds == 80
