"""Data and tasks of the chapter: what they contain, what they promise, and the shipped runs."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from paralg.data import (  # noqa: E402
    iowa_gambling,
    japanese_vowels,
    ridgecrest,
    shipped,
    sunspots,
)
from paralg.data.source import Source  # noqa: E402
from paralg.models import training  # noqa: E402
from paralg.recurrences.aaren import (  # noqa: E402
    choose,
    control,
    events,
    forecast,
    gambling,
    speakers,
    train,
)
from paralg.recurrences.aaren.model import SequenceModel  # noqa: E402
from paralg.recurrences.aaren.recall import VALUES, Recall, histogram_guess  # noqa: E402

DATA = (japanese_vowels, sunspots, ridgecrest, iowa_gambling)
KINDS = ("aaren", "transformer")


@pytest.mark.parametrize("module", DATA)
def test_every_data_set_states_origin_and_licence(module):
    assert isinstance(module.SOURCE, Source)
    name = module.SOURCE.licence.split("paralg/data/")[1].rstrip(")")
    text = (module._FILE.parent / name).read_text(encoding="utf-8")
    assert "Summary of the changes" in text
    assert module._FILE.stat().st_size < 200_000


def test_utterances_are_those_of_the_archive():
    train_part, test_part = japanese_vowels.load("train"), japanese_vowels.load("test")
    assert np.bincount(train_part.speakers).tolist() == [30] * 9
    assert np.bincount(test_part.speakers).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    lengths = np.concatenate([train_part.mask.sum(1), test_part.mask.sum(1)])
    assert (lengths.min(), lengths.max(), lengths.sum()) == (7, 29, 9961)
    assert (train_part.frames[~train_part.mask] == 0).all()
    first = [1.860936, 1.891651, 1.939205]
    np.testing.assert_allclose(train_part.frames[0, :3, 0], first, atol=1e-4)
    with pytest.raises(ValueError, match="read-only"):
        train_part.frames[0] = 0
    with pytest.raises(ValueError, match='split must be "train" or "test", got \'dev\''):
        japanese_vowels.load("dev")


def test_series_and_events_are_those_of_the_sources():
    months = sunspots.monthly()
    assert len(months) == 12 * (2009 - sunspots.FIRST_YEAR) + 6
    assert months[:3].tolist() == [58.0, 62.6, 70.0]
    quakes = ridgecrest.load()
    assert len(quakes.hours) == 829
    assert (np.diff(quakes.hours) >= 0).all()
    assert quakes.hours[-1] < 7 * 24
    assert quakes.magnitudes[:2].tolist() == [4.73, 4.64]


def test_every_ten_cards_of_a_deck_in_the_data_are_the_ten_of_the_game():
    games, blocks = iowa_gambling.load(), 0
    assert games.choices.shape == games.losses.shape == (330, 100)
    for choices, losses in zip(games.choices, games.losses, strict=True):
        for deck in range(4):
            drawn = losses[choices == deck]
            for start in range(0, len(drawn) - 9, 10):
                block = np.sort(drawn[start : start + 10])
                np.testing.assert_array_equal(block, np.sort(iowa_gambling.LOSSES[deck]))
                blocks += 1
    assert blocks == 2723
    assert (games.gains == iowa_gambling.WINS[games.choices] - games.losses).all()


def test_a_damaged_or_missing_file_is_reported(tmp_path):
    with pytest.raises(OSError, match="the shipped data gone.npz is missing"):
        shipped.arrays(tmp_path / "gone.npz", "0")
    (tmp_path / "gone.npz").write_bytes(b"not an archive")
    with pytest.raises(OSError, match="gone.npz is damaged: expected SHA-256 0, got"):
        shipped.arrays(tmp_path / "gone.npz", "0")


def test_the_shipped_files_can_be_made_again(tmp_path):
    ts = "@data\n" + ":".join(["0.1,0.3"] * 12) + ":2\n"
    (tmp_path / "a.ts").write_text(ts)
    japanese_vowels.main(tmp_path / "a.ts", tmp_path / "a.ts", tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz") as made:
        assert made["rows"].cumsum(0)[:2, 0].tolist() == [500, 1500]
        assert made["labels"].tolist() == [1, 1]
    (tmp_path / "t").write_text("MONTHLY\n1749    58.0  62.6\n\n2009     1.5\nNote\n")
    sunspots.main(tmp_path / "t", tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as made:
        assert made["tenths"].tolist() == [580, 626, 15]
    for trials, name in ((100, "Horstmann"), (150, "Wetzels")):
        for kind, cell in (("choice", "4"), ("lo", "-250")):
            rows = "head\n" + "".join(f"{k}{f',{cell}' * trials}\n" for k in (1, 2))
            (tmp_path / f"{kind}_{trials}.csv").write_text(rows)
        (tmp_path / f"index_{trials}.csv").write_text(f"head\n1,Other\n2,{name}\n")
    iowa_gambling.main(tmp_path, tmp_path / "i.npz")
    with np.load(tmp_path / "i.npz") as made:
        assert made["choices"].tolist() == [[3] * 100] * 2
        assert made["fifties"].tolist() == [[5] * 100] * 2
    head = "lon,lat,M,time_string,depth\n"
    (tmp_path / "q").write_text(
        head + "0,0,4.73,2019-07-06T03:22:35.630000,9\n0,0,2.5,2019-07-06T03:22:36.000000,9\n"
    )
    ridgecrest.main(tmp_path / "q", tmp_path / "q.npz")
    with np.load(tmp_path / "q.npz") as made:
        assert made["hundredths"].tolist() == [0, 37]


def test_frames_are_standardised_by_the_training_part():
    frames, mask, _ = speakers.data("train")
    np.testing.assert_allclose(frames[mask].mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(frames[mask].std(0), 1, atol=1e-2)
    model = SequenceModel(speakers.SHAPE)
    curve = speakers.accuracy_by_frame(model)
    assert curve[-1] == pytest.approx(speakers.accuracy(model))


@pytest.mark.parametrize("pairs", [1, 4, 8])
@pytest.mark.parametrize("joined", [False, True])
def test_recall_can_be_solved_by_reading(pairs, joined):
    task = Recall(pairs, joined)
    tokens, wanted = task.draw(50, np.random.default_rng(0))
    tokens, wanted = tokens.numpy(), wanted.numpy()
    assert tokens.shape == (50, pairs * (1 if joined else 2) + 1, pairs + VALUES + 1)
    for row, value in zip(tokens, wanted, strict=True):
        asked = row[-1, :pairs].argmax()
        place = row[:-1, asked].argmax() + (0 if joined else 1)
        assert row[place, pairs:-1].argmax() == value
        assert row[:-1, -1].sum() == 0
    assert tokens[:, :, :pairs].sum((0, 2)).sum() == 50 * (pairs + 1)


def test_the_best_guess_from_values_alone_lies_between_chance_and_one():
    guesses = [histogram_guess(n, rows=5000) for n in (1, 8, 64)]
    assert guesses[0] == 1
    assert 1 / VALUES < guesses[2] < guesses[1] < 0.4


def test_forecasts_do_not_see_what_they_forecast():
    context, wanted = forecast.windows("test")
    assert context.shape[1:] == (forecast.CONTEXT,)
    assert wanted.shape[1:] == (forecast.HORIZON,)
    months = sunspots.monthly()
    cut = round(0.8 * len(months))
    raw = months[cut - forecast.CONTEXT : cut]
    assert np.corrcoef(context[0], raw)[0, 1] == pytest.approx(1)
    model = SequenceModel(forecast.SHAPE).eval()
    with torch.no_grad():
        one = forecast.forecast(model, context[:4])
        two = forecast.forecast(model, 3 * context[:4] + 5)
    torch.testing.assert_close(two, 3 * one + 5, rtol=1e-2, atol=1e-1)
    assert forecast.naive()["linear"]["mse"] < forecast.naive()["mean"]["mse"]
    past, after = forecast.windows("validation")
    found = [forecast.errors(forecast._ridge(past, 10.0**k), after)["mse"] for k in range(-1, 6)]
    assert forecast.strength() == 10.0 ** (int(np.argmin(found)) - 1)


def test_likelihood_is_a_density_over_gaps_and_marks():
    outputs = torch.tensor([0.3, -0.5, -0.2, 0.1])
    unit = torch.tensor(0.4, dtype=torch.float64)
    gaps = torch.linspace(0, 60, 30_001, dtype=torch.float64)
    total = 0.0
    for mark in (0, 1):
        marks = torch.full(gaps.shape, mark)
        parts = events.likelihood(outputs.expand(len(gaps), 4), unit.expand(len(gaps)), gaps, marks)
        total += torch.trapezoid((parts[0] + parts[1]).exp(), gaps).item()
    assert total == pytest.approx(1, abs=2e-3)


def test_point_processes_have_the_likelihoods_of_their_formulas():
    gaps = np.array([0.0, 1.0, 2.0])
    found = events._hawkes((0.5, 0.0, 1.0), 0.0, gaps, np.full(3, 3.0))
    np.testing.assert_allclose(found[1:], math.log(0.5) - 0.5 * gaps[1:])
    busy = events._hawkes((0.5, 0.8, 1.0), 0.0, gaps, np.full(3, 3.0))
    rate = 0.5 + 0.8 * math.exp(-1)
    assert busy[1] == pytest.approx(math.log(rate) - 0.5 - 0.8 * (1 - math.exp(-1)))
    assert events.hawkes()["both"] < events.poisson()["both"]


def test_events_are_predicted_from_the_past_alone():
    rows, units, gaps, marks = events.tokens(10, 30)
    assert len(rows) == len(units) == len(gaps) == len(marks) == 19
    later, *_ = events.tokens(11, 31)
    torch.testing.assert_close(rows[1:], later[:-1])
    assert list(events.ends().values()) == [(0, 497), (497, 622), (622, 829)]


def test_policies_have_three_qualities_and_the_expert_holds_the_top():
    levels = control.levels()
    assert levels["random"] < levels["medium"] < levels["expert"]
    run = control.play(control.expert, 50, np.random.default_rng(3))
    assert (run.seen[:, -10:, 0] > 0.9).mean() > 0.95
    assert control.normalised(levels["expert"]) == 100
    tokens, torques = control.data()
    assert tokens.shape == (900, 100, 5)
    assert (torques.abs() <= control.TORQUE).all()
    np.testing.assert_allclose(tokens[:, 1:, 4], torques[:, :-1])


def _watched(shape):
    """Return a model and the list of the tokens that it is stepped with."""
    model, seen = SequenceModel(shape).eval(), []
    step = model.step

    def spy(x, stream):
        seen.append(x)
        return step(x, stream)

    model.step = spy
    return model, seen


def test_a_model_that_acts_sees_what_it_was_trained_on():
    model, seen = _watched(control.SHAPE)
    run = control.play_model(model, -100.0, rows=3)
    np.testing.assert_allclose(torch.stack(seen, 1)[:, :, 1:4], run.seen, atol=1e-6)
    to_go = torch.stack(seen, 1)[:, :, 0] * control._SCALE
    spent = np.cumsum(run.rewards, 1)
    np.testing.assert_allclose(to_go[:, 1:], -100 - spent[:, :-1], rtol=1e-4)


def test_people_are_in_one_part_and_tokens_tell_what_was_won():
    parts = [gambling.people(split) for split in ("train", "validation", "test")]
    assert [len(choices) for choices, _ in parts] == [200, 50, 80]
    rows = np.concatenate([np.concatenate(part, 1) for part in parts])
    whole = np.concatenate(iowa_gambling.load(), 1)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, whole))
    tokens, decks = (part.numpy() for part in gambling.data("test"))
    choices, losses = gambling.people("test")
    gains = iowa_gambling.WINS[choices] - losses
    np.testing.assert_allclose(1000 * tokens[:, 0, 0], gains.sum(1), rtol=1e-5)
    spent = 1000 * (tokens[:, :-1, 0] - tokens[:, 1:, 0])
    np.testing.assert_allclose(spent, gains[:, :-1], atol=0.01)
    assert (tokens[:, 0, 1:] == 0).all()
    assert (tokens[:, 1:, 1:5].argmax(2) == decks[:, :-1]).all()
    np.testing.assert_allclose(250 * tokens[:, 1:, 5], losses[:, :-1], atol=0.01)


def test_decks_are_shuffled_in_tens_and_drawn_from_the_top():
    decks = gambling.Decks.shuffled(3, np.random.default_rng(0))
    blocks = np.sort(decks.losses.reshape(3, 4, 10, 10), 3)
    assert (blocks == np.sort(iowa_gambling.LOSSES, 1)[None, :, None]).all()
    cards = decks.losses.copy()
    for k in range(3):
        assert (decks.draw(np.array([0, 1, 1])) == cards[[0, 1, 2], [0, 1, 1], k]).all()
    assert decks.drawn.tolist() == [[3, 0, 0, 0], [0, 3, 0, 0], [0, 3, 0, 0]]
    assert gambling.BEST == 2500


def test_a_model_that_draws_sees_what_it_was_trained_on():
    model, seen = _watched(gambling.SHAPE)
    choices, losses = gambling.play(model, 700.0, rows=5)
    tokens = torch.stack(seen, 1).numpy()
    gains = iowa_gambling.WINS[choices] - losses
    np.testing.assert_allclose(1000 * tokens[:, 1:, 0], 700 - gains.cumsum(1)[:, :-1], atol=0.1)
    assert (tokens[:, 1:, 1:5].argmax(2) == choices[:, :-1]).all()
    np.testing.assert_allclose(250 * tokens[:, 1:, 5], losses[:, :-1], atol=0.01)
    again = gambling.play(SequenceModel(gambling.SHAPE).eval(), 700.0, rows=5)
    assert (again[0] == choices).all()


def test_tables_of_counts_are_better_the_more_they_look_at():
    found = gambling.baselines()
    assert math.log(4) > found["shares of the decks"] > found["given the deck before"]
    assert found["given the deck before"] > found["given deck and loss before"] > 0.5


def test_what_was_chosen_is_best_on_validation():
    assert choose.best("quakes") == {"memory": events.MEMORY, "steps": train.TASKS["quakes"].steps}
    assert choose.best("gambling") == {"steps": train.TASKS["gambling"].steps}
    assert choose.best("recall") == {"amplitude": SequenceModel(gambling.SHAPE).shape.amplitude}
    for name, grid in choose.GRIDS.items():
        rows = choose.rows(name)
        assert len(rows) == math.prod(map(len, grid.values.values()))
        assert all(len(row[kind]) == len(choose.SEEDS[name]) for row in rows for kind in KINDS)
        shown = set.union(*(set(train.seeds(task)) for task in train.TASKS))
        assert not shown & set(choose.SEEDS[name])
    with pytest.raises(ValueError, match="name must be one of .* got 'pendulum'"):
        choose.rows("pendulum")


def test_a_choice_is_tried_as_a_run_is_trained(tmp_path, monkeypatch):
    grid = choose.Grid({"steps": (1, 2)}, lambda kind, seed, steps: 3.0 - steps)
    monkeypatch.setattr(choose, "GRIDS", {"gambling": grid})
    monkeypatch.setattr(choose, "FILE", tmp_path / "choices.json")
    choose.main([])
    assert [row["steps"] for row in choose.rows("gambling")] == [1, 2]
    assert choose.best("gambling") == {"steps": 2}
    task = train.TASKS["gambling"]
    monkeypatch.setattr(train, "KEPT", ("gambling-aaren-3",))
    plan = training.Plan("gambling-aaren", 2, 1e-3)
    train.go(plan, seed=3, out=tmp_path)
    torch.rand(7)  # what the process drew before makes no difference
    model = choose._trained(task.shape.of("aaren"), task.loss, 2, 3)
    again = train.build("gambling-aaren", 3)
    training.load(again, tmp_path, "gambling-aaren", 3)
    assert model.shape.dropout > 0
    for a, b in zip(model.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_a_run_with_dropout_that_was_interrupted_ends_in_the_same_weights(tmp_path):
    task, plan = train.TASKS["gambling"], training.Plan("trial", 3, 1e-3)
    whole = train.build("gambling-aaren")
    training.train(plan, whole, train.seeded(task.loss))
    run = training.Run(plan, train.build("gambling-aaren"), train.seeded(task.loss))
    run.step()
    run.keep(tmp_path / "part")
    rest = train.build("gambling-aaren", seed=5)
    training.train(plan, rest, train.seeded(task.loss), partial=tmp_path / "part")
    for a, b in zip(whole.parameters(), rest.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("name", list(train.PLANS))
def test_every_plan_trains_and_scores(name, tmp_path):
    plan = train.PLANS[name]
    task, kind = train._task(name)
    run = training.Run(plan, train.build(name), task.loss)
    first = run.step()
    assert math.isfinite(first)
    assert train.build(name).shape.kind == kind


@pytest.mark.parametrize("task", list(train.TASKS))
def test_the_logs_of_all_runs_ship_with_their_plan(task):
    assert train.seeds(task)[0] == 0
    for kind in ("aaren", "transformer"):
        for seed in train.seeds(task):
            record = train.log(f"{task}-{kind}", seed)
            assert record["steps"] == train.PLANS[f"{task}-{kind}"].steps
            assert record["cpu_seconds"] < 180
            assert record["plan"]["rate"] == train.PLANS[f"{task}-{kind}"].rate


@pytest.mark.parametrize("name", ["speakers-aaren", "speakers-transformer", "gambling-aaren"])
def test_shipped_weights_score_what_their_log_says(name):
    model, record = train.load(name)
    if name.startswith("speakers"):
        assert speakers.score(model)["test"] == pytest.approx(record["scores"]["test"], abs=0.006)
    else:
        assert gambling.nats(model) == pytest.approx(record["scores"]["nats"]["test"], abs=1e-3)
    blob = (train.FOLDER / f"{name}-0.safetensors").read_bytes()
    assert hashlib.sha256(blob).hexdigest() == record["sha256"]


def test_what_the_chapter_says_of_the_runs():
    def runs(task, kind, *path):
        found = []
        for seed in train.seeds(task):
            score = train.log(f"{task}-{kind}", seed)["scores"]
            for key in path:
                score = score[key]
            found.append(score)
        assert len(found) == 3
        return np.array(found)

    def mean(task, kind, *path):
        return runs(task, kind, *path).mean()

    said = [runs("speakers", kind, "test") for kind in KINDS]
    assert abs(said[0].mean() - said[1].mean()) < min(np.ptp(said[0]), np.ptp(said[1]))
    assert mean("recall", "transformer", "right") > 0.95
    assert mean("recall", "aaren", "right") < histogram_guess() + 0.03
    assert mean("pairs4", "aaren", "right") > mean("pairs16", "aaren", "right") + 0.5
    for kind in ("aaren", "transformer"):
        assert mean("quakes", kind, "test", "both") < events.recent()["both"]
        assert mean("sunspots", kind, "test", "mse") > forecast.naive()["linear"]["mse"]


def test_wrong_requests_are_told(capsys):
    assert train.main(["nothing"]) == 2
    assert "expected one of speakers-aaren" in capsys.readouterr().err
    with pytest.raises(ValueError, match="expected one of"):
        train.build("speakers")
    with pytest.raises(ValueError, match="only the log is kept"):
        train.load("recall-aaren")
