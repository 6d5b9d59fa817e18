"""Automata, hops, counts; tasks, losses, shipped runs; docstrings, exercises and explorer."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch.nn.functional import cross_entropy

from paralg.core.cost import Cost
from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer import theory
from paralg.recurrences.universal_transformer.experiments import evaluate, tasks
from paralg.recurrences.universal_transformer.experiments import runs as train
from paralg.recurrences.universal_transformer.experiments.records import records
from paralg.recurrences.universal_transformer.teaching.answers import RIGHT
from paralg.recurrences.universal_transformer.teaching.checks import settled_at
from paralg.recurrences.universal_transformer.teaching.explorer import NETWORKS, explorer, scene
from paralg.teach import check
from tests.recurrences import ut_cases as cases
from tests.recurrences.ut_cases import core, rng, run_of, states

GRAPHS = ut.Reachability().draw(20, rng())


def test_the_package_is_light_and_its_examples_are_right():
    assert not cases.imports_torch(ut)
    assert cases.failed_examples(ut) == 0
    assert all(getattr(ut, name).__doc__ for name in ut.__all__)


@pytest.mark.parametrize("rule", [0, 30, 110, 255])
@pytest.mark.parametrize("n, steps", [(0, 3), (1, 3), (33, 40)])
def test_the_hand_made_recurrence_is_the_automaton(rule, n, steps):
    cells = rng(rule).integers(0, 2, n)
    run = run_of(theory.automaton(rule), theory.encode(cells), steps=steps, keep=True)
    by_rule = theory.rule_steps(cells, steps, rule)[1:]
    assert np.array_equal([theory.decode(state) for state in run.states], by_rule)
    assert (run.output - run.output.round()).abs().sum() < 1e-12  # rounding does not grow


@pytest.mark.parametrize("n", [1, 2, 9, 30])
def test_graphs_against_networkx(n):
    graph = nx.gnp_random_graph(n, 0.12, seed=n)
    known = nx.single_source_shortest_path_length(graph, n // 2)
    found, drawn = ut.from_networkx(graph, n // 2), ut.Reachability(n).draw(8, rng(n))
    assert found.distance[0].tolist() == [known.get(k, -1) for k in range(n)]
    assert found.symbols[0].nonzero().tolist() == [[n // 2]]
    assert torch.equal(ut.Reachability(n).draw(8, rng(n)).attention_mask, drawn.attention_mask)
    for mask in drawn.attention_mask:
        assert nx.is_forest(nx.from_numpy_array((mask & ~torch.eye(n).bool()).numpy()))
    assert torch.equal(drawn.symbols == 1, drawn.distance == 0)
    assert torch.equal(drawn.targets == 1, drawn.distance >= 0)
    assert GRAPHS.distance.max() >= 5


def test_counts_are_the_closed_forms_and_a_state_depends_on_as_many_hops_as_rounds():
    for n, steps in ((1, 1), (7, 3), (20, 6)):
        run = run_of(model := core(steps=steps), states(1, n))
        assert run.cost == theory.ut_cost(n, steps) == run.active
        assert theory.rnn_cost(n) == Cost(work=n, span=n)
        maps = sum(part.weight.numel() for part in model.modules()
                   if isinstance(part, torch.nn.Linear))  # fmt: skip
        assert theory.block_operations(model.config, n, n) == maps * n + 2 * 16 * n * n
    x, mask = states(1, 10), ut.from_networkx(nx.path_graph(10), 0).attention_mask
    moved = torch.cat([states(1, 1, seed=1), x[:, 1:]], dim=1)
    for t in (0, 1, 6):
        one, other = (run_of(core(), y, attention_mask=mask, steps=t).output for y in (x, moved))
        assert (one != other).any(dim=-1)[0].tolist() == [k <= t for k in range(10)]
    thin = {"d_model": theory.layers_of_equal_parameters(64, 4), "d_ff": 64}
    sizes = core(d_model=64, d_ff=128), core(kind=ut.PlainStack, steps=4, **thin)
    assert theory.parameters(sizes[1]) == pytest.approx(theory.parameters(sizes[0]), rel=0.1)
    tied, few, many, stack = map(theory.parameters, (
        core(steps=50), core(step_signal="learned", steps=3), core(step_signal="learned", steps=7),
        core(kind=ut.PlainStack, steps=6)))  # fmt: skip
    assert tied == theory.parameters(core(steps=1)) < stack / 5.9
    assert many - few == 4 * 16  # a vector a step


@pytest.mark.parametrize("name, by", [("copy", "start"), ("reverse", "start"), ("reverse", "end"),
                                      ("add", "start"), ("add", "plus")])  # fmt: skip
@pytest.mark.parametrize("length", [1, 7])
def test_strings(name, length, by):
    task = tasks.StringTask(name, by)
    pairs, again = (task.draw(20, rng(), length=length) for _ in range(2))
    assert torch.equal(pairs.source, again.source)
    assert pairs.positions.tolist() == cases.PLACES[by](length, pairs.source.shape[1])
    picked = (pairs.source[:, task.wanted(length)] - 3).transpose(1, 2).tolist()
    for source, target, digits in zip(pairs.source, pairs.target, picked, strict=True):
        assert source[-1] == target[-1] == tasks.END
        found = tasks.say(target), ["".join(map(str, part)) for part in digits]
        assert found == cases.answer(name, tasks.say(source))


@pytest.mark.parametrize("plain", [False, True])
def test_scores_of_strings(plain):
    """A perfect writer; two equal tasks; even attention, of which each digit gets 1 of n + 1."""
    back = {"copy": lambda x: x, "reverse": lambda x: torch.cat([x[:, :-1].flip(1), x[:, -1:]], 1)}
    for name, right in back.items():
        perfect = SimpleNamespace(transduce=lambda x, n, f=right, **_: SimpleNamespace(tokens=f(x)))
        assert evaluate.string_accuracy(perfect, tasks.StringTask(name), 6) == (1.0, 1.0)
    assert evaluate.string_accuracy(perfect, tasks.StringTask("copy"), 6)[0] < 0.5
    model = ut.Seq2Seq(14, ut.UTConfig(steps=2), plain=plain, seed=3).eval()
    pairs = tasks.StringTask("reverse", "end").draw(5, rng(), length=6)
    one = model(pairs.source, pairs.target, position_ids=pairs.positions).logits
    other = model(back["reverse"](pairs.source), pairs.target).logits
    assert torch.allclose(one, other, atol=1e-5)  # numbered from the end, reversing is copying
    for part in model.decoder.modules():
        if isinstance(part, ut.UTBlock):
            torch.nn.init.zeros_(part.cross.k.weight)
    for name, share in (("copy", 1 / 6), ("reverse", 1 / 6), ("add", 2 / 12)):
        right, mass = evaluate.attention_share(model, tasks.StringTask(name), 5, rows=4)
        assert mass == pytest.approx(np.full(5, share), abs=1e-5)
        assert 0 <= right <= 1


def test_scores_by_distance_and_spearman_against_scipy():
    model = ut.Tagger(2, 2, ut.UTConfig(steps=2))
    always = {"readout.weight": torch.zeros(2, 32), "readout.bias": torch.tensor([0.0, 1.0])}
    model.load_state_dict(model.state_dict() | always)
    found = evaluate.by_distance(model, GRAPHS)
    assert found.right.tolist() == [0.0] + [1.0] * (len(found.distance) - 1)
    assert (found.steps == 2).all()
    assert np.isnan(found.correlation)
    x, y = rng().integers(0, 6, (2, 40))
    assert evaluate.spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("bias, last, steps", [(40.0, 0, 1), (-40.0, -1, 6)])
def test_the_expected_loss(close, bias, last, steps):
    """A certain halt: the loss there; never halting: nothing, unless what is left is handed out."""
    model = ut.Tagger(2, 2, ut.UTConfig(halting="position", close=close, halting_bias=bias))
    _, run = model(GRAPHS.symbols, attention_mask=GRAPHS.attention_mask, keep=True)
    expected = train.expected_loss(model, GRAPHS.targets, run, 0.25).item()
    there = cross_entropy(model.readout(run.states[last]).flatten(0, 1), GRAPHS.targets.flatten())
    certain = bias > 0 or close
    assert expected == pytest.approx((there.item() + 0.25 * steps) * certain, abs=1e-5)
    with pytest.raises(ValueError, match="keep=True"):
        train.expected_loss(model, GRAPHS.targets, replace(run, states=()), 0.0)


def test_recipes():
    """The ramp of the ponder cost, the lengths that grow."""
    assert [train.ramp(step, 2, 2) for step in range(6)] == [0, 0, 0, 0.5, 1, 1]
    assert [train.ramp(step, 2, 0) for step in range(4)] == [0, 0, 1, 1]
    chosen = replace(train.RECIPES["reach-ramp-4"], begin=2, length=2)
    model, free = chosen.model(), replace(chosen, ponder=0.0)
    for t, low, high in ((2, 0, 0), (9, 0.01, 1)):
        dear, cheap = (one.loss(model, rng(), t)[0].item() for one in (chosen, free))
        assert low <= dear - cheap <= high
    for name in ("copy-act", "reach-expected-4", "add-deep"):
        chosen = replace(train.RECIPES[name], batch=4)
        one, again, other = (chosen.loss(chosen.model(), rng(seed), 0)[0] for seed in (1, 1, 2))
        assert (one == again) > (one == other)
    chosen = replace(train.RECIPES["add-ut"], copies=10, grow=30)
    assert chosen.lesson(9) == (tasks.StringTask("copy"), 10)
    lengths = [chosen.lesson(step) for step in (10, 20, 30, 39, 40, 999)]
    assert lengths == [(chosen.task, n) for n in (1, 2, 5, 9, 10, 10)]


@pytest.mark.weekly
@pytest.mark.parametrize("name", ["copy-act", "reach-expected-4", "add-deep"])
def test_training_repeats_itself_and_is_written(name, tmp_path, capsys, monkeypatch):
    short = replace(train.RECIPES[name], batch=4, **({} if "reach" in name else {"tested": (2,)}))
    monkeypatch.setitem(train.RECIPES, name, short)
    made, curves = replace(train.RUNS, folder=tmp_path), []
    for seed, out in ((5, tmp_path), (6, tmp_path), (5, tmp_path / "again")):
        options = ["--steps", "2", "--seed", str(seed), "--out", str(out), "--nice", "0"]
        assert made.main([name, *options], module="paralg.example") == 0
        assert f"{name}-{seed}" in capsys.readouterr().out
        curves.append(replace(made, folder=out).log(name, seed)["curve"])
    assert curves[0] == curves[2] != curves[1]
    assert short.score(made.load(name, 5)) == made.log(name, 5)["scores"]


def test_every_log_is_whole_and_weights_are_small():
    for path in train.RUNS.folder.glob("*.json"):
        name, _, seed = path.stem.rpartition("-")
        record, chosen = train.log(name, int(seed)), train.RECIPES[name]
        assert (record["recipe"], record["seed"]) == (name, int(seed))
        assert record["steps"] == chosen.plan.steps == record["curve"][-1]["step"]
        assert record["scores"].get("lengths", []) == list(getattr(chosen, "tested", []))
    assert all(path.stat().st_size < 1_500_000 for path in train.RUNS.folder.glob("*.safetensors"))


@pytest.mark.parametrize("graphs, rows",
                         [(40, 12), pytest.param(500, 100, marks=pytest.mark.weekly)])  # fmt: skip
def test_shipped_weights_score_what_their_log_says(graphs, rows):
    for name in train.RUNS.names():
        chosen, model = train.RECIPES[name[:-2]], train.load(name[:-2])
        scores = train.log(name[:-2])["scores"]
        if "lengths" in scores:
            token, _ = evaluate.string_accuracy(model, chosen.task, 10, rows=rows)
            wanted = scores["token"][scores["lengths"].index(10)]
            assert token == pytest.approx(wanted, abs=2 / rows)
            continue
        found = evaluate.by_distance(model, chosen.task, graphs=graphs)
        for what, got in (("right", found.right), ("taken", found.steps)):
            wanted = dict(zip(scores["distance"], scores[what], strict=True))
            assert got == pytest.approx([wanted[k] for k in found.distance], abs=4 / graphs), name


def test_a_network_of_fixed_depth_uses_all_its_rounds():
    found = evaluate.by_distance(train.load("reach-fixed"), ut.Reachability(24), graphs=40, steps=9)
    reached = found.distance >= 0
    assert (found.right[reached] == (found.distance[reached] <= 9)).all()
    for rounds, row in records.read("rounds").items():
        assert all(right == (int(k) <= int(rounds)) for k, right in row.items() if k != "-1")
    accuracy, rho = settled_at(0.5)  # a change that is small is no sign of being done
    assert rho < -0.5 < accuracy < 0.95
    assert "sign" in str(check("ex-universal-transformer-settled", -rho))
    assert nx.eccentricity(nx.karate_club_graph(), 16) == RIGHT["ex-universal-transformer-rounds"]


@pytest.mark.weekly
@pytest.mark.parametrize("name", records.makers)
def test_records_are_what_their_makers_make(name):
    made = records.make(name)
    assert all(made[row] == pytest.approx(x, abs=0.02) for row, x in records.read(name).items())


def test_findings_of_halting_and_of_strings():
    for rate in ("2", "4"):
        assert train.log(f"reach-open-{rate}")["scores"]["accuracy"] < 0.75
        for name in ("low", "expected"):
            for one in (run["scores"] for run in train.RUNS.logs(f"reach-{name}-{rate}")):
                assert min(one["accuracy"], one["correlation"] + 0.09) > 0.99
    for run in train.RUNS.logs("reach-official-2"):
        right = dict(zip(run["scores"]["distance"], run["scores"]["right"], strict=True))
        assert max(run["scores"]["taken"]) < 3
        assert [right[k] for k in range(5)] == [1, 1, 1, 0, 0]
    for names, bounds in cases.FINDINGS:
        for one in (run["scores"] for name in names.split() for run in train.RUNS.logs(name)):
            for length, (low, high) in bounds.items():
                at = one["lengths"].index(length)
                assert low <= one["token"][at] <= high, names
                assert one["looks"][at] > 0.55 or (length, low) != (20, 0.85)
    shares = records.read("numberings")  # the copying network reverses what is counted from the end
    assert shares["end"]["20"] > 0.95 > 0.3 > shares["start"]["20"]


def test_embedded_numbers_give_the_networks_answers(drawing):
    """What the page computes from two decimals is what the network computes."""
    graph = scene()
    hops = graph.distance[0].tolist()
    assert hops == sorted(hops, key=lambda k: 99 if k < 0 else k)
    assert (min(hops), max(hops) >= 5) == (-1, True)
    for one, name in zip(explorer().state["networks"], NETWORKS.values(), strict=True):
        model = train.load(name)
        with torch.no_grad():
            logits, run = model(graph.symbols, attention_mask=graph.attention_mask)
        assert one["taken"] == run.steps[0].tolist()
        for node, wanted in enumerate((logits[0, :, 1] - logits[0, :, 0]).tolist()):
            taken, got = cases.margin(one, node)
            assert (taken, got > 0) == (one["taken"][node], wanted > 0)
            assert got == pytest.approx(wanted, abs=0.3)


def test_explorer_answers_to_keyboard_and_pointer(open_page, drawing):
    page, one = open_page((made := explorer()).html), made.state["networks"][1]
    status = page.locator(".pe-status")
    assert f"work {sum(one['taken'])} instead of {12 * max(one['taken'])}" in status.inner_text()
    page.get_by_label("λ = 0.01, bias 1").check()
    assert "work 24 instead of 24" in status.inner_text()
    page.get_by_label("λ = 0.01", exact=True).check()
    slider = page.get_by_label("Add to the halting bias")
    slider.press("End")
    assert "0 of 12 nodes still run" in status.inner_text()
    slider.press("Home")
    p = 1 / (1 + np.exp(6 - np.array(one["logits"])))
    late = sum(min(6, ut.halt(column.tolist()).steps) for column in p.T)
    page.get_by_label("Steps done: previous").press("Enter")
    assert f"After 6 steps 5 of 12 nodes still run; work {late} instead" in status.inner_text()
    box = page.locator("svg.pe-picture").bounding_box()
    zoom = box["width"] / 660
    page.mouse.click(box["x"] + (150 + 2.5 * 54) * zoom, box["y"] + 100 * zoom)
    assert "After 3 steps" in status.inner_text()
    assert "36" in page.locator(".pe-numbers").inner_text()
