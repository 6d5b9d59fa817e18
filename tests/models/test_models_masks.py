"""The attention masks, against loops that read like the definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.models import masks

ranks = st.lists(st.integers(0, 5), max_size=6).map(lambda r: np.array(r, dtype=np.int64))
limits = st.none() | st.integers(0, 6)
fast = settings(max_examples=25, deadline=None)


@fast
@given(ranks)
def test_content_sees_its_rank_and_earlier_ones(rank):
    mask = masks.content_mask(rank)
    for i, j in np.ndindex(mask.shape):
        assert mask[i, j] == (rank[j] <= rank[i])


@fast
@given(ranks, limits)
def test_a_query_sees_strictly_earlier_ranks_up_to_the_limit(rank, visible):
    mask = masks.query_mask(rank, visible)
    for i, j in np.ndindex(mask.shape):
        limit = rank[i] if visible is None else min(rank[i], visible)
        assert mask[i, j] == (rank[j] < limit)


@fast
@given(ranks, limits)
def test_two_streams_leak_nothing_beyond_what_the_query_may_read(rank, visible):
    """Whatever reaches query i over any number of layers is content that it sees directly."""
    L = len(rank)
    mask = masks.two_streams(rank, visible)
    reached = np.linalg.matrix_power(mask.astype(np.int64), 4) > 0
    assert not mask[:L, L:].any()
    assert (mask[L:, L:] == np.eye(L, dtype=bool)).all()
    assert (reached[L:, :L] == masks.query_mask(rank, visible)).all()


def test_queries_can_be_asked_at_some_positions_only():
    rank, at = np.array([2, 0, 1]), np.array([0, 2])
    some, every = masks.two_streams(rank, None, at), masks.two_streams(rank)
    assert (some[3:, :3] == every[3:, :3][at]).all()
    assert some.shape == (5, 5)


def test_masks_of_a_batch_of_orders_are_those_of_its_rows():
    rank = np.array([[0, 1, 2], [2, 1, 0]])
    together = masks.two_streams(rank)
    assert all((together[b] == masks.two_streams(rank[b])).all() for b in range(2))


@pytest.mark.parametrize("rows, window, frozen", [(1, 1, 0), (1, 3, 2), (3, 2, 4), (2, 0, 3)])
def test_tree_copies_see_what_is_frozen_and_themselves(rows, window, frozen):
    mask = masks.tree(rows, window, frozen)
    assert mask.shape == (rows * window, frozen + rows * window)
    for q, k in np.ndindex(mask.shape):
        same_copy = k >= frozen and q // window == (k - frozen) // window
        assert mask[q, k] == (k < frozen or same_copy)


def test_causal_mask_of_length_zero_is_empty():
    assert masks.causal(0).shape == (0, 0)
