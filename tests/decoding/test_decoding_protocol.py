"""Counting, shaping, traces, rules and static decoding."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import Cost
from paralg.decoding.baselines import static, static_run, threshold
from paralg.decoding.freedave import freedave
from paralg.decoding.randomness import RandomDraws, softmax
from paralg.decoding.rule import BoundRule, UnmaskingRule
from paralg.decoding.session import Session
from paralg.decoding.shaping import AllowedTokens, Chain, Guidance, Temperature, TopK, TopP
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional, TabularJoint
from paralg.decoding.trace import GIVEN, KEPT, MASKED, NEW, REFUSED, Recorder, Trace
from paralg.models.counting import CountingModel

TABLE = HashConditional(4, 6, k=1, eps=0.3)
EMPTY = [4] * 6
fast = settings(max_examples=15, deadline=None)


# ---- counting


@pytest.mark.parametrize(
    ("call", "cost"),
    [
        (lambda m, x: m.denoise(x), Cost(calls=1, rows=3, tokens=18)),
        (lambda m, x: m.denoise(x, at=[1]), Cost(calls=1, rows=3, tokens=18)),
        (lambda m, x: m.denoise(x, at=[1, 2], cache=m.model.snapshot(x[:1])[1]),
         Cost(calls=1, rows=3, tokens=6)),
        (lambda m, x: m.snapshot(x[:1]), Cost(calls=1, rows=1, tokens=6)),
        (lambda m, x: m.causal(x, at=[0]), Cost(calls=1, rows=3, tokens=3)),
        (lambda m, x: m.anyorder(x, np.zeros(6, int)), Cost(calls=1, rows=3, tokens=36)),
        (lambda m, x: m.anyorder(x, np.arange(6), 0, at=[1, 2]), Cost(calls=1, rows=3, tokens=24)),
        (lambda m, x: None, Cost()),
    ],
)  # fmt: skip
def test_what_is_counted(call, cost):
    model = CountingModel(TABLE)
    call(model, np.full((3, 6), 4))
    assert model.cost == cost
    assert model.cost_since() == cost
    assert model.cost_since() == Cost()


def test_a_layout_of_the_callers_own_is_counted_by_slots():
    class Flat:
        V, L = 4, 6
        attend = staticmethod(lambda tokens, position_ids, mask: np.zeros((*tokens.shape, 4)))

    model = CountingModel(Flat(), TopK(1))
    logits = model.attend(np.zeros((2, 9), int), np.arange(9) % 6, np.ones((9, 9), bool))
    assert np.isinf(logits).sum() == 2 * 9 * 3
    assert model.cost == Cost(calls=1, rows=2, tokens=18)


def test_guidance_sends_and_counts_two_rows():
    hook = Guidance(scale=1.5, at=(0,), null=3)
    model = CountingModel(TABLE, hook)
    x = np.array([[1, 4, 4, 4, 4, 4]])
    got = model.denoise(x)
    with_label, without = TABLE.denoise(np.array([[1, 4, 4, 4, 4, 4], [3, 4, 4, 4, 4, 4]]))
    np.testing.assert_allclose(got[0], without + 1.5 * (with_label - without))
    assert model.cost.rows == 2
    with pytest.raises(ValueError, match="made by this wrapper's snapshot, got object"):
        model.denoise(x, cache=object())
    with pytest.raises(ValueError, match="expected one row to keep, got 2"):
        model.snapshot(np.tile(x, (2, 1)))


@pytest.mark.parametrize("layout", ["rows", "tree"])
def test_guidance_keeps_a_cache_for_each_of_its_rows(layout):
    hook = Guidance(scale=1.5, at=(0,), null=3)
    model, x = CountingModel(TABLE, hook), np.array([[1, 4, 2, 4, 4, 4]])
    logits, cache = model.snapshot(x)
    np.testing.assert_allclose(logits, CountingModel(TABLE, hook).denoise(x))
    assert model.cost == Cost(calls=1, rows=2, tokens=12)
    assert cache.nbytes == 2 * TABLE.snapshot(x)[1].nbytes
    drafts = np.tile(x, (3, 1))
    drafts[:, 4] = [0, 1, 2]
    cached = model.denoise(drafts, at=[3, 4, 5], cache=cache, layout=layout)
    np.testing.assert_allclose(cached, CountingModel(TABLE, hook).denoise(drafts, at=[3, 4, 5]))
    assert model.cost_since().tokens == 12 + 2 * 3 * 3


@pytest.mark.parametrize("cache", ["prefix", "dual"])
def test_guided_freedave_with_a_cache_has_the_trace_of_static_decoding(cache):
    x, hook = np.array([1, *[4] * 5]), Guidance(scale=1.5, at=(0,), null=3)
    rule = UnmaskingRule(block=2, cache=cache, shape=hook)
    for layout in ("rows", "tree"):
        assert freedave(TABLE, x, 3, rule, layout=layout).trace == static(TABLE, x, rule).trace


def test_hooks():
    logits, at = np.array([[[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]]]), np.array([0, 4])
    np.testing.assert_array_equal(TopK(1)(logits, at)[0, 1], [0, -np.inf, -np.inf])
    kept = {p: np.isfinite(TopP(p)(logits, at)).sum(axis=-1)[0].tolist()
            for p in (0.1, 0.5, 0.8, 1)}  # fmt: skip
    assert kept == {0.1: [1, 1], 0.5: [1, 2], 0.8: [2, 3], 1: [3, 3]}
    assert TopP(0.8)(np.array([[[0.0, -np.inf, 0.0]]]), at)[0, 0].tolist() == [0, -np.inf, 0]
    allowed = np.ones((5, 3), bool)
    allowed[4, 0] = False
    np.testing.assert_array_equal(AllowedTokens(allowed)(logits, at)[0, 1], [-np.inf, 0, 0])
    np.testing.assert_array_equal(Chain(Temperature(2.0), Temperature(0.5))(logits, at), logits)
    np.testing.assert_array_equal(Chain()(logits, at), logits)
    doubled = Chain(Guidance(1.0, (0,), 1), TopK(1)).expand(np.array([[2, 2]]))
    assert doubled.tolist() == [[2, 2], [1, 2]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Temperature(0.0), "above 0, got 0.0"),
        (lambda: TopK(0), "at least 1, got 0"),
        (lambda: TopP(0.0), r"p must be above 0, got 0.0"),
        (lambda: AllowedTokens(np.zeros((2, 3), bool)), "allowed token in every row"),
        (lambda: Chain(TopK(1), Guidance(1.0, (0,), 1)), "only in the first place"),
        (lambda: UnmaskingRule(tokens=0), "tokens must be at least 1, got 0"),
        (lambda: UnmaskingRule(tokens=()), "tokens must be at least 1"),
        (lambda: UnmaskingRule(order="random"), r"order must be one of .*, got 'random'"),
        (lambda: UnmaskingRule(cache="suffix"), r"cache must be one of .*, got 'suffix'"),
        (lambda: UnmaskingRule(confidence="mean"), "confidence must be one of"),
        (lambda: UnmaskingRule(block=0), "block must be at least 1, got 0"),
        (lambda: UnmaskingRule(block=(2, 0)), r"block must be at least 1, got 0"),
        (lambda: UnmaskingRule(block=()), "block must be at least 1"),
        (lambda: UnmaskingRule(first=True), "expected cache 'prefix' or 'dual', got None"),
        (lambda: threshold(TABLE, EMPTY, 0.0), "tau must be above 0, got 0.0"),
        (lambda: static(TABLE, [4] * 5), r"shape \(B, 6\), got \(1, 5\)"),
        (lambda: Recorder(np.zeros(1, int), 4).record("guessed", [0], [0]), "got 'guessed'"),
    ],
)
def test_errors_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_every_distribution_passes_the_hook_once():
    sizes = []
    static(TABLE, EMPTY, UnmaskingRule(shape=lambda logits, at: sizes.append(len(at)) or logits))
    assert sizes == [6] * 6


# ---- traces


def recorded():
    record = Recorder(np.array([9, 1, 9, 9]), 9)
    record.round(Cost(calls=1, rows=1, tokens=4))
    record.record("committed", [2], [5], [0.9])
    record.round(Cost(calls=1, rows=2, tokens=8))
    record.record("proposed", [0, 3], [4, 4], row=1)
    record.record("rejected", [0, 3], [4, 4], row=1)
    record.record("committed", [3], [7])
    return record.trace()


def test_views_of_a_trace():
    trace = recorded()
    assert trace.order == ((2, 5), (3, 7))
    assert trace.tokens.tolist() == [9, 1, 5, 7]
    assert trace.states.tolist() == [[9, 1, 9, 9], [9, 1, 5, 9], [9, 1, 5, 7]]
    assert trace.committed.tolist() == [1, 1]
    assert (trace.accepted.tolist(), trace.accepts_per_verification) == ([0], 0.0)
    assert trace.groups == ((2,), (3,))
    assert trace.rounds == 2
    assert trace.cost == Cost(calls=2, rows=3, tokens=12)
    assert trace.raster().tolist() == [
        [MASKED, GIVEN, NEW, MASKED], [REFUSED, GIVEN, KEPT, NEW]]  # fmt: skip


def test_traces_are_equal_by_order_of_commitment():
    trace = recorded()
    order = list(trace.events)
    assert trace == Trace(trace.start, 9, tuple(e for e in order if e.what == "committed"), ())
    swapped = Trace(trace.start, 9, tuple(reversed(order)), trace.costs)
    assert trace != swapped
    assert hash(trace) != hash(swapped)
    assert trace.first_difference(swapped) == "commit 0: position 2 = 5 against position 3 = 7"
    assert trace.first_difference(trace) is None
    short = Trace(trace.start, 9, tuple(order[:1]), trace.costs)
    assert trace.first_difference(short) == "2 commits against 1"
    assert trace.first_difference(Trace((9, 9), 9, (), ())) == "the prompts differ"
    assert trace != "a string"


def test_accepts_are_draft_tokens_and_not_commits():
    from paralg.decoding.freedave import freedave, multi_anchor

    table = HashConditional(4, 12, 28, 0.1)
    runs = [decode(table, [4] * 12, 4) for decode in (freedave, multi_anchor)]
    for trace in (run.trace for run in runs):
        kinds = [event.what for event in trace.events]
        assert kinds.count("proposed") == kinds.count("accepted") + kinds.count("rejected")
        assert trace.accepted.sum() == kinds.count("accepted") == trace.committed.sum() == 12
        assert len(trace.accepted) == trace.rounds - 1, "the first forward verifies nothing"
    assert runs[0].trace.accepted.tolist() == [2, 1, 1, 2, 1, 2, 3]
    assert runs[0].trace.accepts_per_verification == 12 / 7
    assert runs[1].trace.accepts_per_verification == 2.0
    joint = threshold(table, [4] * 12, 0.9).trace
    assert (joint.accepted.size, joint.accepts_per_verification) == (0, 0.0)


def test_what_a_user_reaches_for_is_exported():
    import paralg.decoding

    for name in paralg.decoding.__all__:
        assert getattr(paralg.decoding, name).__module__.startswith("paralg.decoding.")
    assert paralg.decoding.static is static
    assert paralg.decoding.threshold is threshold


def test_nothing_to_do():
    result = static(TABLE, [0, 1, 2, 3, 0, 1])
    assert (result.forwards, result.trace.order) == (0, ())
    assert result.tokens.tolist() == [0, 1, 2, 3, 0, 1]
    assert result.trace.raster().shape == (0, 6)


# ---- rules and static decoding


@pytest.mark.parametrize(
    ("rule", "groups"),
    [
        (UnmaskingRule(order="left-to-right"), ((0,), (1,), (3,), (4,), (5,))),
        (UnmaskingRule(order="left-to-right", tokens=2), ((0, 1), (3, 4), (5,))),
        (UnmaskingRule(order="left-to-right", tokens=2, block=3), ((0, 1), (3, 4), (5,))),
        (UnmaskingRule(order="left-to-right", tokens=(1, 3)), ((0,), (1, 3, 4), (5,))),
        (UnmaskingRule(order="left-to-right", tokens=9), ((0, 1, 3, 4, 5),)),
        (UnmaskingRule(order="left-to-right", threshold=1e-9), ((0, 1, 3, 4, 5),)),
        (UnmaskingRule(order="left-to-right", threshold=1e-9, block=4), ((0, 1, 3), (4, 5))),
        (UnmaskingRule(order="left-to-right", threshold=1.1), ((0,), (1,), (3,), (4,), (5,))),
        (
            UnmaskingRule(order="left-to-right", tokens=(1, 2, 4), block=(3, 4)),
            ((0,), (1,), (3,), (4, 5)),
        ),
    ],
)
def test_groups_of_a_rule(rule, groups):
    result = static(TABLE, [4, 4, 0, 4, 4, 4], rule)
    assert result.trace.groups == groups
    assert result.forwards == len(groups)


def test_static_decoding_takes_the_most_confident_first():
    x, result = np.array(EMPTY), static(TABLE, EMPTY)
    for position, token in result.trace.order:
        distribution = softmax(TABLE.denoise(x[None]))[0]
        distribution[x != 4] = 0
        assert np.unravel_index(distribution.argmax(), distribution.shape) == (position, token)
        x[position] = token


def test_ties_go_to_the_lowest_index_or_to_a_seeded_order():
    flat = HashConditional(4, 6, eps=0.0)
    flat.alone[:] = 1.0
    assert static(flat, EMPTY).trace.order == tuple((i, 0) for i in range(6))
    flat.alone[1:3, 0] = 1 + 1e-14, 1 - 1e-14
    assert [i for i, _ in static(flat, EMPTY).trace.order] == [0, 1, 2, 3, 4, 5], "nearly equal"
    mixed = [static(flat, EMPTY, UnmaskingRule(ties=seed)).trace.order for seed in (0, 1, 2, 3, 0)]
    assert len(set(mixed)) == 4
    assert mixed[0] == mixed[4]


def test_blocks_start_at_the_first_mask():
    steps = BoundRule(UnmaskingRule(block=2), np.array([0, 4, 0, 4, 4, 4]), 4)
    assert steps.block_of.tolist() == [-1, 0, 0, 1, 1, 2]
    assert steps.span_of(1) == (3, 5)
    assert steps.span_of(0, last=1) == (1, 5)
    assert steps.current(np.array([0, 0, 0, 4, 0, 4])) == 1


@pytest.mark.parametrize(
    ("block", "numbers"),
    [
        (None, [-1, 0, 0, 0, 0, 0, 0, 0]),
        (99, [-1, 0, 0, 0, 0, 0, 0, 0]),
        (3, [-1, 0, 0, 0, 1, 1, 1, 2]),
        ((1, 2), [-1, 0, 1, 1, 2, 2, 3, 3]),
        ((1, 4, 1), [-1, 0, 1, 1, 1, 1, 2, 3]),
        ((2, 2, 9), [-1, 0, 0, 1, 1, 2, 2, 2]),
    ],
)
def test_blocks_of_different_sizes(block, numbers):
    steps = BoundRule(UnmaskingRule(block=block), np.array([0, *[4] * 7]), 4)
    assert steps.block_of.tolist() == numbers
    result = static(HashConditional(4, 8, eps=0.5), [0, *[4] * 7], UnmaskingRule(block=block))
    order = [numbers[position] for position, _ in result.trace.order]
    assert order == sorted(order)


def test_a_method_may_read_the_logits_in_its_own_way():
    class Reluctant(Session):
        """Trusts token 0 less."""

        def predict(self, rows, logits):
            found = super().predict(rows, logits)
            for prediction in found:
                prediction.confidence[prediction.tokens(np.arange(6)) == 0] *= 0.1
            return found

    for cache in (None, "dual"):
        rule = UnmaskingRule(block=6, cache=cache)
        plain, other = static(TABLE, EMPTY, rule), static_run(Reluctant(TABLE, EMPTY, rule))
        assert plain.trace != other.trace
        tokens = [token for _, token in other.trace.order]
        assert tokens == sorted(tokens, key=lambda token: token == 0)


@pytest.mark.parametrize("cache", [None, "prefix", "dual"])
def test_an_end_block_ends_decoding(cache):
    always_end = HashConditional(4, 6, eps=0.0)
    always_end.alone[:] = [0, 0, 9, 0]
    result = static(always_end, EMPTY, UnmaskingRule(block=2, eos=(1, 2), cache=cache))
    assert result.tokens.tolist() == [2] * 6
    assert result.forwards == 2
    assert result.trace.groups == ((0,), (1,), (2, 3, 4, 5))
    assert static(always_end, EMPTY, UnmaskingRule(block=2, eos=(1,), cache=cache)).forwards == 6


@given(st.integers(0, 10_000))
@fast
def test_threshold_decoding_commits_what_is_sure(seed):
    table = HashConditional(4, 6, k=seed, eps=0.5)
    result, tau = threshold(table, EMPTY, 0.6), 0.6
    for state, group in zip(result.trace.states, result.trace.groups, strict=False):
        distribution = softmax(table.denoise(state[None]))[0].max(axis=1)
        sure = {i for i in range(6) if state[i] == 4 and distribution[i] >= tau}
        assert set(group) == sure or (not sure and len(group) == 1)
    assert threshold(table, EMPTY, 1.1).trace == static(table, EMPTY).trace


def test_sampling_draws_the_committed_tokens_only():
    joint = TabularJoint.random(2, 3, seed=0)

    class Tally(RandomDraws):
        draws = 0

        def categorical(self, p):
            self.draws += 1
            return super().categorical(p)

    for confidence, draws in (("maximum", 3), ("sampled", 3 + 2 + 1)):
        rng = Tally()
        static(joint, [2] * 3, UnmaskingRule(confidence=confidence), rng=rng)
        assert rng.draws == draws


def test_sampled_sudokus_break_when_cells_are_committed_together():
    def valid(tokens, ties):
        rules = [UnmaskingRule(tokens=tokens, ties=s if ties else None) for s in range(40)]
        results = [static(model, [4] * 16, rule, rng=RandomDraws(1, s)).tokens
                   for s, rule in enumerate(rules)]  # fmt: skip
        return is_valid(np.stack(results)).mean()

    model = Sudoku4()
    assert valid(1, ties=False) == 1.0
    assert 0.25 < valid(2, ties=True) < 0.65
    assert valid(2, ties=False) < 0.25
