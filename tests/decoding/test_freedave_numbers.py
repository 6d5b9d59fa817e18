"""The reference numbers of the reduced-scale reproduction, on exact models."""

import numpy as np
import pytest

from paralg.decoding.baselines import static, threshold
from paralg.decoding.freedave import freedave, greedy_forwards, greedy_rows, reach
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional

LENGTHS = (1, 2, 4, 12)


@pytest.mark.parametrize(
    ("eps", "forwards", "rows"),
    [(0.0, (12, 7, 4, 2), (12, 12, 12, 12)),
     (0.1, (12, 7.7, 5.9, 5.6), (12, 13.7, 18.3, 31.5)),
     (0.4, (12, 8.4, 7.4, 7.4), (12, 15.3, 23.9, 43))],
)  # fmt: skip
def test_tables(eps, forwards, rows):
    """Means over 200 seeds from the reach functions; the decoder itself on every fortieth."""
    tables = [HashConditional(4, 12, k, eps) for k in range(200)]
    reaches = [reach(table, [4] * 12) for table in tables]
    slow = [static(table, [4] * 12).trace for table in tables[::40]]
    for d, want_forwards, want_rows in zip(LENGTHS, forwards, rows, strict=True):
        plans = [(greedy_forwards(r, d).forwards, greedy_rows(r, d)) for r in reaches]
        fast = [freedave(table, [4] * 12, d) for table in tables[::40]]
        assert all(a.trace == b for a, b in zip(fast, slow, strict=True))
        assert [(r.forwards, r.cost.rows) for r in fast] == plans[::40]
        np.testing.assert_allclose(np.mean(plans, axis=0), (want_forwards, want_rows), atol=0.051)


@pytest.fixture(scope="module")
def puzzles():
    model = Sudoku4()
    return model, [model.puzzle(seed, givens=4) for seed in range(120)]


def test_sudoku(puzzles):
    """Means over 120 puzzles from the reach functions; the decoder itself on every twentieth."""
    model, prompts = puzzles
    slow = [static(model, x) for x in prompts[::20]]
    assert is_valid(np.stack([r.tokens for r in slow])).all()
    reaches = [reach(model, x) for x in prompts]
    for d, forwards, rows in ((2, 7.0, 13), (4, 5.0, 15), (8, 4.2, 18)):
        plans = [(greedy_forwards(r, d).forwards, greedy_rows(r, d)) for r in reaches]
        fast = [freedave(model, x, d) for x in prompts[::20]]
        assert all(a.trace == b.trace for a, b in zip(fast, slow, strict=True))
        assert [(r.forwards, r.cost.rows) for r in fast] == plans[::20]
        assert np.mean(plans, axis=0)[0] == pytest.approx(forwards, abs=0.2)
        assert np.mean(plans, axis=0)[1] == pytest.approx(rows, abs=0.7)


@pytest.mark.parametrize("tau, calls, least, most", [(0.7, 5.2, 1, 1), (0.5, 2.1, 0.3, 0.6)])
def test_threshold_decoding_of_sudoku_is_fast_and_then_wrong(puzzles, tau, calls, least, most):
    model, prompts = puzzles
    runs = [threshold(model, x, tau) for x in prompts]
    assert least <= is_valid(np.stack([run.tokens for run in runs])).mean() <= most
    assert np.mean([run.forwards for run in runs]) == pytest.approx(calls, abs=0.3)
