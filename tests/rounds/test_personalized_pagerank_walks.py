"""The walks: same bits whatever the schedule, loads and rounds as predicted, right on average."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pagerank_cases import HAND, digest, digraphs

from paralg.core.engine import connect
from paralg.rounds.personalized_pagerank import (
    AllAtOnce,
    Digraph,
    Pipelined,
    Refilled,
    aggregated_walks,
    blocked_power_iteration,
    dense_solve,
    expected_l1,
    longest_walk,
    monte_carlo,
    move_table,
    pipeline_load,
    pipeline_rounds,
    random_walks,
    refill_rounds,
    segment_doubling,
    walk_once,
)
from paralg.rounds.personalized_pagerank.experiments.graphs import (
    les_miserables,
    stdlib_imports,
    topic_words,
)
from paralg.rounds.personalized_pagerank.fast.kernel import WalkRange, starting_walks
from paralg.rounds.personalized_pagerank.fast.multinomial import binomial

SCHEDULES = [
    AllAtOnce(), Pipelined(1), Pipelined(7), Pipelined(1000), Refilled(1), Refilled(50),
    Refilled(10**6),
]  # fmt: skip


@pytest.fixture(scope="module")
def miserables():
    graph = les_miserables()
    return graph, dense_solve(graph)


@pytest.mark.parametrize("name", HAND)
@pytest.mark.parametrize("dangling", ["stop", "source"])
def test_counts_of_hand_made_graphs(name, dangling):
    graph, omega = HAND[name], 400
    table = move_table(graph, 0.3, largest=3, hops=2, dangling=dangling)
    result = random_walks(table, omega, seed=5)
    counts = result.counts.to_csr(graph.n).toarray()
    assert (counts.sum(axis=1) == omega).all()
    exact = dense_solve(graph, 0.3, dangling)
    assert np.abs(counts / omega - exact).max() < 5 * np.sqrt(0.25 / omega)
    assert (counts[exact == 0] == 0).all()


@settings(deadline=None, max_examples=40)
@given(digraphs(), st.sampled_from(SCHEDULES), st.integers(1, 4), st.booleans())
def test_counts_do_not_depend_on_schedule_or_partitions(graph, schedule, partitions, descend):
    table = move_table(graph, 0.4, largest=2, hops=2)
    reference = random_walks(table, 9, seed=3)
    other = random_walks(
        table, 9, schedule=schedule, partitions=partitions, descend=descend, seed=3
    )
    assert digest(other.counts) == digest(reference.counts)
    assert other.counts.values.sum() == 9 * graph.n


def test_the_kernel_equals_the_walk_in_plain_python(miserables):
    table = move_table(miserables[0], largest=8, hops=2)
    counts = random_walks(table, 4, seed=7).counts.to_csr(table.n).toarray()
    expected = np.zeros_like(counts)
    for source in range(table.n):
        for number in range(4):
            expected[source, walk_once(table, source, number, seed=7)[-1]] += 1
    assert np.array_equal(counts, expected)


@settings(deadline=None, max_examples=25)
@given(digraphs(), st.integers(0, 2**63))
def test_the_kernel_equals_plain_python_where_walks_return(graph, seed):
    table = move_table(graph, 0.5, largest=3, hops=2, dangling="source")
    counts = random_walks(table, 2, seed=seed).counts.to_csr(table.n).toarray()
    ends = [(u, walk_once(table, u, i, seed)[-1]) for u in range(graph.n) for i in range(2)]
    assert sorted(ends) == sorted(
        (u, v) for u, v in np.argwhere(counts).tolist() for _ in range(counts[u, v])
    )


def test_the_mean_over_seeds_is_pi(miserables):
    graph, exact = miserables
    tables = move_table(graph, largest=64, hops=3), move_table(graph, largest=8)
    for table in tables:
        mean = np.mean([random_walks(table, 500, seed=seed).dense() for seed in range(20)], axis=0)
        deviation = np.sqrt(exact * (1 - exact) / 10_000)
        assert (np.abs(mean - exact) <= 6 * deviation + 1e-4).all()


def test_error_falls_with_the_root_of_omega():
    graph = stdlib_imports()
    exact, table = dense_solve(graph), move_table(graph, largest=256, hops=3)
    omegas = [100, 400, 1600, 6400]
    errors = [
        np.abs(random_walks(table, omega).dense() - exact).sum(axis=1).mean() for omega in omegas
    ]
    assert all(errors <= np.array([expected_l1(exact, omega).mean() for omega in omegas]))
    slope = np.polyfit(np.log(omegas), np.log(errors), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.03)


def test_live_load_follows_the_prediction(miserables):
    n, omega, gamma, alpha = 77, 2000, 50, 0.2
    table = move_table(miserables[0], alpha)
    live = random_walks(table, omega, schedule=Pipelined(gamma)).live
    predicted = pipeline_load(n, omega, gamma, alpha, len(live))
    assert np.abs(live - predicted).max() < 6 * np.sqrt(predicted.max())
    assert live.max() == pytest.approx(n * gamma / alpha, rel=0.03)
    peak = predicted[: omega // gamma]
    assert peak[int(3 / alpha)] > 0.95 * n * gamma / alpha


def test_big_moves_divide_the_rounds_by_about_their_hops():
    graph = stdlib_imports()
    rounds = {}
    for hops in (1, 2, 3, 4):
        table = move_table(graph, largest=256, hops=hops)
        rounds[hops] = len(random_walks(table, 400, schedule=AllAtOnce()).live)
    for hops in (2, 3, 4):
        assert rounds[hops] == pytest.approx(rounds[1] / hops, abs=3)


def test_joins_per_walk_follow_the_formulas(miserables):
    graph, alpha = miserables[0], 0.2
    plain = random_walks(move_table(graph, alpha), 1000)
    assert plain.cost.work / 77_000 == pytest.approx(1 / alpha, rel=0.01)
    moved = random_walks(move_table(graph, alpha, largest=2 * graph.n, hops=3), 1000)
    assert moved.cost.work / 77_000 == pytest.approx(1 / (1 - (1 - alpha) ** 3), rel=0.01)


def test_levels_of_trees_cost_rounds_only_when_asked():
    graph = topic_words()
    table = move_table(graph, largest=64)
    within = random_walks(table, 5, schedule=AllAtOnce(), descend=True)
    between = random_walks(table, 5, schedule=AllAtOnce(), descend=False, partitions=2)
    assert digest(within.counts) == digest(between.counts)
    assert len(between.live) > len(within.live)
    assert between.cost.work == within.cost.work


def test_few_rows_are_open_when_sources_come_one_by_one():
    graph = topic_words()
    table = move_table(graph, largest=256)
    refilled = random_walks(table, 50, schedule=Refilled(1000), top=10)
    naive = random_walks(table, 50, schedule=AllAtOnce(), top=10)
    assert naive.open_rows == graph.n
    assert refilled.open_rows < graph.n / 4
    assert refilled.row_bytes < naive.row_bytes / 3
    assert np.diff(refilled.counts.indptr).max() <= 10
    assert digest(refilled.counts) == digest(naive.counts)


def test_top_is_the_head_of_the_whole_row(miserables):
    table = move_table(miserables[0])
    whole, head = (random_walks(table, 30, top=top).counts for top in (77, 4))
    for u in range(77):
        nodes, counts = whole.row(u)
        assert (np.diff(counts) <= 0).all()
        assert head.row(u)[0].tolist() == nodes[:4].tolist()
        assert head.row(u)[1].tolist() == counts[:4].tolist()


def test_small_counts_can_be_dropped(miserables):
    table = move_table(miserables[0])
    for omega in (30, 300):  # fewer walks than nodes, and more
        whole, large = (random_walks(table, omega, least=least).counts for least in (1, 5))
        assert large.values.min() >= 5
        assert large.values.sum() == whole.values[whole.values >= 5].sum()


def test_some_sources_only(miserables):
    table = move_table(miserables[0])
    whole = random_walks(table, 20).counts
    some = random_walks(
        table, 20, sources=range(10, 25), partitions=2, schedule=Pipelined(3)
    ).counts
    assert some.sources.tolist() == list(range(10, 25))
    assert some.values.tolist() == whole.values[whole.indptr[10] : whole.indptr[25]].tolist()
    assert len(random_walks(table, 20, sources=range(5, 5)).counts.sources) == 0


@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_births_are_dealt_without_loss(by_number, partitions):
    lowest, sources, omega = 3, 4, 6
    for first in range(0, 24, 5):
        last = min(first + 5, 24)
        starts = WalkRange(first, last, lowest, sources, omega, by_number)
        walks = np.concatenate([starting_walks(starts, i, partitions) for i in range(partitions)])
        k = np.arange(first, last)
        source, number = (k % sources, k // sources) if by_number else (k // omega, k % omega)
        expected = sorted(((lowest + source) << 32 | number).tolist())
        assert sorted(walks[:, 0].tolist()) == expected


def test_one_batch_in_numpy_agrees(miserables):
    graph, exact = miserables
    counts, cost = monte_carlo(graph, 400)
    assert (counts.sum(axis=1) == 400).all()
    assert np.abs(counts / 400 - exact).sum(axis=1).mean() < expected_l1(exact, 400).mean()
    assert cost.work / (77 * 400) == pytest.approx(5, rel=0.03)
    assert cost.rounds == pytest.approx(longest_walk(77 * 400, 0.2), abs=15)
    assert monte_carlo(Digraph.from_arcs([], [], n=2), 3)[0].tolist() == [[3, 0], [0, 3]]


@settings(deadline=None, max_examples=30)
@given(
    digraphs(), st.sampled_from(SCHEDULES), st.integers(1, 3), st.sampled_from(["stop", "source"])
)
def test_aggregated_walks_lose_none(graph, schedule, partitions, dangling):
    table = move_table(graph, 0.4, largest=3, hops=2, dangling=dangling)
    one = aggregated_walks(table, 70, schedule=schedule, seed=1)
    two = aggregated_walks(table, 70, schedule=schedule, partitions=partitions, seed=1)
    assert digest(one.counts) == digest(two.counts)
    sums = one.counts.to_csr(graph.n).toarray().sum(axis=1)
    assert (sums == 70).all()


def test_aggregated_walks_have_the_same_distribution_and_fewer_records(miserables):
    graph, exact = miserables
    table = move_table(graph, largest=16)
    mean = np.mean([aggregated_walks(table, 500, seed=seed).dense() for seed in range(20)], axis=0)
    assert (np.abs(mean - exact) <= 6 * np.sqrt(exact * (1 - exact) / 10_000) + 1e-4).all()
    merged, single = aggregated_walks(table, 500), random_walks(table, 500)
    assert merged.shuffled < single.shuffled / 2
    assert merged.live[0] == single.omega * 77


def test_binomial_draws_have_mean_and_variance():
    trials, chance = 200, 0.3
    draws = np.array([binomial(np.uint64(k << 20), np.uint64(0), trials, chance)[0]
                      for k in range(4000)])  # fmt: skip
    assert draws.mean() == pytest.approx(60, abs=0.5)
    assert draws.var() == pytest.approx(42, rel=0.1)
    assert [binomial(np.uint64(1), np.uint64(0), 9, p)[0] for p in (0.0, 1.0)] == [0, 9]


def test_doubling_takes_few_rounds_and_shares_segments(miserables):
    graph, exact = miserables
    runs = {
        pick: [segment_doubling(graph, 100, 6, pick=pick, seed=seed) for seed in range(60)]
        for pick in ("same", "random")
    }
    assert runs["random"][0].cost.rounds == 7
    assert all((run.counts.sum(axis=1) == 100).all() for run in runs["random"])
    counts = {pick: np.array([run.counts for run in got]) for pick, got in runs.items()}
    independent = 100 * (exact * (1 - exact)).sum()
    assert counts["random"].var(axis=0).sum() > 1.2 * independent
    bias = {
        pick: np.abs(got.mean(axis=0) / 100 - exact).sum(axis=1).mean()
        for pick, got in counts.items()
    }
    assert bias["same"] > 3 * bias["random"]
    assert 0.5 < runs["random"][0].shared < 0.8


def test_what_crosses_partitions_is_counted(miserables):
    table = move_table(miserables[0])
    alone = random_walks(table, 50, engine=connect("serial"))
    assert (alone.cost.messages, alone.cost.bytes) == (0, 0)
    apart = random_walks(table, 50, partitions=4)
    assert apart.cost.messages > 0
    assert 0 < apart.cost.bytes <= 16 * apart.shuffled + 40 * 8 * apart.cost.messages


@pytest.mark.parametrize("largest, hops, omega", [(None, 1, 40), (8, 1, 100), (64, 3, 40)])
def test_bits_on_a_real_graph(miserables, largest, hops, omega):
    table = move_table(miserables[0], largest=largest, hops=hops)
    reference = random_walks(table, omega, schedule=AllAtOnce(), seed=1)
    for schedule in (*SCHEDULES[1:4], Refilled(500), *SCHEDULES[5:]):
        other = random_walks(table, omega, schedule=schedule, partitions=3, seed=1)
        assert digest(other.counts) == digest(reference.counts)
        assert other.cost.work == reference.cost.work
        assert len(other.live) >= len(reference.live)  # starting later never ends sooner


def test_rounds_follow_the_formulas_and_refill_is_flat_at_the_cap(miserables):
    table = move_table(miserables[0])

    def rounds(schedule):
        runs = (random_walks(table, 1000, schedule=schedule, seed=seed) for seed in range(4))
        return np.mean([len(run.live) for run in runs])

    for gamma in (10, 100, 1000):
        predicted = pipeline_rounds(77, 1000, gamma, 0.2)
        assert rounds(Pipelined(gamma)) == pytest.approx(predicted, abs=6)
    predicted = refill_rounds(77, 1000, 10_000, 0.2)
    assert rounds(Refilled(10_000)) == pytest.approx(predicted, abs=6)
    for cap in (300, 5000):
        live = random_walks(table, 500, schedule=Refilled(cap)).live
        assert live.max() == cap
        assert (live[: -int(longest_walk(cap, 0.2)) - 12] == cap).all()


def test_more_walks_continue_fewer_and_seeds_differ(miserables):
    table = move_table(miserables[0])
    few, more = (random_walks(table, k, seed=2).counts.to_csr(77).toarray() for k in (9, 30))
    assert (more >= few).all()
    one, two = (random_walks(table, 50, seed=seed) for seed in (1, 2))
    assert digest(one.counts) != digest(two.counts)


def test_another_engine_gives_the_same_bits():
    """One small case: the matrix of engines is tested with the engines."""
    graph = les_miserables()
    table = move_table(graph, largest=16, hops=2)
    calls = [
        lambda engine: random_walks(table, 60, seed=11, top=5, partitions=3, engine=engine),
        lambda engine: aggregated_walks(table, 300, seed=4, partitions=2, engine=engine),
        lambda engine: blocked_power_iteration(graph, error=1e-6, top=7, engine=engine),
    ]
    with connect("processes", 2) as engine:
        for call in calls:
            here, there = call(connect("serial")), call(engine)
            rows = [getattr(run, "counts", None) or run.scores for run in (here, there)]
            assert digest(rows[0]) == digest(rows[1])
            assert here.cost == there.cost
