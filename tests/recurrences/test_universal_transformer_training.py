"""Tasks, training and the shipped runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer.experiments import evaluate
from paralg.recurrences.universal_transformer.experiments import runs as train
from paralg.recurrences.universal_transformer.experiments.recipes import (
    RATES,
    RECIPES,
    GraphRecipe,
    StringRecipe,
    recipe,
)
from paralg.recurrences.universal_transformer.experiments.tasks import END, PLUS, StringTask, say


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


@pytest.mark.parametrize("name", ["copy", "reverse", "add"])
def test_what_a_digit_is_made_of(name):
    task = StringTask(name)
    pairs, sources = task.draw(40, rng(), length=6), task.wanted(6)
    picked = pairs.source[:, sources] - 3
    if name == "add":
        carry = 0
        for k in range(6):
            total = picked[:, k].sum(dim=1) + carry
            assert torch.equal(total % 10, pairs.target[:, k] - 3)
            carry = total // 10
        return
    assert torch.equal(picked[..., 0], pairs.target[:, :6] - 3)


def test_digits_of_equal_weight_have_equal_indices():
    through, again = (StringTask("add", by).draw(1, rng(), length=4) for by in ("start", "plus"))
    assert through.positions.tolist() == list(range(10))
    assert again.positions.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    sources = again.positions[StringTask("add").wanted(4)]
    assert sources.tolist() == [[k, k] for k in range(4)]
    back = StringTask("reverse", "end").draw(1, rng(), length=4)
    assert back.positions.tolist() == [3, 2, 1, 0, 4]
    assert back.positions[StringTask("reverse").wanted(4)[:, 0]].tolist() == [0, 1, 2, 3]


def test_reversing_what_is_numbered_from_the_end_is_copying():
    """To a network that knows of order by indices alone the two are the same task."""
    model = ut.Seq2Seq(14, ut.UTConfig(steps=2), seed=3).eval()
    pairs = StringTask("reverse", "end").draw(5, rng(), length=6)
    turned = torch.cat([pairs.source[:, :-1].flip(1), pairs.source[:, -1:]], dim=1)
    with torch.no_grad():
        one = model(pairs.source, pairs.target, position_ids=pairs.positions).logits
        other = model(turned, pairs.target).logits
    assert torch.allclose(one, other, atol=1e-5)


def test_tasks_are_functions_of_the_generator():
    one, two = (StringTask("copy").draw(3, rng(7), length=4).source for _ in range(2))
    assert torch.equal(one, two)
    one, two = (ut.Reachability().draw(3, rng(7)).attention_mask for _ in range(2))
    assert torch.equal(one, two)


def test_wrong_tasks_are_named():
    with pytest.raises(ValueError, match="expected one of .*, got 'sort'"):
        StringTask("sort")
    with pytest.raises(ValueError, match="numbering must be one of .*, got 'middle'"):
        StringTask("add", "middle")
    with pytest.raises(ValueError, match="only 'add' has a plus to count from, got 'copy'"):
        StringTask("copy", "plus")
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


@pytest.mark.parametrize("plain", [False, True])
def test_looks_are_shares_of_attention(plain):
    """With keys that are all alike attention is even, so each digit gets 1 of n + 1."""
    model = ut.Seq2Seq(14, ut.UTConfig(steps=2), plain=plain).eval()
    for part in model.decoder.modules():
        if isinstance(part, ut.UTBlock):
            torch.nn.init.zeros_(part.cross.k.weight)
    for name, share in (("copy", 1 / 6), ("reverse", 1 / 6), ("add", 2 / 12)):
        right, mass = evaluate.attention_share(model, StringTask(name), 5, rows=4)
        assert mass == pytest.approx(np.full(5, share), abs=1e-5)
        assert 0 <= right <= 1


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
    runs = [train.RUNS.fit(name, 1, steps=3)[1]["curve"] for _ in range(2)]
    assert runs[0] == runs[1]
    assert train.RUNS.fit(name, 2, steps=3)[1]["curve"] != runs[0]


def test_training_learns():
    curve = train.RUNS.fit("reach-expected-4", steps=60)[1]["curve"]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]


def test_the_ponder_weight_ramps():
    chosen = replace(recipe("reach-ramp-4"), begin=2, length=2)
    loss, model = train.loss_of(chosen), chosen.model()
    free = train.loss_of(replace(chosen, ponder=0.0))
    differences = []
    for step in range(6):
        pair = [one(model, rng(step), step)[0].item() for one in (loss, free)]
        differences.append(pair[0] - pair[1])
    assert differences[:3] == [0.0] * 3
    assert differences[3] == pytest.approx(differences[4] / 2, rel=0.2)
    assert differences[4] > 0.01


def test_lessons_grow():
    chosen = replace(recipe("add-ut"), copies=10, grow=30)
    assert chosen.lesson(9) == (StringTask("copy"), 10)
    lengths = [chosen.lesson(step) for step in (10, 20, 30, 39, 40, 999)]
    assert lengths == [(chosen.task, n) for n in (1, 2, 5, 9, 10, 10)]
    assert recipe("copy-ut").lesson(0) == (StringTask("copy"), 10)


def test_command_line(tmp_path, capsys, monkeypatch):
    short = replace(recipe("reverse-ut"), tested=(1, 3), batch=4)
    monkeypatch.setitem(RECIPES, "reverse-ut", short)
    made = train.runs_in(tmp_path)

    def call(*words):
        return made.main(words, module="paralg.example")

    options = ["--steps", "2", "--seed", "5", "--out", str(tmp_path), "--nice", "0"]
    assert call("reverse-ut", *options) == 0
    assert "reverse-ut-5" in capsys.readouterr().out
    scores = made.log("reverse-ut", 5)["scores"]
    assert scores["lengths"] == [1, 3]
    assert train.score(made.load("reverse-ut", 5), short) == scores
    assert call("reach-fixed", *options) == 0
    assert call("nonsense") == 2
    assert "expected one of reach-fixed" in capsys.readouterr().err


# ---- shipped runs ----

SHIPPED = train.RUNS.names()
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


def _right(name, length, seed=0, what="token"):
    one = train.log(name, seed)["scores"]
    return one[what][one["lengths"].index(length)]


def test_copying_carries_over_where_the_signal_comes_before_every_step():
    with_it = [("copy-ut", 0), ("copy-ut", 1), ("copy-act", 0), ("copy-thin", 0), ("copy-thin", 1),
               ("copy-layers", 0)]  # fmt: skip
    without = [("copy-once", 0), ("copy-once", 1), ("copy-narrow", 0), ("copy-narrow", 1),
               ("copy-deep", 0)]  # fmt: skip
    for name, seed in with_it:
        assert _right(name, 10, seed) > 0.99
        assert _right(name, 20, seed) > 0.85
        assert _right(name, 20, seed, "looks") > 0.55
    for name, seed in without:
        assert _right(name, 10, seed) < 0.6
        assert _right(name, 20, seed) < 0.35


def test_sums_are_learned_and_carry_over():
    for name, seed in (("add-ut", 0), ("add-ut", 1), ("add-act", 0), ("add-thin", 0)):
        assert _right(name, 10, seed) > 0.9
        assert _right(name, 20, seed) > 0.6
    assert _right("add-narrow", 10) < 0.3


def test_reversing_is_learned_by_lengths():
    assert _right("reverse-still", 10) > 0.95
    assert _right("reverse-still", 12) < 0.3
    assert _right("reverse-ut", 10) < 0.6


def test_new_indices_spoil_what_was_learned():
    assert _right("copy-still", 10) == 1.0
    assert _right("copy-still", 20) < 0.6


def test_the_copying_network_reverses_what_is_counted_from_the_end():
    writer = train.load("copy-ut")
    token, _ = evaluate.string_accuracy(writer, StringTask("reverse", "end"), 20, rows=40)
    assert token > 0.95
    token, _ = evaluate.string_accuracy(writer, StringTask("reverse"), 20, rows=40)
    assert token < 0.3


def test_an_open_law_learns_nothing():
    for rate in RATES:
        for one in _scores("open", rate, 1):
            assert one["accuracy"] < 0.75
