"""Tasks, training and the shipped models."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from paralg.data import pydoc_text
from paralg.recurrences.mamba import MambaLM, load, log, logs
from paralg.recurrences.mamba.experiments import runs, scores
from paralg.recurrences.mamba.experiments.runs import (
    RECIPES,
    RUNS,
    InductionHeads,
    SelectiveCopying,
    Text,
    draw,
    recipe,
)
from paralg.recurrences.mamba.experiments.scores import (
    accuracy,
    bits_per_character,
    curve_rows,
    length_curve,
    ngram_bits,
    step_sizes,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_text_asks_for_the_next_character():
    batch = Text(20).draw(5, rng())
    assert (batch.inputs[:, 1:] == batch.targets[:, :-1]).all()
    assert Text().inputs == len(pydoc_text.SYMBOLS)


def test_an_untrained_model_scores_no_better_than_guessing():
    task = SelectiveCopying()
    score = accuracy(MambaLM(recipe("copying-s6").config), task, rows=400)
    assert score.row <= score.token < task.chance + 0.05


def test_copying_trains_flat_and_induction_along_a_cosine():
    flat, cosine = recipe("copying-s6").plan, recipe("induction").plan
    assert flat.rate_at(1999) == flat.rate == cosine.rate
    assert cosine.rate_at(cosine.steps) == pytest.approx(cosine.rate / 10)


def test_training_learns_and_repeats_itself(monkeypatch):
    short = replace(recipe("copying-s6"), task=SelectiveCopying(6, 1, 2), batch=16)
    monkeypatch.setitem(RECIPES, "copying-s6", short)
    curves = [RUNS.fit("copying-s6", seed, steps=12)[1]["curve"] for seed in (1, 1, 2)]
    assert curves[0] == curves[1] != curves[2]
    assert [row["step"] for row in curves[0]] == [12]


def test_mixed_lengths_keep_the_number_of_tokens():
    chosen, sizes = replace(recipe("induction"), lengths=(16, 256)), set()
    for step in range(30):
        tokens = draw(chosen, rng(step)).inputs
        sizes.add(tokens.shape[1])
        assert 16 <= tokens.shape[1] <= 256
        assert abs(tokens.numel() - 32 * 64) <= tokens.shape[1]
    assert len(sizes) > 20


def test_command_line_writes_weights_that_load(tmp_path, capsys, monkeypatch):
    short = replace(recipe("copying-lti"), tested=(24, 30), batch=4)
    monkeypatch.setitem(RECIPES, "copying-lti", short)
    options = ["--steps", "2", "--seed", "5", "--out", str(tmp_path), "--nice", "0"]
    assert RUNS.main(["copying-lti", *options], module="x") == 0
    assert "copying-lti-5" in capsys.readouterr().out
    written = replace(RUNS, folder=tmp_path)
    assert written.names() == ["copying-lti-5"]
    found = written.log("copying-lti", 5)["scores"]
    assert list(found["lengths"]) == ["24", "30"]
    assert runs.score(written.load("copying-lti", 5), "copying-lti") == found
    with pytest.raises(ValueError, match="expected one of copying-lti"):
        recipe("nonsense")


@pytest.mark.parametrize("name", RUNS.names())
def test_shipped_weights_score_what_their_log_says(name):
    stem, seed = name.rsplit("-", 1)
    model, scores = load(stem, int(seed)), log(stem, int(seed))["scores"]
    if "bits" in scores:
        assert bits_per_character(model) == pytest.approx(scores["bits"], abs=2e-3)
        return
    task = recipe(stem).task
    assert accuracy(model, task).token == pytest.approx(scores["token"], abs=2e-3)
    for length in (n for n in scores["lengths"] if int(n) <= 192):
        (share,) = length_curve(model, task, [int(length)])
        assert share == pytest.approx(scores["lengths"][length], abs=5e-3)


def test_shipped_files_are_small_and_every_log_is_whole():
    for path in RUNS.folder.glob("*.safetensors"):
        assert path.stat().st_size < 1_500_000
    for path in RUNS.folder.glob("*.json"):
        record = json.loads(path.read_text())
        plan = recipe(record["recipe"]).plan
        assert path.stem == f"{record['recipe']}-{record['seed']}"
        assert record["steps"] == plan.steps == record["curve"][-1]["step"]


def test_selection_carries_over_to_other_lengths_and_a_filter_does_not():
    """The finding of the chapter, from the logs of three seeds each."""
    for form in ("", "-ungated"):
        s6 = [log(f"copying-s6{form}", seed)["scores"]["lengths"] for seed in range(3)]
        lti = [log(f"copying-lti{form}", seed)["scores"]["lengths"] for seed in range(3)]
        assert min(run["24"] for run in s6) > max(run["24"] for run in lti)
        assert min(run["48"] for run in s6) > 0.9
        assert max(run["192"] for run in lti) < 0.25


WITH_STEP = ("delta", "delta-b", "delta-c", "s6")
WITHOUT_STEP = ("lti", "b", "c", "b-c")


def mean_share(name, length):
    return np.mean([run["scores"]["lengths"][str(length)] for run in logs(f"copying-{name}")])


def test_the_selective_step_size_is_what_carries_over():
    """At eight times the trained length every run with it beats every run without."""
    with_step, without = (
        [
            run["scores"]["lengths"]["192"]
            for name in names
            for run in logs(f"copying-{name}")
        ]
        for names in (WITH_STEP, WITHOUT_STEP)
    )
    assert min(with_step) > max(without)
    assert max(mean_share(name, 384) for name in WITHOUT_STEP) < 0.25
    assert min(mean_share(name, 24) for name in WITHOUT_STEP[1:]) > mean_share("lti", 24)


def test_gates_open_where_a_letter_comes_into_the_window():
    model, task = load("copying-delta"), SelectiveCopying()
    tokens = task.draw(16, rng(7)).inputs[:, : task.length].numpy()
    letter = tokens < task.letters
    near = letter.copy()
    for k in range(1, model.config.d_conv):
        near[:, k:] |= letter[:, :-k]
    steps = step_sizes(model, torch.from_numpy(tokens))[1].numpy()
    assert np.median(steps[near].mean(0) / steps[~near].mean(0)) > 2


def test_induction_curves_are_as_the_chapter_tells():
    names = ("induction", "induction-mixed", "induction-lti")
    one, mixed, lti = (log(name)["scores"]["lengths"] for name in names)
    assert list(one) == [str(2**k) for k in range(4, 18)] == list(mixed) == list(lti)
    assert min(one[str(2**k)] for k in range(4, 11)) == 1.0
    assert min(mixed[str(2**k)] for k in range(4, 13)) > 0.99
    assert max(one["16384"], mixed["16384"]) < 0.75
    assert all(mixed[str(2**k)] > one[str(2**k)] for k in range(11, 15))
    assert lti["64"] < 0.5
    assert max(share for n, share in lti.items() if n != "64") < 0.2


def test_distance_not_length_is_what_a_state_forgets_by():
    model, task = load("induction"), InductionHeads()
    near, far = (accuracy(model, task, rows=8, size=8192, distance=d).token for d in (64, 8000))
    assert near == 1.0
    assert far < 0.8


def test_other_choices_matter_less_than_selection():
    for form in ("s6-h3", "s6-ungated", "s6-states-1", "s6-states-4", "s6-rank-1", "s6-rank-8"):
        assert mean_share(form, 96) > 0.9
    assert mean_share("lti-h3", 96) < 0.4
    near, far = (logs(f"copying-s6-rank-{rank}") for rank in (1, 8))
    shares = [[run["scores"]["lengths"]["384"] for run in runs] for runs in (near, far)]
    assert shares[0][0] < shares[1][0]
    assert shares[0][1] > shares[1][1]  # the second seeds say the opposite


def test_on_this_text_selection_makes_no_difference():
    s6, lti = (log(f"text-{name}")["scores"]["bits"] for name in ("s6", "lti"))
    assert abs(s6 - lti) < 0.02
    assert abs(s6 - ngram_bits(4)) < 0.02


def test_curve_rows():
    assert [curve_rows(n) for n in (1, 1024, 8192, 2**14, 2**17)] == [256] * 3 + [128, 64]


def test_ngram_bits():
    assert ngram_bits(0) == pytest.approx(4.074, abs=0.01)
    assert ngram_bits(3) < ngram_bits(1) < ngram_bits(0)


def test_ngram_distribution_adds_up_to_one():
    """The interpolated probabilities of all characters after a context add up to one."""
    train_text = pydoc_text.load("train")
    context = train_text[:2]
    total = np.zeros(1)
    for character in range(len(pydoc_text.SYMBOLS)):
        test = np.append(context, character)
        share = np.full(1, 1 / len(pydoc_text.SYMBOLS))
        for k in range(3):
            share = scores._interpolate(share, train_text, test[2 - k :], k)
        total += share
    assert total[0] == pytest.approx(1)


def test_bits_of_a_uniform_model():
    model = MambaLM(recipe("text-lti").config)
    with torch.no_grad():
        model.backbone.embedding.weight.zero_()
    assert bits_per_character(model) == pytest.approx(np.log2(27), abs=1e-4)
