"""Scans and their counts."""

import numpy as np

from paralg.core.primitives import (
    ADD,
    AFFINE,
    METHODS,
    blelloch_counts,
    brent_kung_counts,
    chunked_counts,
    kogge_stone_counts,
    pack,
    pmap,
    reduce,
    reduce_counts,
    scan,
    scan_counts,
    segmented,
    segmented_scan,
    sequential_counts,
)  # fmt: skip
from tests.project.arguments import Call

COVERS = ("paralg.core.primitives",)
NOT = {"Operator": "a record: nothing is computed", "MapResult": "a result",
       "PackResult": "a result", "ReduceResult": "a result", "ScanResult": "a result"}  # fmt: skip

def affine(op, xs, initial):
    a, b = (np.asarray(x) for x in xs)
    states = [b[:0].sum() if initial is None else initial[1]]
    for factor, term in zip(a, b, strict=True):
        states.append(factor * states[-1] + term)
    return np.multiply.accumulate(a), np.array(states[1:])


def segments(op, xs, flags):
    xs, flags = np.asarray(xs), np.asarray(flags)
    xs = xs.astype(int) if xs.dtype == bool else xs
    cuts = [0, *np.flatnonzero(flags[1:]) + 1, len(xs)]
    rows = [xs[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    return np.concatenate([np.add.accumulate(row) for row in rows])


XS = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
FLAGS = np.array([True, False, True, False, False])


def added(xs, **_):
    xs = np.asarray(xs)
    return np.add.accumulate(xs.astype(int) if xs.dtype == bool else xs, axis=0)


def _counts(function):
    return Call(function.__name__, function, {"n": 5}, fine={"n": "zero"})


def _scan(method, **more):
    return Call("scan", lambda method, **how: scan(method=method, **how).values,
                {"op": ADD, "xs": XS, "method": method, **more}, right=added)  # fmt: skip


CALLS = [
    *map(_counts, (sequential_counts, reduce_counts, kogge_stone_counts, brent_kung_counts,
                   blelloch_counts)),
    Call("chunked_counts", chunked_counts, {"n": 5, "chunk": 2}, fine={"n": "zero"}),
    *(Call("scan_counts", scan_counts, {"method": method, "n": 5}, fine={"n": "zero"})
      for method in METHODS),
    *map(_scan, METHODS), _scan("chunked", chunk=2),
    Call("scan", lambda **how: scan(**how).values,
         {"op": AFFINE, "xs": (XS, XS), "initial": (1.0, 0.5)}, right=affine),
    Call("reduce", lambda **how: reduce(**how).values, {"op": ADD, "xs": XS},
         right=lambda op, xs: added(xs)[-1] if len(xs) else np.add.reduce(xs)),
    Call("pmap", lambda fn, xs: pmap(fn, xs).values, {"fn": np.square, "xs": XS},
         right=lambda fn, xs: np.square(xs)),
    Call("pack", lambda **how: pack(**how).values, {"xs": XS, "keep": FLAGS},
         right=lambda xs, keep: np.asarray(xs)[np.asarray(keep, bool)]),
    Call("segmented_scan", lambda **how: segmented_scan(**how).values,
         {"op": ADD, "xs": XS, "flags": FLAGS}, right=segments),
    Call("segmented", segmented, {"op": ADD}),
]  # fmt: skip
