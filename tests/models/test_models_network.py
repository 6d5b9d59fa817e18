"""What each mode may and may not depend on, bit by bit, and how layouts and caches agree."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.models import Family, Network, TransformerConfig
from paralg.models.network import CALLS
from paralg.models.protocol import ForwardCache, Model
from paralg.models.transformer import Transformer, turns

V, L = 5, 12
SHAPE = TransformerConfig(V, L, width=32, layers=2, heads=2, rotary=True)
LAYOUTS = 1e-5  # tree against rows: another order of summation in float32
NETWORKS = {mode: Network.untrained(SHAPE, mode, seed=3) for mode in CALLS}
DENOISER, CAUSAL, ANYORDER = NETWORKS.values()

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
fast = settings(max_examples=12, deadline=None)


def tokens(rng, rows=3, masks=True):
    return rng.integers(0, V + masks, (rows, L))


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


# ---- the border


@pytest.mark.parametrize("mode", CALLS)
def test_a_network_is_a_model_of_the_protocol(mode):
    assert isinstance(NETWORKS[mode], Model)
    assert (NETWORKS[mode].V, NETWORKS[mode].L) == (V, L)
    assert f"{mode}, V=5, L=12" in repr(NETWORKS[mode])


def ask(mode, x, **options):
    call = {"bidirectional": "denoise"}.get(mode, mode)
    extra = (np.arange(L),) if mode == "anyorder" else ()
    return getattr(NETWORKS[mode], call)(x, *extra, **options)


@pytest.mark.parametrize("mode", CALLS)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_some_positions_are_read_off_all(mode, rows):
    x = tokens(np.random.default_rng(0), rows, masks=False)
    every = ask(mode, x)
    for at in (range(L), [], [0], [L - 1], [2, 3, 7]):
        logits = ask(mode, x, at=at)
        assert logits.shape == (rows, len(at), V)
        assert logits.dtype == np.float64
        assert np.isfinite(logits).all()
        assert np.allclose(logits, every[:, list(at)], atol=LAYOUTS)


@pytest.mark.parametrize("mode", CALLS)
@pytest.mark.filterwarnings("error")
def test_arrays_of_any_kind_are_read_and_left_alone(mode):
    x = tokens(np.random.default_rng(1), masks=False)
    frozen, backwards, small = x.copy(), x[:, ::-1].copy()[:, ::-1], x.astype(np.uint8)
    frozen.setflags(write=False)
    for y in (frozen, backwards, small, x):
        assert (ask(mode, y) == ask(mode, x)).all()
    assert (x == frozen).all()


@pytest.mark.parametrize("mode", CALLS)
def test_rows_do_not_influence_each_other(mode):
    x = tokens(np.random.default_rng(3), 8, masks=False)
    alone = np.concatenate([ask(mode, row[None]) for row in x])
    assert np.abs(ask(mode, x) - alone).max() <= LAYOUTS


def test_calls_run_on_one_thread_and_leave_the_setting_as_it_was():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        DENOISER.denoise(np.zeros((1, L), dtype=int))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_double_precision_is_the_same_network_with_smaller_differences():
    x = tokens(np.random.default_rng(4))
    exact = DENOISER.double().denoise(x)
    assert 0 < np.abs(exact - DENOISER.denoise(x)).max() < 1e-5


def test_rotation_depends_on_distances_only():
    """Without the learned vectors, shifting all positions changes nothing; without rotation,
    neither does permuting them."""
    for rotary, image in ((True, np.arange(1, L)), (False, np.arange(L - 1)[::-1])):
        shape = replace(SHAPE, rotary=rotary)
        network = Network.untrained(shape, "bidirectional")
        torch.nn.init.zeros_(network.transformer.position.weight)
        x, all_see = tokens(np.random.default_rng(5), 1)[:, :-1], np.ones((L - 1, L - 1))
        here, there = (network.attend(x, at, all_see) for at in (np.arange(L - 1), image))
        assert np.allclose(here, there, atol=LAYOUTS)
        spread = network.attend(x, np.array([*range(L - 2), L - 1]), all_see)
        assert np.allclose(here, spread, atol=LAYOUTS) is not rotary


# ---- bidirectional


@fast
@given(seeds, st.integers(0, L - 1))
def test_denoise_reads_every_token_both_ways(rng, i):
    x = tokens(rng, 1)
    y = x.copy()
    y[:, i] = (y[:, i] + 1) % (V + 1)
    changed = (DENOISER.denoise(x) != DENOISER.denoise(y)).any(axis=(0, 2))
    assert changed.all()


@fast
@given(seeds, st.integers(1, L))
def test_a_cached_window_reads_nothing_from_x_outside_it(rng, size):
    x, window = tokens(rng), np.sort(rng.choice(L, size, replace=False))
    _, cache = DENOISER.snapshot(tokens(rng, 1))
    y = tokens(rng)
    y[:, window] = x[:, window]
    for layout in ("rows", "tree"):
        first, second = (DENOISER.denoise(z, at=window, cache=cache, layout=layout) for z in (x, y))
        assert (first == second).all()


@fast
@given(seeds, st.integers(1, L), st.integers(1, 6))
def test_tree_equals_rows_when_the_outside_is_frozen(rng, size, rows):
    x, window = tokens(rng, rows), np.sort(rng.choice(L, size, replace=False))
    _, cache = DENOISER.snapshot(tokens(rng, 1))
    by_rows = DENOISER.denoise(x, at=window, cache=cache)
    as_tree = DENOISER.denoise(x, at=window, cache=cache, layout="tree")
    assert np.abs(by_rows - as_tree).max() <= LAYOUTS


def test_copies_of_the_tree_do_not_see_each_other():
    rng, window = np.random.default_rng(5), np.arange(4, 9)
    _, cache = DENOISER.snapshot(tokens(rng, 1))
    x = tokens(rng, 4)
    y = x.copy()
    y[2] = tokens(rng, 1)
    first, second = (DENOISER.denoise(z, at=window, cache=cache, layout="tree") for z in (x, y))
    others = [0, 1, 3]
    assert (first[others] == second[others]).all()
    assert (first[2] != second[2]).any()


def test_a_snapshot_is_a_full_call_and_its_own_window_changes_nothing():
    x = tokens(np.random.default_rng(6), 1)
    logits, cache = DENOISER.snapshot(x)
    assert (logits == DENOISER.denoise(x)).all()
    assert isinstance(cache, ForwardCache)
    assert cache.nbytes == 2 * 2 * L * 32 * 4  # keys and values, layers, L, width, float32
    for window in (np.arange(L), np.arange(3, L), np.arange(4, 8)):
        again = DENOISER.denoise(x, at=window, cache=cache)
        assert np.allclose(again, logits[:, window], atol=LAYOUTS)


def test_a_window_of_all_positions_is_a_full_recomputation():
    rng = np.random.default_rng(7)
    _, cache = DENOISER.snapshot(tokens(rng, 1))
    x = tokens(rng)
    for layout in ("rows", "tree"):
        full = DENOISER.denoise(x, cache=cache, layout=layout)
        assert np.abs(full - DENOISER.denoise(x)).max() <= LAYOUTS


def test_a_frozen_outside_is_another_model():
    rng, window = np.random.default_rng(8), np.arange(4, 8)
    x = tokens(rng, 1)
    _, cache = DENOISER.snapshot(x)
    y = x.copy()
    y[:, 5] = (y[:, 5] + 1) % (V + 1)
    live, frozen = DENOISER.denoise(y, at=window), DENOISER.denoise(y, at=window, cache=cache)
    assert np.abs(live - frozen).max() > 1e-3


def test_a_cache_outlives_its_use():
    rng, window = np.random.default_rng(9), np.arange(2, 6)
    _, cache = DENOISER.snapshot(tokens(rng, 1))
    x = tokens(rng)
    first = DENOISER.denoise(x, at=window, cache=cache)
    DENOISER.denoise(tokens(rng), at=np.arange(1, 9), cache=cache, layout="tree")
    assert (first == DENOISER.denoise(x, at=window, cache=cache)).all()


# ---- causal


@fast
@given(seeds, st.integers(0, L - 1))
def test_a_causal_row_ignores_its_own_and_later_tokens(rng, i):
    x = tokens(rng, masks=False)
    y = x.copy()
    y[:, i:] = rng.integers(0, V, (3, L - i))
    assert (CAUSAL.causal(x)[:, : i + 1] == CAUSAL.causal(y)[:, : i + 1]).all()


@fast
@given(seeds, st.integers(0, L - 2))
def test_a_causal_row_reads_the_token_before_it(rng, i):
    x = tokens(rng, 1, masks=False)
    y = x.copy()
    y[:, i] = (y[:, i] + 1) % V
    assert (CAUSAL.causal(x)[:, i + 1 :] != CAUSAL.causal(y)[:, i + 1 :]).any(axis=2).all()


def test_masks_from_the_wanted_position_on_are_legal():
    x = tokens(np.random.default_rng(10), masks=False)
    y = x.copy()
    y[:, 6:] = V
    assert (CAUSAL.causal(x, at=[4, 6]) == CAUSAL.causal(y, at=[4, 6])).all()
    with pytest.raises(ValueError, match="a wanted row reads position 6, which is masked"):
        CAUSAL.causal(y, at=[4, 7])


# ---- any order


@fast
@given(seeds)
def test_no_query_reads_its_own_token_or_a_later_one(rng):
    x, rank = tokens(rng, masks=False), rng.permutation(L)
    logits = ANYORDER.anyorder(x, rank)
    for n in range(L):
        y = np.where(rank >= n, rng.integers(0, V, x.shape), x)
        i = np.flatnonzero(rank == n)
        assert (ANYORDER.anyorder(y, rank)[:, i] == logits[:, i]).all()


@fast
@given(seeds, st.integers(0, L - 1))
def test_draft_and_density_agree_to_the_last_bit_at_rank_n(rng, n):
    x, rank = tokens(rng, masks=False), rng.permutation(L)
    i = np.flatnonzero(rank == n)
    draft, density = ANYORDER.anyorder(x, rank, n), ANYORDER.anyorder(x, rank)
    assert (draft[:, i] == density[:, i]).all()
    assert n == L - 1 or (draft != density).any()


@fast
@given(seeds, st.integers(0, L - 1))
def test_one_density_call_is_the_sequential_log_probability(rng, m):
    x = tokens(rng, 1, masks=False)
    order = rng.permutation(L)
    rank = np.empty(L, dtype=np.int64)
    rank[order] = np.maximum(np.arange(L), m - 1)
    at_once = log_softmax(ANYORDER.anyorder(x, rank))[0]
    known = np.where(rank < m, x, V)
    total = 0.0
    for n, i in enumerate(order[m:], start=m):
        total += log_softmax(ANYORDER.anyorder(known, rank, n, at=[i]))[0, 0, x[0, i]]
        known[0, i] = x[0, i]
    assert abs(total - sum(at_once[i, x[0, i]] for i in order[m:])) <= 1e-5


@fast
@given(seeds, st.integers(2, L - 1))
def test_tied_prompt_entries_can_be_listed_in_any_order(rng, m):
    """With mutual visibility the prompt is a set; with distinct ranks it is a sequence."""
    x, order = tokens(rng, masks=False), rng.permutation(L)
    swapped = np.concatenate([rng.permutation(order[:m]), order[m:]])
    tied, reordered, strict = (np.empty(L, dtype=np.int64) for _ in range(3))
    tied[order] = reordered[swapped] = np.maximum(np.arange(L), m - 1)
    strict[order] = np.arange(L)
    later = order[m:]
    logits = ANYORDER.anyorder(x, tied)[:, later]
    assert (logits == ANYORDER.anyorder(x, reordered)[:, later]).all()
    assert (logits != ANYORDER.anyorder(x, strict)[:, later]).any()


def test_masked_content_that_no_wanted_query_reads_is_legal():
    x, rank = tokens(np.random.default_rng(11), masks=False), np.arange(L)
    y = np.where(rank >= 4, V, x)
    assert (ANYORDER.anyorder(x, rank, 4) == ANYORDER.anyorder(y, rank, 4)).all()
    with pytest.raises(ValueError, match="a wanted row reads position 4, which is masked"):
        ANYORDER.anyorder(y, rank)


# ---- layouts of the caller's own


def test_attend_reproduces_the_causal_call():
    x = tokens(np.random.default_rng(12), masks=False)
    shifted = np.concatenate([np.full((3, 1), V), x[:, :-1]], axis=1)
    logits = CAUSAL.attend(shifted, np.arange(L), np.tri(L, dtype=bool))
    assert (logits == CAUSAL.causal(x)).all()


def test_attend_allows_repeated_positions():
    x = np.random.default_rng(13).integers(0, V, (2, 6))
    position_ids, blocks = (
        np.tile(np.arange(3), 2),
        np.kron(np.eye(2), np.ones((3, 3))).astype(bool),
    )
    logits = DENOISER.attend(x, position_ids, blocks)
    alone = DENOISER.attend(x[:, 3:], np.arange(3), np.ones((3, 3)))
    assert np.allclose(logits[:, 3:], alone, atol=LAYOUTS)


# ---- what is refused


@pytest.mark.parametrize("mode", CALLS)
def test_bad_tokens_and_positions_are_refused(mode):
    with pytest.raises(ValueError, match=rf"shape \(B, {L}\), got \({L},\)"):
        ask(mode, np.zeros(L, dtype=int))
    with pytest.raises(TypeError, match="x must be integers, got float64"):
        ask(mode, np.zeros((1, L)))
    with pytest.raises(ValueError, match=r"tokens in 0\.\.5 \(mask = 5\), got 6\.\.6"):
        ask(mode, np.full((1, L), V + 1))
    for at in ([L], [-1], [3, 2], [1, 1]):
        with pytest.raises(ValueError, match="expected ascending positions"):
            ask(mode, np.zeros((1, L), dtype=int), at=at)


def test_a_call_of_another_mode_is_refused_by_name():
    x = np.zeros((1, L), dtype=int)
    with pytest.raises(TypeError, match=r"denoise needs bidirectional weights, got .* \(causal\)"):
        CAUSAL.denoise(x)
    with pytest.raises(TypeError, match="causal needs causal weights"):
        DENOISER.causal(x)
    with pytest.raises(TypeError, match="anyorder needs anyorder weights"):
        DENOISER.anyorder(x, np.arange(L))


def test_layouts_and_caches_that_cannot_be_exact_are_refused():
    x = np.zeros((2, L), dtype=int)
    with pytest.raises(ValueError, match='layout="tree" needs a cache'):
        DENOISER.denoise(x, layout="tree")
    with pytest.raises(ValueError, match="layout must be one of .*, got 'heap'"):
        DENOISER.denoise(x, layout="heap")
    with pytest.raises(ValueError, match="a snapshot is made of one sequence, got 2 rows"):
        DENOISER.snapshot(x)
    _, cache = DENOISER.snapshot(x[:1])
    with pytest.raises(ValueError, match="the cache was made by"):
        Network.untrained(SHAPE, "bidirectional").denoise(x, cache=cache)


@pytest.mark.parametrize("rank", [np.arange(L - 1), np.arange(L)[None], np.arange(L) / 2])
def test_bad_ranks_are_refused(rank):
    with pytest.raises((TypeError, ValueError), match="rank must"):
        ANYORDER.anyorder(np.zeros((1, L), dtype=int), rank)


def test_bad_layouts_of_the_callers_own_are_refused():
    x, position_ids = np.zeros((1, 2), dtype=int), np.arange(2)
    with pytest.raises(ValueError, match=r"mask \(2, 2\) without empty rows"):
        DENOISER.attend(x, position_ids, np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"positions must lie in 0\.\.11, got \[0, 12\]"):
        DENOISER.attend(x, np.array([0, 12]), np.eye(2))


def test_rotations_are_as_precise_as_the_weights():
    config = TransformerConfig(V=4, L=512, width=16, layers=1, heads=2, rotary=True)
    transformer, at = Transformer(config), torch.arange(512)
    exact = turns(512, 8)
    for kind, most in ((torch.float64, 1e-15), (torch.float32, 1e-7)):
        cos, sin = transformer.to(kind)._turn(at)
        assert cos.dtype == sin.dtype == kind
        assert (cos[0] - exact.real).abs().max() < most
        assert (sin[0] - exact.imag).abs().max() < most


def test_impossible_networks_are_refused():
    with pytest.raises(ValueError, match="mode must be one of .*, got 'prefix'"):
        Network.untrained(SHAPE, "prefix")
    with pytest.raises(ValueError, match="layers must be at least 1, got 0"):
        TransformerConfig(4, 16, layers=0)
    with pytest.raises(ValueError, match="width must be a multiple of 2 heads = 8, got 36"):
        TransformerConfig(4, 16, width=36)


# ---- families


def test_a_family_answers_with_the_network_of_the_mode():
    family = Family(*NETWORKS.values())
    x, rank = tokens(np.random.default_rng(14), masks=False), np.arange(L)
    assert isinstance(family, Model)
    assert (family.denoise(x) == DENOISER.denoise(x)).all()
    assert (family.causal(x, at=[2]) == CAUSAL.causal(x, at=[2])).all()
    assert (family.anyorder(x, rank, 3) == ANYORDER.anyorder(x, rank, 3)).all()
    logits, cache = family.snapshot(x[:1])
    assert (family.denoise(x, at=[1, 2], cache=cache, layout="tree")).shape == (3, 2, V)


def test_families_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one size and distinct modes"):
        Family(DENOISER, DENOISER)
    with pytest.raises(ValueError, match="one size and distinct modes"):
        Family(DENOISER, Network.untrained(TransformerConfig(V, L + 1), "causal"))
    with pytest.raises(TypeError, match="needs anyorder weights, got bidirectional, causal"):
        Family(DENOISER, CAUSAL).anyorder(np.zeros((1, L), dtype=int), np.arange(L))
