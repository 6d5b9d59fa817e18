"""The reference numbers of the reduced-scale reproduction, on exact models."""

import numpy as np
import pytest

from paralg.decoding.freedave import (
    freedave,
    freedave_plus_plus,
    greedy_forwards,
    greedy_rows,
    reach,
)
from paralg.decoding.static import static
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional
from paralg.decoding.threshold import threshold

LENGTHS = (1, 2, 4, 12)


@pytest.mark.parametrize(
    ("eps", "forwards", "rows"),
    [
        (0.0, (12, 7, 4, 2), (12, 12, 12, 12)),
        (0.1, (12, 7.7, 5.9, 5.6), (12, 13.7, 18.3, 31.5)),
        (0.4, (12, 8.4, 7.4, 7.4), (12, 15.3, 23.9, 43)),
    ],
)
def test_tables(eps, forwards, rows):
    """Means over 200 seeds from the reach functions; the decoder itself on every eighth."""
    tables = [HashConditional(4, 12, k, eps) for k in range(200)]
    reaches = [reach(table, [4] * 12) for table in tables]
    slow = [static(table, [4] * 12).trace for table in tables[::8]]
    for d, want_forwards, want_rows in zip(LENGTHS, forwards, rows, strict=True):
        plans = [(greedy_forwards(r, d).forwards, greedy_rows(r, d)) for r in reaches]
        fast = [freedave(table, [4] * 12, d) for table in tables[::8]]
        assert all(a.trace == b for a, b in zip(fast, slow, strict=True))
        assert [(r.forwards, r.cost.rows) for r in fast] == plans[::8]
        np.testing.assert_allclose(np.mean(plans, axis=0), (want_forwards, want_rows), atol=0.051)


@pytest.fixture(scope="module")
def puzzles():
    model = Sudoku4()
    return model, [model.puzzle(seed, givens=4) for seed in range(120)]


def test_sudoku(puzzles):
    model, prompts = puzzles
    slow = [static(model, x) for x in prompts]
    assert is_valid(np.stack([r.tokens for r in slow])).all()
    for d, forwards, rows in ((2, 7.0, 13), (4, 5.0, 15), (8, 4.2, 18)):
        fast = [freedave(model, x, d) for x in prompts]
        assert all(a.trace == b.trace for a, b in zip(fast, slow, strict=True))
        assert np.mean([r.forwards for r in fast]) == pytest.approx(forwards, abs=0.2)
        assert np.mean([r.cost.rows for r in fast]) == pytest.approx(rows, abs=0.7)


def test_threshold_decoding_of_sudoku_is_fast_and_then_wrong(puzzles):
    model, prompts = puzzles
    results = {tau: [threshold(model, x, tau) for x in prompts] for tau in (0.7, 0.5)}
    valid = {tau: is_valid(np.stack([r.tokens for r in rs])).mean() for tau, rs in results.items()}
    calls = {tau: np.mean([r.forwards for r in rs]) for tau, rs in results.items()}
    assert valid[0.7] == 1.0
    assert calls[0.7] == pytest.approx(5.2, abs=0.3)
    assert 0.3 < valid[0.5] < 0.6
    assert calls[0.5] == pytest.approx(2.1, abs=0.3)


def test_thresholds_and_drafts_add_up_on_sudoku(puzzles):
    """Fewer forwards than either alone; the subset rule leaves the threshold trajectory rarely."""
    model, prompts = puzzles[0], puzzles[1][:50]
    drafts = np.mean([freedave(model, x, 4).forwards for x in prompts])
    for tau, equal in ((0.9, 50), (0.6, 49)):
        slow = [threshold(model, x, tau) for x in prompts]
        subset, exact = ([freedave_plus_plus(model, x, 4, tau, agreement=agreement)
                          for x in prompts] for agreement in ("subset", "exact_match"))  # fmt: skip
        calls = [np.mean([run.forwards for run in runs]) for runs in (subset, slow)]
        assert calls[0] < min(calls[1], drafts)
        assert is_valid(np.stack([run.tokens for run in subset])).all()
        assert sum(a.trace == b.trace for a, b in zip(subset, slow, strict=True)) == equal
        assert all(a.trace == b.trace for a, b in zip(exact, slow, strict=True))
