"""Both back-ends, the families of algorithms, gap filling, measures and compiled rounds."""

import doctest
import importlib
import pkgutil
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paralg.rounds.ordinary_node as on
from benchmarks import bench_ordinary_node as bench
from paralg.core.random import uniform
from paralg.rounds.ordinary_node.experiments import trials
from paralg.rounds.ordinary_node.fast.rounds import ALGORITHMS
from paralg.rounds.ordinary_node.theory import expected_depth, linial_steps
from paralg.rounds.ordinary_node.variants import COLLISION, cole_vishkin_step, linial_step
from tests.figures.web import drag, explorer_page, set_to, shown

few = settings(max_examples=12, deadline=None)
EIGHT = [3, 1, 4, 0, 5, 9, 2, 6]
TEN, R = [1, 8, 6, 4, 9, 5, 2, 0, 3, 7], [5, 4, 2, 5, 5, 2, 5, 5, 5, 1]
OUT = (1, 0, 1, 2, 0, 1, 0, 2, 1, 0)
ON_RINGS = {"largest id", "cole-vishkin"}


def programs(bits, degree):
    """Programs by the names of the compiled ones."""
    return {"colour by order": on.ColourByOrder, "mis by order": on.MISByOrder,
            "matching by order": on.MatchingByOrder, "luby": on.LubyMIS,
            "linial": partial(on.Linial, bits=bits, degree=max(1, degree)),
            "trial colouring": on.TrialColouring,
            "cole-vishkin": partial(on.ColeVishkin, bits=bits),
            "largest id": on.gathered(on.largest_id)}  # fmt: skip


@st.composite
def rings(draw, most=12):
    n = draw(st.integers(3, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return on.cycle(n), rng.permutation(64)[:n].tolist(), draw(st.integers(0, 99))


@st.composite
def graphs(draw):
    n, m = draw(st.integers(1, 14)), draw(st.integers(0, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    graph = on.PortGraph.from_edges(rng.integers(0, n, size=(m, 2)), n)
    return graph, rng.permutation(64)[:n].tolist(), draw(st.integers(0, 99))


def same(one, other):
    assert list(one.outputs) == list(other.outputs)
    assert one.radii.tolist() == other.radii.tolist()
    assert (one.most, one.cost.work) == (other.most, other.cost.work)


def problem_of(name, graph, ring):
    if "mis" in name or name == "luby":
        return on.independent_set()
    if name == "matching by order":
        return on.matching() if ring else None
    return on.colouring(3 if ring else max(1, int(graph.degree.max(initial=1)) + 1))


def test_examples_run_and_names_are_documented():
    for info in pkgutil.walk_packages(on.__path__, f"{on.__name__}."):
        module = importlib.import_module(info.name)
        assert doctest.testmod(module).failed == 0
        assert module.__doc__


# ---- two back-ends and compiled rounds


@given(rings())
@few
def test_messages_views_and_compiled_rounds_agree_on_rings(case):
    graph, ids, seed = case
    for name, program in programs(6, 2).items():
        by_messages = on.run_local(graph, program, ids, seed=seed)
        rule = on.largest_id if name == "largest id" else on.replayed(program)
        same(by_messages, on.run_views(graph, rule, ids, seed=seed))
        fast = on.run_compacted(name, graph, ids, bits=6, seed=seed)
        same(by_messages, fast)
        assert fast.cost.messages == 2 * graph.n * fast.most
        if name != "largest id":
            assert problem_of(name, graph, True).violations(graph, fast.outputs.tolist()) == []


@given(graphs())
@few
def test_messages_views_and_compiled_rounds_agree_on_graphs(case):
    graph, ids, seed = case
    degree = int(graph.degree.max(initial=1))
    for name in sorted(set(ALGORITHMS) - ON_RINGS):
        program = programs(6, degree)[name]
        by_messages = on.run_local(graph, program, ids, seed=seed)
        same(by_messages, on.run_compacted(name, graph, ids, bits=6, seed=seed))
        if graph.n < 8:
            same(by_messages, on.run_views(graph, on.replayed(program), ids, seed=seed))
        problem = problem_of(name, graph, False)
        if problem is not None:
            assert problem.violations(graph, by_messages.outputs) == []
        else:  # a matching, and none of its free nodes have a free neighbour
            for v, port in enumerate(by_messages.outputs):
                near = graph.ports(v)
                free = [by_messages.outputs[u] == -1 for u in near]
                assert not any(free) if port < 0 else (
                    graph.ports(near[port])[by_messages.outputs[near[port]]] == v)  # fmt: skip


@given(rings(), st.booleans())
@few
def test_flooded_rules_stop_when_the_ball_tells(case, knows_n):
    graph, ids, _ = case
    rules = [on.largest_id] + [on.two_colouring] * (graph.n % 2 == 0)
    for rule in rules:
        by_views = on.run_views(graph, rule, ids, knows_n=knows_n)
        same(by_views, on.run_local(graph, on.gathered(rule), ids, knows_n=knows_n))
        assert by_views.most == (graph.n if knows_n else graph.n + 1) // 2
    assert by_views.outputs.count(True) >= 1
    if graph.n % 2 == 0:
        assert set(by_views.radii.tolist()) == {graph.n // 2}
        assert on.colouring(2).violations(graph, by_views.outputs) == []


@given(st.integers(0, 2**32 - 1))
@few
def test_what_lies_outside_of_the_ball_and_the_size_of_identifiers_change_nothing(seed):
    rng = np.random.default_rng(seed)
    ids = rng.permutation(40)
    for program in (on.ColourByOrder, on.MISByOrder, on.MatchingByOrder, on.LubyMIS):
        run = on.run_local(on.cycle(40), program, ids, seed=3)
        v = int(rng.integers(40))
        far = [u for u in range(40) if min((u - v) % 40, (v - u) % 40) > run.radii[v]]
        other = ids.copy()
        other[far] = rng.permutation(ids[far])
        again = on.run_local(on.cycle(40), program, other, seed=3)
        assert (again.outputs[v], again.radii[v]) == (run.outputs[v], run.radii[v])
        if program is not on.LubyMIS:
            same(run, on.run_local(on.cycle(40), program, 5 * ids + 2, seed=9))


def test_balls_have_what_rounds_can_tell():
    ball = on.run_views(on.cycle(8), lambda b: b if b.radius == 2 else None, EIGHT).outputs[3]
    assert ball.ids == (0, 5, 4, 9, 1)
    assert ball.distance == (0, 1, 1, 2, 2)
    assert ball.ports == ((1, 2), (3, 0), (0, 4), (None, 1), (2, None))
    assert ball.around(1, 1).ids == (5, 9, 0)
    with pytest.raises(ValueError, match="radius must be at most 1 around node 1, got 2"):
        ball.around(1, 2)
    for known, ports in ((True, (2, 1)), (False, (None, None))):
        ring = on.run_views(on.cycle(3), lambda b: b if b.radius else None, [5, 1, 2],
                            knows_n=known).outputs[0]  # fmt: skip
        assert (ring.ports[1][0], ring.ports[2][1]) == ports
        assert ring.whole == known
    at_once = on.run_views(on.cycle(3), lambda ball: ball, [1, 2, 3])
    assert at_once.radii.tolist() == [0, 0, 0]


def test_a_program_keeps_its_output_and_stops():
    class Fickle(on.OrientByID):
        def receive(self, round, inbox):
            self.output = round

    class Silent(on.NodeProgram):
        def send(self, port):
            return None

        def receive(self, round, inbox):
            self.output = 7 if self.me.id else None

    class First(Fickle):
        def receive(self, round, inbox):
            self.output = round if self.me.id or round == 2 else None

    with pytest.raises(RuntimeError, match="node 1 must keep 1, got 2"):
        on.run_local(on.cycle(3), First, [0, 1, 2])
    with pytest.raises(RuntimeError, match="within 4 rounds, got 1 open"):
        on.run_local(on.cycle(3), Silent, [0, 1, 2], most=4)
    with pytest.raises(RuntimeError, match="within radius 3 at node 0, got None"):
        on.run_views(on.cycle(3), lambda ball: None, [0, 1, 2], most=3)
    silent = on.run_local(on.cycle(3), Silent, [3, 1, 2])
    assert (silent.cost.messages, silent.mean, silent.most) == (0, 1.0, 1)
    empty = on.run_local(on.PortGraph.from_edges(np.empty((0, 2), int), 0), Silent, [])
    assert (empty.outputs, empty.mean, empty.most) == ((), 0.0, 0)


def test_orientation_is_acyclic_and_takes_a_round():
    run = on.run_local(on.cycle(8), on.OrientByID, EIGHT)
    assert set(run.radii.tolist()) == {1}
    assert run.outputs[0] == (False, True)  # 3 → 6 behind port 1, and 1 → 3


# ---- steps and closed forms


def test_steps_of_palette_reduction():
    assert cole_vishkin_step(0b10110, 0b11110) == 6
    assert cole_vishkin_step(0b11110, 0b10110) == 7
    assert linial_steps(2**32, 2) == [(17, 7), (7, 2), (5, 2)]
    assert linial_steps(3, 2) == []
    for palette, degree in ((1000, 3), (2**16, 5), (50, 1)):
        for q, k in linial_steps(palette, degree):
            assert q > k * degree
            assert q ** (k + 1) >= palette > q * q
            assert all(q % d for d in range(2, q))
            palette = q * q
    colours = {linial_step(own, [], 5, 1) for own in range(25)}
    assert len(colours) == 5  # without neighbours all take x = 0
    for bits, most in ((16, 7), (32, 7), (62, 7), (3, 4), (1, 2)):
        n = min(1 << bits, 60) // 2 * 2
        ids = (uniform(0, np.arange(500), 0) * (1 << min(bits, 50))).astype(int)
        ids = np.unique(ids)[:n] if bits > 6 else np.arange(1 << bits)
        if len(ids) > 2:
            run = on.run_compacted("cole-vishkin", on.cycle(len(ids)), ids, bits=bits)
            assert run.most <= most


@pytest.mark.parametrize("name, expected", [
    ("largest id", (3, 12, 3.0, 1.5333)), ("colour by order", (7, 28, 3.5556, 2.0492)),
    ("mis by order", (6, 23, 2.8778, 1.8476)),
])  # fmt: skip
def test_four_measures_of_all_rings_of_seven(name, expected):
    found = on.measures(lambda graph, ids: on.run_compacted(name, graph, ids).radii, 7)
    got = found.classic, found.worst_sum, round(found.id_average, 4), round(found.both, 4)
    assert got == expected
    if name == "largest id":
        assert found.worst_sum == on.worst_sum(7)
        assert found.both == pytest.approx(on.expected_radius(7))


def test_worst_sums_are_sums_of_ones_and_are_reached():
    a = [0]
    for p in range(1, 40):
        a.append(max(min(k, p + 1 - k) + a[k - 1] + a[p - k] for k in range(1, p + 1)))
    for n in range(3, 40):
        ones = sum(i.bit_count() for i in range(n))
        assert a[n - 1] == ones
        assert on.worst_sum(n) == ones + n // 2
        ids = on.extremal_ids(n)
        assert sorted(ids) == list(range(n))
        assert on.run_compacted("largest id", on.cycle(n), ids).cost.work == on.worst_sum(n)
    assert on.extremal_ids(8).tolist() == [7, 3, 5, 2, 6, 1, 4, 0]
    value, ids = trials.climb("largest id", 12, np.random.default_rng(0), starts=2, swaps=300)
    assert on.run_compacted("largest id", on.cycle(12), ids).cost.work == value
    assert on.worst_sum(12) - 3 <= value <= on.worst_sum(12)


def test_a_large_ring_has_the_radii_of_the_theory():
    n = 100_000
    ids = np.random.default_rng(0).permutation(n)
    largest = on.run_compacted("largest id", on.cycle(n), ids)
    assert largest.most == n // 2
    assert largest.mean == pytest.approx(on.expected_radius(n), abs=0.5)
    for k in (1, 2, 5, 20):
        assert (largest.radii > k).mean() == pytest.approx(1 / (2 * k + 1), rel=0.15)
    colour, joined = (on.run_compacted(name, on.cycle(n), ids)
                      for name in ("colour by order", "mis by order"))  # fmt: skip
    assert colour.mean == pytest.approx(1 + expected_depth(), abs=0.02)
    assert joined.outputs.mean() == pytest.approx((1 - np.exp(-2)) / 2, abs=0.005)
    assert (joined.radii <= colour.radii).all()
    rising = on.run_compacted("colour by order", on.cycle(50), np.arange(50))
    assert rising.most == 50


# ---- gap filling


def test_the_worked_case_of_gap_filling():
    run = on.run_local(on.cycle(10), on.ColourByOrder, TEN)
    assert run.outputs == OUT
    assert (run.radii <= R).all()
    found = on.fill_gaps(on.colouring(3), OUT, R)
    assert found.reach.tolist() == [4, 3, 2, 4, 4, 2, 4, 4, 5, 1]
    assert found.anchors.tolist() == [2, 5, 8, 9]
    assert found.radii.tolist() == [4, 5, 2, 5, 5, 2, 5, 5, 5, 1]
    assert found.outputs == (1, 0, 1, 0, 2, 1, 0, 2, 1, 0)


def test_gap_filling_is_valid_quick_and_leaves_slow_sides():
    changed = 0
    for run, ids in trials.delayed_runs(25):
        graph = on.cycle(len(ids))
        found = on.fill_gaps(on.colouring(3), run.outputs, run.radii)
        assert on.colouring(3).violations(graph, found.outputs) == []
        assert (found.radii <= np.minimum(3 * found.reach, graph.n // 2)).all()
        assert (found.reach <= run.radii).all()
        assert on.short_averages(run.radii, found.reach) == 0
        assert all(found.outputs[a] == run.outputs[a] for a in found.anchors)
        changed += found.outputs != run.outputs
        plain = on.run_compacted("colour by order", graph, ids)
        assert on.reach(plain.radii).tolist() == plain.radii.tolist()  # nothing to fill
    assert changed > 10
    assert on.short_averages([9, 1, 1, 1], [3, 1, 1, 1]) > 0  # what no algorithm has


def test_gap_filling_inside_balls_is_that_of_the_arrays():
    for _, ids in trials.delayed_runs(3, seed=4, sizes=(8, 12)):
        graph, wait = on.cycle(len(ids)), trials.waits(len(ids))
        slow = on.capped(on.replayed(on.delayed(on.ColourByOrder, wait)))
        known = on.run_views(graph, slow, ids)
        found = on.fill_gaps(on.colouring(3), known.outputs, known.radii)
        local = on.run_views(graph, on.gap_filled(on.colouring(3), slow), ids)
        assert local.outputs == found.outputs
        assert local.radii.tolist() == found.radii.tolist()
        assert known.most <= graph.n // 2


def test_windows_make_a_labelling_edge_checkable():
    windows = on.windows(on.independent_set())
    assert set(windows.labels) == {(0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1)}
    matched = on.matching()
    assert matched.pairs.tolist() == [[False, True, False], [True, False, True],
                                      [True, False, False]]  # fmt: skip
    with pytest.raises(ValueError, match="edge-checkable, got one that is not"):
        _ = on.independent_set().pairs
    with pytest.raises(ValueError, match="there must be a way, got none"):
        on.lexicographically_first(on.colouring(2), 0, 0, 2)
    with pytest.raises(ValueError, match=r"labels must be among \(0, 1\), got 5"):
        on.lexicographically_first(on.colouring(2), 0, 5, 2)
    for between in range(5):
        path = [0, *on.lexicographically_first(on.colouring(3), 0, 1, between), 1]
        assert len(path) == between + 2
        assert all(a != b for a, b in zip(path, path[1:], strict=False)) or between == 0


# ---- identifiers and bits


def test_identifiers_are_bits_and_bits_are_identifiers():
    ids = np.arange(12)
    drawn = on.randomised(on.replayed(on.MISByOrder), 12**3)
    run = on.run_views(on.cycle(12), drawn, ids, seed=3)
    assert on.independent_set().violations(on.cycle(12), run.outputs) == []
    same(run, on.run_views(on.cycle(12), drawn, ids[::-1], seed=3))  # blind to those given
    own = [int(uniform(3, v, 0) * 12**3) for v in range(12)]
    same(run, on.run_local(on.cycle(12), on.MISByOrder, own))
    crowded = on.randomised(on.replayed(on.MISByOrder), 1)
    assert set(on.run_views(on.cycle(12), crowded, ids).outputs) == {COLLISION}
    hashed = on.derandomised(on.LubyMIS)
    one, two = (on.run_local(on.cycle(12), hashed, ids, seed=s) for s in (1, 2))
    same(one, two)
    turned = on.run_local(on.cycle(12), hashed, np.roll(ids, 1))
    assert turned.outputs == (one.outputs[-1], *one.outputs[:-1])


# ---- errors, the peer, the explorer


@pytest.mark.parametrize("call, message", [
    (lambda: on.cycle(2), "n must be at least 3, got 2"),
    (lambda: on.PortGraph([0, 1], [0]), "no loop, got"),
    (lambda: on.PortGraph([0, 1, 1], [1]), "from both its ends"),
    (lambda: on.PortGraph([0, 2, 4], [1, 1, 0, 0]), "each edge once"),
    (lambda: on.PortGraph.from_edges([(0, 5)], 3), r"nodes must lie in 0..2, got 0 to 5"),
    (lambda: on.run_local(on.cycle(3), on.LubyMIS, [1, 1, 2]), "must differ from each other, got"),
    (lambda: on.run_compacted("leader", on.cycle(3), [0, 1, 2]), "algorithm must be one of"),
    (lambda: on.run_compacted("largest id", on.PortGraph.from_edges([(0, 1)]), [0, 1]),
     "needs a graph made by cycle, got another"),
    (lambda: on.run_compacted("linial", on.cycle(3), [0, 1, 9], bits=3), "at most 3 bits, got 9"),
    (lambda: on.measures(lambda g, i: i, 10), "n must be at most 9, got 10"),
    (lambda: on.fill_gaps(on.colouring(3), OUT[1:], R), r"outputs must have the shape \(10,\)"),
    (lambda: on.colouring(3).violations(on.cycle(3), [0]), "expected 3 outputs, got 1"),
])  # fmt: skip
def test_senseless_requests_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", bench.PROGRAMS)
def test_the_peer_finds_the_same(name):
    pytest.importorskip("networkx")
    graph = trials.random_graph(60, 4)
    ids = bench.identifiers(60)
    ours = on.run_compacted(name, graph, ids)
    draws = uniform(0, np.arange(60)[:, None], np.arange(ours.most)).tolist()
    outputs, radii = bench.peer(name, bench.as_networkx(graph), ids.tolist(), draws)
    assert [outputs[v] for v in range(60)] == ours.outputs.tolist()
    assert [radii[v] for v in range(60)] == ours.radii.tolist()


@pytest.mark.parametrize("name", trials.GRAPHS)
def test_real_graphs_have_valid_outputs(name):
    graph = trials.GRAPHS[name]()
    ids = np.random.default_rng(0).permutation(graph.n)
    run = on.run_compacted("mis by order", graph, ids)
    tails = np.repeat(np.arange(graph.n), graph.degree)
    beside = np.bincount(tails, run.outputs[graph.neighbours], graph.n)
    assert ((beside > 0) != (run.outputs == 1)).all()
    if graph.n < 100:
        assert on.independent_set().violations(graph, run.outputs.tolist()) == []
        plain = on.run_local(graph, on.TrialColouring, ids, seed=2)
        same(plain, on.run_compacted("trial colouring", graph, ids, seed=2))


def test_the_explorer_says_what_the_library_says(tmp_path, chromium):
    pytest.importorskip("matplotlib")
    explorers = importlib.import_module("paralg.rounds.ordinary_node.teaching.explorer")
    page = explorer_page(chromium, tmp_path, on.explorer())

    def pick(name):
        page.get_by_role("radio", name=name, exact=True).check()

    for order, ids in explorers.orders().items():
        pick(order)
        for rule, name in explorers.RULES.items():
            pick(rule)
            run, got = on.run_compacted(name, on.cycle(32), ids, bits=5), shown(page)
            assert (int(got["Largest"]), int(got["Sum"])) == (run.most, run.cost.work)
    pick("largest identifier")
    assert shown(page)["Worst sum"] == str(on.worst_sum(32))
    set_to(page, "Its identifier", 0)
    assert page.get_by_role("radio", name="own").is_checked()
    pick("adversary")
    box = page.locator(".pe-picture").bounding_box()
    scale = box["width"] / 560
    at = [(box["x"] + (200 + dx) * scale, box["y"] + (200 + dy) * scale)
          for dx, dy in ((0, -134), (134, 0))]  # nodes 0 and 8
    drag(page, *at)
    ids = list(explorers.orders()["adversary"])
    ids[0], ids[8] = ids[8], ids[0]
    run = on.run_compacted("largest id", on.cycle(32), ids)
    assert int(shown(page)["Sum"]) == run.cost.work
    assert page.errors == []
