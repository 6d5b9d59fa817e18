"""The arena: who plays, what is counted, and that promises are kept."""

import numpy as np
import pytest

from paralg.decoding.ancestral import ancestral
from paralg.decoding.arena import Entrant, compete, entrants, play
from paralg.decoding.static import static
from paralg.decoding.tables import HashConditional
from paralg.decoding.tiers import TIERS, tier
from paralg.models.counting import CountingModel
from paralg.models.protocol import UnsupportedCall

GAMES = {"tables": 12, "sudoku": 12, "addition": 6, "text": 1}


@pytest.fixture(scope="module", params=TIERS)
def results(request):
    if request.param in ("addition", "text"):
        pytest.importorskip("torch")
    return compete(tier(request.param, GAMES[request.param]))


def test_every_package_is_found():
    names = [one.name for one in entrants()]
    assert len(names) == len(set(names))
    assert {"static", "ancestral", "FreeDave, d = 4"} <= set(names)
    assert {one.against for one in entrants()} <= set(names)


def test_promises_are_kept(results):
    """The same trace in every game, and no more forwards than the baseline."""
    forwards = {score.entrant.name: score.forwards for score in results.scores}
    for score in results.scores:
        if score.entrant.promise == "same trace":
            assert score.same_trace == 1
            assert score.forwards <= forwards[score.entrant.against]


def test_counts_are_those_of_the_decoders(results):
    games = results.tier.games
    slow = [static(model, x) for model, x in games]
    score = next(score for score in results.scores if score.entrant.name == "static")
    assert score.forwards == np.mean([run.forwards for run in slow])
    assert score.positions == np.mean([run.cost.tokens for run in slow])
    assert [a.trace == b.trace for a, b in zip(results.played["static"], slow, strict=True)]


def test_a_sequential_decoder_of_an_exact_model_is_right():
    for name in ("tables", "sudoku"):
        first = compete(tier(name, 8)).scores[0]
        assert (first.entrant.name, first.quality) == ("static", 1.0)


def test_sampling_depends_on_the_seed_and_on_nothing_else():
    sudoku, sampler = tier("sudoku", 4), entrants()[1]
    tokens = [[run.tokens.tolist() for run in play(sampler, sudoku, seed)] for seed in (0, 0, 1)]
    assert tokens[0] == tokens[1] != tokens[2]


def test_who_asks_for_calls_that_a_model_lacks_does_not_play():
    asks = Entrant(
        "asks", lambda model, x, rng: CountingModel(model).attend(x[None], [0], [[True]])
    )
    broken = Entrant("broken", lambda model, x, rng: None + 1)
    tables = tier("tables", 1)
    assert play(asks, tables) is None
    assert [s.entrant.name for s in compete(tables, [entrants()[0], asks]).scores] == ["static"]
    with pytest.raises(TypeError):
        play(broken, tables)
    with pytest.raises(UnsupportedCall, match="extend needs a network, got HashConditional"):
        CountingModel(HashConditional(4, 6)).extend(np.zeros((1, 1), int), [0], [[True]])


def test_the_table(results):
    text, page = repr(results), results._repr_html_()
    assert len(text.splitlines()) == 1 + len(results.scores)
    assert page.count('<th scope="row">') == len(results.scores)
    assert results.tier.measure in text
    assert "—" in text


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match="expected a tier of .* got 'chess'"):
        tier("chess")
    with pytest.raises(ValueError, match="at least one game, got 0"):
        tier("sudoku", 0)
    with pytest.raises(ValueError, match="promise to be one of .* got 'best'"):
        Entrant("x", ancestral, promise="best")
