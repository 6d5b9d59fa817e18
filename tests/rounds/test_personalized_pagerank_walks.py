"""The walks: same bits whatever the schedule and compiled or not, loads and rounds as predicted."""

import importlib
import os
import pkgutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pagerank_cases import EXACT, HAND, HUGO, IMPORTS, TABLE, digest, digraphs, solve_chain

import paralg.rounds.personalized_pagerank as pr
from paralg.core.engine import connect
from paralg.rounds.personalized_pagerank import AllAtOnce, Pipelined, Refilled, random_walks
from paralg.rounds.personalized_pagerank.experiments import graphs
from paralg.rounds.personalized_pagerank.fast.kernel import WalkRange, starting_walks

SCHEDULES = [AllAtOnce(), Pipelined(1), Pipelined(7), Refilled(1), Refilled(50), Refilled(10**6)]


@pytest.mark.parametrize("name", HAND)
@pytest.mark.parametrize("dangling", ["stop", "source"])
def test_counts_of_hand_made_graphs(name, dangling):
    graph, omega = HAND[name], 400
    table = pr.move_table(graph, 0.3, largest=3, hops=2, dangling=dangling)
    counts = random_walks(table, omega, seed=5).counts.to_csr(graph.n).toarray()
    assert (counts.sum(axis=1) == omega).all()
    exact = pr.dense_solve(graph, 0.3, dangling)
    assert np.abs(counts / omega - exact).max() < 5 * np.sqrt(0.25 / omega)
    assert (counts[exact == 0] == 0).all()
    if dangling == "stop":
        for largest, hops in ((None, 1), (2, 1), (8, 3), (100, 6)):
            table = pr.move_table(graph, 0.3, largest=largest, hops=hops)
            assert solve_chain(table) == pytest.approx(exact, abs=1e-12)


@settings(deadline=None, max_examples=12)
@given(digraphs(), st.sampled_from(SCHEDULES), st.integers(1, 4), st.booleans())
def test_counts_do_not_depend_on_schedule_or_partitions(graph, schedule, partitions, descend):
    table = pr.move_table(graph, 0.4, largest=2, hops=2)
    reference = random_walks(table, 9, schedule=AllAtOnce(), seed=3)
    given = dict(schedule=schedule, partitions=partitions)
    other = random_walks(table, 9, descend=descend, seed=3, **given)
    assert digest(other.counts) == digest(reference.counts)
    assert other.cost.work == reference.cost.work
    assert len(other.live) >= len(reference.live)  # starting later never ends sooner
    assert other.counts.values.sum() == 9 * graph.n
    merged = [pr.aggregated_walks(table, 70, seed=1, **k) for k in (given, dict(schedule=schedule))]
    assert digest(merged[0].counts) == digest(merged[1].counts)
    assert (merged[0].counts.to_csr(graph.n).toarray().sum(axis=1) == 70).all()


@settings(deadline=None, max_examples=20)
@given(digraphs(), st.integers(0, 2**63), st.sampled_from(["stop", "source"]))
def test_the_kernel_equals_the_walk_in_plain_python(graph, seed, dangling):
    table = pr.move_table(graph, 0.5, largest=3, hops=2, dangling=dangling)
    expected = np.zeros((graph.n, graph.n), dtype=int)
    for u, number in ((u, number) for u in range(graph.n) for number in range(2)):
        expected[u, pr.walk_once(table, u, number, seed)[-1]] += 1
    assert np.array_equal(
        random_walks(table, 2, seed=seed).counts.to_csr(graph.n).toarray(), expected
    )


@pytest.mark.parametrize("walk, given", [
    (random_walks, {"largest": 64, "hops": 3}),
    (random_walks, {"largest": 8}),
    (pr.aggregated_walks, {"largest": 16}),
])  # fmt: skip
def test_the_mean_over_seeds_is_pi(walk, given):
    table = pr.move_table(HUGO, **given)
    mean = np.mean([walk(table, 1000, seed=seed).dense() for seed in range(4)], axis=0)
    assert (np.abs(mean - EXACT) <= 6 * np.sqrt(EXACT * (1 - EXACT) / 4000) + 2.5e-4).all()


def test_live_load_follows_the_prediction():
    n, omega, gamma, alpha = 77, 1000, 50, 0.2
    live = random_walks(TABLE, omega, schedule=Pipelined(gamma)).live
    predicted = pr.pipeline_load(n, omega, gamma, alpha, len(live))
    assert np.abs(live - predicted).max() < 6 * np.sqrt(predicted.max())
    assert live.max() == pytest.approx(n * gamma / alpha, rel=0.03)
    assert predicted[int(3 / alpha)] > 0.95 * n * gamma / alpha


def test_rounds_and_joins_follow_the_formulas():
    rounds = {hops: len(random_walks(pr.move_table(IMPORTS, largest=256, hops=hops), 1000,
                                     schedule=AllAtOnce()).live)
              for hops in (1, 2, 3, 4)}  # fmt: skip
    assert list(rounds.values()) == [20, 10, 8, 5]  # as the chapter says
    for hops in (2, 3, 4):
        assert rounds[hops] == pytest.approx(rounds[1] / hops, abs=3)
    for table, hops in ((TABLE, 1), (pr.move_table(HUGO, largest=2 * HUGO.n, hops=3), 3)):
        work = random_walks(table, 500).cost.work
        assert work / 38_500 == pytest.approx(1 / (1 - 0.8**hops), rel=0.01)
    predicted = [(Pipelined(gamma), pr.pipeline_rounds(77, 500, gamma, 0.2)) for gamma in (10, 500)]
    for schedule, expected in [*predicted, (Refilled(5000), pr.refill_rounds(77, 500, 5000, 0.2))]:
        runs = (random_walks(TABLE, 500, schedule=schedule, seed=seed) for seed in range(2))
        assert np.mean([len(run.live) for run in runs]) == pytest.approx(expected, abs=6)
    live = random_walks(TABLE, 500, schedule=Refilled(5000)).live  # flat at the cap
    assert live.max() == 5000
    assert (live[: -int(pr.longest_walk(5000, 0.2)) - 12] == 5000).all()


def test_trees_cost_rounds_only_when_asked_and_few_rows_are_open_source_by_source():
    words = graphs.topic_words()
    table = pr.move_table(words, largest=64)
    within = random_walks(table, 5, schedule=AllAtOnce(), top=3)
    between = random_walks(table, 5, schedule=AllAtOnce(), descend=False, partitions=2, top=3)
    refilled = random_walks(table, 5, schedule=Refilled(100), top=3)
    assert digest(within.counts) == digest(between.counts) == digest(refilled.counts)
    assert len(between.live) > len(within.live)
    assert between.cost.work == within.cost.work
    assert within.open_rows == words.n > 4 * refilled.open_rows
    assert refilled.row_bytes < within.row_bytes / 3
    assert np.diff(refilled.counts.indptr).max() <= 3


@pytest.mark.parametrize("omega", [30, 300])  # fewer walks than nodes, and more
def test_top_is_the_head_of_the_whole_row_and_small_counts_can_be_dropped(omega):
    whole, head = (random_walks(TABLE, omega, top=top).counts for top in (77, 4))
    for u in range(77):
        nodes, counts = whole.row(u)
        assert (np.diff(counts) <= 0).all()
        assert head.row(u)[0].tolist() == nodes[:4].tolist()
        assert head.row(u)[1].tolist() == counts[:4].tolist()
    large = random_walks(TABLE, omega, least=5).counts.values
    assert large.min() >= 5
    assert large.sum() == whole.values[whole.values >= 5].sum()


def test_some_sources_more_walks_and_other_seeds():
    whole = random_walks(TABLE, 20).counts
    given = dict(sources=range(10, 25), partitions=2, schedule=Pipelined(3))
    some = random_walks(TABLE, 20, **given).counts
    assert some.sources.tolist() == list(range(10, 25))
    assert some.values.tolist() == whole.values[whole.indptr[10] : whole.indptr[25]].tolist()
    assert len(random_walks(TABLE, 20, sources=range(5, 5)).counts.sources) == 0
    more = random_walks(TABLE, 30).counts.to_csr(77).toarray()
    assert (more >= whole.to_csr(77).toarray()).all()
    assert digest(whole) != digest(random_walks(TABLE, 20, seed=1).counts)


@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_starting_walks_are_dealt_without_loss(by_number, partitions):
    lowest, sources, omega = 3, 4, 6
    for first, last in ((first, min(first + 5, 24)) for first in range(0, 24, 5)):
        starts = WalkRange(first, last, lowest, sources, omega, by_number)
        walks = np.concatenate([starting_walks(starts, i, partitions) for i in range(partitions)])
        k = np.arange(first, last)
        source, number = (k % sources, k // sources) if by_number else (k // omega, k % omega)
        expected = sorted(((lowest + source) << 32 | number).tolist())
        assert sorted(walks[:, 0].tolist()) == expected


def test_doubling_takes_few_rounds_and_shares_segments():
    runs = {pick: [pr.segment_doubling(HUGO, 100, 6, pick=pick, seed=seed) for seed in range(60)]
            for pick in ("same", "random")}  # fmt: skip
    assert runs["random"][0].cost.rounds == 7
    assert all((run.counts.sum(axis=1) == 100).all() for run in runs["random"])
    counts = {pick: np.array([run.counts for run in got]) for pick, got in runs.items()}
    assert counts["random"].var(axis=0).sum() > 1.2 * 100 * (EXACT * (1 - EXACT)).sum()
    bias = {pick: np.abs(got.mean(axis=0) / 100 - EXACT).sum(axis=1).mean()
            for pick, got in counts.items()}  # fmt: skip
    assert bias["same"] > 3 * bias["random"]
    assert 0.5 < runs["random"][0].shared < 0.8


def test_what_is_sent_and_what_crosses_partitions_is_counted():
    merged, single = pr.aggregated_walks(TABLE, 500), random_walks(TABLE, 500)
    assert merged.shuffled < single.shuffled / 2
    assert merged.live[0] == single.omega * 77
    alone = random_walks(TABLE, 50, engine=connect("serial"))
    assert (alone.cost.messages, alone.cost.bytes) == (0, 0)
    apart = random_walks(TABLE, 50, partitions=4)
    assert apart.cost.messages > 0
    assert 0 < apart.cost.bytes <= 16 * apart.shuffled + 40 * 8 * apart.cost.messages


@pytest.mark.weekly  # the command is run on processes and ranks every day
def test_another_engine_gives_the_same_bits():
    graph = HAND["a star"]
    table = pr.move_table(graph, largest=3, hops=2)
    calls = [
        lambda engine: random_walks(table, 20, seed=11, top=5, partitions=3, engine=engine),
        lambda engine: pr.aggregated_walks(table, 50, seed=4, partitions=2, engine=engine),
        lambda engine: pr.blocked_power_iteration(graph, error=1e-6, top=7, engine=engine),
    ]
    with connect("processes", 2) as engine:
        for call in calls:
            here, there = call(connect("serial")), call(engine)
            rows = [getattr(run, "counts", None) or run.scores for run in (here, there)]
            assert digest(rows[0]) == digest(rows[1])
            assert here.cost == there.cost


# Compiled loops say what their Python bodies say; typing traps would show here.


def modules():
    names = (info.name for info in pkgutil.walk_packages(pr.__path__, f"{pr.__name__}."))
    return [importlib.import_module(name) for name in (*names, "paralg.simd.sampling")]


def results():
    """Return digests of everything that has a compiled loop in it, but for the exact blocks."""
    found = []
    for graph in (HAND["loops and returns"], graphs.barabasi_albert(9, 2)):
        for dangling in ("stop", "source"):
            table = pr.move_table(graph, 0.4, largest=4, hops=2, dangling=dangling)
            found += [table.threshold.tobytes(), table.own.tobytes(), table.other.tobytes()]
            for omega, top in ((3, None), (3, 2), (20, None), (20, 2)):
                for schedule, partitions in ((None, 1), (Pipelined(2), 3)):
                    run = random_walks(
                        table, omega, schedule=schedule, partitions=partitions, top=top,
                        sources=range(1, min(graph.n, 5)), descend=partitions == 1,
                    )  # fmt: skip
                    found.append(digest(run.counts))
            found.append(digest(pr.aggregated_walks(table, 40, partitions=2).counts))
    return found


def test_compiled_loops_equal_their_python_bodies(monkeypatch):
    def blocks():
        return pr.blocked_power_iteration(graphs.barabasi_albert(12, 2), error=1e-3, block=7).scores

    compiled, exact, replaced = results(), blocks(), 0
    for module in modules():
        for name, value in vars(module).items():
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
                replaced += 1
    assert replaced > 20
    with np.errstate(over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 64-bit products wrap, as they should
        assert results() == compiled
    assert blocks().values == pytest.approx(exact.values, abs=1e-14)  # fused multiply-add differs
    assert np.array_equal(blocks().nodes, exact.nodes)


@pytest.mark.weekly
def test_warming_compiles_everything_once():
    """In a process of its own: other tests may call a kernel with other types."""
    code = """
import test_personalized_pagerank_walks as here
here.pr.warm()
found = [value for module in here.modules() for value in vars(module).values()]
kernels = {value for value in found if hasattr(value, "signatures")}
print([one.py_func.__name__ for one in kernels if len(one.signatures) > 1], len(kernels) > 20)
"""
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    out = subprocess.check_output(
        [sys.executable, "-c", code], text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert out.split() == ["[]", "True"]
