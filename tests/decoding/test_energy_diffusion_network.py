"""On networks: energies, batches, training, the judge of text, records, the peer, the explorer."""

import numpy as np
import pytest

from paralg.data.sudoku4 import grids, is_valid
from paralg.decoding.energy_diffusion import CarryOver, energy_diffusion, resampled
from paralg.decoding.energy_diffusion import energy_diffusion_batch as together
from paralg.decoding.energy_diffusion.experiments import sudoku, text
from paralg.decoding.energy_diffusion.experiments.records import records
from paralg.decoding.randomness import RandomDraws

torch = pytest.importorskip("torch")
from paralg.decoding.energy_diffusion import nce  # noqa: E402
from paralg.decoding.energy_diffusion.experiments import runs  # noqa: E402
from paralg.decoding.energy_diffusion.teaching.explorer import explorer, two_words  # noqa: E402
from paralg.models import TransformerConfig, load  # noqa: E402
from paralg.models.transformer import Transformer  # noqa: E402
from tests.figures.web import explorer_page, shown  # noqa: E402


@pytest.fixture(scope="module")
def family():
    return load("sudoku4")


def test_a_batch_on_networks_is_its_rows(family):
    x = sudoku.puzzles(6, 6)
    for steps, k, energy in ((2, 1, None), (2, 4, CarryOver(family)), (1, 3, runs.trained())):
        batch = together(family, x, steps, k, seed=2, energy=energy)
        for b, row in enumerate(x):
            run = energy_diffusion(family, row, steps, k, rng=RandomDraws(2, b), energy=energy)
            assert (run.tokens == batch.tokens[b]).all()
            assert run.cost.rows == batch.rows[b]


def test_the_trained_energy_prefers_valid_grids(family):
    energy, rng = runs.trained(), np.random.default_rng(0)
    right = grids()[rng.integers(0, 288, 60)]
    wrong = right.copy()
    wrong[:, 5] = (wrong[:, 5] + 1) % 4
    x = np.where(np.arange(16) % 3 == 2, 4, right)
    both = np.stack([right, wrong], axis=1)
    both = np.where(x[:, None] == 4, both, x[:, None])
    found = energy(x, both, np.zeros((60, 2)))
    assert (found[:, 0] < found[:, 1]).mean() > 0.95
    one = energy(x[7], both[7], np.zeros(2))
    np.testing.assert_allclose(one, found[7], atol=1e-4)


def test_the_loss_of_an_undecided_classifier():
    denoiser = Transformer(TransformerConfig(V=4, L=16, layers=1))
    network, rng = nce.EnergyNetwork(denoiser, seed=3), np.random.default_rng(0)
    with torch.no_grad():
        network.score[2].weight.zero_()
    masked = rng.random((8, 16)) < 0.5
    masked[0] = False  # a row without masks does not count
    loss, accuracy = nce.contrastive_loss(network, denoiser, grids()[:8], masked, rng)
    assert loss.item() == pytest.approx(2 * np.log(2), rel=1e-6)
    assert accuracy.item() == 0
    assert all((network.token.weight == denoiser.token.weight).flatten())


def test_two_steps_of_training_and_what_was_shipped():
    network, log = runs.RUNS.fit("nce", 0, steps=2)
    assert 1.2 < log["curve"][0]["loss"] < 1.6
    assert sum(p.numel() for p in network.parameters()) == 168064
    for seed in runs.RUNS.seeds("nce"):
        log = runs.RUNS.log("nce", seed)
        assert log["steps"] == 800
        assert log["curve"][-1]["loss"] < 0.95 < log["curve"][0]["loss"]
    again = sudoku.rates(load("sudoku4"), sudoku.puzzles(60, 6), 1, 16, runs.trained(0))
    assert abs(again["valid"] - runs.RUNS.log("nce", 0)["scores"]["valid, k = 16"]) < 0.2


def test_a_rotated_denoiser_has_a_rotated_energy():
    config = TransformerConfig(V=3, L=8, width=32, layers=1, rotary=True)
    energy = nce.NoiseContrastive(nce.EnergyNetwork(Transformer(config), seed=1))
    x, y = np.full(8, 3), np.array([[0, 1, 2, 0, 1, 2, 0, 1], [1, 0, 2, 0, 1, 2, 0, 1]])
    found = energy(x, y, np.zeros(2))
    assert np.isfinite(found).all()
    energy.network.turns = torch.ones_like(energy.network.turns)  # no rotation
    assert np.abs(energy(x, y, np.zeros(2)) - found).max() > 1e-6


def test_from_left_to_right_keeps_what_is_given(family):
    x = np.concatenate([sudoku.puzzles(20, 6), sudoku.puzzles(2, 16), sudoku.puzzles(2, 0)])
    y = sudoku.from_left(family, x)
    assert ((x == y) | (x == 4)).all()
    assert (y < 4).all()
    assert is_valid(y[20:22]).all()


def test_dependence():
    empty, full = sudoku.puzzles(1, 0), sudoku.puzzles(3, 16)
    assert sudoku.dependence(empty) == pytest.approx(16 * np.log(4) - np.log(288))
    assert sudoku.dependence(full) == pytest.approx(0, abs=1e-12)


def test_the_judge_is_the_recursion_of_its_definition():
    from paralg.data import pydoc_text

    train = pydoc_text.load("train")[:30_000].tolist()
    judge = text.Judge(order=3, letters=30_000)
    x = pydoc_text.windows(1, 64, np.random.default_rng(0), split="test")[0, :6]

    def p(history, v):
        if history is None:
            return 1 / 27
        after = [train[i + len(history)] for i in range(len(train) - len(history))
                 if train[i : i + len(history)] == history]  # fmt: skip
        shorter = p(history[1:] if history else None, v)
        if not after:
            return shorter
        kinds = len(set(after))
        return (after.count(v) + kinds * shorter) / (len(after) + kinds)

    for i in range(6):
        expected = -np.log(p(x[max(0, i - 2) : i].tolist(), x[i]))
        assert judge.nats(x[None])[0, i] == pytest.approx(expected)


def test_shipped_records_are_made_by_their_makers():
    films = records.read("films")
    assert films == records.make("films")
    grid = records.read("grids")["6"]
    x = sudoku.puzzles(300, 6)
    again = sudoku.rates(load("sudoku4"), x, 4, 1)
    assert again["valid"] == pytest.approx(grid["S = 4, k = 1"]["valid"], abs=0.02)
    one, plain = grid["S = 1, k = 64"], grid["S = 16, k = 1"]
    assert one["valid"] >= plain["valid"]
    assert plain["calls"] / one["calls"] > 2.5


def test_the_peer_forces_the_givens():
    pytest.importorskip("transformers")
    from paralg.decoding.energy_diffusion.experiments.peers import generate_grids
    from paralg.decoding.speculative_jacobi.experiments.peers import as_gpt2

    x = sudoku.puzzles(4, 8)
    y = generate_grids(as_gpt2(load("sudoku4-causal")), x, seed=0)
    assert ((x == y) | (x == 4)).all()
    assert (y < 4).all()


# ---- the explorer


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    return explorer_page(chromium, tmp_path_factory.mktemp("explorer"), explorer())


def choose(page, **labels):
    for label, value in labels.items():
        group = page.get_by_role("group", name=label.replace("_", " "))
        group.get_by_label(str(value), exact=True).check()


@pytest.mark.parametrize("k, temperature, released", [
    (4, 1, False), (64, 1, True), (8, 0.5, False)])  # fmt: skip
def test_the_explorer_computes_the_exact_distribution(page, k, temperature, released):
    choose(page, Show="Two words", Candidates_k=k, Temperature=temperature)
    page.get_by_label("Sign of the released code").set_checked(released)
    mu, q = two_words(0.9)
    sign = -1 if released else 1
    kept = resampled(mu.ravel(), (q / mu).ravel() ** (sign / temperature), k)
    got = shown(page)
    gap = float(np.abs(kept - q.ravel()).sum() / 2)
    assert float(got["TV to the target"]) == pytest.approx(gap, rel=0.06)
    assert (got["Calls"], got["Rows"]) == ("2", str(1 + k))
    assert f"{k} candidates" in page.locator(".pe-status").first.inner_text()


def test_the_explorer_shows_the_recorded_puzzle(page):
    choose(page, Show="A puzzle", Candidates_k=8, Puzzle=2)
    step = page.get_by_label("Step: next")
    while step.get_attribute("aria-disabled") != "true":
        step.focus()
        page.keyboard.press("Enter")
    film = records.read("films")["2 8"]
    got = shown(page)
    assert got["Cells known"] == "16"
    assert got["Rows"] == str(sum(1 + len(one["rows"]) for one in film["rounds"]))
    said = page.locator(".pe-status").first.inner_text()
    assert ("not valid" in said) != film["valid"]
    page.get_by_label("Step: previous").click()
    assert "is kept" in page.locator(".pe-status").first.inner_text()
    assert page.errors == []
