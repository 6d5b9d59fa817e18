"""Tasks, training and the shipped models."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from paralg.data import pydoc_text
from paralg.recurrences.mamba import InductionHeads, SelectiveCopying, Text, evaluate, weights
from paralg.recurrences.mamba.evaluate import accuracy, bits_per_character, ngram_bits
from paralg.recurrences.mamba.model import MambaLM
from paralg.recurrences.mamba.recipes import RECIPES, recipe
from paralg.recurrences.mamba.train import draw, main, plan_of, train


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("length, data", [(4, 4), (5, 1), (24, 4), (60, 16)])
def test_copying_asks_for_the_letters_in_order(length, data):
    batch = SelectiveCopying(length, data, 8).draw(50, rng())
    assert batch.tokens.shape == (50, length + data)
    for tokens, targets in zip(batch.tokens, batch.targets, strict=True):
        assert tokens[:length][tokens[:length] < 8].tolist() == targets.tolist()
        assert (tokens[length:] == 9).all()
    assert batch.asked == data


@pytest.mark.parametrize("length", [3, 4, 64])
def test_induction_asks_for_the_letter_after_the_marker(length):
    batch = InductionHeads(length, 16).draw(200, rng())
    for tokens, target in zip(batch.tokens, batch.targets[:, 0], strict=True):
        first, last = np.flatnonzero(tokens == 16)
        assert last == length - 1
        assert tokens[first + 1] == target < 16


@pytest.mark.parametrize("distance", [2, 5, 63])
def test_induction_puts_the_marker_where_asked(distance):
    batch = InductionHeads().draw(20, rng(), distance=distance)
    assert (batch.tokens[:, 63 - distance] == 16).all()
    assert (batch.tokens[:, 64 - distance] == batch.targets[:, 0]).all()


def test_text_asks_for_the_next_character():
    batch = Text(20).draw(5, rng())
    assert (batch.tokens[:, 1:] == batch.targets[:, :-1]).all()
    assert Text().vocab_size == len(pydoc_text.SYMBOLS)


def test_tasks_are_functions_of_the_generator():
    for task in (SelectiveCopying(), InductionHeads(), Text(16)):
        one, two = (task.draw(3, rng(7)).tokens for _ in range(2))
        assert (one == two).all()


def test_tasks_refuse_lengths_that_are_too_short():
    with pytest.raises(ValueError, match="length must be at least 4, got 3"):
        SelectiveCopying().draw(1, rng(), length=3)
    with pytest.raises(ValueError, match="length must be at least 3, got 2"):
        InductionHeads().draw(1, rng(), length=2)
    for distance in (1, 64):
        with pytest.raises(ValueError, match=f"distance must be between 2 and 63, got {distance}"):
            InductionHeads().draw(1, rng(), distance=distance)


def test_an_untrained_model_scores_no_better_than_guessing():
    task = SelectiveCopying()
    score = accuracy(MambaLM(recipe("copying-s6").config), task, rows=400)
    assert score.row <= score.token < task.chance + 0.05


def test_learning_rate():
    plan = plan_of(replace(recipe("induction"), steps=1000))
    rates = [plan.rate_at(step) for step in range(1000)]
    assert rates[0] == plan.rate / 50
    assert max(rates) == pytest.approx(plan.rate)
    assert rates[-1] == pytest.approx(plan.rate / 10, rel=0.01)
    assert plan_of(recipe("copying-s6")).rate_at(1999) == recipe("copying-s6").rate


def test_training_learns_and_repeats_itself():
    plan = replace(recipe("copying-s6"), steps=30, task=SelectiveCopying(6, 1, 2), batch=16)
    runs = [train(plan, seed=1).log["curve"] for _ in range(2)]
    assert runs[0] == runs[1]
    assert [row["step"] for row in runs[0]] == [30]
    assert train(plan, seed=2).log["curve"] != runs[0]


def test_mixed_lengths_keep_the_number_of_tokens():
    plan, sizes = replace(recipe("induction"), lengths=(16, 256)), set()
    for step in range(30):
        tokens = draw(plan, rng(step)).tokens
        sizes.add(tokens.shape[1])
        assert 16 <= tokens.shape[1] <= 256
        assert abs(tokens.size - 32 * 64) <= tokens.shape[1]
    assert len(sizes) > 20


def test_command_line_writes_weights_that_load(tmp_path, capsys, monkeypatch):
    plan = replace(recipe("copying-lti"), tested=(24, 30), batch=4)
    monkeypatch.setitem(RECIPES, "copying-lti", plan)
    options = ["--steps", "2", "--seed", "5", "--out", str(tmp_path), "--nice", "0"]
    assert main(["copying-lti", *options]) == 0
    assert "copying-lti-5" in capsys.readouterr().out
    trained = weights.load("copying-lti", 5, tmp_path)
    assert weights.available(tmp_path) == ["copying-lti-5"]
    assert list(trained.log["scores"]["lengths"]) == ["24", "30"]
    assert weights.score(trained) == trained.log["scores"]
    assert main(["nonsense", "--nice", "0"]) == 2
    assert "expected one of copying-lti" in capsys.readouterr().err


def test_damaged_or_missing_weights(tmp_path):
    with pytest.raises(ValueError, match="expected a run among none; got 'induction-9'"):
        weights.load("induction", 9, tmp_path)
    log = {"recipe": "copying-lti", "seed": 0, "cpu_seconds": 0}
    weights.save(weights.Trained(MambaLM(recipe("copying-lti").config), log), tmp_path)
    path = tmp_path / "copying-lti-0.safetensors"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(OSError, match="expected SHA-256"):
        weights.load("copying-lti", 0, tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match="only the log is kept"):
        weights.load("copying-lti", 0, tmp_path)


def test_logs_of_all_seeds():
    runs = weights.logs("copying-s6")
    assert [run["seed"] for run in runs] == [0, 1, 2]
    assert {run["recipe"] for run in runs} == {"copying-s6"}  # and none of copying-s6-ungated
    with pytest.raises(ValueError, match="expected a run among"):
        weights.logs("nonsense")


@pytest.mark.parametrize("name", weights.available())
def test_shipped_weights_score_what_their_log_says(name):
    stem, seed = name.rsplit("-", 1)
    trained = weights.load(stem, int(seed))
    scores = trained.log["scores"]
    if "bits" in scores:
        assert bits_per_character(trained.model) == pytest.approx(scores["bits"], abs=2e-3)
        return
    task = recipe(stem).task
    assert accuracy(trained.model, task).token == pytest.approx(scores["token"], abs=2e-3)
    for length in (n for n in scores["lengths"] if int(n) <= 1024):
        (share,) = evaluate.length_curve(trained.model, task, [int(length)])
        assert share == pytest.approx(scores["lengths"][length], abs=5e-3)


def test_shipped_files_are_small_and_every_log_is_whole():
    for path in weights.FOLDER.glob("*.safetensors"):
        assert path.stat().st_size < 1_500_000
    for path in weights.FOLDER.glob("*.json"):
        record = json.loads(path.read_text())
        plan = recipe(record["recipe"])
        assert path.stem == f"{record['recipe']}-{record['seed']}"
        assert record["steps"] == plan.steps == record["curve"][-1]["step"]


def test_selection_carries_over_to_other_lengths_and_a_filter_does_not():
    """The finding of the chapter, from the logs of three seeds each."""
    for form in ("", "-ungated"):
        s6 = [weights.log(f"copying-s6{form}", seed)["scores"]["lengths"] for seed in range(3)]
        lti = [weights.log(f"copying-lti{form}", seed)["scores"]["lengths"] for seed in range(3)]
        assert min(run["24"] for run in s6) > max(run["24"] for run in lti)
        assert min(run["48"] for run in s6) > 0.9
        assert max(run["192"] for run in lti) < 0.25


WITH_STEP = ("delta", "delta-b", "delta-c", "s6")
WITHOUT_STEP = ("lti", "b", "c", "b-c")


def mean_share(name, length):
    runs = weights.logs(f"copying-{name}")
    return np.mean([run["scores"]["lengths"][str(length)] for run in runs])


def test_the_selective_step_size_is_what_carries_over():
    """At eight times the trained length every run with it beats every run without."""
    with_step, without = (
        [
            run["scores"]["lengths"]["192"]
            for name in names
            for run in weights.logs(f"copying-{name}")
        ]
        for names in (WITH_STEP, WITHOUT_STEP)
    )
    assert min(with_step) > max(without)
    assert max(mean_share(name, 384) for name in WITHOUT_STEP) < 0.25
    assert min(mean_share(name, 24) for name in WITHOUT_STEP[1:]) > mean_share("lti", 24)


def test_gates_open_where_a_letter_comes_into_the_window():
    model, task = weights.load("copying-delta").model, SelectiveCopying()
    tokens = task.draw(16, rng(7)).tokens[:, : task.length]
    letter = tokens < task.letters
    near = letter.copy()
    for k in range(1, model.config.d_conv):
        near[:, k:] |= letter[:, :-k]
    steps = model.step_sizes(torch.from_numpy(tokens))[1].numpy()
    assert np.median(steps[near].mean(0) / steps[~near].mean(0)) > 2


def test_induction_curves_are_as_the_chapter_tells():
    runs = ("induction", "induction-mixed", "induction-lti")
    one, mixed, lti = (weights.log(run)["scores"]["lengths"] for run in runs)
    assert list(one) == [str(2**k) for k in range(4, 18)] == list(mixed) == list(lti)
    assert min(one[str(2**k)] for k in range(4, 11)) == 1.0
    assert min(mixed[str(2**k)] for k in range(4, 13)) > 0.99
    assert max(one["16384"], mixed["16384"]) < 0.75
    assert all(mixed[str(2**k)] > one[str(2**k)] for k in range(11, 15))
    assert lti["64"] < 0.5
    assert max(share for n, share in lti.items() if n != "64") < 0.2


def test_distance_not_length_is_what_a_state_forgets_by():
    model, task = weights.load("induction").model, InductionHeads()
    near, far = (accuracy(model, task, rows=8, length=8192, distance=d).token for d in (64, 8000))
    assert near == 1.0
    assert far < 0.8


def test_other_choices_matter_less_than_selection():
    for form in ("s6-h3", "s6-ungated", "s6-states-1", "s6-states-4", "s6-rank-1", "s6-rank-8"):
        assert mean_share(form, 96) > 0.9
    assert mean_share("lti-h3", 96) < 0.4
    near, far = (weights.logs(f"copying-s6-rank-{rank}") for rank in (1, 8))
    shares = [[run["scores"]["lengths"]["384"] for run in runs] for runs in (near, far)]
    assert shares[0][0] < shares[1][0]
    assert shares[0][1] > shares[1][1]  # the second seeds say the opposite


def test_on_this_text_selection_makes_no_difference():
    s6, lti = (weights.log(f"text-{name}")["scores"]["bits"] for name in ("s6", "lti"))
    assert abs(s6 - lti) < 0.02
    assert abs(s6 - ngram_bits(4)) < 0.02


def test_curve_rows():
    assert [evaluate.curve_rows(n) for n in (1, 1024, 8192, 2**14, 2**17)] == [256] * 3 + [128, 64]


def test_ngram_bits():
    assert ngram_bits(0) == pytest.approx(4.074, abs=0.01)
    assert ngram_bits(3) < ngram_bits(1) < ngram_bits(0)


def test_ngram_law_is_a_law():
    """The interpolated probabilities of all characters after a context add up to one."""
    train_text = pydoc_text.load("train")
    context = train_text[:2]
    total = np.zeros(1)
    for character in range(len(pydoc_text.SYMBOLS)):
        test = np.append(context, character)
        law = np.full(1, 1 / len(pydoc_text.SYMBOLS))
        for k in range(3):
            law = evaluate._interpolate(law, train_text, test[2 - k :], k)
        total += law
    assert total[0] == pytest.approx(1)


def test_bits_of_a_uniform_model():
    model = MambaLM(recipe("text-lti").config)
    with torch.no_grad():
        model.backbone.embedding.weight.zero_()
    assert bits_per_character(model) == pytest.approx(np.log2(27), abs=1e-4)
