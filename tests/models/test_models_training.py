"""Objectives, training that repeats bit by bit and survives interruption, files, scores."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from paralg.data import addition, sudoku4
from paralg.models import Family, Network, Transformer, TransformerConfig, available, evaluate, load
from paralg.models import train as training
from paralg.models.filling import greedy
from paralg.models.objectives import OBJECTIVES, draw_masks, draw_ranks
from paralg.models.score_sudoku4 import exact_grid_distribution, sudoku4_scores
from paralg.models.score_text import nats_of, ngram_nats, text_scores
from paralg.models.tasks import RECIPES, TASKS, Recipe, recipe
from paralg.models.weights import FOLDER, save, table

MODES = ("bidirectional", "causal", "anyorder")
SHIPPED = available()


# ---- what is drawn


def test_given_tokens_are_never_masked_and_noise_is_spread_evenly():
    given = np.full(400, 4)
    masked = draw_masks(16, given, np.random.default_rng(0))
    assert not masked[:, :4].any()
    assert masked[:20].sum() < masked[-20:].sum()
    assert masked[:, 4:].mean() == pytest.approx(0.5, abs=0.03)


def test_masked_counts_are_uniform_and_the_weight_of_a_count_is_its_mean_inverse_level():
    """E[1/t given k of n masked] = (n + 1)/k, which the mean over masked tokens stands for."""
    rng, n = np.random.default_rng(1), 6
    t = (rng.random(2000)[:, None] + np.arange(200)) / 200
    k = rng.binomial(n, t)
    assert np.bincount(k.ravel()) / k.size == pytest.approx(np.full(n + 1, 1 / (n + 1)), abs=0.004)
    for count in range(2, n + 1):
        assert (1 / t[k == count]).mean() == pytest.approx((n + 1) / count, rel=0.05)


def test_orders_tie_the_prompt_and_rank_the_rest():
    rng = np.random.default_rng(2)
    rank, prompt = draw_ranks(16, np.full(300, 8), rng)
    for row, m in zip(rank, prompt, strict=True):
        assert sorted(row) == [m - 1] * m + list(range(m, 16))
        assert (row[:8] == m - 1).all()
    assert set(prompt) == set(range(8, 16))


def test_orders_without_a_prompt_are_permutations():
    rank, prompt = draw_ranks(3, np.zeros(60, dtype=int), np.random.default_rng(3))
    assert {tuple(row) for row in rank[prompt == 0]} <= {
        (a, b, c) for a in range(3) for b in range(3) for c in range(3) if len({a, b, c}) == 3
    }


def test_ascending_orders_go_from_left_to_right_after_the_prompt():
    rank, prompt = draw_ranks(12, np.full(200, 3), np.random.default_rng(6), ascending=True)
    for row, m in zip(rank, prompt, strict=True):
        rest = np.flatnonzero(row >= m)
        assert row[rest].tolist() == list(range(m, 12))
        assert (np.delete(row, rest) == m - 1).all()
        assert (row[:3] == m - 1).all()
    free = rank[prompt == 6] >= 6
    assert len({tuple(row) for row in free}) > 10  # the prompt itself is scattered


def test_the_recipe_chooses_the_orders():
    plan = replace(short("anyorder"), ascending=True)
    assert training.Training(plan).step() != training.Training(short("anyorder")).step()


@pytest.mark.parametrize("mode", MODES)
def test_an_undecided_network_loses_the_entropy_of_the_uniform_law(mode):
    transformer = Transformer(TransformerConfig(V=4, L=16, width=16, layers=1, heads=2))
    torch.nn.init.zeros_(transformer.head.weight)
    torch.nn.init.zeros_(transformer.head.bias)
    x, given = sudoku4.grids()[range(8)], np.zeros(8, dtype=int)
    loss = OBJECTIVES[mode](transformer, x, given, np.random.default_rng(4))
    assert float(loss.detach()) == pytest.approx(np.log(4), abs=1e-6)


def test_a_batch_without_masks_has_loss_zero():
    transformer = Transformer(TransformerConfig(V=4, L=16, width=16, layers=1, heads=2))
    x, given, rng = sudoku4.grids()[[0, 1]], np.full(2, 16), np.random.default_rng(0)
    assert float(OBJECTIVES["bidirectional"](transformer, x, given, rng).detach()) == 0


@pytest.mark.parametrize("mode", ["causal", "anyorder"])
def test_the_loss_is_what_the_protocol_calls_compute(mode):
    network = Network.untrained(TransformerConfig(V=4, L=16, width=16, layers=1, heads=2), mode)
    x, given, rng = sudoku4.grids()[range(5)], np.zeros(5, dtype=int), np.random.default_rng(5)
    rank, prompt = draw_ranks(16, given, np.random.default_rng(5))
    if mode == "causal":
        expected = nats_of(network.causal(x), x).mean()
    else:
        nats = [nats_of(network.anyorder(x[[b]], rank[b]), x[[b]])[0] for b in range(5)]
        expected = np.mean([n[r >= m].mean() for n, r, m in zip(nats, rank, prompt, strict=True)])
    loss = OBJECTIVES[mode](network.transformer, x, given, rng)
    assert float(loss.detach()) == pytest.approx(expected, abs=1e-5)


# ---- training


def short(mode="bidirectional", steps=30):
    return Recipe("sudoku4", mode, steps=steps, batch=16, warmup=5)


def same(a, b):
    first, second = a.transformer.state_dict(), b.transformer.state_dict()
    return all(torch.equal(first[key], second[key]) for key in first)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def brief_scores(monkeypatch):
    monkeypatch.setattr("paralg.models.score_sudoku4._ROWS", 64)


@pytest.mark.parametrize("mode", MODES)
def test_thirty_steps_lower_the_loss_and_repeat_bit_by_bit(mode):
    first, second = training.Training(short(mode)), training.Training(short(mode))
    losses = [first.step() for _ in range(30)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert losses == [second.step() for _ in range(30)]
    assert same(first, second)


def test_another_seed_is_another_network():
    first, second = training.Training(short(), seed=0), training.Training(short(), seed=1)
    first.step(), second.step()
    assert not same(first, second)


def test_an_interrupted_run_ends_in_the_same_files(tmp_path, monkeypatch, brief_scores):
    whole = training.train(short(), tmp_path / "whole")
    step = training.Training.step

    def interrupted(self):
        if self.done == 17 and not (tmp_path / "parts" / "sudoku4-bidirectional.partial").exists():
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(training.Training, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.train(short(), tmp_path / "parts")
    assert [p.name for p in (tmp_path / "parts").iterdir()] == ["sudoku4-bidirectional.partial"]
    resumed = training.train(short(), tmp_path / "parts")
    assert same(whole, resumed)
    assert whole.config["scores"] == resumed.config["scores"]
    assert sorted(p.name.split(".")[1] for p in (tmp_path / "parts").iterdir()) == [
        "json", "log", "safetensors",
    ]  # fmt: skip


def test_the_partial_state_of_another_run_is_refused(tmp_path):
    run = training.Training(short(), seed=1)
    run.step()
    run.keep(tmp_path / "sudoku4-bidirectional.partial")
    with pytest.raises(ValueError, match=r"left by another run \(seed 1, 30 steps\), got seed 0"):
        training.train(short(), tmp_path)


def test_what_is_written_is_what_was_scored(tmp_path, brief_scores):
    network = training.train(short(steps=12), tmp_path)
    again = load("sudoku4-bidirectional", tmp_path)
    assert same(network, again)
    assert again.config["scores"] == evaluate.score(again, "sudoku4")
    log = [json.loads(row) for row in (tmp_path / "sudoku4-bidirectional.log").open()]
    assert log[0]["recipe"]["steps"] == 12
    assert log[1]["step"] == 12
    assert log[-1]["scores"] == again.config["scores"]


def test_the_command_line_trains_and_says_what_is_wrong(
    tmp_path, capsys, monkeypatch, brief_scores
):
    monkeypatch.setattr(training.os, "nice", lambda n: n)
    out = str(tmp_path)
    assert training.main(["sudoku4-causal", "--steps", "3", "--out", out]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "sudoku4-causal"
    assert training.main(["chess", "--out", out]) == 2
    assert "no recipe named 'chess'; expected one of sudoku4-bidir" in capsys.readouterr().err

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupt)
    assert training.main(["sudoku4-causal", "--out", out]) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_the_rate_warms_up_and_falls_to_the_floor():
    plan = recipe("addition-bidirectional")
    rates = [plan.rate_at(step) for step in range(plan.steps)]
    assert np.argmax(rates) == plan.warmup - 1
    assert rates[0] == pytest.approx(plan.rate / plan.warmup)
    assert rates[-1] == pytest.approx(plan.rate * plan.floor)
    assert replace(plan, steps=1).rate_at(0) > 0


# ---- files


def test_missing_and_damaged_weights_are_reported(tmp_path):
    with pytest.raises(ValueError, match=r"no weights named 'chess'; expected one of \(none"):
        load("chess", tmp_path)
    network = Network.untrained(TransformerConfig(4, 16, width=16, layers=1, heads=2), "causal")
    network.name = "tiny-causal"
    path = save(network, tmp_path)
    with pytest.raises(ValueError, match="expected one of tiny-causal, or data alone"):
        load("tiny-anyorder", tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(OSError, match="tiny-causal.safetensors: expected SHA-256"):
        load("tiny-causal", tmp_path)


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    network = Network.untrained(TransformerConfig(4, 16, width=16, layers=1, heads=2), "causal")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("paralg.models.weights.os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        save(network, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_data_alone_loads_all_its_modes(tmp_path):
    for mode in MODES:
        network = Network.untrained(TransformerConfig(4, 16, width=16, layers=1, heads=2), mode)
        network.name = f"tiny-{mode}"
        save(network, tmp_path)
    family = load("tiny", tmp_path)
    assert isinstance(family, Family)
    assert set(family.networks) == set(MODES)


# ---- scores


def test_the_exact_law_of_worked_grids():
    full = sudoku4.grids()[:1]
    empty = np.full((1, 16), 4)
    one_left = np.where(np.arange(16) == 5, 4, full)
    distribution = exact_grid_distribution(np.concatenate([full, empty, one_left]))
    assert (distribution[0].argmax(axis=1) == full[0]).all()
    assert (distribution[1] == 0.25).all()
    assert distribution[2, 5, full[0, 5]] == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_network_of_zeros_scores_as_the_uniform_law(mode, brief_scores):
    network = Network.untrained(TASKS["sudoku4"].shape, mode)
    torch.nn.init.zeros_(network.transformer.head.weight)
    torch.nn.init.zeros_(network.transformer.head.bias)
    scores = sudoku4_scores(network)
    assert scores["valid"] == 0
    assert 0.7 < scores["kl"] < 1.2  # log 4 minus the mean entropy of the exact distribution


@pytest.mark.parametrize("mode", MODES)
def test_a_network_of_zeros_needs_the_logarithm_of_the_alphabet_for_text(mode, monkeypatch):
    monkeypatch.setattr("paralg.models.score_text._ROWS", 32)
    network = Network.untrained(TASKS["text"].shape, mode)
    torch.nn.init.zeros_(network.transformer.head.weight)
    torch.nn.init.zeros_(network.transformer.head.bias)
    assert text_scores(network)["nats"] == pytest.approx(np.log(27), abs=1e-6)


def test_greedy_filling_keeps_prompts_and_ends_without_masks():
    network = Network.untrained(TASKS["addition"].shape, "bidirectional")
    x = addition.problems(6)
    y = greedy(network, x)
    assert (y[:, : addition.PROMPT] == x[:, : addition.PROMPT]).all()
    assert (y < network.V).all()


def test_a_longer_context_predicts_text_better():
    assert ngram_nats(2) < ngram_nats(1) < np.log(27)


# ---- what is shipped


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_reach_their_logged_scores(name):
    network = load(name)
    logged = network.config["scores"]
    found = evaluate.score(network, network.config["recipe"]["task"])
    assert found == pytest.approx(logged, abs=2e-3)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_are_small_and_say_how_they_were_made(name):
    config = json.loads((FOLDER / f"{name}.json").read_text())
    assert (FOLDER / f"{name}.safetensors").stat().st_size <= 1.5e6
    assert config["recipe"]["name"] == name
    assert config["recipe"]["steps"] == config["steps"] == RECIPES[name].steps
    log = [json.loads(row) for row in (FOLDER / f"{name}.log").open()]
    assert log[-1]["scores"] == config["scores"]
    assert log[1]["loss"] > log[-2]["loss"]


def test_the_model_card_lists_what_is_shipped():
    assert table() in (FOLDER.parent / "README.md").read_text()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_mode_is_in_its_family(name):
    data, mode = name.rsplit("-", 1)
    assert load(data).networks[mode].name == name
