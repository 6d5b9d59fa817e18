"""The ordinary node: one valid call of each public name, from which the bad ones are made."""

import numpy as np

import paralg.rounds.ordinary_node as on
from paralg.rounds.ordinary_node.fast.rounds import ALGORITHMS
from tests.project.arguments import Call

COVERS = ("paralg.rounds.ordinary_node",)
NOT = dict.fromkeys(("ColourByOrder", "LubyMIS", "MISByOrder", "MatchingByOrder", "OrientByID",
                     "TrialColouring", "NodeProgram"), "no argument but the node") | {
    "Ball": "made by run_views", "NodeStart": "made by run_local", "LocalRun": "a result",
    "GapFilling": "a result", "Measures": "a result",
    "explorer": "no argument", "warm": "no argument", "expected_depth": "no argument",
    "independent_set": "no argument", "matching": "no argument"}  # fmt: skip

RING, THREE = on.cycle(5), on.colouring(3)
IDS = np.array([3, 0, 4, 1, 2])
RADII = np.array([1, 2, 1, 2, 1])
OUTPUTS = (0, 1, 0, 1, 2)
RULE = on.replayed(on.ColourByOrder)
on.warm()
SEEDS = {"seed": "zero,negative", "ids": "too large"}


def ball():
    return on.run_views(RING, lambda seen: seen, IDS).outputs[0]


def runs(function, thing):
    return Call(function.__name__, lambda graph, what, ids, seed: function(
        graph, what, ids, seed=seed).radii,
        {"graph": RING, "what": thing, "ids": IDS, "seed": 1}, fine=SEEDS)  # fmt: skip


def changed(function, **arguments):
    return Call(function.__name__, lambda **given: callable(function(**given)), arguments)


def program(make, **options):
    def run(graph, ids, **how):
        return on.run_local(graph, lambda me: make(me, **how), ids).radii

    return Call(make.__name__, run, {"graph": RING, "ids": IDS, **options},
                fine={"degree": "", "bits": ""})  # fmt: skip


CALLS = [
    program(on.ColeVishkin, bits=5), program(on.Linial, bits=5, degree=2),
    Call("LCL", lambda graph, labels, allowed, outputs: on.LCL(labels, allowed).violations(
        graph, outputs), {"graph": RING, "labels": (0, 1, 2), "allowed": THREE.allowed,
                          "outputs": OUTPUTS}),
    Call("PortGraph", lambda indptr, neighbours: on.PortGraph(indptr, neighbours).degree,
         {"indptr": RING.indptr, "neighbours": RING.neighbours}),
    Call("cycle", lambda n: on.cycle(n).neighbours, {"n": 5}),
    runs(on.run_local, on.ColourByOrder), runs(on.run_views, RULE),
    Call("run_compacted", lambda algorithm, graph, ids, bits, seed: on.run_compacted(
        algorithm, graph, ids, bits=bits, seed=seed).radii,
         {"algorithm": "cole-vishkin", "graph": RING, "ids": IDS, "bits": 5, "seed": 1},
         fine={"seed": "zero,negative", "bits": ""}),
    *(Call("run_compacted", lambda ids, name=name: on.run_compacted(name, RING, ids, bits=5).radii,
           {"ids": IDS}, fine={"ids": "too large"}) for name in sorted(ALGORITHMS)),
    *(Call(f.__name__, lambda ball, f=f: repr(f(ball)), {"ball": ball()})
      for f in (on.largest_id, on.two_colouring)),
    changed(on.replayed, program=on.ColourByOrder), changed(on.gathered, rule=RULE),
    changed(on.capped, rule=RULE), changed(on.derandomised, program=on.LubyMIS),
    changed(on.delayed, program=on.ColourByOrder, wait=abs),
    changed(on.randomised, rule=RULE, space=9), changed(on.gap_filled, problem=THREE, rule=RULE),
    Call("colouring", lambda colours: on.colouring(colours).labels, {"colours": 3}),
    Call("windows", lambda problem: on.windows(problem).labels, {"problem": THREE}),
    Call("lexicographically_first", lambda problem, between: on.lexicographically_first(
        problem, 1, 2, between), {"problem": THREE, "between": 3}, fine={"between": "zero"}),
    Call("reach", on.reach, {"radii": RADII}, fine={"radii": "longer,broadcast,empty,too large"}),
    Call("fill_gaps", lambda problem, outputs, radii: on.fill_gaps(
        problem, outputs, radii).radii, {"problem": THREE, "outputs": OUTPUTS, "radii": RADII},
         fine={"radii": "too large"}),
    Call("short_averages", on.short_averages, {"radii": RADII, "reach": RADII},
         fine={"radii": "negative,too large", "reach": "negative,too large"}),
    Call("measures", lambda radii_of, n: on.measures(radii_of, n).both,
         {"radii_of": lambda graph, ids: ids, "n": 4}),
    Call("worst_sum", on.worst_sum, {"n": 6}), Call("extremal_ids", on.extremal_ids, {"n": 6}),
    Call("expected_radius", on.expected_radius, {"n": 6}),
    Call("linial_steps", on.linial_steps, {"palette": 99, "degree": 2}),
]  # fmt: skip
