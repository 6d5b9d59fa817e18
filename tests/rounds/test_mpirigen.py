"""Round trips, the metric and its published form, texts, baselines, programs that run, pages."""

import doctest
import importlib
import itertools
import json
import math
import pkgutil
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paralg.rounds.mpirigen as mr
from benchmarks import bench_mpirigen as bench
from paralg.rounds.mpirigen import Call, insert, parse_labels, score, strip, write_labels
from paralg.rounds.mpirigen.experiments import baselines, execute, moves, programs, runs, tokens
from paralg.rounds.mpirigen.experiments.records import records
from paralg.rounds.mpirigen.texts import END, FORMS
from tests.figures.web import explorer_page, set_to, shown

SOME = programs.sample(32, seed=11)
LINES = [
    "MPI_Init(&argc, &argv);", "t = MPI_Wtime();", "double t = MPI_Wtime();", "x = a;", "",
    "t = MPI_Wtime() - t;", "if (MPI_Init(0, 0) != 0)", "return MPI_Finalize();", "}",
    'printf("MPI_Send(a);");', "MPI_Send(f(a, b[1, 2]), \"a,)\", ',');", "MPI_A(1) + MPI_B(2);",
    "  MPI_Bcast(&x, 1, MPI_INT, 0, MPI_COMM_WORLD);",
]  # fmt: skip


class Dictated:
    """A reader that writes a given text, and finds a wrong order."""

    def __init__(self, text):
        self.text, self.done = text, 0

    def __call__(self, symbols):
        assert [*symbols] == self.text[self.done : self.done + len(symbols)]
        self.done += len(symbols)
        return self.text[self.done]


def bare(calls):
    return [call[:4] for call in calls]


def test_examples_run_and_names_are_documented():
    for info in pkgutil.walk_packages(mr.__path__, f"{mr.__name__}."):
        module = importlib.import_module(info.name)
        assert doctest.testmod(module).failed == 0
        assert module.__doc__


# ---- stripping and insertion


@given(st.lists(st.sampled_from(LINES), max_size=12))
@settings(max_examples=80, deadline=None)
def test_every_text_of_lines_comes_back(some):
    text = "\n".join(some) + "\n"
    lines, calls = strip(text)
    assert insert(lines, calls) == text
    assert insert(lines, calls[::-1]) == text
    assert bare(parse_labels("parallel " + write_labels(calls))) == bare(calls) or any(
        ";" in arg or ")" in arg for call in calls for arg in call.args)  # fmt: skip
    assert len({(c.L, c.S) for c in calls}) == len(calls)
    assert sum("MPI_Send(f" in line for line in lines) == 0


def test_programs_come_back_through_the_printer():
    for _, program in SOME:
        lines, calls = strip(program)
        assert insert(lines, calls) == program == mr.canonical(program)
        assert parse_labels(write_labels(calls)) == calls
        without = [call._replace(indent=0) for call in calls]
        assert mr.canonical(insert(lines, without)) == program


@pytest.mark.parametrize("source, labels", [
    ("if (r == 0) MPI_A(1); else MPI_B(2);", [(3, 1), (4, 1)]),
    ("MPI_A(1); MPI_B(2); t = MPI_Wtime();", [(2, 1), (2, 2), (2, 0)]),
    ("for (;;) { MPI_A(1,\n 2); }", [(4, 1)]),
    ("x = 1; // MPI_A(1);\n", []), ('printf("MPI_A(1);");', []), ("t = MPI_Wtime() - t;", []),
    ("double t = MPI_Wtime();", [(2, 0)]), ("while (a) MPI_A();", [(3, 1)]),
])  # fmt: skip
def test_worked_cases_of_labels(source, labels):
    program = mr.canonical(f"int main() {{ {source} }}")
    lines, calls = strip(program)
    assert [(c.L, c.S) for c in calls] == labels
    assert insert(lines, calls) == program


def test_texts_that_are_no_programs_are_refused():
    with pytest.raises(ValueError, match="got a text that does not parse"):
        mr.canonical("int main() { t = ; }")
    assert mr.canonical("#include <mpi.h>\nMPI_Status s; /* a */ int x;") == (
        "MPI_Status s;\nint x;\n")  # fmt: skip
    assert insert([], []) == "\n"
    assert mr.number_lines(["a", ""]) == "1: a\n2: "


# ---- texts


@pytest.mark.parametrize("form", FORMS)
def test_a_model_that_knows_the_text_writes_the_calls(form):
    for _, program in SOME:
        lines, calls = strip(program)
        reader = Dictated(mr.serialise(lines, calls, form))
        in_place = form == "in place"
        done = mr.complete_in_place(reader, lines) if in_place else mr.complete(reader, lines, form)
        assert bare(done.calls) == bare(calls)
        short = "in place" if in_place else "append"
        assert done.model_calls == mr.writing_calls(len(lines), done.written, short)


def test_answers_that_are_not_well_formed_are_passed_over():
    text = "L1 S1 MPI_A ( 1 ; L2 S1 MPI_B ( ) ; S1 MPI_C ( ) ; L3 MPI_D ( ) ; L4 S1 x ; <end> L5"
    assert bare(mr.read_calls(text.split())) == [(2, 1, "MPI_B", ())]
    assert mr.read_calls([]) == []
    endless = mr.complete(lambda symbols: "x", ["a();"], longest=7)
    assert (endless.calls, endless.written) == ([], 7)
    assert mr.complete_in_place(lambda symbols: "MPI_A", ["a();"]).calls == []


def test_anonymous_words_come_back_and_symbols_are_known():
    for _, program in SOME:
        lines, calls = strip(program)
        hidden = tokens.Anonymous(lines)
        assert hidden.show(hidden.hide(calls)) == calls
        assert len(set(hidden.names.values())) == len(hidden.names)
        assert not {"rank", "size", "id"} & {*mr.lexemes(" ".join(hidden.lines))}
        for form in FORMS:
            text = mr.serialise(lines, calls, form)
            assert [tokens.all_symbols()[k] for k in tokens.encode(text)] == text
    assert tokens.all_symbols()[tokens.encode(["never seen"])[0]] == tokens.UNKNOWN


# ---- the metric


@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_facts_about_the_scores(seed, v):
    rng = np.random.default_rng(seed)

    def some():
        return [
            Call(
                int(rng.integers(6)),
                int(rng.integers(3)),
                f"MPI_{rng.integers(2)}",
                tuple(map(str, rng.integers(2, size=2))),
            )
            for _ in range(rng.integers(1, 6))
        ]

    true, guess = some(), some()
    one, wider, own = score(true, guess, v), score(true, guess, v + 1), score(true, true, v)
    assert one["location"] <= wider["location"]
    assert [own[key] for key in ("location", "function", "arguments", "precision", "f1")] == [1] * 5
    places = {(c.L, c.S): c for c in guess}.values()
    assert score(true, sorted(places), v) == pytest.approx(one, nan_ok=True)
    everywhere = [Call(L, S, "MPI_x", ()) for L, S in itertools.product(range(7), range(4))]
    assert score(true, everywhere, v)["location"] == 1


def test_worked_cases_of_the_metric():
    true = parse_labels("(5 1, MPI_Send(a, 1);) (9 1, MPI_Barrier(c);)")
    empty = score(true, [])
    assert empty["location"] == 0
    assert all(math.isnan(empty[key]) for key in ("function", "arguments", "precision"))
    assert math.isnan(score([], true)["location"])
    assert score(true, true, core=True)["precision"] == 1
    assert score(true, parse_labels("(5 1, MPI_Send(a, 2);)"), core=True)["location"] == 1
    near = parse_labels("(6 1, MPI_Send(b, 1);) (12 10, MPI_A();)")
    assert score(true, near, 1)["arguments"] == 0.5
    assert score(parse_labels("(12 1, MPI_A();)"), near)["location"] == 0  # 12.10 is its own place
    assert mr.averages([{"a": 1.0}, {"a": math.nan}]) == {"a": 1.0}


def test_the_published_evaluator_has_its_quirks():
    assert mr.published_tolerance(6.1, 1) == {5.1, 6.1, 7.1, 6.0, 6.2}
    assert 17.1 in mr.published_tolerance(15.1, 1)
    assert 2.4 in mr.published_tolerance(2.2, 1)
    text = "(5 1, MPI_Send(a, 1);) (5 2, MPI_Send(b, 2);)"
    calls = mr.published_calls(text)
    assert mr.published_score(calls, calls, 1) == (1, 1, 0.5)
    assert list(mr.published_calls("<|endoftext|>_3 1, MPI_A(x, y);)").values()) == [
        ("MPI_A", ["x", " y"])]  # fmt: skip
    barrier = mr.published_calls("(5 1, MPI_Send(a);) (6 1, MPI_Barrier(c);)")
    assert mr.published_score(barrier, barrier, 0, core=True)[0] == 0.5
    assert mr.published_table([(text, text), ("(1 1, MPI_A();)", "")], 0)[1] == (0.5, 1, 1)
    found = records.read("official")
    assert found["same"] == found["rows"] == 252
    assert found["tables"]["v = 0"] == [0.445, 0.599, 0.948]


# ---- theory, baselines, networks


def test_counts_of_messages_and_of_foresight():
    for P in range(1, 40):
        assert mr.arrival(mr.tree_messages(P)) == (P - 1).bit_length()
        assert mr.arrival(mr.collect_messages(P), 2.0) == 2 * (P - 1)
        assert sorted(source for source, _ in mr.tree_messages(P)) == [*range(1, P)]
    before = mr.foresight([(a, call) for a, _, call in mr.toy()])
    whole = mr.foresight([(a + b, call) for a, b, call in mr.toy()])
    assert before == (pytest.approx(0), pytest.approx(1 / 6))
    assert whole == (pytest.approx(math.log2(6)), 1)


def test_baselines_repeat_what_they_have_seen():
    corpus = [program for _, program in SOME]
    for program in corpus[:6]:
        lines, calls = strip(program)
        assert baselines.Nearest(corpus)(lines) == calls
    lines, calls = strip(corpus[0])
    assert bare(baselines.Majority(corpus[:1], 9, 9)(lines)) == bare(calls)
    assert baselines.Majority([])(lines) == []
    assert baselines.Nearest(corpus[:1])(["?"]) != []


def test_the_shipped_network_writes_what_is_recorded():
    network, log = runs.load(), runs.RUNS.log("append")
    assert network.double().transformer.parameters_count == log["parameters"]
    for k in (0, 2):
        lines, _ = strip(runs.fresh()[k][1])
        calls = runs.write_all(network, "append", lines).calls
        assert calls == runs.write_all(network, "append", lines).calls
    given, answer = bench.case(bench.SIZES[0])
    assert bench.kept(network, given, 5) == bench.again(network, given, 5) == answer[:5]
    assert tokens.encode([END])[0] == answer[-1]


def test_weights_of_the_loss_are_on_what_is_written():
    lines, calls = strip(SOME[0][1])
    for form in FORMS:
        text = mr.serialise(lines, calls, form)
        weights = runs.weigh(tokens.encode(text), form)
        asked = [s for s, w in zip(text, weights, strict=True) if w == 1]
        assert len(text) == len(weights)
        assert asked.count("MPI_Init") == 1
        assert END in asked


def test_lines_are_numbered_from_elsewhere_in_every_second_text():
    lines, calls = strip(SOME[0][1])
    text, seen = tokens.encode(mr.serialise(lines, calls)), set()
    rng = np.random.default_rng(0)
    for _ in range(200):
        symbols = [tokens.all_symbols()[k] for k in runs.renumber(text, rng)]
        shift = int(symbols[0][1:]) - 1
        seen.add(shift)
        moved = [c._replace(L=c.L + shift, indent=0) for c in calls]
        assert mr.read_calls(symbols[symbols.index("parallel") + 1 :]) == moved
    assert (min(seen), max(seen)) == (0, tokens.LINES - 1 - len(lines))
    first = [runs.renumber(text, rng) == text for _ in range(200)]
    assert 80 < sum(first) < 120


# ---- compiled and run


@pytest.fixture(scope="module")
def launcher():
    try:
        return execute.toolchain()
    except execute.MPIMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.mpi
def test_every_verdict_on_real_ranks(launcher):
    program = moves.PROGRAMS["message"]
    lines, calls = strip(program)

    def verdict(k, **change):
        changed = [c._replace(**change) if i == k else c for i, c in enumerate(calls)]
        return execute.judge(program, changed, ranks=(2,), seconds=4).word

    assert execute.judge(program, calls).word == "right"
    assert verdict(2, args=("&rank", *calls[2].args[1:])) == "other output"
    assert verdict(2, args=calls[2].args[:3]) == "does not compile"
    assert verdict(2, args=(*calls[2].args[:3], "9", *calls[2].args[4:])) == "stops with an error"
    assert execute.judge(mr.canonical("int main() { t = MPI_Wtime(); }"), []).word == (
        "does not compile")  # fmt: skip
    assert execute.run("int main() { while (1); }", (1,), 0.5).word == "does not end"


@pytest.mark.mpi
@pytest.mark.weekly
@pytest.mark.parametrize("family", programs.FAMILIES)
def test_every_family_compiles_without_a_warning_and_runs(launcher, family, tmp_path):
    program = programs.draw(family, 21)
    Path(tmp_path, "a.c").write_text(execute.HEADERS + program)
    said = subprocess.run([launcher[0], "-Wall", "-Wno-unused-but-set-variable", "-c", "a.c"],
                          cwd=tmp_path, capture_output=True, text=True)  # fmt: skip
    assert (said.returncode, said.stderr) == (0, "")
    found = execute.run(program, (1, 2, 3, 4))
    assert [len(lines) > 0 for lines in found] == [True] * 4 or family in ("ping_pong",)
    assert found == execute.run(program, (1, 2, 3, 4))


@pytest.mark.weekly
def test_fresh_programs_are_not_among_those_of_the_training():
    known = {program for _, program in runs.trained()}
    assert not known & {program for _, program in (*runs.fresh(), *runs.fresh(True))}
    assert {family for family, _ in runs.trained(True)} == {*runs.SEEN}


@pytest.mark.parametrize("missing, word", [("mpiexec", "no mpiexec"), ("gcc cc", "a C compiler")])
def test_a_missing_launcher_is_named(monkeypatch, missing, word):
    monkeypatch.setattr(shutil, "which", lambda name, path=None: name not in missing and name)
    with pytest.raises(execute.MPIMissing, match=f"expected .*{word}"):
        execute.toolchain()


# ---- pages


def test_the_explorer_says_what_the_library_says(chromium, tmp_path):
    pytest.importorskip("matplotlib")
    page, verdicts = explorer_page(chromium, tmp_path, mr.explorer()), records.read("moves")
    for name, program in moves.PROGRAMS.items():
        lines, calls = strip(program)
        page.get_by_label(name, exact=True).check()
        for v, L in ((0, 3), (1, calls[3].L + 1), (2, len(lines) + 1)):
            page.get_by_label(str(v), exact=True).check()
            set_to(page, "Its line", L)
            place = None if len(lines) < L else L
            own, got = score(calls, moves.moved(calls, 3, place), v), shown(page)
            for key, label in (("location", "Location"), ("precision", "Precision")):
                assert float(got[label]) == pytest.approx(own[key], abs=0.006)
            assert got["The run"] == verdicts[name][3][L]
    assert page.errors == []


def test_logs_agree_with_their_plans():
    for name, plan in runs.PLANS.items():
        log = runs.RUNS.log(name)
        assert log["steps"] == plan.steps
        assert (len(log["scores"]["verdicts"]) > 0) == (plan.steps == runs.LONG[0])
        assert set(log["scores"]["verdicts"]) <= {*execute.VERDICTS}
    assert json.loads(Path(bench.__file__).with_name("results").joinpath("mpirigen.json")
                      .read_text())["rows"]  # fmt: skip
