"""Soft float to the bit, kernels against scikit-learn's answers, counts, prices, explorer."""

import importlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paralg.kernels.pulp_kernels as pk
from paralg.core.cost import Cost
from paralg.core.engine import connect
from paralg.kernels.pulp_kernels import theory
from paralg.kernels.pulp_kernels.experiments.records import records
from paralg.kernels.pulp_kernels.experiments.runs import (
    KERNELS,
    MEAN_OF,
    TRAINED,
    agreement,
    cycles,
    data,
    digest,
    first_digits,
    forest_of,
    model,
    parts,
)
from paralg.kernels.pulp_kernels.fast import softfloat as sf
from paralg.kernels.pulp_kernels.variants import FLAGS, MODES
from tests.figures.web import explorer_page, set_to, shown

X = first_digits(597)
HALVES = np.array([0, 1, 0x7FFFFF, 0x800000, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x4B800000,
                   0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FC00000], np.uint32)  # fmt: skip
SPECIAL = np.concatenate([HALVES, HALVES | np.uint32(1 << 31)])

# ---- soft float


@pytest.mark.parametrize("name, a, b, word", [
    ("add", 0x3DCCCCCD, 0x3E4CCCCD, 0x3E99999A), ("mul", 0x3DCCCCCD, 0x3E4CCCCD, 0x3CA3D70B),
    ("div", 0x3DCCCCCD, 0x3E4CCCCD, 0x3F000000), ("mul", 0x3EAAAAAB, 0x40400000, 0x3F800000),
    ("div", 0x3EAAAAAB, 0x40400000, 0x3DE38E39), ("mul", 0x000AE398, 0x3F000000, 0x000571CC),
    ("div", 0x000AE398, 0x3F000000, 0x0015C730), ("add", 0x4B800000, 0x3F800000, 0x4B800000),
    ("add", 0x4B800000, 0x40400000, 0x4B800002), ("sub", 0x3F800000, 0x3F800000, 0),
    ("add", 0x80000000, 0x80000000, 0x80000000), ("sub", 0x7F800000, 0x7F800000, sf.NAN),
    ("mul", 0x7F7FFFFF, 0x40000000, 0x7F800000), ("div", 0x3F800000, 0x80000000, 0xFF800000),
])  # fmt: skip
def test_worked_words_in_both_forms(name, a, b, word):
    assert pk.soft(name, [a], [b])[0] == word  # compiled
    assert getattr(sf, name)(a, b) == word  # plain Python
    assert pk.rounded_operation(name, a, b)[0] == word


def pairs(count, seed=0):
    any_word, equal, low, ties = np.random.default_rng(seed).integers(
        0, 2**32, size=(4, count, 2), dtype=np.uint32)  # fmt: skip
    equal[:, 1] = equal[:, 1] & 0x807FFFFF | equal[:, 0] & 0x7F800000
    ties = ties & 0x807FF000 | (ties >> 27 << 23) + np.uint32(110 << 23) & np.uint32(0x7F800000)
    low[::2] &= 0x80FFFFFF
    return np.concatenate([any_word, equal, low, ties,
                           np.stack(np.meshgrid(SPECIAL, SPECIAL), -1).reshape(-1, 2)])  # fmt: skip


def test_a_million_operations_are_those_of_the_processor():
    a, b = np.ascontiguousarray(pairs(50_000).T)
    x, y = a.view(np.float32), b.view(np.float32)
    with np.errstate(all="ignore"):
        right = {"add": x + y, "sub": x - y, "mul": x * y, "div": x / y}
    for name, value in right.items():
        got, nan = pk.soft(name, a, b), np.isnan(value)
        assert (got[~nan] == value.view(np.uint32)[~nan]).all(), name
        assert (got[nan] == sf.NAN).all()
    assert (pk.soft("lt", a, b).astype(bool) == (x < y)).all()
    whole = np.concatenate([np.arange(-9, 9), np.random.default_rng(1).integers(
        -(2**62), 2**62, 5000) >> np.arange(5000) % 60])  # fmt: skip
    assert (pk.soft("from_int", whole) == whole.astype(np.float32).view(np.uint32)).all()
    inside = x[np.isfinite(x) & (abs(x) < 2**31)]
    assert (pk.soft("to_int", inside.view(np.uint32)) == inside.astype(np.int64)).all()
    assert pk.soft("to_int", [0x4F800000, 0xFF800000, sf.NAN]).tolist() == [
        2**31 - 1, -(2**31), 2**31 - 1]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from(MODES))
def test_modes_enclose_the_exact_result(a, b, mode):
    for name in ("add", "sub", "mul", "div"):
        word, flags = pk.rounded_operation(name, a, b, mode)
        down, up = (pk.rounded_operation(name, a, b, m)[0] for m in ("down", "up"))
        near, raised = pk.rounded_operation(name, a, b)
        assert near == pk.soft(name, [a], [b])[0]
        assert word in (down, up)
        ends = [np.uint32(w).view(np.float32) for w in (down, up)]
        assert down == up or down | up == sf.SIGN or ends[0] < ends[1]
        exact = flags & FLAGS["inexact"] == 0
        assert exact == (raised & FLAGS["inexact"] == 0)
        assert not exact or down == up or down | up == sf.SIGN


@pytest.mark.parametrize("mode", range(5))
def test_words_and_flags_are_those_of_berkeley_softfloat(mode):
    peer = pytest.importorskip("softfloatpy")
    peer.set_tininess_mode(peer.TininessMode.AFTER_ROUNDING)
    peer.set_rounding_mode(peer.RoundingMode(mode))
    try:
        for a, b in pairs(150, seed=mode).tolist():
            for name in ("add", "sub", "mul", "div"):
                peer.set_exception_flags(0)
                x, y = (peer.Float32.from_bytes(struct.pack(">I", w)) for w in (a, b))
                word = struct.unpack(">I", getattr(peer.Float32, name)(x, y).to_bytes())[0]
                word = sf.NAN if word & sf.MAGNITUDE > sf.INFINITY else word
                right = word, int(peer.get_exception_flags())
                assert pk.rounded_operation(name, a, b, MODES[mode]) == right
    finally:
        peer.set_rounding_mode(peer.RoundingMode.NEAR_EVEN)


def test_flushed_words_have_no_subnormals():
    a, b = np.array([0x800001, 0x800000], np.uint32)
    assert (pk.soft("sub", a, b), pk.soft("sub", a, b, True)) == (1, 0)
    assert pk.soft("add", 0x80000005, 0x80000000, True) == sf.SIGN


def test_fixed_point_saturates_and_rounds():
    words = pk.arithmetic("fixed", fraction=4, bits=8)
    assert words.encode([1.0, 100.0, -100.0]).tolist() == [16, 127, -128]
    assert words.decode(words.add(words.encode(7.0), words.encode(7.0))) == 127 / 16
    assert words.mul(words.encode(0.25), words.encode(0.125)) == 1  # half a step, up
    a, b = (pk.linear(pk.Team(p, words), np.eye(3), np.zeros(3), X[:9, 20:23]) for p in (1, 3))
    assert a.scores.tobytes() == b.scores.tobytes()


# ---- kernels


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("words, count", [("float64", 100), ("float32", 60), ("soft", 6)])
def test_answers_are_those_of_scikit_learn_on_any_number_of_cores(name, words, count):
    if name == "k-means":
        if words != "soft":
            assert agreement(name, pk.Team(5, pk.arithmetic(words)), 1797) == 1797
        return
    assert agreement(name, pk.Team(3, pk.arithmetic(words)), count) == count


def test_the_record_of_agreement_is_complete():
    for one in records.read("parity").values():
        assert all(got == [one["of"]] * 2 for words, got in one.items() if words != "of")


def test_small_and_uneven_shapes():
    one = pk.linear(pk.Team(8), [[2.0]], [-1.0], [[0.4], [0.6]])
    assert one.answers.tolist() == [0, 1]
    assert [len(phase.counts) for phase in one.phases] == [1, 1]
    tied = pk.neighbours(pk.Team(2), [[0.0], [0.0], [0.0]], [2, 1, 2], [[0.0]], k=2)
    assert tied.answers.tolist() == [1]  # one vote each, the smaller class
    still = pk.centroids(pk.Team(3), [[0.0], [1.0]], [[0.0], [9.0]], most=1)
    assert still.scores.tolist() == [[0.5], [9.0]]  # an empty cluster keeps its centre
    tree = forest_of("tree")
    assert pk.forest(pk.Team(8), tree, X[:5]).phases[0].counts[0].keys() == {"walk"}
    mean, hard = (pk.forest(pk.Team(4), forest_of(), X, vote=vote) for vote in ("mean", "hard"))
    assert (mean.answers != hard.answers).sum() == 11


def test_k_means_is_scikit_learns_to_the_last_iteration():
    run = KERNELS["k-means"][1](pk.Team(1), most=100)
    assert len(run.phases) == 2 * model()["means iterations"]
    off = ((data()[0] - run.scores[run.answers]) ** 2).sum()
    assert off == pytest.approx(float(model()["means inertia"]), rel=1e-12)


@pytest.mark.parametrize("words", ["float32", "soft"])
def test_probabilities_are_scikit_learns(words):
    team = pk.Team(2, pk.arithmetic(words))
    run = pk.linear(team, *parts("logistic", "weights", "bias"), X[:20])
    got = pk.probabilities(team, run).answers
    assert got == pytest.approx(model()["probabilities"], abs=1e-6)
    single = pk.linear(team, [[1.0]], [0.0], [[2.0]])
    assert pk.probabilities(team, single).answers[0, 0] == pytest.approx(1 / (1 + np.exp(-2.0)))
    with pytest.raises(ValueError, match="floating-point arithmetic, got fixed point"):
        pk.probabilities(pk.Team(1, pk.arithmetic("fixed")), single)


@pytest.mark.parametrize("c", [1, 3, 10])
@pytest.mark.parametrize("d", [1, 7, 64])
@pytest.mark.parametrize("p", [1, 2, 8, 9])
def test_counts_equal_the_closed_form(c, d, p):
    zeros = np.zeros((c, d)), np.zeros(c), np.zeros((1, d))
    decide = max(1, c - 1)
    rows = pk.linear(pk.Team(p), *zeros, cut="horizontal").cost
    assert rows.span - decide == pk.counted_steps(c, d, p, "horizontal")
    assert rows.work == c * d + decide
    for how in theory.REDUCTIONS:
        cost = pk.linear(pk.Team(p), *zeros, how=how).cost
        used = -(-d // -(-d // p))
        assert cost.span - decide == pk.counted_steps(c, d, p, how=how)
        assert cost.work == c * d + decide + (used - 1) * c


@pytest.mark.parametrize("order", [[3, 1, 7, 0, 5, 2, 6, 4], range(7, -1, -1)])
def test_nothing_depends_on_the_order_of_the_cores(order):
    assert digest(order=order) == digest()


def test_every_engine_gives_the_same_bits():
    found = records.read("engines")
    assert len(set(found.values())) == 1
    with connect("serial") as engine:
        assert digest(engine) == digest() == found["this process"]
    with connect("processes", 2) as engine:
        assert digest(engine, arithmetic="float32") == digest(arithmetic="float32")


def test_error_of_a_chunked_sum_is_within_its_bound():
    w, v = np.random.default_rng(0).normal(size=(2, 200, 64)).astype(np.float32)
    terms = w.astype(float) * v
    for p in (1, 8, 64):
        team = pk.Team(p, pk.arithmetic("float32"))
        z = [pk.linear(team, w[i : i + 1], [0.0], v[i : i + 1]).scores[0, 0] for i in range(200)]
        m = 64 // p + p - 1
        assert (
            abs(z - terms.sum(1)) <= m * 2.0**-24 / (1 - m * 2.0**-24) * abs(terms).sum(1)
        ).all()


def test_thresholds_rounded_down_change_no_decision():
    low = np.random.default_rng(0).lognormal(size=2000).astype(np.float32)
    both = np.stack([low, np.nextafter(low, np.float32(np.inf))])
    threshold = both.astype(float).mean(axis=0)
    assert ((both <= pk.rounded_down(threshold)) == (both <= threshold)).all()
    assert ((both <= threshold.astype(np.float32)) != (both <= threshold)).any()


# ---- batches


@pytest.mark.parametrize("threads", [1, 3])
def test_compiled_batches_answer_as_the_plain_kernels(threads):
    x = X[:131]
    given = {"linear": parts("logistic", "weights", "bias"), "forest": [forest_of()],
             "bayes": parts("bayes", "means", "precisions", "offset"),
             "neighbours": [data()[0][:TRAINED], data()[1][:TRAINED], 5]}  # fmt: skip
    for kernel, name in zip(given, ("logistic", "forest", "bayes", "neighbours"), strict=True):
        found = pk.batch(kernel, x, *given[kernel], threads=threads)
        assert (found == model()[f"{name} answers"][:131]).all(), kernel
    found, _, turns = pk.batch_centroids(data()[0], data()[0][:10], threads=threads)
    assert (found == model()["means answers"]).all()
    assert turns == model()["means iterations"]
    packed = pk.packed(forest_of(), 64)
    assert pk.packed(packed, 64) is packed
    with pytest.raises(TypeError, match="trees must be a Trees, got"):
        pk.packed(packed, 3)


# ---- the machine


def test_prices_were_measured_and_every_result_was_right():
    record = theory.instructions()
    assert all(kind["wrong"] == 0 for library in record["calls"].values()
               for operation in library.values() for kind in operation.values())  # fmt: skip
    calls = {one: record["calls"][one] for one in ("generic", "fast")}
    for name in ("add", "sub", "mul", "lt"):
        assert calls["fast"][name]["normal"]["mean"] < calls["generic"][name]["normal"]["mean"]
    assert calls["fast"]["div"]["normal"]["mean"] > calls["generic"]["div"]["normal"]["mean"]
    assert pk.prices("native", bare=True)["dot"] == 3
    dot = pk.prices("generic", "instructions", bare=True)["dot"]
    assert dot == sum(calls["generic"][n]["normal"]["mean"] for n in ("mul", "add")) + 10


def test_modelled_speed_ups_are_those_of_the_page():
    low, high = {}, {}
    for name in (*MEAN_OF, "tree"):
        for bare in (True, False):
            native, fast, generic = (t[0] / t[1] for t in cycles(name, (1, 8), bare).values())
            assert native <= fast + 0.01
            assert fast <= generic + 0.01  # dearer arithmetic scales better
            low[name, bare], high[name, bare] = native, generic
    assert low["logistic regression", True] == pytest.approx(4.7, abs=0.1)
    assert high["logistic regression", True] == pytest.approx(7.25, abs=0.1)
    assert high["tree", False] == 1
    assert np.mean([high[name, False] for name in MEAN_OF]) == pytest.approx(7.4, abs=0.1)


def test_a_schedule_of_the_machine():
    machine = pk.Cluster({name: 1.0 for name in theory.LOADS}, fork=5, barrier=2)
    run = pk.linear(pk.Team(2), np.zeros((2, 4)), [0.0, 0.0], np.zeros((1, 4)))
    plan = machine.schedule(run.phases)
    assert run.cost == Cost(work=11, span=6, rounds=2)
    assert [(t.name, t.worker, t.start, t.end) for t in plan.tasks] == [
        ("dot", 0, 5, 9), ("dot", 1, 5, 9), ("reduce", 0, 11, 12), ("reduce", 1, 11, 12),
        ("decide", 0, 14, 15)]  # fmt: skip
    assert machine.time(run.phases) == 15 == plan.makespan
    assert machine.energy(run.phases) == pytest.approx(15 + 11 + 0.1 * (30 - 11))
    assert pk.Cluster(machine.price, 5, 2, banks=1).time(run.phases) > 15


# ---- errors, the explorer


@pytest.mark.parametrize("call, message", [
    (lambda: pk.Team(0), "p must be at least 1, got 0"),
    (lambda: pk.Team(2, order=[0, 0]), r"order must be a permutation of 0..1, got \[0, 0\]"),
    (lambda: pk.linear(pk.Team(2), [[1.0]], [0.0], [[1.0, 2.0]]), r"x must have the shape"),
    (lambda: pk.linear(pk.Team(2), [[1.0]], [0.0], np.zeros((0, 1))), "x must not be empty, got"),
    (lambda: pk.linear(pk.Team(2), [[1.0]], [0.0], [[1.0]], how="all"), "how must be one of"),
    (lambda: pk.neighbours(pk.Team(2), [[1.0]], [0], [[1.0]], k=2), "k must be at most 1, got 2"),
    (lambda: pk.forest(pk.Team(1), forest_of("tree"), X[:1, :9]), r"feature must lie in 0..8, got"),
    (lambda: pk.Cluster({"dot": 1.0}), "price must have dot, distance"),
    (lambda: pk.prices("gpu"), "backend must be one of"),
    (lambda: pk.kernel_machine(pk.Team(1), [[1.0]], [[1.0]], [1, 1], [0.0], [[1.0]]),
     r"dual must be \(1, 2\), got \(1, 1\)"),
])  # fmt: skip
def test_senseless_requests_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_explorer_says_what_the_library_says(tmp_path, chromium):
    pytest.importorskip("matplotlib")
    explorers = importlib.import_module("paralg.kernels.pulp_kernels.teaching.explorer")
    page = explorer_page(chromium, tmp_path, pk.explorer())

    def agrees(cut, backend, **shape):
        plan, one, many = explorers.schedule_of(cut, backend, **shape)
        got = shown(page)
        assert float(got["Speed-up"]) == pytest.approx(one / many, abs=0.006)
        assert int(got["Cycles, p cores"].replace(",", "")) == round(many)

    for cut in explorers.CUTS:
        page.get_by_role("radio", name=cut, exact=True).check()
        for backend in theory.BACKENDS[:3]:
            page.get_by_role("radio", name=backend, exact=True).check()
            agrees(cut, backend)
    set_to(page, "Cores p", 5)
    set_to(page, "Classes c", 7)
    set_to(page, "Features d", 33)
    set_to(page, "Barrier, cycles", 100)
    agrees(explorers.CUTS[3], "generic", c=7, d=33, p=5, barrier=100)
    assert page.errors == []
