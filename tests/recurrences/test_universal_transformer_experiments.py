"""Automata, hops and counts; tasks, losses and the shipped runs; examples of all docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch

from paralg.core.cost import Cost
from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer import theory
from paralg.recurrences.universal_transformer.experiments import evaluate, tasks
from paralg.recurrences.universal_transformer.experiments import runs as train
from paralg.recurrences.universal_transformer.experiments.records import records
from tests.recurrences.ut_cases import core, run_of, states

MODULES = [m.name for m in pkgutil.walk_packages(ut.__path__, f"{ut.__name__}.") if not m.ispkg]
GRAPHS = ut.Reachability().draw(20, np.random.default_rng(0))


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_importing_the_package_is_light():
    code = f"import sys, {ut.__name__}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert all(getattr(ut, name).__doc__ for name in ut.__all__)


@pytest.mark.parametrize("rule", [0, 30, 110, 255])
@pytest.mark.parametrize("n, steps", [(0, 3), (1, 3), (4, 3), (33, 40)])
def test_the_hand_made_recurrence_is_the_automaton(rule, n, steps):
    cells = rng(rule).integers(0, 2, n)
    run = run_of(theory.automaton(rule), theory.encode(cells), steps=steps, keep=True)
    by_rule = theory.rule_steps(cells, steps, rule)[1:]
    assert np.array_equal([theory.decode(state) for state in run.states], by_rule)
    assert spread_from_bits(run.output) < 1e-12  # rounding does not grow
    with pytest.raises(ValueError, match="rule must lie in 0 … 255, got 256"):
        theory.table_of(256)


def spread_from_bits(output):
    return (output - output.round()).abs().sum()


@pytest.mark.parametrize("rounds", [0, 1, 6])
def test_a_state_depends_on_nothing_beyond_as_many_hops_as_rounds(rounds):
    x, mask = states(1, 10), ut.from_networkx(nx.path_graph(10), 0).attention_mask
    moved = torch.cat([states(1, 1, seed=1), x[:, 1:]], dim=1)
    one, other = (run_of(core(), y, attention_mask=mask, steps=rounds).output for y in (x, moved))
    assert (one != other).any(dim=-1)[0].tolist() == [k <= rounds for k in range(10)]


@pytest.mark.parametrize("n", [1, 2, 9, 30])
def test_distances_against_networkx(n):
    graph = nx.gnp_random_graph(n, 0.12, seed=n)
    known = nx.single_source_shortest_path_length(graph, n // 2)
    found = ut.from_networkx(graph, n // 2)
    assert found.distance[0].tolist() == [known.get(k, -1) for k in range(n)]
    assert found.symbols[0].nonzero().tolist() == [[n // 2]]


def test_forests_are_forests():
    assert torch.equal(ut.Reachability().draw(20, rng()).attention_mask, GRAPHS.attention_mask)
    for source, mask, far in zip(*vars(GRAPHS).values(), strict=True):
        graph = nx.from_numpy_array((mask & ~torch.eye(12).bool()).numpy())
        assert nx.is_forest(graph)
        assert far[source.bool()].tolist() == [0]
    assert GRAPHS.distance.max() >= 5
    assert torch.equal(GRAPHS.targets, (GRAPHS.distance >= 0).long())


@pytest.mark.parametrize("n, steps", [(1, 1), (7, 3), (20, 6)])
def test_counts_are_the_closed_forms(n, steps):
    model = core(steps=steps)
    run = run_of(model, states(1, n))
    assert run.cost == theory.ut_cost(n, steps) == run.active
    assert theory.rnn_cost(n) == Cost(work=n, span=n)
    maps = sum(part.weight.numel() for part in model.modules() if isinstance(part, torch.nn.Linear))
    assert theory.block_operations(model.config, n, n) == maps * n + 2 * 16 * n * n
    width = theory.layers_of_equal_parameters(64, 4)
    wide, thin = (
        core(d_model=64, d_ff=128),
        core(kind=ut.PlainStack, d_model=width, d_ff=2 * width, steps=4),
    )
    assert theory.parameters(thin) == pytest.approx(theory.parameters(wide), rel=0.1)


@pytest.mark.parametrize("by", ["start", "plus", "end"])
@pytest.mark.parametrize("name", ["copy", "reverse", "add"])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_strings(name, length, by):
    if by == "plus" and name != "add":
        with pytest.raises(ValueError, match=f"only 'add' has a plus to count from, got '{name}'"):
            tasks.StringTask(name, by)
        return
    task = tasks.StringTask(name, by)
    pairs, again = (task.draw(20, rng(), length=length) for _ in range(2))
    assert torch.equal(pairs.source, again.source)
    picked = pairs.source[:, task.wanted(length)] - 3
    for source, target, digits in zip(pairs.source, pairs.target, picked, strict=True):
        assert source[-1] == target[-1] == tasks.END
        asked, said = tasks.say(source), tasks.say(target)
        if name == "add":  # lowest digit first
            first, second = asked.split("+")
            assert int(first[::-1]) + int(second[::-1]) == int(said[::-1])
            assert digits.T.tolist() == [[int(d) for d in part] for part in (first, second)]
        else:
            assert said == (asked if name == "copy" else asked[::-1])
            assert said == "".join(map(str, digits.flatten().tolist()))
    n, places = length, pairs.positions.tolist()
    wanted = {"start": range(len(places)), "plus": [*range(n + 1), *range(n + 1)],
              "end": [*range(len(places) - 2, -1, -1), len(places) - 1]}  # fmt: skip
    assert places == list(wanted[by])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: tasks.StringTask("sort"), "name must be one of .*, got 'sort'"),
        (lambda: tasks.StringTask("add", "middle"), "numbering must be one of .*, got 'middle'"),
        (lambda: tasks.StringTask("copy").draw(1, rng(), length=0), "at least 1, got 0"),
        (lambda: train.RUNS.plan("nonsense"), "expected one of reach-fixed"),
    ],
)
def test_wrong_tasks_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_reversing_what_is_numbered_from_the_end_is_copying():
    """To a network that knows of order by indices alone the two are the same task."""
    model = ut.Seq2Seq(14, ut.UTConfig(steps=2), seed=3).eval()
    pairs = tasks.StringTask("reverse", "end").draw(5, rng(), length=6)
    turned = torch.cat([pairs.source[:, :-1].flip(1), pairs.source[:, -1:]], dim=1)
    one = model(pairs.source, pairs.target, position_ids=pairs.positions).logits
    assert torch.allclose(one, model(turned, pairs.target).logits, atol=1e-5)


def test_a_perfect_writer_scores_one():
    class Perfect:
        def transduce(self, source, length, **options):
            said = torch.cat([source[:, :-1].flip(1), source[:, -1:]], dim=1)
            return type("Written", (), {"tokens": said})

    assert evaluate.string_accuracy(Perfect(), tasks.StringTask("reverse"), 6) == (1.0, 1.0)
    token, whole = evaluate.string_accuracy(Perfect(), tasks.StringTask("copy"), 6)
    assert whole < 0.05 < token < 0.5


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name, share", [("copy", 1 / 6), ("reverse", 1 / 6), ("add", 2 / 12)])
def test_looks_are_shares_of_attention(plain, name, share):
    """With keys that are all alike attention is even, so each digit gets 1 of n + 1."""
    model = ut.Seq2Seq(14, ut.UTConfig(steps=2), plain=plain).eval()
    for part in model.decoder.modules():
        if isinstance(part, ut.UTBlock):
            torch.nn.init.zeros_(part.cross.k.weight)
    right, mass = evaluate.attention_share(model, tasks.StringTask(name), 5, rows=4)
    assert mass == pytest.approx(np.full(5, share), abs=1e-5)
    assert 0 <= right <= 1


def test_scores_by_distance_and_spearman_against_scipy():
    from scipy.stats import spearmanr

    model = ut.Tagger(2, 2, ut.UTConfig(steps=2))
    always = {"readout.weight": torch.zeros(2, 32), "readout.bias": torch.tensor([0.0, 1.0])}
    model.load_state_dict(model.state_dict() | always)
    found = evaluate.by_distance(model, ut.Reachability(), graphs=30)
    assert found.right.tolist() == [0.0] + [1.0] * (len(found.distance) - 1)
    assert (found.steps == 2).all()
    assert np.isnan(found.correlation)
    x, y = rng().integers(0, 6, (2, 40))
    assert evaluate.spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)


@pytest.mark.parametrize("close", [False, True])
def test_the_expected_loss(close):
    """A certain halt: the loss there; never halting: nothing, unless what is left is handed out."""
    for bias in (40.0, -40.0):
        config = ut.UTConfig(halting="position", close=close, halting_bias=bias)
        model = ut.Tagger(2, 2, config)
        _, run = model(GRAPHS.symbols, attention_mask=GRAPHS.attention_mask, keep=True)
        expected = train.expected_loss(model, GRAPHS.targets, run, 0.25).item()
        said = model.readout(run.states[0 if bias > 0 else -1]).flatten(0, 1)
        there = torch.nn.functional.cross_entropy(said, GRAPHS.targets.flatten()).item()
        certain, steps = bias > 0 or close, 1 if bias > 0 else 6
        assert expected == pytest.approx((there + 0.25 * steps) * certain, abs=1e-5)
    with pytest.raises(ValueError, match="keep=True"):
        train.expected_loss(model, GRAPHS.targets, replace(run, states=()), 0.0)


def test_the_halting_distribution_sums_to_one():
    p = torch.rand(6, 10)
    found = train.halting_distribution(p)
    assert torch.allclose(found.sum(dim=0), torch.ones(10))
    assert torch.allclose(found[2], p[2] * (1 - p[1]) * (1 - p[0]))


@pytest.mark.parametrize(
    "name",
    ["reach-expected-4", "copy-act", *(pytest.param(x, marks=pytest.mark.weekly)
                                       for x in ("reach-official-4", "add-deep"))],
)  # fmt: skip
def test_training_repeats_itself(name):
    one, again, other = (train.RUNS.fit(name, s, steps=2)[1]["curve"] for s in (1, 1, 2))
    assert one == again != other


def test_training_learns():
    curve = train.RUNS.fit("reach-fixed", steps=60)[1]["curve"]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]


def test_the_ponder_weight_ramps():
    assert [train.ramp(step, 2, 2) for step in range(6)] == [0, 0, 0, 0.5, 1, 1]
    assert [train.ramp(step, 2, 0) for step in range(4)] == [0, 0, 1, 1]
    chosen = replace(train.RECIPES["reach-ramp-4"], begin=2, length=2)
    model, free = chosen.model(), replace(chosen, ponder=0.0)
    paid = [
        (chosen.loss(model, rng(), t)[0] - free.loss(model, rng(), t)[0]).item() for t in (2, 9)
    ]
    assert paid[0] == 0
    assert paid[1] > 0.01


def test_lessons_grow():
    chosen = replace(train.RECIPES["add-ut"], copies=10, grow=30)
    assert chosen.lesson(9) == (tasks.StringTask("copy"), 10)
    lengths = [chosen.lesson(step) for step in (10, 20, 30, 39, 40, 999)]
    assert lengths == [(chosen.task, n) for n in (1, 2, 5, 9, 10, 10)]


def test_command_line(tmp_path, capsys, monkeypatch):
    short = replace(train.RECIPES["reverse-ut"], tested=(1, 3), batch=4)
    monkeypatch.setitem(train.RECIPES, "reverse-ut", short)
    made = replace(train.RUNS, folder=tmp_path)
    options = ["--steps", "2", "--seed", "5", "--out", str(tmp_path), "--nice", "0"]
    assert made.main(["reverse-ut", *options], module="paralg.example") == 0
    assert "reverse-ut-5" in capsys.readouterr().out
    scores = made.log("reverse-ut", 5)["scores"]
    assert scores["lengths"] == [1, 3]
    assert short.score(made.load("reverse-ut", 5)) == scores
    assert made.main(["nonsense"], module="paralg.example") == 2


def test_every_log_is_whole_and_weights_are_small():
    for path in train.RUNS.folder.glob("*.json"):
        name, _, seed = path.stem.rpartition("-")
        record, chosen = train.log(name, int(seed)), train.RECIPES[name]
        assert (record["recipe"], record["seed"]) == (name, int(seed))
        assert record["steps"] == chosen.plan.steps == record["curve"][-1]["step"]
        assert record["scores"].get("lengths", []) == list(getattr(chosen, "tested", []))
    assert all(path.stat().st_size < 1_500_000 for path in train.RUNS.folder.glob("*.safetensors"))


@pytest.mark.parametrize(
    "graphs, rows", [(40, 12), pytest.param(500, 100, marks=pytest.mark.weekly)]
)
@pytest.mark.parametrize("name", train.RUNS.names())
def test_shipped_weights_score_what_their_log_says(name, graphs, rows):
    stem, model = name[:-2], train.load(name[:-2])
    chosen, scores = train.RECIPES[stem], train.log(stem)["scores"]
    if "accuracy" in scores:
        found, near = evaluate.by_distance(model, chosen.task, graphs=graphs), 4 / graphs
        for what, got in (("right", found.right), ("taken", found.steps)):
            wanted = dict(zip(scores["distance"], scores[what], strict=True))
            assert got == pytest.approx([wanted[k] for k in found.distance], abs=near)
    else:
        token, _ = evaluate.string_accuracy(model, chosen.task, 10, rows=rows)
        assert token == pytest.approx(scores["token"][scores["lengths"].index(10)], abs=2 / rows)


@pytest.mark.parametrize("steps", [1, 7, 10])
def test_a_network_of_fixed_depth_uses_all_its_rounds(steps):
    task = ut.Reachability(nodes=24)
    found = evaluate.by_distance(train.load("reach-fixed"), task, graphs=40, steps=steps)
    reached = found.distance >= 0
    assert (found.right[reached] == (found.distance[reached] <= steps)).all()


@pytest.mark.weekly
@pytest.mark.parametrize("name", records.makers)
def test_records_are_what_their_makers_make(name):
    made, shipped = records.make(name), records.read(name)
    for row, shares in shipped.items():
        assert made[row] == pytest.approx(shares, abs=0.02)


def test_findings_of_halting():
    for rate in ("2", "4"):
        for name in ("low", "expected"):
            for seed in range(3):
                one = train.log(f"reach-{name}-{rate}", seed)["scores"]
                assert one["accuracy"] > 0.99
                assert one["correlation"] > 0.9
        assert train.log(f"reach-open-{rate}")["scores"]["accuracy"] < 0.75
    for seed in range(3):
        one = train.log("reach-official-2", seed)["scores"]
        right = dict(zip(one["distance"], one["right"], strict=True))
        assert max(one["taken"]) < 3
        assert [right[k] for k in range(5)] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    "runs, length, low, high",
    [
        ("copy-ut-0 copy-ut-1 copy-act-0 copy-thin-0 copy-thin-1 copy-layers-0", 10, 0.99, 1),
        ("copy-ut-0 copy-ut-1 copy-act-0 copy-thin-0 copy-thin-1 copy-layers-0", 20, 0.85, 1),
        ("copy-once-0 copy-once-1 copy-narrow-0 copy-narrow-1 copy-deep-0", 10, 0, 0.6),
        ("copy-once-0 copy-once-1 copy-narrow-0 copy-narrow-1 copy-deep-0", 20, 0, 0.35),
        ("add-ut-0 add-ut-1 add-act-0 add-thin-0", 10, 0.9, 1),
        ("add-ut-0 add-ut-1 add-act-0 add-thin-0", 20, 0.6, 1),
        ("add-narrow-0", 10, 0, 0.3),
        ("reverse-still-0", 10, 0.95, 1),
        ("reverse-still-0", 12, 0, 0.3),
        ("reverse-ut-0", 10, 0, 0.6),
        ("copy-still-0", 10, 1, 1),
        ("copy-still-0", 20, 0, 0.6),
    ],
)
def test_findings_of_strings(runs, length, low, high):
    for run in runs.split():
        one = train.log(run[:-2], int(run[-1]))["scores"]
        at = one["lengths"].index(length)
        assert low <= one["token"][at] <= high
        assert one["looks"][at] > 0.55 or (length, low) != (20, 0.85)


def test_the_copying_network_reverses_what_is_counted_from_the_end():
    shares = records.read("numberings")
    assert shares["end"]["20"] > 0.95
    assert shares["start"]["20"] < 0.3
