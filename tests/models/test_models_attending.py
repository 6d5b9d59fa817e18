"""Slots with memory: the four ways in which decoders lay out and keep what they computed."""

import numpy as np
import pytest

pytest.importorskip("torch")
from paralg.core.cost import Cost
from paralg.decoding.shaping import Guidance
from paralg.models import Network, TransformerConfig, masks
from paralg.models.counting import CountingModel
from paralg.models.protocol import AttendingModel, SlotMemory

V, L, LAYOUTS = 5, 12, 1e-5
SHAPE = TransformerConfig(V, L, width=32, layers=2, heads=2, rotary=True)
CAUSAL = Network.untrained(SHAPE, "causal", seed=3)
TEXT = np.random.default_rng(0).integers(0, V, (1, L))


def slots_of(x):
    """Return what the slots of a causal network carry: the token before."""
    return np.concatenate([np.full((len(x), 1), V), x[:, :-1]], axis=1)


@pytest.fixture(scope="module")
def prefix():
    logits, kept = CAUSAL.extend(slots_of(TEXT)[:, :6], np.arange(6), masks.causal(6))
    return logits, kept


def after(rows, columns):
    """Return the mask of new slots that see all earlier ones and, causally, each other."""
    return np.concatenate([np.ones((rows, columns), bool), masks.causal(rows)], axis=1)


def test_a_network_can_be_extended(prefix):
    assert isinstance(CAUSAL, AttendingModel)
    logits, kept = prefix
    assert isinstance(kept, SlotMemory)
    assert (len(kept), kept.rows) == (6, 1)
    assert kept.nbytes == 2 * 2 * 6 * 32 * 4  # layers, keys and values, slots, width, float32
    np.testing.assert_allclose(logits, CAUSAL.causal(TEXT, at=range(6)), atol=LAYOUTS)


def test_a_window_after_a_kept_prefix_equals_the_recomputed_one(prefix):
    """Windows of several rows: one row of the past serves all."""
    drafts = np.tile(TEXT, (3, 1))
    drafts[:, 7] = [0, 1, 2]
    logits, kept = CAUSAL.extend(slots_of(drafts)[:, 6:], np.arange(6, 12), after(6, 6), prefix[1])
    np.testing.assert_allclose(logits, CAUSAL.causal(drafts, at=range(6, 12)), atol=LAYOUTS)
    accepted = kept.select([0, 1], row=2)
    longer = prefix[1].join(accepted)
    assert (len(longer), longer.rows) == (8, 1)
    logits, _ = CAUSAL.extend(slots_of(drafts)[2:, 8:9], [8], after(1, 8), longer)
    np.testing.assert_allclose(logits, CAUSAL.causal(drafts[2:], at=[8]), atol=LAYOUTS)


def test_a_branch_of_a_tree_is_kept(prefix):
    """Two continuations side by side; then only the second goes on."""
    tokens, position_ids = np.array([[TEXT[0, 5], 3, 4]]), [6, 7, 7]
    mask = np.concatenate([np.ones((3, 6), bool), [[1, 0, 0], [1, 1, 0], [1, 0, 1]]], axis=1)
    logits, kept = CAUSAL.extend(tokens, position_ids, mask, prefix[1])
    for node, token in ((1, 3), (2, 4)):
        x = TEXT.copy()
        x[0, 6] = token
        np.testing.assert_allclose(logits[:, node], CAUSAL.causal(x, at=[7])[:, 0], atol=LAYOUTS)
    past = prefix[1].join(kept.select([0, 2]))
    logits, _ = CAUSAL.extend([[1]], [8], after(1, 8), past)
    x[0, 6:8] = 4, 1
    np.testing.assert_allclose(logits, CAUSAL.causal(x, at=[8]), atol=LAYOUTS)


def test_what_branches_computed_apart_is_joined_without_recomputing(prefix):
    """Fork, two paths at the same positions, join: as one call under the mask of all."""
    left, right = np.array([[0, 1]]), np.array([[2, 3]])
    apart = [CAUSAL.extend(x, [6, 7], after(2, 6), prefix[1]) for x in (left, right)]
    past = prefix[1].join(*(kept for _, kept in apart))
    end, _ = CAUSAL.extend([[4]], [8], after(1, 10), past)
    tokens = np.concatenate([slots_of(TEXT)[:, :6], left, right, [[4]]], axis=1)
    mask = np.tri(11, dtype=bool)
    mask[8:10, 6:8] = False  # the paths do not see each other
    whole = CAUSAL.attend(tokens, [*range(6), 6, 7, 6, 7, 8], mask)
    joined = np.concatenate([*(logits for logits, _ in apart), end], axis=1)
    np.testing.assert_allclose(joined, whole[:, 6:], atol=LAYOUTS)


def test_only_new_slots_are_counted(prefix):
    model = CountingModel(CAUSAL)
    model.extend(np.zeros((3, 2), int), [6, 7], after(2, 6), prefix[1])
    assert model.cost == Cost(calls=1, rows=3, tokens=6)


def test_the_last_layer_can_be_read_before_the_head():
    import torch

    tokens, position_ids = torch.from_numpy(TEXT), torch.arange(L)
    states, _ = CAUSAL.transformer.states(tokens, position_ids)
    logits, _ = CAUSAL.transformer(tokens, position_ids)
    assert states.shape == (1, L, 32)
    assert torch.equal(CAUSAL.transformer.head(states), logits)


def test_slots_keep_the_hidden_states_from_before_the_last_norm(prefix):
    """Norm and head make the logits of them, and they follow their slots wherever those go."""
    import torch

    logits, kept = prefix
    last = torch.nn.Sequential(CAUSAL.transformer.norm, CAUSAL.transformer.head)
    assert kept.hidden.shape == (1, 6, 32)
    with torch.inference_mode():
        np.testing.assert_allclose(last(kept.hidden), logits, atol=LAYOUTS)
    _, more = CAUSAL.extend([[1], [2]], [6], after(1, 6), kept)
    assert torch.equal(kept.select([4, 2]).hidden, kept.hidden[:, [4, 2]])
    both = kept.join(more.select([0], row=1))
    assert torch.equal(both.hidden, torch.cat([kept.hidden, more.hidden[1:]], dim=1))


@pytest.mark.parametrize("rows, slots", [(2, 0), (0, 2), (0, 0)])
def test_nothing_is_an_input_like_any_other(rows, slots):
    logits, kept = CAUSAL.extend(np.zeros((rows, slots), int), range(slots), np.eye(slots))
    assert logits.shape == (rows, slots, V)
    assert (len(kept), kept.rows) == (slots, rows)


def test_errors_say_what_was_expected(prefix):
    other = Network.untrained(SHAPE, "causal", seed=3)
    kept = prefix[1]
    with pytest.raises(ValueError, match="the slots were made by"):
        other.extend([[0]], [6], after(1, 6), kept)
    with pytest.raises(ValueError, match=r"expected a mask \(1, 7\)"):
        CAUSAL.extend([[0]], [6], after(1, 5), kept)
    with pytest.raises(ValueError, match=r"expected slots in 0\.\.5, got \[6\]"):
        kept.select([6])
    with pytest.raises(ValueError, match=r"expected a row in 0\.\.0, got 1"):
        kept.select([0], row=1)
    _, two = CAUSAL.extend([[0], [1]], [6], after(1, 6), kept)
    with pytest.raises(ValueError, match="with 1 rows each"):
        kept.join(two)


def test_guidance_finds_its_label_among_slots_and_keeps_two_rows_of_them():
    """A causal slot carries the token before it; the second row of slots has the null label."""
    hook, x = Guidance(scale=2.0, at=(0,), null=4), TEXT.copy()
    x[0, 0] = 1
    whole = CountingModel(CAUSAL, hook)
    wanted = whole.causal(x)
    model = CountingModel(CAUSAL, hook)
    first, kept = model.extend(slots_of(x)[:, :6], np.arange(6), masks.causal(6))
    then, _ = model.extend(slots_of(x)[:, 6:], np.arange(6, 12), after(6, 6), kept)
    np.testing.assert_allclose(np.concatenate([first, then], axis=1), wanted, atol=LAYOUTS)
    assert kept.rows == 2
    assert model.cost == Cost(calls=2, rows=4, tokens=24)
    with pytest.raises(ValueError, match="expected slots of as many rows, got 1"):
        model.extend(slots_of(x)[:, 6:], np.arange(6, 12), after(6, 6), kept.select(range(6), 0))
    logits = model.attend(slots_of(x), np.arange(12), masks.causal(12))
    np.testing.assert_allclose(logits, wanted, atol=LAYOUTS)
