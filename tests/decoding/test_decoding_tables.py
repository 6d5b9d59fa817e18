"""The exact tables: their formulas, what they refuse to read, and how their three calls agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.adapters import BlockCausal, NextToken, Shifted
from paralg.decoding.randomness import softmax
from paralg.decoding.reading import ranks
from paralg.decoding.sudoku import Sudoku4, grids, is_valid
from paralg.decoding.tables import HashConditional, TabularJoint
from paralg.models.protocol import ForwardCache, Model

TABLES = [HashConditional(3, 5, k=2, eps=0.7), TabularJoint.random(3, 5, seed=1), Sudoku4()]
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
fast = settings(max_examples=15, deadline=None)
each = pytest.mark.parametrize("table", TABLES, ids=lambda t: type(t).__name__)


def masked(table, rng, rows=1):
    """Return random sequences with random masks that agree with a Sudoku grid where it matters."""
    x = (grids()[rng.integers(288, size=rows)].copy() if isinstance(table, Sudoku4)
         else rng.integers(0, table.V, (rows, table.L)))  # fmt: skip
    x[rng.random(x.shape) < rng.random()] = table.V
    return x


@each
def test_a_table_is_a_model(table):
    assert isinstance(table, Model)
    _, cache = table.snapshot(np.full((1, table.L), table.V))
    assert isinstance(cache, ForwardCache)
    assert cache.nbytes == 8 * table.L


# ---- formulas


@given(seeds, st.integers(1, 4), st.integers(1, 6), st.integers(0, 50), st.floats(0, 2))
@fast
def test_hash_conditional_is_its_formula(rng, V, L, k, eps):
    x = rng.integers(0, V + 1, L)
    visible = {j for j in range(L) if x[j] != V and rng.random() < 0.7}
    i = int(rng.integers(L))
    formula = [
        2 * np.sin(1.7 * v + 2.3 * i + 0.7131 * k)
        + eps * sum(np.sin(3.1 * (x[j] + 1) * (j + 1) + 1.9 * (v + 1) * (i + 1) + 0.7131 * k)
                    for j in visible - {i})
        for v in range(V)
    ]  # fmt: skip
    got = HashConditional(V, L, k, eps).cond(x, visible, i)
    np.testing.assert_allclose(got, formula, atol=1e-12)


@given(seeds, st.integers(1, 3), st.integers(1, 4))
@fast
def test_tabular_joint_marginalises(rng, V, L):
    joint = TabularJoint.random(V, L, seed=int(rng.integers(1000)))
    x, i = rng.integers(0, V, L), int(rng.integers(L))
    visible = {j for j in range(L) if rng.random() < 0.5} - {i}
    mass = np.zeros(V)
    for y, p in joint.distribution().items():
        mass[y[i]] += p * all(y[j] == x[j] for j in visible)
    np.testing.assert_allclose(np.exp(joint.cond(x, visible, i)), mass / mass.sum(), atol=1e-12)


def test_tabular_joint_without_mass_is_uniform():
    joint = TabularJoint(np.array([[0.5, 0.5, 0.0], [0, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(np.exp(joint.cond([2, 3], {0}, 1)), np.full(3, 1 / 3))
    assert joint.cond([0, 3], {0}, 1)[2] == -np.inf


def test_the_chain_rule_of_a_joint():
    joint = TabularJoint.random(2, 4, seed=5)
    for x, p in joint.distribution().items():
        rows = softmax(joint.causal(np.array([x])))[0]
        assert rows[np.arange(4), x].prod() == pytest.approx(p, abs=1e-15)


def test_sudoku_grids():
    assert grids().shape == (288, 16)
    assert len(np.unique(grids(), axis=0)) == 288
    assert is_valid(grids()).all()
    assert not is_valid(grids()[:, ::-1] * 0).any()
    assert not is_valid(np.full(16, 4))
    wrong_box = np.array([0, 1, 2, 3, 1, 2, 3, 0, 2, 3, 0, 1, 3, 0, 1, 2])
    assert not is_valid(wrong_box)


@given(seeds)
@fast
def test_sudoku_conditionals_count_grids(rng):
    [x] = masked(TABLES[2], rng)
    left = grids()[(grids()[:, x != 4] == x[x != 4]).all(axis=1)]
    distributions = np.exp(TABLES[2].denoise(x[None]))[0]
    for i in np.flatnonzero(x == 4):
        shares = np.bincount(left[:, i], minlength=4) / len(left)
        np.testing.assert_allclose(distributions[i], shares)


def test_sudoku_after_a_conflict_is_uniform():
    x = np.full((1, 16), 4)
    x[0, :2] = 0
    np.testing.assert_allclose(softmax(Sudoku4().denoise(x, at=[5])), 0.25)


@pytest.mark.parametrize("givens", [0, 1, 4, 16])
def test_puzzles_have_their_givens(givens):
    x = Sudoku4().puzzle(seed=3, givens=givens)
    assert (x != 4).sum() == givens
    assert (x == Sudoku4().puzzle(seed=3, givens=givens)).all()


# ---- three calls, one distribution


@each
@given(seeds)
@fast
def test_the_calls_agree_where_they_see_the_same(table, rng):
    [x] = masked(table, rng)
    unknown = np.flatnonzero(x == table.V)
    rank = ranks(x, table.V)
    free = table.denoise(x[None], at=unknown)
    draft = table.anyorder(x[None], rank, len(x) - len(unknown), at=unknown)
    np.testing.assert_array_equal(free, draft)
    if len(unknown) and unknown[0] == len(x) - len(unknown):
        np.testing.assert_array_equal(free[:, :1], table.causal(x[None], at=unknown[:1]))


@each
def test_a_masked_token_is_never_read(table):
    x = np.full((2, table.L), table.V)
    x[:, 0] = 0
    rank = np.arange(table.L)
    with pytest.raises(ValueError, match="masked token was read: position 1, asked about posi"):
        table.causal(x, at=[2])
    with pytest.raises(ValueError, match="masked token was read"):
        table.anyorder(x, rank)
    with pytest.raises(ValueError, match="position 2, asked about position 1 in row 0"):
        table.cond(x[0], {2}, 1)
    assert not np.isnan(table.causal(x, at=[1])).any()
    assert table.anyorder(x, rank, 1).shape == (2, table.L, table.V)


@each
@given(seeds)
@fast
def test_rows_do_not_see_each_other(table, rng):
    x = masked(table, rng, rows=4)
    together = table.denoise(x)
    for row, logits in zip(x, together, strict=True):
        np.testing.assert_array_equal(table.denoise(row[None])[0], logits)


@each
@given(seeds)
@fast
def test_a_cache_freezes_what_lies_outside_the_window(table, rng):
    before, after = masked(table, rng, rows=2)
    if isinstance(table, Sudoku4):
        after = np.where(before == 4, after, before)
    begin = int(rng.integers(table.L))
    window = np.arange(begin, table.L)
    _, cache = table.snapshot(before[None])
    mixed = np.where(np.isin(np.arange(table.L), window), after, before)
    for layout in ("rows", "tree"):
        got = table.denoise(np.stack([after, mixed]), at=window, cache=cache, layout=layout)
        np.testing.assert_array_equal(got[0], table.denoise(mixed[None], at=window)[0])
        np.testing.assert_array_equal(got[0], got[1])


# ---- errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.denoise(np.zeros(5, int)), r"shape \(B, 5\), got \(5,\)"),
        (lambda m: m.denoise(np.full((1, 5), 4)), r"tokens in 0..3 \(mask = 3\), got 4..4"),
        (lambda m: m.denoise(np.zeros((1, 5), int), at=[3, 1]), r"ascending .* got \[3, 1\]"),
        (lambda m: m.denoise(np.zeros((1, 5), int), at=[5]), r"positions in 0..4"),
        (lambda m: m.denoise(np.zeros((1, 5), int), layout="tree"), "needs a cache"),
        (lambda m: m.denoise(np.zeros((1, 5), int), layout="forest"), "'rows' or 'tree', got 'for"),
        (lambda m: m.anyorder(np.zeros((1, 5), int), [0, 1]), r"rank of shape \(5,\)"),
        (lambda m: m.snapshot(np.zeros((2, 5), int)), "expected one row to keep, got 2"),
        (lambda m: HashConditional(0, 3), "V must be at least 1, got 0"),
        (lambda m: TabularJoint(np.ones((2, 3)) / 6), r"shape \(V,\) \* L, got \(2, 3\)"),
        (lambda m: TabularJoint(np.ones((2, 2))), "sum to 1, got a sum of 4.0"),
        (lambda m: Sudoku4().puzzle(0, givens=17), "givens must be at most 16, got 17"),
        (lambda m: BlockCausal(m, 0), "block must be at least 1, got 0"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call(TABLES[0])


def test_tokens_must_be_integers():
    with pytest.raises(TypeError, match="x must be integers, got float64"):
        TABLES[0].denoise(np.zeros((1, 5)))


# ---- dialects


@given(seeds)
@fast
def test_shifting_a_shifted_table_gives_the_table(rng):
    table = TABLES[0]
    x = masked(table, rng, rows=3)
    x[:, 0] = 1
    np.testing.assert_array_equal(
        Shifted(NextToken(table)).denoise(x, at=range(1, 5)), table.denoise(x, at=range(1, 5))
    )


def test_with_a_cache_only_the_first_row_of_a_shifted_window_is_frozen():
    table = HashConditional(3, 6, eps=1.0)
    shifted = Shifted(NextToken(table))
    x = np.array([[1, 2, 3, 3, 3, 3]])
    before, cache = shifted.snapshot(x)
    y = np.array([[1, 2, 3, 0, 3, 3]])
    after = shifted.denoise(y, at=[2, 3, 4], cache=cache)
    np.testing.assert_array_equal(after[:, 0], before[:, 2])
    np.testing.assert_array_equal(after[:, 2], table.denoise(y, at=[4])[:, 0])
    assert cache.nbytes == 8 * 6 + 8 * 6 * 3


def test_a_shifted_model_needs_position_zero():
    with pytest.raises(ValueError, match="position 0: expected it given"):
        Shifted(NextToken(TABLES[0])).denoise(np.full((1, 5), 3))


def test_block_causal_hides_later_blocks_only():
    table = HashConditional(3, 6, eps=1.0)
    blind = BlockCausal(table, block=2, begin=2)
    x = np.array([[1, 0, 3, 2, 1, 3]])
    hidden = np.array([[1, 0, 3, 2, 3, 3]])
    np.testing.assert_array_equal(blind.denoise(x, at=[2]), table.denoise(hidden, at=[2]))
    np.testing.assert_array_equal(blind.denoise(x, at=[5]), table.denoise(x, at=[5]))


def test_a_block_causal_network_sees_no_later_block():
    pytest.importorskip("torch")
    from paralg.decoding.adapters import BlockCausalNetwork
    from paralg.models import load

    blind = BlockCausalNetwork(load("addition-bidirectional"), block=4, begin=8)
    x, ask = np.full((1, 16), 1), {"at": np.arange(8, 12)}
    later = np.where(np.arange(16) < 12, x, 3)
    np.testing.assert_array_equal(blind.denoise(x, **ask), blind.denoise(later, **ask))
    with pytest.raises(ValueError, match="needs a cache"):
        blind.denoise(x, layout="tree")
