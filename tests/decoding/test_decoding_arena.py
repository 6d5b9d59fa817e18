"""The arena: which decoders run, what is counted, and that promises are kept."""

import numpy as np
import pytest

from paralg.decoding.arena import Entrant, compete, decode_all, entrants, standings
from paralg.decoding.baselines import static
from paralg.decoding.compared import (
    A100,
    Trade,
    exactness,
    explorer,
    price_here,
    price_on,
    trades,
)
from paralg.decoding.tables import HashConditional
from paralg.decoding.tiers import TIERS, tier
from paralg.models.counting import CountingModel
from paralg.models.protocol import UnsupportedCall
from paralg.teach.chapters import find_all
from tests.figures.web import explorer_page, set_to, shown

SIZES = {"tables": 4, "sudoku": 4, "grids": 2, "addition": 2, "text": 1}
each_tier = pytest.mark.parametrize("name", TIERS)
NAMES = [one.name for one in entrants()]
FOR_NETWORKS = {one.name for one in entrants() if decode_all(one, tier("tables", 1)) is None}


def test_every_package_is_found():
    assert len(NAMES) == len(set(NAMES))
    assert {"static", "ancestral", "FreeDave, d = 4"} <= set(NAMES)
    assert {one.against for one in entrants()} <= set(NAMES)


@each_tier
def test_every_decoder_is_in_the_tables_and_keeps_its_promise(name):
    if name in ("grids", "addition", "text"):
        pytest.importorskip("torch")
    scores = {s["entrant"]: s for s in compete(tier(name, SIZES[name]))["scores"]}
    assert list(scores) == [one for one in NAMES if one in scores]
    if name in ("tables", "sudoku"):
        assert list(scores) == [one for one in NAMES if one not in FOR_NETWORKS]
        assert scores["static"]["quality"] == 1
    for one in entrants():
        score = scores.get(one.name)
        if score and one.promise == "same trace":
            assert score["same_trace"] == 1
            assert score["forwards"] <= scores[one.against]["forwards"]


def test_those_that_promise_the_distribution_have_it():
    for one in entrants():
        found = exactness(one)
        assert (found is None) == (one.name in FOR_NETWORKS)
        if found is None:
            continue
        runs, answers, distance, drawn = found
        assert distance < 0.1 if drawn else runs <= 600
        if "ancestral" in (one.name, one.against):
            assert answers > 1
            assert distance <= 1e-12
        elif one.promise in ("sequential", "same trace"):
            assert (runs, answers) == (1, 1)


@pytest.mark.parametrize(
    ("forwards", "positions", "even"),
    [
        ((8, 4), (8, 8), 1),  # as much work in half the forwards
        ((8, 4), (8, 20), 4 / 16),  # 8 = 4 + ρ 16
        ((8, 8), (8, 9), 0),
        ((64, 17), (65, 252), 47 / 234),
    ],
)
def test_a_trade_breaks_even_where_it_says(forwards, positions, even):
    one = Trade("clover", "text", "none", "no one", forwards, positions)
    assert one.speedup(0) == forwards[0] / forwards[1]
    assert one.speedup(1) == positions[0] / positions[1]
    assert one.even == pytest.approx(even)
    if 0 < even < 1:
        assert one.speedup(even) == pytest.approx(1)


def test_prices_of_a_position():
    assert price_on(A100) == pytest.approx(1 / 154, rel=0.01)
    assert price_on(150, 50) == 0.25
    with pytest.raises(ValueError, match="ridge must be"):
        price_on(0)
    with pytest.raises(ValueError, match="price must"):
        Trade("clover", "text", "none", "no one", (2, 1), (2, 2)).speedup(-1)


def test_every_chapter_of_the_part_has_a_trade():
    pytest.importorskip("torch")
    found = trades([compete(tier(name, SIZES[name])) for name in ("addition", "grids", "text")])
    of_the_part = {one.name for one in find_all().values() if one.part == "decoding"}
    assert {one.chapter for one in found} == of_the_part - {"compared"}
    for one in found:
        assert one.forwards[0] > one.forwards[1] >= 1
        assert one.speedup(0) > 1
    with pytest.raises(ValueError, match="without"):
        trades([])
    assert price_here(2, seconds=0.05) >= 0


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("player")
    return explorer_page(chromium, folder, explorer(("tables", "sudoku")))


def test_the_player_shows_what_the_decoders_did(page):
    few = {name: tier(name, 1) for name in ("tables", "sudoku")}
    for label, one in zip(("a table of twelve tokens", "Sudoku, the exact model"),
                          few.values(), strict=True):  # fmt: skip
        page.get_by_label(label, exact=True).check()
        page.get_by_label("Left: next").click()  # another method each time
        names = page.locator("g[data-method]").evaluate_all(
            "nodes => nodes.map((n) => n.dataset.method)")  # fmt: skip
        runs = [decode_all(entrant, one)[0] for name in names
                for entrant in entrants() if entrant.name == name]  # fmt: skip
        got = shown(page)
        assert got["Forwards"] == " | ".join(f"{n} of {n}" for n in (r.forwards for r in runs))
        assert got["Rows"] == " | ".join(f"{n} of {n}" for n in (r.cost.rows for r in runs))
        moment = min(run.forwards for run in runs) // 2
        set_to(page, "Moment", moment)
        written = [int(run.trace.committed[:moment].sum()) for run in runs]
        total = [int(run.trace.committed.sum()) for run in runs]
        pairs = zip(written, total, strict=True)
        assert shown(page)["Committed"] == " | ".join(f"{n} of {all_}" for n, all_ in pairs)
        new = page.locator("g[data-method] g[data-code='3']").count()
        assert new == sum(written)
    assert page.errors == []


@each_tier
def test_counts_are_those_of_the_decoders(name):
    if name in ("grids", "addition", "text"):
        pytest.importorskip("torch")
    few = tier(name, SIZES[name])
    field = [one for one in entrants() if one.name in ("static", "FreeDave, d = 4")]
    found = compete(few, field)
    slow = [static(model, x) for model, x in few.problems]
    score, fast = found["scores"]
    assert score["forwards"] == np.mean([run.forwards for run in slow])
    assert score["positions"] == np.mean([run.cost.tokens for run in slow])
    quality = few.quality(np.stack([run.tokens for run in slow]))
    assert score["quality"] == fast["quality"] == quality
    assert fast["same_trace"] == 1
    text = repr(standings(found))
    assert len(text.splitlines()) == 3
    assert few.measure in text
    assert "—" in text


def test_sampling_depends_on_the_seed_and_on_nothing_else():
    sudoku, sampler = tier("sudoku", 4), entrants()[1]
    tokens = [[run.tokens.tolist() for run in decode_all(sampler, sudoku, seed)]
              for seed in (0, 0, 1)]  # fmt: skip
    assert tokens[0] == tokens[1] != tokens[2]


def test_a_decoder_whose_calls_a_model_lacks_is_left_out():
    asks = Entrant("asks", lambda model, x, rng: CountingModel(model).attend(x[None], [0], [[1]]))
    broken = Entrant("broken", lambda model, x, rng: None + 1)
    tables = tier("tables", 1)
    assert decode_all(asks, tables) is None
    assert [s["entrant"] for s in compete(tables, [entrants()[0], asks])["scores"]] == ["static"]
    with pytest.raises(TypeError):
        decode_all(broken, tables)
    with pytest.raises(UnsupportedCall, match="extend needs a network, got HashConditional"):
        CountingModel(HashConditional(4, 6)).extend(np.zeros((1, 1), int), [0], [[True]])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: tier("chess"), "name must be one of .* got 'chess'"),
    (lambda: tier("sudoku", 0), "problems must be at least 1, got 0"),
    (lambda: Entrant("x", static, promise="best"), "promise must be one of .* got 'best'")],
)  # fmt: skip
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
