"""The vectorised verifier against the loop, on drafts that look like drafts and on noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.freedave import agreement_matrix, verify, verify_looped
from paralg.decoding.freedave.verification import AGREEMENTS

fast = settings(max_examples=25, deadline=None)
M = 9


@pytest.mark.parametrize(
    ("drafts", "targets", "exact", "subset"),
    [
        ([[1]], [], (0,), (0,)),
        ([[1, M]], [[1, 2]], (0,), (0,)),
        ([[1, M], [1, 2]], [[1, 2]], (0, 1), (0, 1)),
        ([[1, M], [1, 2]], [[1, 3]], (0,), (0,)),
        ([[1, M, M], [1, 2, M], [1, 2, 3]], [[1, 2, M], [1, 2, 3]], (0, 1, 2), (0, 1, 2)),
        ([[1, M, M], [1, 2, M], [1, 2, 3]], [[1, 2, M], [1, 2, 4]], (0, 1), (0, 1)),
        ([[1, M, M], [1, 2, M], [1, 2, 3]], [[1, 2, 3], [1, 2, 4]], (0, 2), (0, 2)),
        ([[1, M, M], [1, 2, M], [1, 5, 3]], [[1, 2, 3], [1, 2, 3]], (0,), (0, 1)),
        ([[1, M], [M, M]], [[1, 2], [1, 2]], (0,), (0, 1)),
    ],
)
def test_worked_cases(drafts, targets, exact, subset):
    for verifier in (verify, verify_looped):
        assert verifier(drafts, targets, M) == exact
        assert verifier(drafts, targets, M, "subset") == subset


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(0, 5), st.sampled_from(AGREEMENTS))
@fast
def test_the_matrix_hops_like_the_loop(seed, m, L, agreement):
    rng = np.random.default_rng(seed)
    drafts = rng.integers(0, 3, (m, L))
    targets = drafts[rng.integers(0, m, size=rng.integers(0, m + 1))].copy()
    targets[rng.random(targets.shape) < 0.2] = 1
    assert verify(drafts, targets, 2, agreement) == verify_looped(drafts, targets, 2, agreement)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@fast
def test_the_matrix_by_definition(seed, m):
    rng = np.random.default_rng(seed)
    drafts, targets = rng.integers(0, 3, (2, m, 3))
    exact, subset = (agreement_matrix(drafts, targets, 2, a) for a in AGREEMENTS)
    for i in range(m):
        for j in range(m):
            assert exact[i, j] == (j > i and (drafts[j] == targets[i]).all())
            unmasked = drafts[j] != 2
            assert subset[i, j] == (j > i and (drafts[j] == targets[i])[unmasked].all())


@pytest.mark.parametrize(
    ("drafts", "targets", "agreement", "message"),
    [
        (np.zeros((0, 3), int), np.zeros((0, 3), int), "exact_match", r"m ≥ 1"),
        ([[1, 2]], [[1, 2], [1, 2]], "exact_match", r"got \(1, 2\) and \(2, 2\)"),
        ([[1, 2]], [[1, 2]], "near", "agreement to be one of .* got 'near'"),
    ],
)
def test_errors(drafts, targets, agreement, message):
    for verifier in (verify, verify_looped):
        with pytest.raises(ValueError, match=message):
            verifier(drafts, targets, 9, agreement)
