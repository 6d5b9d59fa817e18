"""The tasks of the chapter: what they contain, what they promise, and the shipped runs."""
# ruff: noqa: E402, I001

import math
from functools import reduce

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from paralg.data import choptank, iowa_gambling
from paralg.recurrences.aaren.experiments import control, events, forecast, gambling, recall
from paralg.recurrences.aaren.experiments import records as choices, runs, speakers
from paralg.recurrences.aaren.experiments.model import KINDS, AarenConfig, build_model
from paralg.recurrences.aaren.experiments.runs import RUNS, TASKS
from paralg.training import TrainingRun
from tests.near import assert_close


@pytest.mark.parametrize("pairs", [1, 4, 8])
@pytest.mark.parametrize("joined", [False, True])
def test_recall_can_be_solved_by_reading(pairs, joined):
    batch = recall.OneHotRecall(pairs, joined).draw(50, np.random.default_rng(0))
    tokens, wanted = batch.inputs.numpy(), batch.targets[:, 0].numpy()
    assert tokens.shape == (50, pairs * (1 if joined else 2) + 1, pairs + recall.VALUES + 1)
    for row, value in zip(tokens, wanted, strict=True):
        at = row[:-1, row[-1, :pairs].argmax()].argmax() + (0 if joined else 1)
        assert row[at, pairs:-1].argmax() == value
        assert row[:-1, -1].sum() == 0
    assert tokens[:, :, :pairs].sum((0, 2)).sum() == 50 * (pairs + 1)
    guesses = [recall.histogram_guess(n, rows=5000) for n in (1, 8, 64)]
    assert 1 / recall.VALUES < guesses[2] < guesses[1] < 0.4 < guesses[0] == 1


def test_forecasts_are_of_new_days_and_follow_scale_and_level():
    context, wanted = forecast.windows("test")
    days = np.log(choptank.daily())
    cut = round(0.8 * len(days))
    assert np.corrcoef(context[0], days[cut - 120 : cut])[0, 1] == pytest.approx(1)
    assert np.corrcoef(wanted[0], days[cut : cut + 96])[0, 1] == pytest.approx(1)
    model = build_model(forecast.CONFIG).eval()
    with torch.no_grad():
        one, two = (forecast.forecast(model, x) for x in (context[:4], 3 * context[:4] + 5))
    assert_close(two, 3 * one + 5, rtol=1e-2, atol=1e-1)
    naive = forecast.naive()
    assert naive["season"]["mse"] < naive["linear"]["mse"] < naive["mean"]["mse"]
    (past, after), best = forecast.windows("validation"), forecast.strength()
    found = [forecast.errors(forecast._ridge(past, best * x), after)["mse"] for x in (1, 0.1, 10)]
    assert found[0] == min(found)


def test_likelihood_is_a_density_over_gaps_and_marks():
    gaps = torch.linspace(0, 60, 10_001, dtype=torch.float64)
    given = torch.tensor([0.3, -0.5, -0.2, 0.1]).expand(10_001, 4), torch.full_like(gaps, 0.4), gaps
    parts = [sum(events.likelihood(*given, torch.full(gaps.shape, mark))) for mark in (0, 1)]
    assert torch.trapezoid(sum(map(torch.exp, parts)), gaps) == pytest.approx(1, abs=2e-3)


def test_point_processes_have_the_likelihoods_of_their_formulas():
    gaps = np.array([0.0, 1.0, 2.0])
    found = events._hawkes((0.5, 0.0, 1.0), 0.0, gaps, np.full(3, 3.0))
    np.testing.assert_allclose(found[1:], math.log(0.5) - 0.5 * gaps[1:])
    busy = events._hawkes((0.5, 0.8, 1.0), 0.0, gaps, np.full(3, 3.0))
    jumps = (0.8, 0.8 * math.exp(-1) + 0.8)  # excitement after the first and the second event
    for jump, gap, log in zip(jumps, gaps[1:], busy[1:], strict=True):
        passed = jump * (1 - math.exp(-gap))
        assert log == pytest.approx(math.log(0.5 + jump * math.exp(-gap)) - 0.5 * gap - passed)
    assert events.hawkes() == pytest.approx(hawkes := choices.records.read("hawkes"), abs=2e-3)
    assert hawkes["both"] < events.poisson()["both"]


def test_events_are_predicted_from_the_past_alone():
    rows = events.tokens(10, 30)[0]
    assert [len(part) for part in events.tokens(10, 30)] == [19] * 4
    assert_close(rows[1:], events.tokens(11, 31)[0][:-1])
    assert list(events.ends().values()) == [(0, 497), (497, 622), (622, 829)]


def watched(config):
    """Return a model and the list of the tokens that it is stepped with."""
    model, given = build_model(config).eval(), []
    step = model.step
    model.step = lambda x, state: given.append(x) or step(x, state)
    return model, given


def test_policies_have_three_qualities_and_a_model_reads_in_acting_as_in_training():
    levels = control.levels()
    assert levels["random"] < levels["medium"] < levels["expert"]
    assert control.normalised(levels["expert"]) == 100
    tokens, torques = control.data()
    np.testing.assert_allclose(tokens[:, 1:, 4], torques[:, :-1])
    model, given = watched(control.CONFIG)
    run = control.roll_out_model(model, -100.0, rows=3)
    tokens = torch.stack(given, 1)
    np.testing.assert_allclose(tokens[:, :, 1:4], run.observations, atol=1e-6)
    spent = np.cumsum(run.rewards, 1)
    np.testing.assert_allclose(tokens[:, 1:, 0] * control._SCALE, -100 - spent[:, :-1], rtol=1e-4)
    model, given = watched(gambling.CONFIG)
    games = gambling.roll_out(model, 700.0, rows=5)
    tell(torch.stack(given, 1).numpy(), games, returns=700)


def tell(tokens, games, returns):
    """Check that tokens tell the return to go, the deck before and what it lost."""
    to_go = returns - np.pad(games.gains.cumsum(1), ((0, 0), (1, 0)))[:, :-1]
    np.testing.assert_allclose(1000 * tokens[..., 0], to_go, atol=0.1)
    assert (tokens[:, 0, 1:] == 0).all()
    assert (tokens[:, 1:, 1:5].argmax(2) == games.choices[:, :-1]).all()
    np.testing.assert_allclose(250 * tokens[:, 1:, 5], games.losses[:, :-1], atol=0.01)


def test_people_are_in_one_part_and_tokens_tell_what_was_won():
    parts = [gambling.people(split) for split in ("train", "validation", "test")]
    assert [len(choices) for choices, _ in parts] == [200, 50, 80]
    rows = np.concatenate([np.concatenate(part, 1) for part in parts])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, np.concatenate(iowa_gambling.load(), 1)))
    tokens, decks = (part.numpy() for part in gambling.data("test"))
    assert (decks == parts[2].choices).all()
    tell(tokens, parts[2], returns=parts[2].gains.sum(1, keepdims=True))
    assert gambling.BEST == 2500
    tables = list(gambling.baselines().values())  # better the more they look at
    assert sorted([math.log(4), *tables, 0.5], reverse=True) == [math.log(4), *tables, 0.5]


def test_what_was_chosen_is_best_on_validation_and_was_trained_as_a_run_is():
    assert choices.best("quakes") == f"memory {events.MEMORY}, steps {TASKS['quakes'].steps}"
    assert choices.best("gambling") == f"steps {TASKS['gambling'].steps}"
    assert choices.best("recall") == f"amplitude {AarenConfig(1, 1).amplitude}"
    assert not any({0, 1, 2} & set(grid.seeds) for grid in choices.GRIDS.values())
    grid = choices.CandidateGrid({"a": (1, 2)}, (5,), lambda kind, seed, a: seed - a + 0.12344)
    assert grid.tried("aaren") == {"a 1": [4.1234], "a 2": [3.1234]}
    task = TASKS["gambling"]
    assert task.config.dropout > 0
    model, _ = RUNS.fit("gambling-aaren", 3, steps=2)
    torch.rand(7)  # what the process drew before makes no difference
    tried = choices._trained(task.config.of("aaren"), task.loss, 2, 3)
    assert all(map(torch.equal, model.parameters(), tried.parameters()))


@pytest.mark.parametrize("name", list(RUNS.plans))
def test_every_plan_trains_and_has_three_logs(name):
    run = TrainingRun(RUNS.plan(name), runs.build(name), RUNS.loss(name))
    assert math.isfinite(run.step())
    assert isinstance(run.model.blocks[0].mixer, KINDS[name.rpartition("-")[2]])
    assert RUNS.seeds(name) == [0, 1, 2]
    for record in RUNS.logs(name):
        assert (record["steps"], record["plan"]["rate"]) == (run.plan.steps, run.plan.rate)
        assert record["cpu_seconds"] < 180


def test_shipped_weights_score_what_their_log_says():
    frames, mask, _ = speakers.data("train")
    np.testing.assert_allclose(frames[mask].mean(0), 0, atol=1e-4)
    for name in ("speakers-aaren", "speakers-transformer"):
        model, said = runs.load(name), runs.log(name)["scores"]["test"]
        curve = speakers.accuracy_by_frame(model)
        assert curve[-1] == speakers.accuracy(model) == pytest.approx(said, abs=0.006)
    model, said = runs.load("gambling-aaren"), runs.log("gambling-aaren")["scores"]["nats"]
    assert gambling.nats(model) == pytest.approx(said["test"], abs=1e-3)
    assert RUNS.names() == ["gambling-aaren-0", "speakers-aaren-0", "speakers-transformer-0"]


def test_what_the_chapter_says_of_the_runs():
    def scores(name, *path):
        return np.array([reduce(dict.get, path, one["scores"]) for one in RUNS.logs(name)])

    said = [scores(f"speakers-{kind}", "test") for kind in KINDS]
    assert abs(said[0].mean() - said[1].mean()) < min(np.ptp(said[0]), np.ptp(said[1]))
    assert scores("recall-transformer", "right").mean() > 0.95
    assert scores("recall-aaren", "right").mean() < recall.histogram_guess() + 0.03
    four, sixteen = (scores(f"pairs{n}-aaren", "right").mean() for n in (4, 16))
    assert four > sixteen + 0.5
    recent, linear = events.recent()["both"], forecast.naive()["linear"]["mse"]
    for kind in KINDS:
        assert scores(f"quakes-{kind}", "test", "both").mean() < recent
        assert scores(f"river-{kind}", "test", "mse").mean() > linear
