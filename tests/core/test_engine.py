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
from paralg.core.engine.partitions import PartitionCall
from paralg.core.engine.processes import ProcessesEngine
from paralg.core.engine.tasks import Failure, blocks_of, name_of, raise_first, wants_index
from paralg.core.engine.wire import Packed, receive, send
from paralg.core.engine.worker import Worker, answer_requests

LOCAL = ["serial", "processes"]


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


@pytest.mark.parametrize("program", [programs.exchange, programs.walk])
def test_two_processes_give_the_bits_and_counts_of_serial(program, shared, references):
    before, expected = shared.cost, references[program]
    assert programs.same(program(shared)[:2], expected[:2])
    assert shared.cost == before + expected[2]


@pytest.mark.weekly
@pytest.mark.parametrize("workers", [1, 3, 7])
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


def test_functions_of_any_kind_and_handles_that_stay_valid(engine):
    offset = 10
    parts = engine.scatter([1, 2, 3])
    for fn, handles, shared, expected in (
        (lambda x: x + offset, [parts], {}, [11, 12, 13]),
        (lambda x, index: (x, index), [parts], {}, [(1, 0), (2, 1), (3, 2)]),
        (lambda x, by, to=0: x * by + to, [parts], {"by": 3}, [3, 6, 9]),
        (lambda x, y: x - y, [parts, parts], {}, [0, 0, 0]),
        (str, [parts], {}, ["1", "2", "3"]),
    ):
        assert engine.gather(engine.map(fn, *handles, **shared)) == expected
    assert engine.gather(parts) == [1, 2, 3]
    assert (len(parts), repr(parts)) == (3, "<3 partitions>")


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


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (lambda engine: engine.map(programs.ask_to_exit, engine.scatter([1])),
         "partition 0: ask_to_exit raised SystemExit: enough"),
        (lambda engine: engine.reduce(lambda a, b: a // b, engine.scatter([8, 2, 1, 0])),
         "partition 2: .* raised ZeroDivisionError"),
        (lambda engine: engine.shuffle(engine.map(  # a block that cannot be pickled
            lambda part, index: [0, (k for k in part)][:: 1 - 2 * index],
            engine.scatter([[1], [2]]))), "partition 0: shuffle raised TypeError: .*generator"),
        *[(lambda engine, part=part: engine.shuffle(engine.scatter([[1, 2, 3], part, [4, 5, 6]])),
           f"partition 1: shuffle raised ValueError: expected a list of 3 blocks.*got {got}")
          for part, got in (([1, 2], "2 of them"), (7, "int"), (np.ones(3), "ndarray"))],
    ],
)  # fmt: skip
def test_what_fails_names_the_partition(engine, run, text):
    with pytest.raises(EngineError, match=text):
        run(engine)


@pytest.mark.parametrize("way", range(4))
def test_a_task_that_reads_standard_input_fails_at_once(shared, way):
    with pytest.raises(EngineError, match="a worker has no standard input"):
        shared.map(programs.ask, shared.scatter([way]))


def test_an_interrupt_in_a_serial_function_goes_through():
    def interrupt(part):
        raise KeyboardInterrupt

    with connect("serial") as engine, pytest.raises(KeyboardInterrupt):
        engine.map(interrupt, engine.scatter([1]))


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


@pytest.mark.parametrize(
    ("name", "workers", "options", "text"),
    [
        ("cloud", None, {}, r"engine must be one of \['serial', .*got 'cloud'"),
        ("serial", 2, {}, "the serial engine has 1 worker, got workers=2"),
        ("processes", 0, {}, "workers must be at least 1, got 0"),
        ("processes", 1.5, {}, "workers must be an integer, got 1.5"),
        ("processes", 1, {"threads": 0}, "threads must be at least 1, got 0"),
    ],
)
def test_engines_are_chosen_by_name(name, workers, options, text):
    with pytest.raises((ValueError, TypeError), match=text):
        connect(name, workers, **options)


# Processes: what can go wrong with them.


def test_workers_leave_when_the_engine_is_forgotten():
    engine = connect("processes", 1)
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


def test_an_error_in_the_driver_leaves_no_worker_and_threads_are_limited():
    engine = connect("processes", np.int64(1), threads=3)
    pids = engine.pids
    assert set(pids) <= {child.pid for child in psutil.Process().children()}
    read = engine.map(lambda part: os.environ["OMP_NUM_THREADS"], engine.scatter([0]))
    assert engine.gather(read) == ["3"]
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
        shared._finalizer()
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


def test_a_script_runs_prints_and_takes_the_workers_along():
    process = script("engine.map(lambda part: print(f'hello {part}\\n', end=''), parts)")
    first, *said = process.communicate(timeout=60)[0].splitlines()
    *triples, one, two = map(int, first.split())
    assert (triples, process.returncode) == ([3, 6, 9], 0)
    assert sorted(said) == ["hello 3", "hello 6", "hello 9"]
    assert gone([one, two])


def test_workers_leave_when_the_driver_is_killed_even_while_they_are_busy():
    process = script("engine.map(lambda part: time.sleep(60), parts)")
    pids = list(map(int, process.stdout.readline().split()))[3:]
    time.sleep(0.3)
    process.kill()
    process.communicate()
    assert gone(pids)


def test_dropped_handles_free_the_partitions(shared):
    probe = shared.map(lambda part: (), shared.scatter([0, 0]))
    for _ in range(3):
        shared.scatter([np.zeros(10), np.zeros(10)])
    assert len(shared._dead) > 0
    shared.gather(probe)
    assert shared._dead == []


def test_what_cannot_be_sent_or_read_is_an_error_and_the_workers_live_on(shared):
    class Odd:
        def __reduce__(self):
            return int, ("x",)

    lock, parts = threading.Lock(), shared.scatter([1])
    locks = shared.map(lambda part: threading.Lock(), parts)
    odd = shared.map(lambda part: Odd(), parts)
    for run, text in (
        (lambda: shared.map(lambda part: lock, parts), "another process.*paralg.processes"),
        (lambda: shared.scatter([lock]), "the data cannot be sent to another process"),
        (lambda: shared.gather(locks), "a worker: gather raised TypeError: cannot pickle"),
        (lambda: shared.gather(odd), "answer of a worker cannot be read here: invalid lit"),
    ):
        with pytest.raises(EngineError, match=text):
            run()
    assert shared.gather(parts) == [1]


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
    assert workers[0].map(2, PartitionCall(len, {}, False), [1]) is None
    assert workers[0].gather(2) == {0: 3, 2: 3}
    workers[0].forget([0, 1, 2, 99])
    assert workers[0].store == {}


def test_a_worker_reports_failures():
    worker = Worker(0, 1)
    worker.scatter(0, {0: [1, 2], 1: 5})
    assert worker.split(0, 2)[0].text.endswith("got int")
    exiting = PartitionCall(programs.ask_to_exit, {}, False)
    assert worker.map(1, exiting, [0]).kind == "SystemExit"


def test_a_worker_answers_every_request_and_leaves_when_the_connection_closes():
    ours, theirs = socket.socketpair()
    worker = threading.Thread(target=answer_requests, args=(Worker(0, 1), theirs))
    worker.start()
    with ours:
        answers = []
        requests = [
            ("scatter", [], (0, {0: 4})), ("map", [], (1, PartitionCall(str, {}, False), [0])),
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


def test_what_is_passed_on_twice_arrives_whole_and_is_no_view_of_a_view():
    # views of views in a cycle, as after an interrupt, crash the collector of CPython 3.11
    value = {"big": np.arange(9_000.0), "odd": np.arange(9)[::2], "none": np.ones(0), "s": "x"}
    passed, (ours, theirs) = Packed.of(value), socket.socketpair()
    with ours, theirs:
        for _ in range(2):
            send(ours, Packed.of([passed]))
            (passed,) = receive(theirs).open()
            assert not any(isinstance(frame, memoryview) for frame in passed.frames)
        ours.close()
        with pytest.raises(EOFError, match="connection was closed"):
            receive(theirs)
    copy = passed.open()
    assert programs.same([*copy.values()], [*value.values()])


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
