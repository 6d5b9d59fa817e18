"""Schedule, slots, decoder and theory of diagonal decoding, on tables and on random weights."""

import itertools

import numpy as np
import pytest

from paralg.decoding.arena import SEQUENTIAL, compete
from paralg.decoding.mineworld import Mesh, StreamShape, Wavefront, decode, lay_out, released
from paralg.decoding.mineworld.decoder import exponential_race, likeliest
from paralg.decoding.mineworld.entrants import ENTRANTS
from paralg.decoding.mineworld.layout import STAND_INS
from paralg.decoding.mineworld.theory import lost, simulate, visible_sets
from paralg.decoding.mineworld.variants import roll_out
from paralg.decoding.shaping import TopP
from paralg.decoding.tiers import tier
from paralg.models import Network, TransformerConfig

SMALL = StreamShape(3, 5, 2)
CONFIG = TransformerConfig(V=7, L=70, width=16, layers=2, heads=2, rotary=True)


@pytest.fixture(scope="module")
def network():
    return Network.untrained(CONFIG, "causal").double()


def prompt(frames=1, seed=0):
    return np.random.default_rng(seed).integers(0, CONFIG.V, frames * SMALL.step)


# ---- schedule


@pytest.mark.parametrize("R, C, w, widths", [
    (1, 1, 1, [1]), (1, 4, 2, [1] * 4), (4, 1, 1, [1] * 4), (2, 2, 2, [1] * 4),
    (3, 5, 2, [1, 1, 2, 2, 3, 2, 2, 1, 1]),
])  # fmt: skip
def test_widths_of_worked_cases(R, C, w, widths):
    wave = Wavefront(R, C, w)
    assert wave.widths.tolist() == widths
    assert wave.total == len(widths)
    assert sum(widths) == R * C


def test_the_closed_form_is_the_released_loop():
    for R, C in itertools.product(range(1, 8), range(1, 10)):
        for w in range(1, C + 1):
            wave, found = Wavefront(R, C, w), simulate(R, C, w)
            assert (found == wave.calls).all()
            assert found.max() == wave.total == (R - 1) * w + C
            assert wave.widths.max() == min(R, -(-C // w))


@pytest.mark.parametrize("R, C, w, calls, width", [
    (6, 10, 2, 20, 5), (6, 10, 3, 25, 4), (14, 24, 2, 50, 12), (14, 24, 1, 37, 14),
    (14, 24, 24, 336, 1), (8, 12, 2, 26, 6), (8, 12, 1, 19, 8),
])  # fmt: skip
def test_calls_of_frames_of_the_paper_and_of_ours(R, C, w, calls, width):
    wave = Wavefront(R, C, w)
    assert (wave.total, wave.widths.max()) == (calls, width)
    assert wave.speedup == pytest.approx(R * C / calls)


def test_video_mode_has_one_ramp():
    assert Wavefront(14, 24, 2, 15, overlap=True).total == 442
    assert Wavefront(14, 24, 2, 15).total == 750
    film = Wavefront(3, 5, 2, 4, overlap=True)
    assert (film.calls == simulate(12, 5, 2)).all()
    assert film.widths.sum() == 60


@pytest.mark.parametrize("R, C", [(1, 1), (2, 3), (4, 6)])
def test_visible_cells_are_sooner_in_raster_and_in_an_earlier_call(R, C):
    for w, r, c in itertools.product(range(1, C + 1), range(R), range(C)):
        wave = Wavefront(R, C, w)
        wanted = [[(a, b) < (r, c) and a * w + b < r * w + c for b in range(C)] for a in range(R)]
        assert (wave.visible(r, c) == wanted).all()
        assert (wave.visible(r, c) | lost(wave, r, c)).sum() == r * C + c
        assert not (wave.visible(r, c) & lost(wave, r, c)).any()
        if r:
            assert wave.visible(r, c)[r - 1].sum() == min(C, c + w)


def test_speedup_tends_to_its_limits():
    assert Wavefront(14, 10_000, 2).speedup == pytest.approx(14, 0.01)
    assert Wavefront(5000, 24, 2).speedup == pytest.approx(24 / 2, 0.01)


# ---- slots


@pytest.mark.parametrize("refresh", [True, False])
@pytest.mark.parametrize("R, C", [(2, 3), (3, 5), (4, 4)])
def test_a_query_sees_the_cells_of_its_visible_set(R, C, refresh):
    shape = StreamShape(R, C, 2)
    for w in range(1, C + 1):
        layout = lay_out(shape, w, shape.step, refresh=refresh)
        carried = np.where(layout.stand_ins, -1, layout.sources - shape.step)
        seen = visible_sets(R, C, w, refresh=refresh)
        for q in np.flatnonzero(layout.cells >= 0):
            cells = set(carried[layout.mask[q]].tolist()) & set(range(R * C))
            assert cells == set(np.flatnonzero(seen[layout.cells[q] - shape.step]).tolist())


def test_slots_are_counted():
    shape = StreamShape(8, 12)
    for w, slots in ((12, 95), (3, 102), (2, 102), (1, 102)):
        assert (lay_out(shape, w, shape.step).calls > 1).sum() == slots
    assert len(lay_out(shape, 2, shape.step, refresh=False).calls) == 97 + 96


@pytest.mark.parametrize("overlap", [False, True])
def test_several_frames_each_see_what_was_generated_before(overlap):
    layout = lay_out(SMALL, 2, SMALL.step, 3, overlap=overlap)
    wave = Wavefront(3, 5, 2, 3, overlap=overlap)
    cells = layout.cells[layout.cells >= 0]
    assert sorted(cells) == [SMALL.step * f + i for f in (1, 2, 3) for i in range(15)]
    assert layout.calls.max() == wave.total
    real = ~layout.stand_ins & (layout.sources >= 0)
    when = dict(zip(layout.cells.tolist(), layout.calls.tolist(), strict=True))
    for q in range(len(layout.cells)):  # nothing is carried before it is drawn
        source = layout.sources[q]
        assert when.get(source, 0) < layout.calls[q] or source < 0
        for k in np.flatnonzero(layout.mask[q] & real):
            assert layout.sources[k] < layout.places[q]
    assert (np.diff(layout.calls) >= 0).all()
    assert layout.mask.sum(axis=1).min() == 1
    assert not np.triu(layout.mask, 1).any()


def test_stand_ins_are_those_of_the_two_released_versions_and_ours():
    given = 2 * SMALL.step
    found = {name: lay_out(SMALL, 2, given, stand_in=name) for name in STAND_INS}
    carried = {name: one.sources[one.stand_ins].tolist() for name, one in found.items()}
    assert carried == {"first": [4, 9], "previous": [21, 26], "newest": [given + 1, given + 6]}
    assert not lay_out(SMALL, 5, given).stand_ins.any()
    assert lay_out(SMALL, 5, given, refresh=False).stand_ins.sum() == 2


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="w must be at most 5, got 6"):
        lay_out(SMALL, 6, 17)
    with pytest.raises(ValueError, match="whole steps of 17 given tokens, got 15"):
        lay_out(SMALL, 2, 15)
    with pytest.raises(ValueError, match="several frames need actions"):
        lay_out(StreamShape(2, 2, 0), 1, 0, 2)
    with pytest.raises(ValueError, match="'previous' needs the whole frame"):
        lay_out(SMALL, 2, 17, 2, stand_in="previous", overlap=True)


# ---- decoder


def greedy_raster(network, given, shape):
    """One token a call, from whole forwards."""
    tokens = list(given)
    for _ in range(shape.R * shape.C):
        n = len(tokens) + 1
        logits = network.attend([[network.V, *tokens]], np.arange(n), np.tri(n, dtype=bool))
        tokens.append(int(logits[0, -1].argmax()))
    return tokens


def test_at_full_width_it_is_the_raster_loop(network):
    given = prompt()
    found = decode(network, given, SMALL, 5)
    assert found.tokens.tolist() == greedy_raster(network, given, SMALL)
    assert [position for position, _ in found.trace.order] == list(range(17, 32))
    assert found.cost.calls == 15


@pytest.mark.parametrize("options", [
    {}, {"refresh": False}, {"stand_in": "newest"}, {"stand_in": "previous"},
])  # fmt: skip
@pytest.mark.parametrize("w", [1, 2, 3, 5])
def test_one_forward_over_all_slots_says_what_the_calls_say(network, w, options):
    given, said = prompt(), []

    def likeliest_kept(p):
        said.append(p[0])
        return likeliest(p)

    found = decode(network, given, SMALL, w, draw=likeliest_kept, **options)
    layout = lay_out(SMALL, w, len(given), **options)
    tokens = np.where(layout.sources < 0, network.V, found.tokens[layout.sources])
    logits = network.attend(tokens[None], layout.places, layout.mask)[0, layout.cells >= 0]
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(np.concatenate(said), weights / weights.sum(axis=1, keepdims=True),
                               atol=1e-12)  # fmt: skip
    assert found.cost.calls == Wavefront(3, 5, w).total
    assert found.cost.tokens == len(layout.places)
    assert found.trace.cost == found.cost
    assert sorted(position for position, _ in found.trace.order) == list(range(17, 32))


def test_overlapping_frames_take_the_calls_of_one_ramp(network):
    actions = [[1, 2], [3, 4]]
    for overlap, calls in ((False, 27), (True, 21)):
        found = decode(network, prompt(), SMALL, 2, actions=actions, overlap=overlap)
        assert (found.cost.calls, found.frames.shape) == (calls, (3, 3, 5))
        assert found.tokens[32:34].tolist() == [1, 2]
        assert found.tokens[49:51].tolist() == [3, 4]
    raster = decode(network, prompt(), SMALL, 5, actions=actions)
    assert raster.tokens.tolist() == decode(network, prompt(), SMALL, 5, actions=actions,
                                            overlap=True).tokens.tolist()  # fmt: skip
    first = decode(network, prompt(), SMALL, 5)
    assert (raster.frames[0] == first.frames[0]).all()
    again = np.concatenate([first.tokens, actions[0]])
    assert (raster.frames[1] == decode(network, again, SMALL, 5).frames[0]).all()


def test_several_streams_share_their_calls(network):
    rows = np.stack([prompt(seed=seed) for seed in range(3)])
    found = decode(network, rows, SMALL, 2)
    alone = [decode(network, row, SMALL, 2) for row in rows]
    assert found.frames.shape == (3, 1, 3, 5)
    assert (found.frames == [one.frames for one in alone]).all()
    assert (found.cost.calls, found.cost.rows) == (9, 27)
    assert found.trace == alone[0].trace


def test_the_released_decoder_is_another_one_at_every_offset(network):
    def distributions(run, w):
        kept = []
        run(network, prompt(seed=3), SMALL, w, draw=lambda p: kept.append(p[0]) or likeliest(p))
        return np.concatenate(kept)

    for w in (1, 2, 3, 5):
        ours, theirs = distributions(decode, w), distributions(released, w)
        assert np.abs(ours[0] - theirs[0]).max() < 1e-12  # nothing is empty in the first call
        assert np.abs(ours - theirs).max() > 1e-6


def test_empty_places_are_keys_like_others(network):
    seen = []

    class Watched(Network):
        def extend(self, tokens, position_ids, mask, past=None):
            seen.append((np.asarray(mask).sum(axis=1).tolist(), position_ids.tolist()))
            return super().extend(tokens, position_ids, mask, past)

    released(Watched(network.transformer, "causal"), prompt(), SMALL, 2)
    for sees, places in seen[1:]:
        assert sees == [place + 1 for place in places]  # one key for each place up to its own


def test_top_p_and_the_race_draw_whole_diagonals(network):
    p = np.array([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])
    drawn = exponential_race(np.random.default_rng(1))(np.tile(p, (20_000, 1, 1)))
    for i, row in enumerate(p):
        shares = np.bincount(drawn[:, i], minlength=3) / 20_000
        np.testing.assert_allclose(shares, row, atol=0.015)
    one, two = (decode(network, prompt(), SMALL, 2, draw=exponential_race(np.random.default_rng(5)))
                for _ in range(2))  # fmt: skip
    assert one.trace == two.trace
    sharp = decode(network, prompt(), SMALL, 2, hook=TopP(1e-9),
                   draw=exponential_race(np.random.default_rng(5)))  # fmt: skip
    assert (sharp.frames == decode(network, prompt(), SMALL, 2).frames).all()


def test_a_roll_out_answers_each_action(network):
    shape, start = StreamShape(2, 3, 1), np.zeros((2, 2, 3), int)
    actions = [[1], [2], [3], [4]]
    film = roll_out(network, start, actions, shape, 2, context=2)
    assert film.frames.shape == (3, 2, 3)
    assert film.cost.calls == 3 * Wavefront(2, 3, 2).total
    given = [0] * 6 + [1] + [0] * 6 + [2]
    assert (film.frames[0] == decode(network, given, shape, 2).frames[0]).all()
    with pytest.raises(ValueError, match="2 or more actions, got 1"):
        roll_out(network, start, [[1]], shape, 2)


@pytest.mark.parametrize("wrong, error", [
    (lambda n: decode(n, prompt(4), SMALL, 2), "at least 83 positions, got 70"),
    (lambda n: decode(n, [7] * 17, SMALL, 2), "tokens in 0..6"),
    (lambda n: decode(n, prompt(), SMALL, 2, actions=[[1, 7]]), "tokens in 0..6"),
    (lambda n: decode(n, prompt(), SMALL, 2, actions=[[1]]), "shape"),
])  # fmt: skip
def test_wrong_streams_are_refused(network, wrong, error):
    with pytest.raises(ValueError, match=error):
        wrong(network)
    with pytest.raises(TypeError, match="a causal model of slots"):
        decode(Network.untrained(CONFIG, "bidirectional"), prompt(), SMALL, 2)


# ---- meshes


class MeshModel:
    """The exact mesh as a model of slots: a slot's row is p(its cell | the cells that it sees)."""

    V, lag = 2, 1

    def __init__(self, mesh):
        self.mesh, self.L = mesh, mesh.R * mesh.C + 1

    def extend(self, tokens, position_ids, mask, past=None):
        new = zip(tokens.T, (np.asarray(position_ids) - 1).tolist(), strict=True)
        kept = SlotLog([*(past or []), *new])
        rows = [self.row(int(place), [kept[k] for k in np.flatnonzero(sees)])
                for place, sees in zip(position_ids, mask, strict=True)]  # fmt: skip
        return np.stack(rows, axis=1), SlotLog(kept[len(past or []) :])

    def row(self, cell, seen):
        """Log-probabilities (B, 2) given the carried cells; a begin symbol carries none."""
        frames, p = self.mesh.frames, self.mesh.p
        agrees = [(values[:, None] == frames[:, i]) | (values[:, None] == 2) for values, i in seen]
        given = np.all(agrees, axis=0) * p
        at = min(cell, frames.shape[1] - 1)
        return np.log(np.stack([given[:, frames[:, at] == v].sum(axis=1) for v in (0, 1)], axis=1))


class SlotLog(list):
    def join(self, other):
        return SlotLog([*self, *other])


def drawn_by_the_decoder(mesh, w, refresh):
    """Probability with which a run draws each frame: all of them are dictated at once."""
    frames, q = mesh.frames, np.ones(len(mesh.frames))
    shape = StreamShape(mesh.R, mesh.C, 0)
    cells = iter([step[3] for step in lay_out(shape, w, 0, refresh=refresh).steps])

    def dictate(p):
        nonlocal q
        said = frames[:, next(cells)]
        q = q * np.take_along_axis(p, said[..., None], axis=2)[..., 0].prod(axis=1)
        return said

    given = np.zeros((len(frames), 0), int)
    found = decode(MeshModel(mesh), given, shape, w, refresh=refresh, draw=dictate)
    assert (found.tokens == frames).all()
    return q


@pytest.mark.parametrize("w, refresh, distance", [
    (1, True, 0.339620), (2, True, 0), (3, True, 0),
    (1, False, 0.375148), (2, False, 0.292377), (3, False, 0.292377),
])  # fmt: skip
def test_the_decoder_itself_draws_what_the_theory_says(w, refresh, distance):
    mesh = Mesh()
    assert mesh.total_variation(w, refresh=refresh) == pytest.approx(distance, abs=1e-6)
    q = drawn_by_the_decoder(mesh, w, refresh)
    np.testing.assert_allclose(q, mesh.sampled(w, refresh=refresh), atol=1e-12)


def test_the_divergence_is_the_information_that_is_given_up():
    mesh = Mesh()
    for w, refresh, nats in ((1, True, 0.414673), (2, False, 0.242278)):
        assert mesh.divergence(w, refresh=refresh) == pytest.approx(nats, abs=1e-6)
        assert mesh.information(w, refresh=refresh).sum() == pytest.approx(nats, abs=1e-6)
    rng = np.random.default_rng(0)
    for weights, least in (((("NW", 1.0),), 1), ((("NEE", 0.9), ("N", -0.4)), 3),
                           ((("W", 1.0), ("NE", -0.7)), 2)):  # fmt: skip
        one = Mesh(2, 4, float(rng.normal()), weights)
        assert one.p.sum() == pytest.approx(1)
        for w in range(1, 5):
            assert one.divergence(w) == pytest.approx(one.information(w).sum(), abs=1e-12)
            assert (one.total_variation(w) < 1e-12) == (w >= least)


def test_in_the_arena_it_is_an_order_of_calls_on_a_grid():
    field = [*SEQUENTIAL[1:2], *ENTRANTS]
    _, one, two = compete(tier("sudoku", problems=3), field)["scores"]
    assert one["forwards"] <= 7 < two["forwards"] <= 10
    assert [s["forwards"] for s in compete(tier("tables", 1), field)["scores"]] == [12] * 3
