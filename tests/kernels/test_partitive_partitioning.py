"""The two halves, the mixture, the tree, the merge pass, other rules, shards with exact sums."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paralg.kernels.partitive_partitioning as pp
from benchmarks import bench_partitive_partitioning as bench
from paralg.core.engine import connect
from paralg.kernels.partitive_partitioning import variants
from paralg.kernels.partitive_partitioning.experiments.clouds import SETS, cloud, covariance_of
from paralg.kernels.partitive_partitioning.experiments.records import digests_on, records
from paralg.kernels.partitive_partitioning.fast import kernels
from paralg.kernels.partitive_partitioning.mixture import em
from paralg.kernels.partitive_partitioning.theory import COVARIANCES, neighbours
from tests.figures.web import explorer_page, set_to, shown

few = settings(max_examples=20, deadline=None)
clouds = st.tuples(st.integers(2, 12), st.integers(1, 3), st.integers(0, 2**32 - 1))


def brute_force(points):
    """Return the least sum of squares of any two-way split."""
    n = len(points)
    masks = (np.arange(1, 2 ** (n - 1))[:, None] >> np.arange(n)) & 1
    sums, counts = masks @ points, masks.sum(axis=1)
    rest = points.sum(axis=0) - sums
    between = (sums**2).sum(axis=1) / counts + (rest**2).sum(axis=1) / (n - counts)
    return (points**2).sum() - between.max()


def drawn(case):
    n, d, seed = case
    return np.random.default_rng(seed).normal(size=(n, d))


def gains(tree):
    return [(one.path, one.verdict.gain, one.verdict.agreement, one.verdict.steps,
             one.verdict.reason) for one in tree.nodes]  # fmt: skip


def test_examples_run_and_names_are_documented():
    for info in pkgutil.walk_packages(pp.__path__, f"{pp.__name__}."):
        module = importlib.import_module(info.name)
        assert doctest.testmod(module).failed == 0
        assert module.__doc__


# ---- two halves


@pytest.mark.parametrize("values, threshold, left", [
    ([5.0], 5.0, 0.0), ([1, 1, 1], 1.0, 0.0), ([0, 1, 10], 5.5, 0.5), ([0, 0, 6, 6], 3.0, 0.0),
    ([12, 4, 1, 0], 8.0, 26 / 3),
])  # fmt: skip
def test_cuts_by_hand(values, threshold, left):
    at, gain = pp.best_cut(values)
    assert at == threshold
    assert np.var(values) * len(values) - gain == pytest.approx(left)


@given(clouds)
@few
def test_two_means_is_a_fixed_point_no_worse_than_its_cut_and_the_best_on_a_line(case):
    points = drawn(case)
    found = pp.two_means(points)
    nearer = ((points[:, None] - found.centres) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearer == found.sides).all()
    assert found.sse >= brute_force(points) - 1e-9
    assert tuple(found.centres[0]) <= tuple(found.centres[1])
    if points.shape[1] == 1:
        assert found.sse == pytest.approx(brute_force(points))


def test_degenerate_clouds_have_a_rule():
    assert pp.two_means(np.ones((4, 2))) is None
    assert pp.two_means([[0, 0], [0, 1], [1, 0], [1, 1]]).sides.tolist() == [0, 0, 1, 1]
    assert pp.first_direction(np.diag([1.0, 3.0, 3.0])).tolist() == [0, 1, 0]
    assert (pp.first_direction([[2.0, -1.0], [-1.0, 2.0]]) > 0).sum() == 1
    assert pp.standardise([[1.0, 7.0], [3.0, 7.0]])[:, 1].tolist() == [0, 0]
    for points, reason in ((np.ones((30, 2)), "constant"), (np.eye(3), "small")):
        (node,) = pp.grow(points).nodes
        assert node.verdict.reason == reason


# ---- the mixture


@pytest.mark.parametrize("cov", COVARIANCES)
def test_likelihood_rises_and_bic_counts_parameters(cov):
    points, labels = cloud("three overlapping blobs")
    mix = pp.fit(points, labels, cov, ridge=0, tol=0, most=40)
    assert (np.diff(mix.history) > -1e-8).all()
    assert mix.resp.sum(axis=1) == pytest.approx(1)
    spent = pp.free_parameters(3, 2, cov) * np.log(600)
    assert mix.bic == pytest.approx(-2 * mix.loglik + spent)


@pytest.mark.parametrize("cov", COVARIANCES)
def test_likelihoods_are_those_of_scikit_learn(cov):
    mixture = pytest.importorskip("sklearn.mixture")
    points, _ = cloud("iris")
    sides = pp.two_means(points).sides
    ours = pp.fit(points, sides, cov, ridge=1e-6, tol=1e-9, most=500)
    start = [points[sides == side].mean(axis=0) for side in (0, 1)]
    theirs = mixture.GaussianMixture(2, covariance_type=cov, means_init=start, tol=1e-9,
                                     max_iter=500, random_state=0).fit(points)  # fmt: skip
    assert theirs.bic(points) == pytest.approx(ours.bic, rel=1e-5)


def test_one_gaussian_has_its_closed_form():
    points, _ = cloud("Gaussian")
    mix = pp.fit(points, ridge=0)
    spread = np.cov(points.T, bias=True)
    logs = np.linalg.slogdet(2 * np.pi * np.e * spread)[1]
    assert mix.loglik == pytest.approx(-250 * logs)
    assert mix.steps == 0
    assert [pp.free_parameters(k, 4) for k in (1, 2)] == [14, 29]
    assert pp.free_parameters(2, 2) - pp.free_parameters(1, 2) == 6


def test_a_mixture_stays_with_a_gap_and_leaves_a_square():
    found = {}
    for name in ("two blobs", "square"):
        points, _ = cloud(name, n=400)
        sides = pp.two_means(points).sides
        found[name] = [np.mean(em(points, np.eye(2)[sides], tol=-1, most=most).resp.argmax(axis=1)
                               == sides) for most in (0, 200)]  # fmt: skip
    assert min(found["two blobs"]) > 0.98
    assert found["square"][0] > 0.98
    assert found["square"][1] < 0.9


# ---- the tree


def test_trees_find_what_the_page_says():
    expected = {"two blobs": 2, "three overlapping blobs": 3, "five blobs": 5, "eight blobs": 8,
                "Gaussian": 1, "long Gaussian": 1, "Student t": 1, "exponential": 1, "iris": 2,
                "wine": 4}  # fmt: skip
    for name, k in expected.items():
        points, labels = cloud(name)
        tree = pp.grow(points, pp.SplitRules(cov=covariance_of(name)))
        assert tree.k == k, name
        assert set(tree.labels.tolist()) == set(range(k))
        if k > 1 and name not in ("iris", "wine", "three overlapping blobs"):
            assert pp.adjusted_rand(labels, tree.labels) > 0.9
    assert pp.adjusted_rand(labels, tree.labels) == pytest.approx(0.748, abs=0.001)
    assert set(SETS) > set(expected)


def test_orders_rotations_and_duplicates_do_not_matter():
    rng = np.random.default_rng(5)
    for name, n in (("five blobs", 300), ("iris", None)):
        points, _ = cloud(name, 0, n)
        labels, order = pp.grow(points).labels, rng.permutation(len(points))
        assert (pp.grow(points[order]).labels == labels[order]).all()
        turn = np.linalg.qr(rng.normal(size=(points.shape[1],) * 2))[0]
        assert pp.adjusted_rand(labels, pp.grow(points @ turn).labels) == 1
        twice = pp.grow(np.concatenate([points, points])).labels
        assert pp.adjusted_rand(labels, twice[: len(points)]) == 1
        assert (pp.grow(points, seed=7).labels == labels).all()


def test_work_and_span_are_those_of_the_nodes():
    tree = pp.grow(cloud("eight blobs")[0])
    assert tree.cost.work == sum(node.work for node in tree.nodes)
    root = tree.nodes[0].work
    assert root < tree.cost.span < tree.cost.work
    assert tree.cost.rounds == max(len(node.path) for node in tree.nodes) + 1
    assert len(tree.nodes) == 2 * tree.k - 1
    assert pp.balanced_tree(1, 16) == (5.0, 1.9375)


def test_merging_undoes_a_cut_and_keeps_clusters():
    points, labels = cloud("five blobs")
    halves = np.where((labels == 2) & (points[:, 0] > points[labels == 2, 0].mean()), 5, labels)
    merged, merges = pp.merge_leaves(points, halves)
    assert pp.adjusted_rand(merged, labels) == 1
    assert [pair[:2] for pair in merges] == [(2, 5)]
    assert merges[0][2] > 0
    assert neighbours(np.array([[0.0], [1.0], [2.5]])) == [(0, 1), (1, 2)]


# ---- other rules


def test_harmonic_scores_by_hand():
    rules = pp.HarmonicRules()
    cases = (((1, 1), 50, True), ((0.8, 0.8), 40, True), ((0.95, 0.7), 40.3, True),
             ((0.9, 0.7), 39.4, False))  # fmt: skip
    for sides, score, accepted in cases:
        verdict = pp.SplitVerdict(sides=sides)
        assert verdict.harmonic == pytest.approx(score, abs=0.05)
        assert rules.agrees(verdict) == accepted


def test_restarts_are_keyed_by_their_number_and_never_beat_the_best():
    points, _ = cloud("wine")
    found = pp.multistart(points, 12, least=0)
    errors = [pp.random_two_means(points, attempt).sse for attempt in range(12)]
    assert found.cut.sse == min(errors)
    assert found.starts == 12
    assert pp.multistart(points, 4, least=1, most=16).starts == 16
    assert pp.restarts_needed(0.05) == 90
    one, two = (pp.AgreementRules(cov="diag").cut(points, key).sides for key in (1, 1))
    assert (one == two).all()


def test_the_dip_is_that_of_uniform_numbers_and_two_humps():
    assert pp.dip([1.0, 2.0]) == 0.25
    assert pp.dip(np.ones(5)) == 0.1
    rng, n = np.random.default_rng(0), variants.DIP_SIZES[2]
    sample = sorted(np.sqrt(n) * pp.dip(rng.random(n)) for _ in range(100))
    assert sample[95] == pytest.approx(variants.DIP_95[2], abs=0.05)
    humps = np.concatenate([rng.normal(size=50), rng.normal(5, 1, size=50)])
    assert np.sqrt(100) * pp.dip(humps) > variants.DIP_95[2]
    oracle = pytest.importorskip("diptest")
    for values in (humps, rng.random(37), rng.normal(size=80)):
        assert pp.dip(values) == pytest.approx(oracle.dipstat(values))


def test_the_gate_refuses_flat_blocks_and_what_overlaps():
    assert pp.grow(cloud("square", 1, 300)[0]).k > 1
    assert pp.grow(cloud("square", 1, 300)[0], pp.DipRules()).k == 1
    assert pp.grow(cloud("five blobs", 0, 300)[0], pp.DipRules()).k == 5
    assert pp.grow(cloud("wine")[0], pp.DipRules(cov="diag")).k == 1


def test_the_search_takes_the_two_columns_that_matter():
    noisy = np.random.default_rng(0).normal(size=(400, 6))
    noisy[200:, 2:4] += [6, 5]
    found = pp.most_separable(pp.standardise(noisy))
    assert sorted(found.features) == [2, 3]
    assert max(found.scores[-1].values()) <= found.best[-1]
    nothing = pp.most_separable(np.random.default_rng(1).normal(size=(60, 2)))
    assert nothing.features == ()


# ---- shards and engines


@given(st.lists(st.floats(-4000, 4000), min_size=1, max_size=30), st.randoms())
@few
def test_sums_have_no_order(values, random):
    def total(numbers):
        sums = np.zeros((1, 1, 2), dtype=np.int64)
        for value in numbers:
            kernels._add(sums, 0, 0, value)
        return sums

    first = total(values)
    random.shuffle(values)
    half = len(values) // 2
    assert (total(values[:half]) + total(values[half:]) == first).all()
    assert kernels.to_float(first)[0, 0] == pytest.approx(sum(values), abs=1e-9)


@pytest.mark.parametrize("name, n", [("wine", None), ("iris", None), ("five blobs", 300),
                                     ("square", 300)])  # fmt: skip
def test_shards_have_the_bits_of_one_and_the_labels_of_the_plain_tree(name, n):
    points, _ = cloud(name, 0, n)
    rules = pp.SplitRules(cov=covariance_of(name))
    plain, one = pp.grow(points, rules), pp.grow_sharded([points], rules)
    assert (plain.labels == one.labels).all()
    for a, b in zip(plain.nodes, one.nodes, strict=True):
        assert (a.path, a.rows.tolist(), a.verdict.reason, a.verdict.steps) == (
            b.path, b.rows.tolist(), b.verdict.reason, b.verdict.steps)  # fmt: skip
        assert b.verdict.gain == pytest.approx(a.verdict.gain, rel=1e-8, abs=1e-6)
        assert b.verdict.sides == pytest.approx(a.verdict.sides)
    order = np.random.default_rng(0).permutation(len(points))
    shuffled = pp.grow_sharded(np.split(points[order], [0, 40, 47]), rules)
    assert (shuffled.labels == one.labels[order]).all()
    assert gains(shuffled) == gains(one)
    steps = max(sum(node.verdict.steps) for node in one.nodes)
    assert shuffled.cost.rounds == one.cost.rounds > steps
    assert shuffled.cost.messages == 3 * one.cost.rounds
    assert shuffled.cost.bytes > one.cost.bytes == 0


def test_engines_have_the_bits_of_this_process():
    here = digests_on(connect("serial"))
    with connect("processes", 2) as engine:
        assert digests_on(engine) == here
    assert set(records.read("engines").values()) == {here}


@pytest.mark.parametrize("call, message", [
    (lambda: pp.grow([[np.nan]]), "points must be finite, got nan"),
    (lambda: pp.SplitRules(tau=1.5), "tau must be at most 1, got 1.5"),
    (lambda: pp.SplitRules(cov="round"), "cov must be one of"),
    (lambda: pp.grow_sharded([]), "one number of columns, got 0"),
    (lambda: pp.grow_sharded([np.ones((3, 2)), np.ones((3, 1))]), "one number of columns, got 2"),
    (lambda: pp.grow_sharded([1e8 * np.ones((3, 2))]), r"at most 2\^38, got 3 rows up to 1e\+08"),
    (lambda: pp.grow_sharded([np.ones((3, 2))], pp.DipRules()), "look at points, got DipRules"),
    (lambda: pp.merge_leaves(np.ones((3, 1)), [0, 2, 2]), r"each of 0 … k - 1, got \[0, 2\]"),
    (lambda: pp.first_direction([[1.0, 2.0], [0.0, 1.0]]), "scatter must be symmetric, got"),
    (lambda: cloud("circle"), "name must be one of"),
])  # fmt: skip
def test_senseless_requests_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_peer_finds_the_blobs():
    pytest.importorskip("sklearn")
    points, truth = bench.points_of(4)
    assert pp.adjusted_rand(truth, bench.scan(points, 6)) == 1
    assert bench.scan_note(points, 6, "full").endswith("evaluations")


def test_the_explorer_says_what_the_library_says(tmp_path, chromium):
    pytest.importorskip("matplotlib")
    explorers = importlib.import_module("paralg.kernels.partitive_partitioning.teaching.explorer")
    explorer = pp.explorer()
    page = explorer_page(chromium, tmp_path, explorer)
    for name in explorers.CLOUDS:
        page.get_by_role("radio", name=name, exact=True).check()
        frames = explorer.state["clouds"][name]["frames"]
        for place in (0, 7, 12):
            set_to(page, "EM steps", place)
            got = shown(page)
            assert int(got["EM steps"]) == explorers.STEPS[place]
            accepted = frames[place][0] >= 0.9 and frames[place][1] > 0
            assert got["Verdict"] == ("accepted" if accepted else "refused")
    assert page.errors == []
