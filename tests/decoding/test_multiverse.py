"""Grammar, mask and position ids against a tree; the engine against texts, counts and guards."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.multiverse import Reversal, Vocabulary, calls, cost_of, multiverse, parse
from paralg.decoding.multiverse.engine import Multiverse
from paralg.decoding.multiverse.experiments import satisfiability, tasks
from paralg.decoding.multiverse.experiments.scripted import Scripted, ScriptSlots
from paralg.decoding.multiverse.theory import (
    ancestors,
    depths,
    latency,
    predecessors,
    rounds,
    satisfiability_cost,
)
from paralg.decoding.multiverse.variants import RULES, Glued, numbered, untagged
from paralg.decoding.randomness import exact_distribution
from paralg.decoding.tables import HashConditional
from paralg.models.protocol import UnsupportedCall

few = settings(max_examples=40, deadline=None)
BLOCK = "<Parallel> <Goal> {} </Goal> {} <Conclusion> {} </Conclusion> </Parallel>"
PATHS = "<Path> x </Path> <Path> y y y </Path> <Path> z z </Path>"
W1 = f"a {BLOCK.format('g', PATHS, 'c')} e"
W2 = ("a " + BLOCK.format("g", "<Path> b " + BLOCK.format(
    "", "<Path> x </Path> <Path> y y </Path>", "") + " </Path> <Path> d </Path>", "c")
    + " " + BLOCK.format("", "<Path> u u </Path> <Path> v </Path>", "") + " e")  # fmt: skip


# ---- grammar, mask, position ids


def tree_of(rng, depth):
    """Draw a body: a list of words and blocks, a block being (goal, paths, conclusion)."""
    body = []
    for _ in range(rng.integers(0, 4)):
        if depth and rng.random() < 0.5:
            paths = [tree_of(rng, depth - 1) for _ in range(rng.integers(1, 4))]
            body.append((["g"] * rng.integers(0, 3), paths, ["c"] * rng.integers(0, 3)))
        else:
            body.append("w")
    return body


def read(body, position, seen, out):
    """Write a body as (symbol, position id, seen symbols); return where it ends."""
    for one in body:
        if isinstance(one, str):
            seen = [*seen, len(out)]
            out.append((one, position, seen))
            position += 1
            continue
        goal, paths, conclusion = one
        position, seen = read(["<Parallel>", "<Goal>", *goal, "</Goal>"], position, seen, out)
        ends = [read(["<Path>", *path, "</Path>"], position, seen, out) for path in paths]
        position = max(end for end, _ in ends)
        seen = sorted({i for _, part in ends for i in part})
        tail = ["<Conclusion>", *conclusion, "</Conclusion>", "</Parallel>"]
        position, seen = read(tail, position, seen, out)
    return position, seen


def size(body):
    """Work and span by the algebra of sequence and block."""
    work = span = 0
    for one in body:
        if isinstance(one, str):
            work, span = work + 1, span + 1
        else:
            goal, paths, conclusion = one
            inner = [size(path) for path in paths]
            work += 6 + len(goal) + len(conclusion) + sum(w + 2 for w, _ in inner)
            span += 6 + len(goal) + len(conclusion) + max(s + 2 for _, s in inner)
    return work, span


@given(st.integers(0, 2**32 - 1).map(np.random.default_rng))
@few
def test_a_text_is_numbered_and_masked_as_its_tree_says(rng):
    body, out = tree_of(rng, 3), []
    end, _ = read(body, 0, [], out)
    found = parse([symbol for symbol, _, _ in out])
    mask = np.zeros((len(out), len(out)), dtype=bool)
    for i, (_, _, seen) in enumerate(out):
        mask[i, seen] = True
    assert found.positions.tolist() == [position for _, position, _ in out]
    assert (found.mask == mask).all()
    assert (ancestors(found) == mask).all()
    assert (depths(found) == found.positions).all()
    assert cost_of(found) == size(body)
    assert cost_of(found).span == end
    for p in (1, 2, 5):
        assert cost_of(found).bounds(p).holds(rounds(found, p))
    assert rounds(found, 1) == len(out)
    assert rounds(found, 999) == end


@pytest.mark.parametrize(("text", "positions", "pairs", "ticks"), [
    (W1, [0, 1, 2, 3, 4, 5, 6, 7, 5, 6, 7, 8, 9, 5, 6, 7, 8, 10, 11, 12, 13, 14], 206,
     (22, 16, 15)),
    (W2, None, 831, (42, 33, 33)), ("", [], 0, (0, 0, 0)), ("a", [0], 1, (1, 1, 1)),
    (BLOCK.format("", "<Path> </Path>", ""), list(range(8)), 36, (8, 8, 8)),
])  # fmt: skip
def test_worked_texts(text, positions, pairs, ticks):
    found = parse(text)
    assert positions is None or found.positions.tolist() == positions
    assert found.mask.sum() == pairs
    assert tuple(rounds(found, p) for p in (1, 2, 99)) == ticks


def test_a_block_of_one_path_is_causal():
    found = parse("a " + BLOCK.format("g", "<Path> x y </Path>", "c"))
    assert (found.mask == np.tri(len(found.symbols))).all()
    assert (found.positions == np.arange(len(found.symbols))).all()


@pytest.mark.parametrize(("text", "message"), [
    ("</Path>", "expected text at symbol 0, got </Path>"),
    ("a <Parallel> <Goal> g", "expected text at symbol 4, got the end"),
    (BLOCK.format("", "", ""), "expected <Path> at symbol 3, got <Conclusion>"),
    (W1.replace("</Path> <Path> z", "</Path> n <Path> z"), "expected <Conclusion> at symbol 13"),
    (BLOCK.format("<Outline> 1 </Outline>", "<Path> 2 </Path>", ""), "expected 1 at symbol 7"),
    (BLOCK.format("<Outline> 1 </Outline> <Outline> 2 </Outline>", "<Path> 1 </Path>", ""),
     "expected <Path> at symbol 12, got <Conclusion>"),
    (BLOCK.format("<Parallel>", "<Path> </Path>", ""), "expected text at symbol 2"),
    (BLOCK.format("", "<Path> </Path>", "<Goal>"), "expected text at symbol 6"),
])  # fmt: skip
def test_what_is_no_text_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_a_vocabulary_has_the_tags_first():
    words = Vocabulary("ab.")
    assert words.V == 15
    assert words.decode(words.encode(W1.replace("g", "a").split()[:4])) == ("a <Parallel> <Goal> a")
    with pytest.raises(ValueError, match="got 'z'"):
        words.encode("z")
    with pytest.raises(ValueError, match="distinct"):
        Vocabulary("aa.")


def test_other_rules_move_the_conclusion_only():
    at = {rule: int(numbered(W1, rule).positions[17]) for rule in RULES}
    assert at == {"longest": 10, "sum": 17, "shortest": 8, "in line": 17}
    assert all((numbered(W1, rule).mask == parse(W1).mask).all() for rule in RULES)


# ---- counts


@pytest.mark.parametrize(("P", "length", "plain", "tokens", "positions", "count"), [
    (3, 4, 20, 40, 26, 23), (5, 8, 52, 82, 38, 35), (6, 9, 68, 103, 43, 40),
    (4, 20, 90, 115, 46, 43), (1, 1, 5, 15, 15, 12)])  # fmt: skip
def test_counts_of_the_reversal(P, length, plain, tokens, positions, count):
    task, problem = Reversal(P, length), tasks.reversal(["abcdefghijklmnopqrst"[:length]] * P)
    assert (task.plain, task.tokens) == (plain, tokens)
    assert (task.positions, task.calls) == (positions, count)
    assert len(problem.answer(tasks.PLAIN).split()) == plain
    assert cost_of(problem.answer(tasks.TAGGED)) == (tokens, positions)
    assert (task.speedup > 1) == ((P - 1) * length > 2 * P + 5)
    given = len(problem.prompt(tasks.TAGGED).split())
    assert calls(parse(problem.text(tasks.TAGGED)), given) == count == 4 * P + length + 7


@pytest.mark.parametrize("n", range(7))
def test_satisfiability_has_linear_span(n):
    text = satisfiability.solution_text([[1, -2], [2]] if n > 1 else [], n)
    assert cost_of(text) == satisfiability_cost(n) == (21 * 2**n - 20, 17 * n + 1)


@pytest.mark.parametrize("prune", [False, True])
def test_satisfiability_is_decided(prune):
    rng = np.random.default_rng(0)
    for _ in range(40):
        n = int(rng.integers(1, 5))
        clauses = [(rng.choice(np.arange(1, n + 1), 2) * rng.choice([-1, 1], 2)).tolist()
                   for _ in range(rng.integers(0, 9))]  # fmt: skip
        models = itertools.product([False, True], repeat=n)
        right = any(all(any(m[abs(v) - 1] == (v > 0) for v in c) for c in clauses) for m in models)
        text = satisfiability.solution_text(clauses, n, prune)
        end = text.split()[-3] if "<Parallel>" in text else text
        assert end == ("sat" if right else "unsat")
        assert cost_of(text).span <= satisfiability_cost(n).span


def test_predecessors_and_latency():
    before = predecessors(parse(W1))
    assert before[0] == ()
    assert before[8] == (4,)
    assert before[17] == (7, 12, 16)
    np.testing.assert_allclose(latency([1.0, 2.0], call=3.0, row=1.0), [4.0, 2.5])


# ---- the engine


def written(text, prompt=0, **options):
    """Let the engine write a text, and check that it did."""
    symbols = text.split()
    words = Vocabulary(sorted({s for s in symbols if s[0] != "<"} | {"."}))
    found = multiverse(Scripted(text, words), words.encode(symbols[:prompt]), words,
                       **{"reserve": 0, **options})  # fmt: skip
    assert words.decode(found.tokens) == " ".join(text.split())
    return found


def outlined(*bodies, conclusion=""):
    goal = " ".join(f"<Outline> {i} </Outline>" for i, _ in enumerate(bodies, 1))
    paths = " ".join(f"<Path> {i} {body} </Path>" for i, body in enumerate(bodies, 1))
    return BLOCK.format(goal, paths, conclusion)


NESTED = " ".join(" ".join([
    "a", outlined(f"b {outlined('x', 'y y')}", "d", conclusion="c"), outlined("u u", "v"), "."
]).split())  # fmt: skip


@pytest.mark.parametrize("slots", [1, 2, 3, None])
@pytest.mark.parametrize(
    "text", ["a .", f"{outlined('x')} .", NESTED, f"{outlined('', 'x', '')} ."])  # fmt: skip
def test_the_engine_writes_what_the_model_says_in_the_calls_of_the_theory(text, slots):
    found, layout = written(text, slots=slots), parse(text)
    assert (found.mask == layout.mask).all()
    assert (found.position_ids == layout.positions).all()
    assert found.cost.calls == calls(layout, 0, slots) == found.trace.rounds
    assert found.cost.tokens == len(layout.symbols)  # the begin symbol, and all but the end
    assert sorted(e.position for e in found.trace.commits) == list(range(len(layout.symbols)))
    assert found.trace.cost == found.cost
    assert (found.trace.tokens == found.tokens).all()


@pytest.mark.parametrize("P", [2, 3, 5, 6])
@pytest.mark.parametrize("length", [3, 9])
def test_calls_of_the_reversal_are_exact(P, length):
    text = tasks.reversal(["abcdefghi"[:length]] * P).text(tasks.TAGGED)
    assert written(text, prompt=P * (length + 1) + 1).cost.calls == 4 * P + length + 7


class LastComeFirst(Multiverse):
    def batch(self):
        size = len(self.queue) if self.slots is None else min(self.slots, len(self.queue))
        return [self.queue.pop() for _ in range(size)]


@pytest.mark.parametrize("slots", [1, 2, None])
def test_another_schedule_writes_the_same_text(slots):
    words = Vocabulary("abcduvxy12.")
    run = LastComeFirst(Scripted(NESTED, words), [], words, slots=slots, reserve=0).write_all()
    layout = parse(NESTED)
    assert words.decode(run.tokens) == NESTED
    assert (run.mask == layout.mask).all()
    assert calls(layout, 0) <= run.cost.calls <= calls(layout, 0, 1)


class Allowed:
    """Distributions over few tokens, by a formula of what a slot sees, to be enumerated."""

    lag, L = 1, 40
    words = Vocabulary("abcd12.")
    NEXT = {"</Outline>": ["</Goal>"], "1": ["a", "b"], "2": ["a", "b"], "a": ["b", "</Path>"],
            "b": ["</Path>"], "<Conclusion>": ["c", "d"], "c": ["</Conclusion>"],
            "d": ["</Conclusion>"], "</Conclusion>": ["</Parallel>"]}  # fmt: skip
    V = words.V

    def p(self, seen, last):
        """Probabilities after a slot that sees pairs (token, place)."""
        key = sum(math.sin(3.1 * (t + 1) * (at + 1)) for t, at in sorted(seen))
        allowed = [self.words.id[s] for s in self.NEXT.get(last, ["."])]
        weights = np.exp([2 * math.sin(key + 1.7 * v) for v in allowed])
        return dict(zip(allowed, (weights / weights.sum()).tolist(), strict=True))

    def extend(self, tokens, position_ids, mask, past=None):
        new = list(zip(tokens[0].tolist(), position_ids, strict=True))
        slots = Slots([*(past.pairs if past else []), *new])
        logits = np.full((1, len(new), self.V), -np.inf)
        for i, row in enumerate(mask):
            seen = [slots.pairs[j] for j in np.flatnonzero(row)]
            last = "begin" if new[i][0] == self.V else self.words.symbols[new[i][0]]
            for v, p in self.p(seen, last).items():
                logits[0, i, v] = math.log(p)
        return logits, Slots(new)


class Slots:
    def __init__(self, pairs):
        self.pairs = pairs

    def join(self, other):
        return Slots([*self.pairs, *other.pairs])


def product_formula(model, prompt):
    """P(goal) · Π P(path | prefix, goal) · P(conclusion | everything), text by text."""
    found, words = {}, model.words
    head = [words.V, *words.encode(prompt), words.id["</Goal>"]]
    seen = [(t, i) for i, t in enumerate(head)]
    for bodies in itertools.product(["a", "b", "a b"], repeat=2):
        p, union, ends = 1.0, list(seen), []
        for name, body in zip("12", bodies, strict=True):
            path, at = list(seen), len(head)
            for symbol in ["<Path>", name, *body.split(), "</Path>"]:
                if symbol not in ("<Path>", name):
                    p *= model.p(path, words.symbols[path[-1][0]])[words.id[symbol]]
                path.append((words.id[symbol], at))
                at += 1
            union += path[len(head) :]
            ends.append(at)
        for end in "cd":
            after = [*union, (words.id["<Conclusion>"], max(ends))]
            text = (f"{prompt} </Goal> <Path> 1 {bodies[0]} </Path> <Path> 2 {bodies[1]} </Path> "
                    f"<Conclusion> {end} </Conclusion> </Parallel> .")  # fmt: skip
            found[text] = p * model.p(after, "<Conclusion>")[words.id[end]]
    return found


@pytest.mark.parametrize("slots", [1, 2])
def test_the_distribution_is_the_product_of_the_paper(slots):
    model = Allowed()
    prompt = "<Parallel> <Goal> <Outline> 1 </Outline> <Outline> 2 </Outline>"

    def once(rng):
        run = multiverse(model, model.words.encode(prompt), model.words, slots=slots, rng=rng,
                         reserve=0)  # fmt: skip
        return model.words.decode(run.tokens), run.cost.calls

    found, right = exact_distribution(once), product_formula(model, prompt)
    assert set(found.probability) == set(right)
    assert len(right) == 18
    off = sum(abs(found.probability[text] - p) for text, p in right.items()) / 2
    assert off <= 1e-12


def test_glued_requests_compute_the_paths_twice():
    text = tasks.reversal(["abcde", "fgh", "ijkl"]).text(tasks.TAGGED)
    words, prompt = tasks.VOCABULARY, 16
    ours = written(text, prompt)
    causal = Scripted(text, words, 200, causal=True)
    given = words.encode(text.split()[:prompt])
    again = Glued(causal, given, words, reserve=0).write_all()
    paths = sum(len(path) for block in parse(text).blocks for path in block.paths)
    assert words.decode(again.tokens) == text
    assert again.cost.tokens - ours.cost.tokens == paths - 3  # the last tags were not run before
    assert (again.mask == np.tri(len(again.tokens))).all()


# ---- guards


def test_guards_let_a_branch_go_on_by_itself():
    text, words = f"{outlined('x', 'x')} .", Vocabulary("x12.")
    goal = text.split().index("</Goal>") + 1

    for options in ({"reserve": 60 - goal + 1}, {"reserve": 0, "stacked": 0, "budget": 60}):
        run = multiverse(Scripted(text, words, 60, causal=True), [], words, **options)
        forked = options["reserve"] == 0
        assert (run.position_ids.max() + 1 < len(run.tokens)) == forked
        assert words.decode(run.tokens) == " ".join(text.split())


def test_forks_are_stacked_six_deep_at_most():
    deep = "x"
    for _ in range(7):
        deep = outlined(deep)
    words = Vocabulary("x1.")
    run = multiverse(Scripted(f"{deep} .", words), [], words, reserve=0)
    assert len({event.row for event in run.trace.commits}) == 7  # the root and six levels


@pytest.mark.parametrize("budget", range(14, 24))
def test_an_exhausted_budget_still_joins(budget):
    text = f"{outlined('x x x x x x', 'x')} ."
    words = Vocabulary("x12.")

    class SaysX(Scripted):
        def extend(self, tokens, position_ids, mask, past=None):
            logits = np.zeros((1, tokens.shape[1], self.V))
            logits[0, :, words.id["x"]] = 1
            return logits, ScriptSlots(np.zeros(tokens.shape[1], dtype=np.uint64))

    model = SaysX(text, words, 30)
    prompt = words.encode(text.split()[: text.split().index("</Outline>") + 1])
    run = multiverse(model, prompt, words, budget=budget, reserve=0)
    assert run.tokens[-1] != words.end
    assert run.position_ids.max() == budget - 1


def test_more_than_twenty_paths_warn():
    words = Vocabulary([*map(str, range(1, 22)), "."])
    text = f"{outlined(*[''] * 21)} ."
    with pytest.warns(UserWarning, match="21 paths"):
        multiverse(Scripted(text, words), [], words, reserve=0)


def test_operands_that_do_not_fit_are_refused():
    words = Vocabulary("a.")
    model = Scripted("a .", words, 8)
    with pytest.raises(UnsupportedCall, match="extend"):
        untagged(HashConditional(4, 6), np.full(6, 4))
    with pytest.raises(ValueError, match="model of 15 tokens"):
        multiverse(model, [], Vocabulary("ab."))
    with pytest.raises(ValueError, match="budget must lie in 2..8, got 9"):
        multiverse(model, [12], words, budget=9)
    with pytest.raises(ValueError, match="below 14, got 14"):
        multiverse(model, [14], words)
    with pytest.raises(ValueError, match="sees what the text says"):
        model.extend(np.array([[13]]), np.array([0]), np.ones((1, 1), bool))
