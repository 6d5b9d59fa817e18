"""The data sets: what they contain, that they are what was recorded, and what they refuse."""

import numpy as np
import pytest

from paralg.data import addition, pydoc_text, sudoku4
from paralg.data.source import Source


def test_grids_are_all_valid_distinct_and_288():
    grids = sudoku4.grids()
    assert grids.shape == (288, 16)
    assert len(np.unique(grids, axis=0)) == 288
    assert sudoku4.is_valid(grids).all()


def test_grids_are_closed_under_relabelling_and_transposition():
    grids = sudoku4.grids()
    known = {row.tobytes() for row in grids}
    relabelled = np.array([2, 0, 3, 1])[grids]
    transposed = grids.reshape(-1, 4, 4).swapaxes(1, 2).reshape(-1, 16)
    for image in (relabelled, transposed):
        assert {row.tobytes() for row in np.ascontiguousarray(image)} == known


def test_grids_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        sudoku4.grids()[0, 0] = 3


@pytest.mark.parametrize(
    ("x", "valid"),
    [
        ([0, 1, 2, 3, 2, 3, 0, 1, 1, 0, 3, 2, 3, 2, 1, 0], True),
        ([0, 1, 2, 3, 1, 2, 3, 0, 2, 3, 0, 1, 3, 0, 1, 2], False),  # rows and columns, not boxes
        ([4] * 16, False),
        (np.zeros((0, 16), dtype=int), None),
    ],
)
def test_validity_of_worked_grids(x, valid):
    found = sudoku4.is_valid(x)
    assert found.shape == np.asarray(x).shape[:-1]
    assert valid is None or bool(found) is valid


def test_a_grid_of_the_wrong_size_is_refused():
    with pytest.raises(ValueError, match=r"16 cells on its last axis, got shape \(3, 4\)"):
        sudoku4.is_valid(np.zeros((3, 4), int))


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (0, 0, "000+000=0......."),
        (1, 0, "100+000=1......."),
        (5, 5, "500+500=01......"),
        (456, 123, "654+321=975....."),
        (999, 999, "999+999=8991...."),
    ],
)
def test_worked_sums(a, b, text):
    assert addition.decode(addition.encode([a], [b])) == [text]


def test_every_encoded_sum_is_correct_and_a_changed_token_is_not():
    x = addition.sample(200, np.random.default_rng(0))
    assert addition.is_correct(x).all()
    for place in range(addition.PROMPT, addition.LENGTH):
        wrong = x.copy()
        wrong[:, place] = (wrong[:, place] + 1) % 13
        assert not addition.is_correct(wrong).any()


def test_no_problem_is_both_trained_and_tested():
    rng = np.random.default_rng(1)
    read = 10 ** np.arange(3)
    for split, kept in (("train", False), ("test", True)):
        x = addition.sample(500, rng, split=split)
        assert (addition.held_out(x[:, :3] @ read, x[:, 4:7] @ read) == kept).all()
    share = addition.held_out(*rng.integers(0, 1000, (2, 20_000))).mean()
    assert 0.04 < share < 0.06


def test_problems_repeat_and_hide_only_the_answer():
    x = addition.problems(5, seed=3)
    assert (x == addition.problems(5, seed=3)).all()
    assert (x[:, 8:] == 13).all()
    assert (x[:, :8] < 13).all()
    assert addition.problems(0).shape == (0, 16)


def test_addition_refuses_what_it_cannot_write():
    with pytest.raises(ValueError, match=r"b must lie in 0\.\.999, got 5\.\.1000"):
        addition.encode([1, 2], [5, 1000])
    with pytest.raises(ValueError, match="split must be one of .*got 'all'"):
        addition.sample(1, np.random.default_rng(0), split="all")


def test_the_text_is_the_recorded_one_in_three_parts():
    parts = [pydoc_text.load(split) for split in ("train", "validation", "test")]
    assert sum(map(len, parts)) == 298_601
    assert [round(len(part) / 298_601, 2) for part in parts] == [0.9, 0.05, 0.05]
    assert set(np.unique(np.concatenate(parts))) == set(range(27))
    assert pydoc_text.decode(parts[0][:20]) == "the assert statement"


def test_text_has_no_double_spaces_and_reads_back():
    text = pydoc_text.decode(pydoc_text.load("test"))
    assert "  " not in text
    assert (pydoc_text.encode(text) == pydoc_text.load("test")).all()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [([], ""), (["1 2"], ""), (["A-b"], "a b"), (["x\n\ny", "Y!\n \nx z"], "x y x z")],
)
def test_extraction_of_worked_texts(texts, expected):
    assert pydoc_text.extract(texts) == expected


def test_windows_are_pieces_of_their_split():
    x = pydoc_text.windows(4, 30, np.random.default_rng(0), split="validation")
    text = pydoc_text.decode(pydoc_text.load("validation"))
    assert x.shape == (4, 30)
    assert all(pydoc_text.decode(row) in text for row in x)


def test_text_errors_say_what_was_expected():
    with pytest.raises(ValueError, match="27 symbols a..z and space, got '!'"):
        pydoc_text.encode("hey!")
    with pytest.raises(ValueError, match="one of .'train', 'validation', 'test'., got 'dev'"):
        pydoc_text.load("dev")
    with pytest.raises(ValueError, match=r"length must lie in 1\.\.14930, got 0"):
        pydoc_text.windows(1, 0, np.random.default_rng(0), split="test")


@pytest.mark.parametrize("module", [sudoku4, addition, pydoc_text])
def test_every_data_set_states_origin_and_licence(module):
    assert isinstance(module.SOURCE, Source)
    assert "Licence:" in str(module.SOURCE)
