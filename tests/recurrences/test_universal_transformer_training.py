"""Tasks, training and the shipped runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from paralg.models import training
from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer import evaluate, train
from paralg.recurrences.universal_transformer.recipes import (
    RATES,
    RECIPES,
    GraphRecipe,
    StringRecipe,
    recipe,
)
from paralg.recurrences.universal_transformer.tasks import END, PLUS, StringTask, say


def rng(seed=0):
    return np.random.default_rng(seed)


def number(digits):
    """Lowest digit first."""
    return int(digits[::-1])


# ---- tasks ----


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_copy_and_reverse(length):
    copy, back = (StringTask(name).draw(20, rng(), length=length) for name in ("copy", "reverse"))
    for pairs, turn in ((copy, 1), (back, -1)):
        assert pairs.source.shape == pairs.target.shape == (20, length + 1)
        for source, target in zip(pairs.source, pairs.target, strict=True):
            assert say(source)[::turn] == say(target)
            assert source[-1] == target[-1] == END


@pytest.mark.parametrize("length", [1, 2, 5, 30])
def test_addition_against_integers(length):
    pairs = StringTask("add").draw(30, rng(), length=length)
    assert pairs.source.shape == (30, 2 * length + 2)
    assert pairs.target.shape == (30, length + 2)
    for source, target in zip(pairs.source, pairs.target, strict=True):
        first, second = say(source).split("+")
        assert number(first) + number(second) == number(say(target))
    assert (pairs.source[:, length] == PLUS).all()


def test_tasks_are_functions_of_the_generator():
    one, two = (StringTask("copy").draw(3, rng(7), length=4).source for _ in range(2))
    assert torch.equal(one, two)
    one, two = (ut.Reachability().draw(3, rng(7)).allowed for _ in range(2))
    assert torch.equal(one, two)


def test_wrong_tasks_are_named():
    with pytest.raises(ValueError, match="expected one of .*, got 'sort'"):
        StringTask("sort")
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        StringTask("copy").draw(1, rng(), length=0)
    with pytest.raises(ValueError, match="expected one of reach-fixed"):
        recipe("nonsense")


# ---- scores ----


def test_a_perfect_writer_scores_one():
    class Perfect:
        def transduce(self, source, length, **options):
            digits = source[:, :-1].flip(1)
            return ut.Transduced(torch.cat([digits, source[:, -1:]], dim=1), length)

    assert evaluate.string_accuracy(Perfect(), StringTask("reverse"), 6) == (1.0, 1.0)
    token, whole = evaluate.string_accuracy(Perfect(), StringTask("copy"), 6)
    assert whole < 0.05 < token < 0.5


def test_scores_by_distance():
    model = ut.Tagger(2, 2, ut.UTConfig(steps=2))
    with torch.no_grad():
        model.readout.weight.zero_()
        model.readout.bias.copy_(torch.tensor([0.0, 1.0]))
    found = evaluate.by_distance(model, ut.Reachability(), graphs=30)
    assert found.right.tolist() == [0.0] + [1.0] * (len(found.distance) - 1)
    assert (found.steps == 2).all()
    assert np.isnan(found.correlation)


@pytest.mark.parametrize("seed", range(5))
def test_spearman_against_scipy(seed):
    from scipy.stats import spearmanr

    x, y = rng(seed).integers(0, 6, (2, 40))
    assert evaluate.spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)


# ---- training ----


@pytest.mark.parametrize("name", ["reach-official-4", "reach-expected-4", "copy-act", "add-deep"])
def test_training_repeats_itself(name):
    runs = [train.train(name, seed=1, steps=3)[1]["curve"] for _ in range(2)]
    assert runs[0] == runs[1]
    assert train.train(name, seed=2, steps=3)[1]["curve"] != runs[0]


def test_training_learns():
    curve = train.train("reach-expected-4", steps=60)[1]["curve"]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]


def test_the_ponder_weight_ramps():
    chosen = replace(recipe("reach-ramp-4"), begin=2, length=2)
    loss, model = train.loss_of(chosen), chosen.model()
    free = train.loss_of(replace(chosen, ponder=0.0))
    differences = []
    for step in range(6):
        pair = [one(model, rng(step))[0].item() for one in (loss, free)]
        differences.append(pair[0] - pair[1])
    assert differences[:3] == [0.0] * 3
    assert differences[3] == pytest.approx(differences[4] / 2, rel=0.2)
    assert differences[4] > 0.01


def test_command_line(tmp_path, capsys, monkeypatch):
    short = replace(recipe("reverse-ut"), tested=(1, 3), batch=4)
    monkeypatch.setitem(RECIPES, "reverse-ut", short)
    options = ["--steps", "2", "--seed", "5", "--out", str(tmp_path), "--nice", "0"]
    assert train.main(["reverse-ut", *options]) == 0
    assert "reverse-ut-5" in capsys.readouterr().out
    scores = train.log("reverse-ut", 5, tmp_path)["scores"]
    assert scores["lengths"] == [1, 3]
    assert train.score(train.load("reverse-ut", 5, tmp_path), short) == scores
    assert train.main(["reach-fixed", *options]) == 0
    assert train.main(["nonsense"]) == 2
    assert "expected one of reach-fixed" in capsys.readouterr().err


# ---- shipped runs ----

SHIPPED = training.available(train.FOLDER)
LOGS = sorted(train.FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_score_what_their_log_says(name):
    stem, seed = name.rsplit("-", 1)
    chosen, model = recipe(stem), train.load(stem, int(seed))
    scores = train.log(stem, int(seed))["scores"]
    if isinstance(chosen, GraphRecipe):
        found = evaluate.by_distance(model, chosen.task)
        assert found.accuracy == pytest.approx(scores["accuracy"], abs=2e-3)
        np.testing.assert_allclose(found.steps, scores["taken"], atol=0.05)
        return
    for n in (4, 10):
        token, _ = evaluate.string_accuracy(model, chosen.task, n)
        assert token == pytest.approx(scores["token"][scores["lengths"].index(n)], abs=0.02)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_every_log_is_whole(path):
    record = json.loads(path.read_text())
    chosen = recipe(record["recipe"])
    assert path.stem == f"{record['recipe']}-{record['seed']}"
    assert record["steps"] == chosen.plan.steps == record["curve"][-1]["step"]
    if isinstance(chosen, StringRecipe):
        assert record["scores"]["lengths"] == list(chosen.tested)


def test_shipped_weights_are_small():
    assert all(path.stat().st_size < 1_500_000 for path in train.FOLDER.glob("*.safetensors"))


def test_a_network_of_fixed_depth_uses_all_its_rounds():
    model = train.load("reach-fixed")
    for steps in (1, 4, 7, 10):
        found = evaluate.by_distance(model, ut.Reachability(nodes=24), graphs=40, steps=steps)
        reached = found.distance >= 0
        assert (found.right[reached] == (found.distance[reached] <= steps)).all()


def test_rates_of_the_search():
    assert {f"reach-low-{1e3 * rate:g}" for rate in RATES} <= set(RECIPES)


# ---- findings of the chapter, from the logs ----


def _scores(name, rate, seeds=3):
    return [train.log(f"reach-{name}-{1e3 * rate:g}", seed)["scores"] for seed in range(seeds)]


def test_halting_that_begins_with_many_steps_follows_distance():
    for name in ("low", "expected"):
        for rate in RATES:
            for one in _scores(name, rate):
                assert one["accuracy"] > 0.99
                assert one["correlation"] > 0.9


def test_the_released_start_collapses_at_the_smaller_rate():
    for one in _scores("official", RATES[0]):
        assert max(one["taken"]) < 3
        right = dict(zip(one["distance"], one["right"], strict=True))
        assert [right[k] for k in range(5)] == [1, 1, 1, 0, 0]


def test_an_open_law_learns_nothing():
    for rate in RATES:
        for one in _scores("open", rate, 1):
            assert one["accuracy"] < 0.75
