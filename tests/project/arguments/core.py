"""Costs, laws, schedules, random streams, clocks and rows of different lengths."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from paralg.core import checks, engine, ragged, random
from paralg.core.claims import Claims
from paralg.core.cost import Cost, amdahl, brent, gustafson, parallel, roofline, sequential
from paralg.core.laws import Bounds
from paralg.core.records import Records
from paralg.core.schedule import levels_schedule, list_schedule
from paralg.core.timing import compare, pinned
from tests.project.arguments import Call

COVERS = tuple(f"paralg.core.{name}" for name in (
    "checks", "claims", "cost", "engine", "laws", "lazy", "random", "ragged", "records",
    "schedule", "static", "timing",
))  # fmt: skip
NOT = {"lazy": "of the library's own words, when it is imported",
       "dtypes_and_shapes": "compares what is checked",
       "Claim": "made by Claims.add",
       "EngineError": "an error", "Partitions": "a handle", "ClaimVerdict": "an enumeration",
       "is_static": "no argument", "data_for_the_site": "called by what displays itself",
       "Schedule": "a result", "Task": "a result", "Ratio": "a result", "Timings": "a result",
       "mix64": "compiled into kernels: words only", "to_unit": "as mix64",
       "SparseRows": "a result", "stretches": "called from checked functions",
       "best_of_entries": "as stretches", "best_of_scores": "as stretches",
       "merge_rows": "as stretches"}  # fmt: skip

FREE = "longer,broadcast,empty,too large"
KEYS = np.array([3, 1, 2])
INDPTR = np.array([0, 2, 2, 5])
SCORES = np.array([[0.5, 0.0, 0.25], [0.125, 1.0, 0.5]])


def words(seed, key, counter):
    """Draw by the sequential generator, in Python's integers."""
    found = []
    for one in np.ravel(key).tolist():
        state = mixed((int(seed) + G) % W)
        state = mixed((state + one * G) % W)
        found.append(mixed((state + (int(counter) + 1) * G) % W))
    return np.array(found, np.uint64).reshape(np.shape(key))


W, G = 2**64, int(random.GOLDEN)


def mixed(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % W
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % W
    return z ^ (z >> 31)


def bounded(work, p, span=3):
    work = getattr(work, "work", work)
    return np.maximum(work / p, span), (work - span) / p + span


def pinned_to(threads):
    with pinned(threads):
        return 0


def claimed(**row):
    claims = Claims("chapter")
    claims.add(**row)
    return repr(claims)


FOLDER = Path(tempfile.mkdtemp())
RECORDS = Records(FOLDER, {"squares": lambda: [1, 4, 9]})
RECORDS.main(["squares"])
SERIAL = engine.connect("serial")
PARTS = SERIAL.scatter([1, 2, 3])
BLOCKS = SERIAL.map(lambda part: [part] * 3, PARTS)


def connected(name, workers, progress):
    with engine.connect(name, workers, progress=progress) as made:
        return made.workers


def connected_with(threads):
    with engine.connect("processes", 1, threads=threads) as made:
        return made.workers


def clocked(**how):
    return list(compare({"one": list, "two": list}, **how).seconds)


CALLS = [
    Call("Cost", Cost, {"work": 3, "span": 2, "calls": 1, "rows": 1, "tokens": 1, "rounds": 1,
                        "messages": 1, "bytes": 1},
         fine=dict.fromkeys(("work", "span", "calls", "rows", "tokens", "rounds", "messages",
                             "bytes"), "zero")),
    Call("sequential", lambda costs: sequential(costs), {"costs": (Cost(work=1), Cost(work=2))}),
    Call("parallel", lambda costs: parallel(costs), {"costs": (Cost(work=1), Cost(work=2))}),
    Call("Bounds", lambda time: Bounds(1.0, 2.0).holds(time), {"time": 1.5},
         right=lambda time: 1 <= time <= 2),
    Call("brent", brent, {"work": 7.0, "span": 3.0, "p": 2}, right=bounded),
    Call("brent", brent, {"work": Cost(work=7, span=3), "p": 2}, right=bounded),
    Call("amdahl", amdahl, {"serial_fraction": 0.25, "p": 2},
         right=lambda serial_fraction, p: 1 / (serial_fraction + (1 - serial_fraction) / p)),
    Call("gustafson", gustafson, {"serial_fraction": 0.25, "p": 2},
         right=lambda serial_fraction, p: p - serial_fraction * (p - 1)),
    Call("roofline", roofline, {"intensity": 2.0, "peak": 8.0, "bandwidth": 3.0},
         right=lambda intensity, peak, bandwidth: np.minimum(peak, intensity * bandwidth)),
    Call("roofline", roofline, {"intensity": np.array([2.0, 3.0]), "peak": 8.0, "bandwidth": 3.0},
         right=lambda intensity, peak, bandwidth: np.minimum(peak, intensity * bandwidth)),
    Call("list_schedule", list_schedule, {"durations": np.array([2.0, 1.0, 3.0]), "p": 2},
         fine={"durations": FREE}),
    Call("list_schedule", list_schedule, {"durations": [2, 1, 3], "p": 2, "names": ["a", "b", "c"],
                                          "dependencies": {2: [0]}}),
    Call("levels_schedule", levels_schedule, {"sizes": np.array([4, 2, 1]), "p": 2, "barrier": 0.5},
         fine={"barrier": "zero", "sizes": FREE}),
    *(Call(name, getattr(random, name), {"seed": 5, "key": KEYS, "counter": 2}, right=right)
      for name, right in (("draw64", words),
                          ("uniform", lambda **how: (words(**how) >> 11) * 2.0**-53))),
    Call("derive", lambda seed, key: random.derive(seed, key), {"seed": 5, "key": KEYS},
         right=lambda seed, key: np.array([mixed((mixed((int(seed) + G) % W) + k * G) % W)
                                           for k in np.ravel(key).tolist()],
                                          np.uint64).reshape(np.shape(key))),
    Call("compare", clocked, {"repeats": 3, "warmup": 1, "threads": 1, "min_seconds": 1e-6,
                              "settle": 1e-6, "budget": 1.0},
         fine={"warmup": "zero", "budget": "none", "min_seconds": "zero", "settle": "zero"}),
    Call("compare", lambda methods: compare(methods), {"methods": {"one": list}}),
    Call("pinned", pinned_to, {"threads": 1}),
    Call("joined", ragged.joined, {"sizes": np.array([2, 0, 3])},
         right=lambda sizes: np.append(0, np.cumsum(sizes))),
    Call("Claims", claimed, {"what": "a", "paper": 1.5, "source": "b", "ours": 2.5, "unit": "x",
                             "verdict": "reproduced", "why": "c"},
         fine={"unit": "unknown,empty", "paper": "zero,negative,string,none,inf,-inf",
               "ours": "zero,negative,string,inf,-inf",
               **dict.fromkeys(("what", "source", "why"), "unknown")}),
    Call("integer", lambda value: checks.integer("n", value, 1, 5), {"value": 3}),
    Call("integers", lambda value: checks.integers(1, n=value), {"value": 3}),
    Call("number", lambda value: checks.number("x", value, 0.0, 2.0), {"value": 1.5},
         fine={"value": "zero"}),
    *(Call("within", lambda values: checks.within("x", values, 0.0, 2.0), {"values": one},
           fine={"values": "zero,several,integers,longer,broadcast,empty,more axes,fewer axes"})
      for one in (1.5, np.array([1.5, 0.5]))),
    Call("one_of", lambda value: checks.one_of("name", value, ("a", "b")), {"value": "a"}),
    Call("instance", lambda value: checks.instance("x", value, Cost), {"value": Cost()}),
    Call("kind", lambda values: checks.kind("x", values, "f"), {"values": SCORES},
         fine={"values": FREE + ",nan,inf,-inf,more axes,fewer axes"}),
    Call("array", lambda values: checks.array("x", values, "f"), {"values": SCORES},
         fine={"values": FREE + ",nan,inf,-inf,more axes,fewer axes"}),
    Call("array", lambda values: checks.array("x", values, "i", least=1), {"values": KEYS},
         fine={"values": FREE + ",more axes,fewer axes"}),
    *(Call("finite", lambda values, size=size: checks.finite("x", checks.array("x", values)),
           {"values": size * SCORES}, fine={"values": FREE + ",more axes,fewer axes"})
      for size in (1.0, 1e308)),
    Call("mask", lambda values: checks.mask("x", values, (3,)), {"values": KEYS < 3}),
    Call("probabilities", lambda values: checks.probabilities("p", values),
         {"values": np.array([0.25, 0.75])}, fine={"values": "more axes"}),
    Call("sizes", lambda values: checks.sizes(x=(values, "f: n 3"), y=(KEYS, "3"))["n"],
         {"values": SCORES}, fine={"values": "longer,broadcast,empty,nan,inf,-inf"}),
    Call("floats", lambda values: checks.floats(x=(values, "n 3"))[0], {"values": SCORES},
         right=lambda values: np.asarray(values, float), fine={"values": "longer,empty"}),
    Call("tensors", lambda values: checks.tensors(x=(values, "n 3")),
         {"values": torch.from_numpy(SCORES)},
         fine={"values": "longer,broadcast,empty,nan,inf,-inf,other precision"}),
    Call("Records", Records, {"folder": FOLDER, "makers": {"squares": list}}),
    *(Call("Records", call, {"name": "squares"}) for call in (RECORDS.read, RECORDS.make)),
    Call("Records", lambda names: RECORDS.main(names), {"names": ["squares"]},
         fine={"names": "none"}),
    Call("connect", connected, {"name": "serial", "workers": 1, "progress": False},
         fine={"workers": "none"}),
    Call("connect", connected, {"name": "processes", "workers": 1, "progress": False},
         fine={"workers": "none"}),
    Call("connect", lambda threads: connected_with(threads), {"threads": 1}),
    Call("Engine", engine.Engine, {"workers": 2}),
    Call("Engine", lambda parts: SERIAL.gather(SERIAL.scatter(parts)), {"parts": [1, 2]},
         fine={"parts": "string"}),
    Call("Engine", lambda fn, parts: SERIAL.gather(SERIAL.map(fn, parts)),
         {"fn": str, "parts": PARTS}),
    Call("Engine", lambda parts: SERIAL.gather(SERIAL.shuffle(parts)), {"parts": BLOCKS}),
    Call("Engine", lambda fn, parts: SERIAL.reduce(fn, parts), {"fn": max, "parts": PARTS}),
    Call("Engine", lambda parts: SERIAL.gather(parts), {"parts": PARTS}),
    Call("payload", engine.payload, {"block": np.zeros(3)}, right=lambda block: (
        0 if block is None else 8 if np.isscalar(block) and not isinstance(block, str)
        else np.asarray(block).nbytes if hasattr(block, "dtype") and block.dtype != object
        else None), fine={"block": "strings,string,list,objects"}),
]  # fmt: skip
