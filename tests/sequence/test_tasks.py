"""What the tasks draw, ask and score."""

from itertools import permutations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from paralg.sequence import (  # noqa: E402
    Batch,
    Copying,
    Drift,
    InductionHeads,
    Recall,
    Tracking,
    answers,
)
from paralg.sequence.tasks import permutation_table  # noqa: E402

TASKS = (Recall(), Copying(), InductionHeads(), Tracking(), Drift(segment=4))


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("asked", [
    slice(-3, None), slice(None, None, 2), slice(None),
    torch.tensor([True, False, True, True, False]),
    torch.tensor([[True, False, False, True, True], [False, True, False, False, False]]),
], ids=["last", "every second", "all", "mask", "mask of rows"])  # fmt: skip
def test_answers_are_taken_where_they_are_asked(asked):
    x = torch.arange(10).view(2, 5)
    where = torch.zeros(2, 5, dtype=torch.bool)
    where[asked if isinstance(asked, torch.Tensor) and asked.dim() == 2 else (..., asked)] = True
    batch = Batch(x, x[where], asked)
    assert torch.equal(batch.answers(x).flatten(), x[where])
    assert torch.equal(answers(lambda part: part[..., None], batch, rows=1).flatten(), x[where])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_batches_are_functions_of_the_generator_and_have_the_sizes_they_say(task):
    one, two = (task.draw(3, rng(7)) for _ in range(2))
    assert torch.equal(one.inputs, two.inputs)
    assert torch.equal(one.targets, two.targets)
    outputs = torch.zeros(*one.inputs.shape[:2], task.outputs)
    assert task.score(outputs, one).shape == one.targets.shape[:2]
    assert torch.isfinite(task.loss(outputs, one))
    if task.tokens:
        assert one.inputs.max() < task.inputs
        assert one.targets.max() < task.outputs
        right = torch.zeros(*one.targets.shape, task.outputs)
        right.scatter_(2, one.targets[..., None], 1.0)
        said = torch.zeros_like(outputs)
        said[:, one.asked] = right
        assert task.score(said, one).all()
    else:
        assert one.inputs.shape[2] == task.inputs


def test_scores_are_shares_and_the_score_of_guessing_is_chance():
    for task in TASKS[:4]:
        batch = task.draw(2000, rng(), size=8)
        share = task.score(torch.randn(*batch.inputs.shape, task.outputs), batch).mean()
        assert share == pytest.approx(task.chance, abs=0.02)


@pytest.mark.parametrize("as_tokens", [False, True])
def test_recall_asks_every_key_once_and_knows_its_value(as_tokens):
    task = Recall(as_tokens=as_tokens)
    batch = task.draw(50, rng(3), size=9)
    keys, values = batch.inputs[:, 0:18:2], batch.inputs[:, 1:18:2]
    asked = batch.inputs[:, 18:]
    assert torch.equal(asked.sort(1).values, keys.sort(1).values)
    found = (asked[:, :, None] == keys[:, None]).long().argmax(-1)
    assert torch.equal(values.gather(1, found), batch.targets + (0 if as_tokens else task.keys))
    assert {task.draw(1, rng(seed)).targets.shape[1] for seed in range(99)} == set(range(2, 17))
    assert Recall(5, fewest=5).draw(1, rng()).targets.shape == (1, 5)


@pytest.mark.parametrize("scattered", [True, False])
@pytest.mark.parametrize("length, data", [(4, 4), (5, 1), (24, 4), (60, 16)])
def test_copying_asks_for_the_letters_in_order(length, data, scattered):
    batch = Copying(length, data, 8, scattered).draw(50, rng())
    assert batch.inputs.shape == (50, length + data)
    for tokens, targets in zip(batch.inputs, batch.targets, strict=True):
        assert tokens[:length][tokens[:length] < 8].tolist() == targets.tolist()
        assert (tokens[length:] == 9).all()
    assert scattered or (batch.inputs[:, :data] < 8).all()
    assert batch.asked == slice(-data, None)


@pytest.mark.parametrize("length", [3, 4, 64])
def test_induction_asks_for_the_letter_after_the_marker(length):
    batch = InductionHeads(length, 16).draw(200, rng())
    for tokens, target in zip(batch.inputs.numpy(), batch.targets[:, 0].tolist(), strict=True):
        first, last = np.flatnonzero(tokens == 16)
        assert last == length - 1
        assert tokens[first + 1] == target < 16


@pytest.mark.parametrize("distance", [2, 5, 63])
def test_induction_puts_the_marker_where_asked(distance):
    batch = InductionHeads().draw(20, rng(), distance=distance)
    assert (batch.inputs[:, 63 - distance] == 16).all()
    assert (batch.inputs[:, 64 - distance] == batch.targets[:, 0]).all()


@pytest.mark.parametrize("things", [2, 3, 4])
def test_tracking_follows_things_that_change_places(things):
    table = permutation_table(things)
    assert (np.sort(table, 0) == np.sort(table, 1).T).all()  # a group: rows and columns permute
    elements = list(permutations(range(things)))
    batch = Tracking(20, things).draw(30, rng(4))
    assert Tracking(20, things).inputs == len(elements)
    for tokens, targets in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        place = tuple(range(things))
        for token, target in zip(tokens, targets, strict=True):
            place = tuple(elements[token][i] for i in place)
            assert elements[target] == place


def test_drift_is_linear_within_a_segment_and_jumps_between_them():
    task = Drift(width=3, segment=12)
    keys, values = task.pairs(5, rng(5), 3)
    batch = task.draw(5, rng(5), size=3)
    assert np.allclose(np.linalg.norm(keys, axis=-1), 1, atol=1e-6)
    asking, telling = batch.inputs[:, ::2], batch.inputs[:, 1::2]
    assert np.array_equal(asking[..., :3], keys)
    assert np.array_equal(telling[..., :6], np.concatenate([keys, values], 2))
    assert not asking[..., 3:6].any()
    assert np.array_equal(batch.targets, values)
    for row in range(5):
        first, second = (slice(s, s + 12) for s in (0, 12))
        fit = np.linalg.lstsq(keys[row, first], values[row, first], rcond=None)[0]
        assert np.allclose(keys[row, first] @ fit, values[row, first], atol=1e-5)
        assert not np.allclose(keys[row, second] @ fit, values[row, second], atol=1e-2)
    assert task.loss(torch.zeros(5, 72, 3), batch).item() == pytest.approx(1, abs=1e-5)


def test_jumps_come_anywhere_in_training_and_never_before_the_first_question():
    task = Drift(width=3, segment=4, segments=6)
    keys, values = task.pairs(400, rng(6))
    assert keys.shape == values.shape == (400, 24, 3)
    assert np.array_equal(keys, task.pairs(400, rng(6), 6)[0])  # only where the map jumps differs
    told = np.mean([_explained(k, v) for k, v in zip(keys, values, strict=True)], axis=0)
    assert told == pytest.approx(np.full(21, 0.75**3), abs=0.1)  # no jump in three places


def _explained(keys, values):
    """Say for each question from the fourth on whether the map of the three before explains it."""
    fits = np.linalg.solve(np.stack([keys[i : i + 3] for i in range(21)]),
                           np.stack([values[i : i + 3] for i in range(21)]))  # fmt: skip
    return np.abs(np.einsum("nd,nde->ne", keys[3:], fits) - values[3:]).max(1) < 1e-2


@pytest.mark.parametrize("task, size, words", [
    (Recall(), {"size": 33}, "size must be at most 32, got 33"),
    (Recall(), {"size": 0}, "size must be at least 1, got 0"),
    (Copying(), {"size": 3}, "size must be at least 4, got 3"),
    (InductionHeads(), {"size": 2}, "size must be at least 3, got 2"),
    (InductionHeads(), {"distance": 1}, "distance must be at least 2, got 1"),
    (InductionHeads(), {"distance": 64}, "distance must be at most 63, got 64"),
])  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(task, size, words):
    with pytest.raises(ValueError, match=words):
        task.draw(1, rng(), **size)
