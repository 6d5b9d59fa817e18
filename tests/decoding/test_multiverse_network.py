"""Networks: the engine against a flat forward, the peer, tasks, training, the curator."""

import numpy as np
import pytest
import torch

from paralg.decoding.arena import SEQUENTIAL, compete
from paralg.decoding.multiverse import cost_of, parse
from paralg.decoding.multiverse.engine import Multiverse
from paralg.decoding.multiverse.entrants import ENTRANTS
from paralg.decoding.multiverse.experiments import curator, runs, tasks
from paralg.decoding.multiverse.experiments.curator import AnswerStep, curate
from paralg.decoding.multiverse.experiments.scripted import deviation, flat
from paralg.decoding.multiverse.fast.fused import FusedNetwork
from paralg.decoding.multiverse.variants import Glued
from paralg.decoding.tiers import tier
from paralg.models import Network, TransformerConfig
from tests.decoding.test_multiverse import NESTED, Vocabulary

WORDS = Vocabulary("abcduvxy12.")
SHAPE = TransformerConfig(V=WORDS.V, L=80, width=16, layers=2, heads=2, rotary=True)


@pytest.fixture(scope="module")
def random():
    return Network.untrained(SHAPE, "causal").double()


@pytest.mark.parametrize("slots", [1, 2, 3, None])
@pytest.mark.parametrize("form", [lambda network: network, FusedNetwork])
def test_the_engine_says_what_one_flat_forward_says(random, slots, form):
    assert deviation(form(random), NESTED, "a", WORDS, slots=slots, reserve=0) < 1e-12


def test_a_join_in_another_order_changes_nothing(random):
    class Backwards(Multiverse):
        def batch(self):
            return super().batch()[::-1]

        def join(self, parent, children):
            super().join(parent, children[::-1])

    assert deviation(random, NESTED, "a", WORDS, Backwards, slots=2, reserve=0) < 1e-12


def test_it_is_another_model_than_the_causal_one(random):
    tokens, places, sees = flat(NESTED, WORDS)
    n = len(tokens)
    causal = random.attend(tokens[None], np.arange(n), np.tri(n, dtype=bool))
    ours = random.attend(tokens[None], places, sees)
    first = NESTED.split().index("<Path>") + 3  # up to the first path both are causal
    assert np.abs(causal - ours)[0, :first].max() < 1e-12
    assert np.abs(causal - ours)[0, first:].max() > 0.01


def test_a_path_that_is_not_run_to_its_last_tag_gives_another_conclusion(random):
    tokens, places, sees = flat(NESTED, WORDS)
    at = NESTED.split().index("<Conclusion>")
    without = sees.copy()
    without[at + 1, at] = False  # the last </Path>, in front of the first conclusion
    one, other = (random.attend(tokens[None], places, mask)[0, at + 1] for mask in (sees, without))
    assert np.abs(one - other).max() > 1e-3


# ---- tasks and training


def test_texts_of_the_tasks():
    assert tasks.reversal(["abc", "de"]).text(":") == "1 a b c 2 d e : 1 c b a 2 e d = c e ."
    assert tasks.chain([1, 2, 2]).text(":") == "1 b 2 c 3 c : 1 b 2 a 3 c = c ."
    for name in ("reversal", "chain"):
        problem = tasks.draw(name, 4, np.random.default_rng(0))
        assert problem == tasks.draw(name, 4, np.random.default_rng(0))
        assert len(parse(problem.text("&")).blocks[0].paths) == 4
    assert {len(item) for item in tasks.real_words(5, (7, 7), 0).items} == {7}
    with pytest.raises(ValueError, match="mode"):
        problem.text("x")


def test_a_batch_has_the_layout_of_each_text_and_targets_the_model_is_to_write():
    problems = [tasks.reversal(["ab", "c"]), tasks.reversal(["abcd", "ef"])]
    batch = tasks.rows(problems, "&")
    for b, problem in enumerate(problems):
        tokens, places, sees = flat(problem.text("&"), tasks.VOCABULARY)
        n = len(tokens)
        assert (batch["tokens"][b, :n] == tokens).all()
        assert (batch["positions"][b, :n] == places).all()
        assert (batch["mask"][b, :n, :n] == sees).all()
        said = batch["targets"][b][batch["weights"][b] > 0].tolist()
        text = problem.answer("&").split()
        engine = {i + o for i, s in enumerate(text) if s == "<Path>" for o in (0, 1)}
        engine.add(text.index("<Conclusion>"))
        wanted = [s for i, s in enumerate(text) if i not in engine]
        assert said == tasks.VOCABULARY.encode(wanted)


@pytest.mark.parametrize("name", ["reversal", "chain"])
def test_a_loss_reaches_all_weights_but_positions(name):
    model = runs.build(name, 0)
    loss, numbers = runs._loss(name)(model, np.random.default_rng(0), 0)
    loss.backward()
    assert loss.item() == pytest.approx(sum(numbers.values()) / 2, abs=1e-4)
    without = {key for key, part in model.named_parameters() if part.grad is None}
    assert without == {"position.weight"}
    assert not model.position.weight.any()


def test_the_shipped_network_solves_what_its_page_shows():
    network, problem = runs.load(), tasks.real_words(3, runs.LENGTHS, 0)
    assert all(runs.right(network, problem, mode, slots=2) for mode in runs.MODES.values())
    assert runs.RUNS.log("chain")["scores"].keys() == {"plain", "tagged"}


# ---- curator


def test_independent_items_become_paths_and_the_rest_their_conclusion():
    problem = tasks.reversal(["abc", "de", "fgh"])
    steps = curator.steps_of(problem.answer(":").removesuffix(" ."), {}, 3)
    assert curate(steps, problem.answer(":")) + " ." == problem.answer("&")


def test_a_chain_stays_a_chain():
    problem = tasks.chain([1, 2, 3])
    plain = problem.answer(":").removesuffix(" .")
    steps = curator.steps_of(plain, {2: {1}, 3: {2}}, 3)
    text = curate(steps, plain)
    assert "<Parallel>" not in text
    assert text.split() == [w for w in plain.split() if w != "="]


def test_two_levels_and_neighbours_only():
    inner = (AnswerStep("x"), AnswerStep("y"))
    steps = [AnswerStep("x y", parts=inner), AnswerStep("z"),
             AnswerStep("w", frozenset({2})), AnswerStep("v")]  # fmt: skip
    text = curate(steps, "1 1 x 2 y 2 z 1 w 2 v")
    assert curator.groups(steps) == [[1, 2], [3, 4]]
    assert len(parse(text).blocks) == 3
    assert cost_of(text).work > cost_of(text).span


def test_a_text_that_lost_its_original_is_refused():
    with pytest.raises(ValueError, match="within 0.2"):
        curate([AnswerStep("a b c"), AnswerStep("d")], "completely other words here")
    assert curator.edit_distance("kitten", "sitting") == 3
    with pytest.raises(ValueError, match="expected text"):
        curate([AnswerStep("a </Path>")], "a")
    with pytest.raises(ValueError, match="3 numbered items, got 1"):
        curator.steps_of("1 a = b", {}, 3)


# ---- arena, peer


def test_in_the_arena_it_is_one_token_a_call():
    field = [*SEQUENTIAL[1:2], *ENTRANTS]
    _, ours = compete(tier("addition", problems=2), field)["scores"]
    assert ours["same_trace"] == 1
    assert ours["forwards"] == 8
    assert len(compete(tier("tables", 2), field)["scores"]) == 1  # tables know no layouts


@pytest.mark.weekly  # the import of transformers takes longer than all other tests
def test_the_peer_has_the_same_weights_and_writes_what_it_is_told():
    pytest.importorskip("transformers")
    from paralg.decoding.multiverse.experiments.peers import as_neox, generate

    network = Network(runs.build("reversal", 0), "causal")
    peer, prompt = as_neox(network), tasks.VOCABULARY.encode("1 a b c 2 d e :")
    tokens = np.array([[network.V, *prompt]])
    with torch.inference_mode():
        theirs = peer(torch.from_numpy(tokens)).logits[..., :-1].double().numpy()
    n = tokens.shape[1]
    ours = network.attend(tokens, np.arange(n), np.tri(n, dtype=bool))
    np.testing.assert_allclose(theirs, ours, atol=1e-4)
    answer = tasks.VOCABULARY.encode("1 c b a 2 e d = c e .")
    assert generate(peer, prompt, answer).tolist() == prompt + answer


def test_what_the_engine_is_not_made_for_is_refused(random):
    with pytest.raises(ValueError, match="sees what the text says"):
        deviation(random, NESTED, "a", WORDS, Glued, reserve=0)
    with pytest.raises(ValueError, match="expected one row"):
        FusedNetwork(random).attend([[0], [0]], [0], [[True]])
