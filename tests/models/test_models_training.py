"""Objectives, training that repeats bit by bit and survives interruption, files, scores."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch

from paralg.data import addition, sudoku4
from paralg.models import Family, Network, Transformer, TransformerConfig, available, load
from paralg.models.objectives import OBJECTIVES, draw_masks, draw_ranks
from paralg.models.runs import FOLDER, PLANS, RUNS, TASKS, runs_in, table
from paralg.models.scores import SCORES, exact_grid_distribution, greedy, nats_of, ngram_nats, score
from paralg.training import loop

MODES = ("bidirectional", "causal", "anyorder")
SHIPPED = available()


def undecided(config):
    """Return a transformer whose logits are all zero."""
    transformer = Transformer(config)
    torch.nn.init.zeros_(transformer.head.weight)
    torch.nn.init.zeros_(transformer.head.bias)
    return transformer


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
    assert {tuple(row) for row in rank[prompt == 0]} == set(permutations(range(3)))


def test_ascending_orders_go_from_left_to_right_after_the_prompt():
    rank, prompt = draw_ranks(12, np.full(200, 3), np.random.default_rng(6), ascending=True)
    for row, m in zip(rank, prompt, strict=True):
        rest = np.flatnonzero(row >= m)
        assert row[rest].tolist() == list(range(m, 12))
        assert (np.delete(row, rest) == m - 1).all()
        assert (row[:3] == m - 1).all()
    free = rank[prompt == 6] >= 6
    assert len({tuple(row) for row in free}) > 10  # the prompt itself is scattered


def test_the_plan_chooses_the_orders(monkeypatch):
    monkeypatch.setattr("paralg.models.runs._BATCHES", {"text-anyorder": 4})
    transformer = Transformer(TASKS["text"].config)
    chosen = RUNS.loss("text-anyorder")(transformer, np.random.default_rng(0), 0)[0]
    x = TASKS["text"].draw(4, rng := np.random.default_rng(0), "train")
    given = rng.integers(0, 33, size=4)
    free = OBJECTIVES["anyorder"](transformer, x, given, rng)
    assert chosen.item() != free.item()


@pytest.mark.parametrize("mode", MODES)
def test_an_undecided_network_loses_the_entropy_of_the_uniform_distribution(mode):
    transformer = undecided(TransformerConfig(V=4, L=16, width=16, layers=1, heads=2))
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


def short(steps=30):
    """Runs of few steps in a folder."""

    def runs(folder):
        plans = {name: replace(plan, steps=steps, warmup=5) for name, plan in PLANS.items()}
        return replace(runs_in(folder), plans=plans)

    return runs


def same(a, b):
    first, second = a.state_dict(), b.state_dict()
    return all(torch.equal(first[key], second[key]) for key in first)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def brief_scores(monkeypatch):
    monkeypatch.setitem(SCORES, "sudoku4", (SCORES["sudoku4"][0], 16))


@pytest.mark.parametrize("mode", MODES)
def test_a_few_steps_lower_the_loss_and_repeat_bit_by_bit(mode, tmp_path, monkeypatch):
    monkeypatch.setattr("paralg.models.runs._BATCH", 16)
    monkeypatch.setattr(loop, "_LOG_EVERY", 6)
    runs, name = short(24)(tmp_path), f"sudoku4-{mode}"
    _, log = runs.fit(name)
    assert log["curve"][-1]["loss"] < log["curve"][0]["loss"]
    first, second, other = (runs.fit(name, seed, steps=2)[0] for seed in (0, 0, 1))
    assert same(first, second)
    assert not same(first, other)


def test_what_is_written_is_what_was_scored(tmp_path, brief_scores):
    runs = short(4)(tmp_path)
    line = runs.train("sudoku4-bidirectional")
    assert line.startswith("sudoku4-bidirectional-0: ")
    again = load("sudoku4-bidirectional", tmp_path)
    assert again.config["scores"] == score(again, "sudoku4")
    assert again.config["plan"]["steps"] == 4
    assert again.config["stored_as"] == "float16"
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]


def test_the_command_line_trains_and_says_what_is_wrong(tmp_path, capsys, brief_scores):
    words = ["--nice", "0", "--out", str(tmp_path)]
    assert RUNS.main(["sudoku4-causal", "--steps", "3", *words], module="paralg.models.runs") == 0
    assert "sudoku4-causal-0" in capsys.readouterr().out
    assert RUNS.main(["chess", *words], module="paralg.models.runs") == 2
    assert "name must be one of ('sudoku4-bidir" in capsys.readouterr().err


# ---- files


def test_missing_and_damaged_weights_are_reported(tmp_path, brief_scores):
    with pytest.raises(ValueError, match=r"no weights named 'chess'; expected one of \(none"):
        load("chess", tmp_path)
    short(1)(tmp_path).train("sudoku4-causal")
    with pytest.raises(ValueError, match="expected one of sudoku4-causal, or data alone"):
        load("sudoku4-anyorder", tmp_path)
    path = tmp_path / "sudoku4-causal-0.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(OSError, match="sudoku4-causal-0.safetensors: expected SHA-256"):
        load("sudoku4-causal", tmp_path)


def test_data_alone_loads_all_its_modes():
    family = load("sudoku4")
    assert isinstance(family, Family)
    assert set(family.networks) == set(MODES)


# ---- scores


def test_the_exact_distribution_of_worked_grids():
    full = sudoku4.grids()[:1]
    empty = np.full((1, 16), 4)
    one_left = np.where(np.arange(16) == 5, 4, full)
    distribution = exact_grid_distribution(np.concatenate([full, empty, one_left]))
    assert (distribution[0].argmax(axis=1) == full[0]).all()
    assert (distribution[1] == 0.25).all()
    assert distribution[2, 5, full[0, 5]] == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_network_of_zeros_scores_as_the_uniform_distribution(mode):
    grids = score(Network(undecided(TASKS["sudoku4"].config), mode), "sudoku4", rows=32)
    assert grids["valid"] == 0
    assert 0.7 < grids["kl"] < 1.2  # log 4 minus the mean entropy of the exact distribution
    text = score(Network(undecided(TASKS["text"].config), mode), "text", rows=16)
    assert text["nats"] == pytest.approx(np.log(27), abs=1e-6)


def test_greedy_filling_keeps_prompts_and_ends_without_masks():
    network = Network.untrained(TASKS["addition"].config, "bidirectional")
    x = addition.problems(6)
    y = greedy(network, x)
    assert (y[:, : addition.PROMPT] == x[:, : addition.PROMPT]).all()
    assert (y < network.V).all()


def test_a_longer_context_predicts_text_better():
    assert ngram_nats(2) < ngram_nats(1) < np.log(27)


# ---- what is shipped


SMALL = {"sudoku4": (64, 0.15), "addition": (8, 0.0), "text": (24, 0.15), "digits": (48, 0.05)}
"""Rows that are scored at every run, and how far their scores may be from those of all rows."""


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_score_on_a_few_rows_as_logged(name):
    network, (rows, most) = load(name), SMALL[name.rsplit("-", 1)[0]]
    found, logged = score(network, network.config["task"], rows), network.config["scores"]
    assert found == pytest.approx(logged, abs=most)
    assert found.get("kl", 0) < 0.06


@pytest.mark.weekly
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_reach_their_logged_scores(name):
    network = load(name)
    found = score(network, network.config["task"])
    assert found == pytest.approx(network.config["scores"], abs=2e-3)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_are_small_and_say_how_they_were_made(name):
    log = RUNS.log(name)
    assert (FOLDER / f"{name}-0.safetensors").stat().st_size <= 1.5e6
    assert log["recipe"] == log["plan"]["name"] == name
    assert log["steps"] == log["plan"]["steps"] == PLANS[name].steps
    assert log["curve"][0]["loss"] > log["curve"][-1]["loss"]


def test_the_model_card_lists_what_is_shipped():
    assert table() in (FOLDER.parent / "README.md").read_text()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_mode_is_in_its_family(name):
    data, mode = name.rsplit("-", 1)
    assert load(data).networks[mode].name == name
