"""Costs, laws, schedules, random streams, clocks and rows of different lengths."""

import numpy as np

from paralg.core import ragged, random
from paralg.core.claims import Claims
from paralg.core.cost import Cost, amdahl, brent, gustafson, parallel, roofline, sequential
from paralg.core.laws import Bounds
from paralg.core.schedule import levels_schedule, list_schedule
from paralg.core.timing import compare, pinned
from tests.project.arguments import Call

COVERS = tuple(f"paralg.core.{name}" for name in ("cost", "random", "ragged", "schedule", "timing"))
NOT = {"Schedule": "a result", "Task": "a result", "Ratio": "a result", "Timings": "a result",
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
]  # fmt: skip
