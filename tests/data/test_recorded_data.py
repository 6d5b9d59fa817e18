"""Recorded data: origin and licence, what is in it, and that the files can be made again."""

from dataclasses import replace

import numpy as np
import pytest

from paralg.data import (
    choptank,
    crafter_walks,
    digits,
    engel,
    graphs,
    iowa_gambling,
    japanese_vowels,
    pendulum,
    pydoc_text,
    ridgecrest,
    uci_tables,
)
from paralg.data.make import MAKERS, main

RECORDED = (japanese_vowels, choptank, ridgecrest, iowa_gambling, engel, digits, crafter_walks,
            uci_tables)  # fmt: skip


@pytest.mark.parametrize("module", RECORDED)
def test_every_data_set_states_origin_and_licence(module):
    name = module.SOURCE.licence.split("paralg/data/")[1].rstrip(")")
    text = (module.SOURCE.path.parent / name).read_text(encoding="utf-8")
    assert "Summary of the changes" in text
    assert module.SOURCE.path.stat().st_size < (200_000 if module is not crafter_walks else 260_000)
    assert module.SOURCE.path.stem in MAKERS


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
    with pytest.raises(ValueError, match="split must be one of .*got 'dev'"):
        japanese_vowels.load("dev")


def test_series_events_and_graphs_are_those_of_the_sources():
    days = choptank.daily()
    years = np.datetime64("2011-10-01") - np.datetime64(choptank.FIRST_DAY)
    assert len(days) == years.astype(int)
    assert days[:3].tolist() == [107.0, 85.0, 76.0]
    assert (days > 0).all()
    quakes = ridgecrest.load()
    assert len(quakes.hours) == 829
    assert (np.diff(quakes.hours) >= 0).all()
    assert quakes.hours[-1] < 7 * 24
    assert quakes.magnitudes[:2].tolist() == [4.73, 4.64]
    words = graphs.topic_words()
    assert len(words.names) == 2000
    assert words.undirected
    assert max(words.tails.max(), words.heads.max()) == 1999


def test_digits_are_those_of_the_test_part_and_become_tokens():
    train, test = digits.load("train"), digits.load("test")
    counts = np.bincount(train.labels) + np.bincount(test.labels)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert train.images.max() == 16
    assert train.images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    x = digits.encode(*test)
    assert x.shape == (297, digits.LENGTH)
    assert digits.allowed()[np.arange(digits.LENGTH), x].all()
    assert (digits.decode(x) == np.minimum(test.images // 2, 7)).all()
    with pytest.raises(ValueError, match="split must be one of .*got 'dev'"):
        digits.load("dev")


def test_tables_are_those_of_the_archive():
    shapes = [uci_tables.load(name).points.shape for name in uci_tables.NAMES]
    assert shapes == [(150, 4), (178, 13), (569, 30)]
    assert uci_tables.load("iris").points[0].tolist() == [5.1, 3.5, 1.4, 0.2]
    assert np.bincount(uci_tables.load("wine").classes).tolist() == [59, 71, 48]
    assert np.bincount(uci_tables.load("breast_cancer").classes).tolist() == [212, 357]


def test_every_ten_cards_of_a_deck_in_the_data_are_the_ten_of_the_game():
    games, blocks = iowa_gambling.load(), 0
    assert games.choices.shape == games.losses.shape == (330, 100)
    for choices, losses in zip(games.choices, games.losses, strict=True):
        for deck in range(4):
            drawn = losses[choices == deck]
            full = np.sort(drawn[: len(drawn) // 10 * 10].reshape(-1, 10), axis=1)
            assert (full == np.sort(iowa_gambling.LOSSES[deck])).all()
            blocks += len(full)
    assert blocks == 2723
    assert (games.gains == iowa_gambling.WINS[games.choices] - games.losses).all()


def test_a_damaged_or_missing_file_is_reported(tmp_path, monkeypatch):
    gone = tmp_path / "gone.npz"
    monkeypatch.setattr(pydoc_text, "SOURCE", replace(pydoc_text.SOURCE, file=str(gone)))
    with pytest.raises(OSError, match="the shipped data gone.npz is missing"):
        pydoc_text.load.__wrapped__()
    gone.write_bytes(b"not an archive")
    with pytest.raises(OSError, match="gone.npz is damaged: expected SHA-256 c27336.*, got"):
        pydoc_text.load.__wrapped__()


def test_the_shipped_files_can_be_made_again(tmp_path):
    def made(name, *sources):
        main(name, *(str(tmp_path / one) for one in sources), str(tmp_path / "made.npz"))
        with np.load(tmp_path / "made.npz") as arrays:
            return {key: arrays[key].tolist() for key in arrays}

    (tmp_path / "a.ts").write_text("@data\n" + ":".join(["0.1,0.3"] * 12) + ":2\n")
    vowels = made("japanese_vowels", "a.ts", "a.ts")
    assert np.cumsum(vowels["rows"], 0)[:2, 0].tolist() == [500, 1500]
    assert vowels["labels"] == [1, 1]
    (tmp_path / "t").write_text("date\tQdaily\n10/1/1999\t3.029902561\n10/2/1999\t0.0099109\n")
    assert made("choptank", "t") == {"hundredths": [10700, 35]}
    (tmp_path / "e").write_text("income,food\n2.5,1.25\n1.999,1\n")
    assert made("engel", "e") == {"hundredths": [[200, 250], [100, 125]]}
    for trials, name in ((100, "Horstmann"), (150, "Wetzels")):
        for kind, cell in (("choice", "4"), ("lo", "-250")):
            rows = "head\n" + "".join(f"{k}{f',{cell}' * trials}\n" for k in (1, 2))
            (tmp_path / f"{kind}_{trials}.csv").write_text(rows)
        (tmp_path / f"index_{trials}.csv").write_text(f"head\n1,Other\n2,{name}\n")
    decks = made("iowa_gambling", ".")
    assert decks == {"choices": [[3] * 100] * 2, "fifties": [[5] * 100] * 2}
    (tmp_path / "q").write_text("lon,M,time_string\n0,4.73,2019-07-06T03:22:35.630000\n"
                                "0,2.5,2019-07-06T03:22:36.000000\n")  # fmt: skip
    assert made("ridgecrest", "q") == {"hundredths": [0, 37], "magnitudes": [473, 250]}
    (tmp_path / "u").write_text("1,2,a,b\n1.5,0\n2.25,1\n")
    assert made("uci_tables", "u", "u", "u")["wine"] == [[1.5], [2.25]]
    assert len(made("pydoc_text")["tokens"]) > 200_000


def test_decks_are_shuffled_in_tens_and_drawn_from_the_top():
    decks = iowa_gambling.Decks.shuffled(3, np.random.default_rng(0))
    blocks = np.sort(decks.losses.reshape(3, 4, 10, 10), 3)
    assert (blocks == np.sort(iowa_gambling.LOSSES, 1)[None, :, None]).all()
    cards = decks.losses.copy()
    for k in range(3):
        assert (decks.draw(np.array([0, 1, 1])) == cards[[0, 1, 2], [0, 1, 1], k]).all()
    assert decks.drawn.tolist() == [[3, 0, 0, 0], [0, 3, 0, 0], [0, 3, 0, 0]]


def test_the_expert_holds_the_pendulum_at_the_top_and_no_torque_is_too_large():
    for name, policy in pendulum.POLICIES.items():
        run = pendulum.roll_out(policy, 50, np.random.default_rng(3))
        assert run.observations.shape == (50, pendulum.STEPS, 3)
        assert (np.abs(run.torques) <= pendulum.TORQUE).all()
        assert ((run.observations[:, -10:, 0] > 0.9).mean() > 0.95) == (name == "expert")


def test_walks_are_of_64_worlds_and_their_moves_scroll_the_map():
    train, test = (crafter_walks.load(split) for split in ("train", "test"))
    assert len(train.frames) + len(test.frames) == 64
    assert (train.frames[:, :, 4, 6] == crafter_walks.PLAYER).all()
    for move, (dy, dx) in enumerate(crafter_walks.MOVES):
        after = test.frames[:, 1:][test.actions == move][:, 3:6, 2:5]
        before = test.frames[:, :-1][test.actions == move][:, 3 + dy : 6 + dy, 2 + dx : 5 + dx]
        assert (after == before).mean() > 0.95  # the rest: creatures
    with pytest.raises(ValueError, match="split must be one of .*got 'dev'"):
        crafter_walks.load("dev")
