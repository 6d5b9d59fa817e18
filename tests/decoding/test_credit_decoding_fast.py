"""Credit without a table equals credit with one; batches equal the library; records are current."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.baselines import threshold
from paralg.decoding.credit_decoding import (
    AdaptiveCredit,
    FullCredit,
    SparseCredit,
    TraceCredit,
    decode_with_credit,
)
from paralg.decoding.credit_decoding.experiments.frontier import at_equal_forwards, decode_batch
from paralg.decoding.credit_decoding.fast.compiled import row_statistics
from paralg.decoding.credit_decoding.fast.sparse import decode_sparsely
from paralg.decoding.randomness import softmax
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.sudoku import Sudoku4, is_valid
from tests.decoding.test_freedave import prompts, same

many = settings(max_examples=20, deadline=None)


@pytest.mark.parametrize("dtype, tol", [(np.float32, 2e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("V", [1, 5, 31, 32, 33, 64, 2048, 2049, 5000])
def test_one_pass_over_the_logits(V, dtype, tol):
    rng = np.random.default_rng(V)
    logits = (4 * rng.normal(size=(6, V))).astype(dtype)
    logits[1] -= 500
    logits[2, V // 2 :] = -np.inf if V > 1 else 0
    logits[3, ::2] = 9.0  # ties: the first wins
    logits[4, -1] = 80.0
    found = row_statistics(logits)
    np.testing.assert_array_equal(found.winner, logits.argmax(axis=1))
    np.testing.assert_array_equal(found.top, logits.max(axis=1))
    wide = logits.astype(np.float64)
    exact = wide.max(axis=1) + np.log(np.exp(wide - wide.max(axis=1, keepdims=True)).sum(axis=1))
    np.testing.assert_allclose(found.log_z, exact, rtol=tol, atol=tol)


@pytest.mark.parametrize("logits, message", [
    (np.full((1, 40), -np.inf), "expected a finite entry"),
    (np.full((1, 40), np.nan), "no NaN and no ∞ in every row, got"), (np.zeros(3), "logits .n, V."),
    (np.zeros((2, 3), int), "float32 or float64, got .2, 3. of int64")])  # fmt: skip
def test_bad_logits(logits, message):
    with pytest.raises(ValueError, match=message):
        row_statistics(logits)


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(2, 70), st.floats(0.1, 6),
       st.builds(TraceCredit, st.floats(0, 2), st.floats(0, 0.95), st.floats(0.05, 2)))  # fmt: skip
@many
def test_ids_equal_the_table(seed, T, V, scale, credit):
    rng, n = np.random.default_rng(seed), 3
    account, C = SparseCredit(n, credit, slots=2), np.zeros((n, V))
    for _ in range(min(T, 12)):
        logits, masked = scale * rng.normal(size=(n, V)), rng.random(n) < 0.7
        p = softmax(logits)
        C = credit.observe(C, p, masked=masked)
        q = softmax(credit.fuse(logits, C))
        token, most = account.look(logits, masked)
        np.testing.assert_allclose(most, q.max(axis=1), atol=1e-10)
        assert (np.take_along_axis(q, token[:, None], 1)[:, 0] >= q.max(axis=1) - 1e-10).all()
    assert account.nbytes == 12 * account.ids.size


@given(prompts(), st.floats(0.3, 1.1), st.one_of(st.none(), st.integers(1, 5)),
       st.sampled_from([None, "prefix", "dual"]), st.booleans())  # fmt: skip
@many
def test_sparse_decoding_has_the_same_trace(prompt, tau, block, cache, adaptive):
    table, x = prompt
    rule = UnmaskingRule(block=block, cache=cache, digits=9)
    credit = AdaptiveCredit() if adaptive else TraceCredit()
    same(decode_sparsely(table, x, tau, rule, credit=credit),
         decode_with_credit(table, x, tau, rule, credit=credit))  # fmt: skip


def test_what_has_no_sparse_form_is_refused():
    with pytest.raises(ValueError, match="likeliest token alone, got FullCredit"):
        SparseCredit(3, FullCredit())
    with pytest.raises(ValueError, match="the lowest index, got seed 3"):
        decode_sparsely(Sudoku4(), [4] * 16, rule=UnmaskingRule(ties=3))


@pytest.mark.parametrize("credit", [None, TraceCredit(), FullCredit(), AdaptiveCredit()])
def test_batches_equal_the_library(credit):
    model = Sudoku4()
    x = np.stack([model.puzzle(seed, givens) for seed in range(4) for givens in (2, 6)])
    batch = decode_batch(model, x, 0.7, credit)
    for row, tokens, forwards, seen, committed in zip(x, *batch, strict=True):
        one = (threshold(model, row, 0.7) if credit is None
               else decode_with_credit(model, row, 0.7, credit=credit))  # fmt: skip
        np.testing.assert_array_equal(one.tokens, tokens)
        assert one.forwards == forwards == committed.max()
        for event in one.trace.commits:
            assert committed[event.position] == event.round + 1
        assert (seen <= committed).all() or credit is not None


def test_equal_forwards():
    model = Sudoku4()
    x = np.stack([model.puzzle(seed) for seed in range(30)])
    plain = [decode_batch(model, x, tau) for tau in (0.4, 0.5, 0.6, 0.8)]
    found = at_equal_forwards(plain, plain[1:3], lambda tokens: is_valid(tokens).astype(float))
    assert found["other"] == found["plain"][1:3]
    np.testing.assert_allclose([row[0] for row in found["above"]], 0, atol=1e-9)
    beyond = at_equal_forwards(plain[:2], plain[3:], lambda tokens: is_valid(tokens).astype(float))
    assert beyond["above"] == [None]


def test_the_published_table_in_torch():
    pytest.importorskip("torch")
    from paralg.decoding.credit_decoding.experiments.peers import DenseCredit

    rng, V = np.random.default_rng(0), 500
    table, ids, C = DenseCredit(4, V), SparseCredit(4), np.zeros((4, V))
    for _ in range(8):
        logits = 3 * rng.normal(size=(4, V)).astype(np.float32)
        C = TraceCredit().observe(C, softmax(logits))
        q = softmax(TraceCredit().fuse(logits, C))
        for token, most in (table.look(logits), ids.look(logits)):
            np.testing.assert_array_equal(token, q.argmax(axis=1))
            np.testing.assert_allclose(most, q.max(axis=1), atol=1e-6)


def test_records_are_those_of_this_library():
    pytest.importorskip("torch")
    from paralg.decoding.credit_decoding.experiments import records as made

    found = made.records.read("selectors")
    assert len(found) == 12
    assert all(abs(e["credit"]) < 0.05 for e in found.values())
    sure = [e["credit"] for e in found.values() if abs(e["credit"]) > 2 * e["error"] > 0]
    assert min(sure) < 0 < max(sure)
    for givens in (2, 4):  # two rounds: the first ranks like confidence, the second takes the rest
        assert found[f"{givens} givens, 8 tokens a step, plain"]["credit"] == 0
    x = made.puzzles(2, 400)
    run = decode_batch(made._network(), x, 0.9, TraceCredit())
    done = run.committed > 0
    entry = made.records.read("gap")["credit, 0.9"]
    assert entry["forwards"] == pytest.approx(run.forwards.mean(), abs=0.02)
    assert entry["seen"] == pytest.approx(run.seen[done].mean(), abs=0.02)
    table = made.records.read("tables")["0.4"]
    assert len(table["plain"]) == len(made.PLAIN)
    assert len(table["other"]) == len(made.TAUS)
