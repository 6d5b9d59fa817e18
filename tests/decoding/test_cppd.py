"""Labels, theory, repair, strips: worked cases, closed forms, errors."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.cppd import (
    CharacterSet,
    bits,
    choose_nodes,
    collapse,
    fit_latency,
    multi_information,
    parallel,
    parallel_given_counts,
    repair,
)
from paralg.decoding.cppd.experiments import strips

WORDS = CharacterSet("abcdefghijklmnopqrstuvwxyz", 6)


def test_texts_of_no_probability_and_spaces_at_the_end_are_right():
    never = {"ab": 0.5, "ba": 0.5, "": 0.0, "long": 0.0}
    for law in (bits, parallel, parallel_given_counts, multi_information):
        assert law(never) == law({"ab": 0.5, "ba": 0.5})
    assert parallel({"a ": 1.0}) == parallel_given_counts({"a ": 1.0}) == {"a ": 1.0}
    assert parallel({"": 0.5, "ab": 0.5})[" b"] == 0.25
    with pytest.raises(TypeError, match="a text must be a str, got 3"):
        bits({3: 1.0})


@pytest.mark.parametrize("text,slots", [("a", "1100000"), ("noon", "1111100"), ("hello", "1111110"),
                                        ("banana", "1111111")])  # fmt: skip
def test_worked_labels(text, slots):
    labels = WORDS.encode([text])
    assert "".join(map(str, labels.slots[0])) == slots
    assert labels.counts.sum() == len(text) + 1
    assert (labels.characters[0] == -100).sum() == 6 - len(text)
    found = {WORDS.characters[i - 1]: n for i, n in enumerate(labels.counts[0]) if i and n}
    assert found == Counter(text)
    assert WORDS.decode(labels.characters) == [text]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=1, max_size=5))
def test_labels_and_back(texts):
    labels = WORDS.encode(texts)
    assert WORDS.decode(labels.characters) == texts
    assert (labels.counts.sum(axis=1) == labels.slots.sum(axis=1)).all()
    assert (labels.counts[:, 0] == 1).all()


def test_characters_that_are_not_known_are_skipped():
    assert WORDS.encode(["a-b!"]).characters[0, :3].tolist() == [1, 2, 0]


@pytest.mark.parametrize("text", ["", "!?", "abcdefg"])
def test_texts_without_a_slot_for_each_character_are_refused(text):
    with pytest.raises(ValueError, match="text must have 1 to 6 known characters"):
        WORDS.encode([text])


def test_without_an_end_all_slots_are_read_and_nothing_is_merged():
    assert WORDS.decode([[1, 1, 2, 2, 2, 3, 3], [5, 0, 7, 7, 0, 1, 1]]) == ["aabbbcc", "e"]
    with pytest.raises(ValueError, match="numbers must be below 27, got 27"):
        WORDS.decode([[27]])


def test_node_subsets_have_the_characters_of_the_image():
    rng = np.random.default_rng(0)
    counts = WORDS.encode(["hello", "zoo"]).counts
    nodes, chosen = choose_nodes(counts, 9, rng)
    assert nodes.shape == chosen.shape == (2, 9)
    assert (nodes[:, 0] == 0).all()
    assert (np.diff(nodes, axis=1) > 0).all()
    assert chosen.sum(axis=1).tolist() == [6, 4]
    assert not np.array_equal(nodes, choose_nodes(counts, 9, rng)[0])
    with pytest.raises(ValueError, match="at least 5, the characters of an image"):
        choose_nodes(counts, 3, rng)


# ---- theory


def test_two_orders_lose_one_bit_which_the_counts_give_back():
    texts = {"ab": 0.5, "ba": 0.5}
    assert parallel(texts) == {"ab": 0.25, "ba": 0.25, "aa": 0.25, "bb": 0.25}
    assert multi_information(texts) == 1.0
    assert parallel_given_counts(texts) == texts
    assert bits(texts) == (0.0, 0.0, 1.0, 1.0)


@st.composite
def some_texts(draw):
    texts = draw(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=6,
                          unique=True))  # fmt: skip
    weights = draw(st.lists(st.integers(1, 9), min_size=len(texts), max_size=len(texts)))
    return {text: w / sum(weights) for text, w in zip(texts, weights, strict=True)}


@given(some_texts())
@settings(max_examples=40, deadline=None)
def test_multi_information_is_the_divergence_of_slots_from_the_truth(texts):
    free = parallel(texts)
    divergence = sum(p * np.log2(p / free[text]) for text, p in texts.items())
    assert multi_information(texts) == pytest.approx(divergence, abs=1e-9)
    assert divergence > -1e-9
    parts = bits(texts)
    assert parts.text == pytest.approx(sum(parts[:3]))
    assert min(parts) > -1e-9
    known = parallel_given_counts(texts)
    assert sum(known.values()) == pytest.approx(1)
    assert {"".join(sorted(t)) for t in known} == {"".join(sorted(t)) for t in texts}


def test_latency_is_found_again():
    found = fit_latency([2, 5, 9], [0.5 + 2 * 0.25, 0.5 + 5 * 0.25, 0.5 + 9 * 0.25])
    assert found == pytest.approx((0.5, 0.25))
    assert found.seconds(4) == pytest.approx(1.5)
    with pytest.raises(ValueError, match="two numbers of calls"):
        fit_latency([2, 2], [1.0, 1.0])


@given(st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_repair_is_the_best_of_all_orders(n, seed):
    rng = np.random.default_rng(seed)
    log_p = np.log(rng.dirichlet(np.ones(4), n))
    counts = np.bincount(rng.integers(0, 4, n), minlength=4)
    found = repair(log_p, counts)
    assert np.bincount(found, minlength=4).tolist() == counts.tolist()
    fitting = (y for y in product(range(4), repeat=n)
               if np.bincount(y, minlength=4).tolist() == counts.tolist())  # fmt: skip
    best = max(log_p[np.arange(n), list(y)].sum() for y in fitting)
    assert log_p[np.arange(n), found].sum() == pytest.approx(best)


def test_repair_needs_a_count_for_each_slot():
    with pytest.raises(ValueError, match="counts must sum to 2, the slots, got 3"):
        repair(np.zeros((2, 3)), [1, 1, 1])


@pytest.mark.parametrize("row,text", [([], []), ([0, 0], []), ([4, 4, 0, 4], [4, 4]),
                                      ([1, 2, 2, 1], [1, 2, 1])])  # fmt: skip
def test_collapse(row, text):
    assert collapse(row) == text


# ---- strips


def test_no_glyph_and_no_word_is_in_both_parts():
    for by_writer in (False, True):
        parts = [strips._glyphs(part, by_writer=by_writer)[0] for part in ("train", "test")]
        assert len(parts[0]) + len(parts[1]) == 1797
    sets = [{glyph.tobytes() for glyph in strips._glyphs(part)[0]} for part in ("train", "test")]
    assert not sets[0] & sets[1]
    assert not set(strips.words("train")) & set(strips.words("test"))


def test_a_strip_has_the_text_and_each_glyph_in_its_box():
    held_out = strips.DIGITS.draw(20, np.random.default_rng(0), "test")
    again = strips.DIGITS.draw(20, np.random.default_rng(0), "test")
    assert held_out.texts == again.texts
    assert np.array_equal(held_out.images, again.images)
    assert held_out.images.shape == (20, 12, 48)
    for text, image, boxes in zip(*held_out, strict=True):
        assert 3 <= len(text) <= 5
        assert len(boxes) == len(text)
        assert all(0 <= a < b <= 48 and image[:, a:b].max() > 0.5 for a, b in boxes)
        assert all(a < c for (a, _), (c, _) in zip(boxes, boxes[1:], strict=False))


def test_composing_keeps_inside_and_takes_the_maximum():
    rng = np.random.default_rng(0)
    image, boxes = strips.compose([np.full((4, 8), 0.5)] * 3, (4, 20), rng)
    assert boxes[-1][1] <= 20
    assert image.max() == 0.5
    covered = strips.occlude(strips.Pictures(["1"], image[None], [boxes]), 1.0, rng)
    assert (covered.images[0][:, boxes[0][0] : boxes[-1][1]] == 0.5).all()


def test_words_are_set_in_many_fonts():
    drawn = strips.WORDS.draw(1, np.random.default_rng(3), texts=["paint"])
    other = strips.WORDS.draw(1, np.random.default_rng(4), texts=["paint"])
    assert drawn.images.shape == (1, 16, 72)
    assert np.abs(drawn.images - other.images).max() > 0.5
    assert len(strips._letters()) == 24
    assert all(len(alphabet) == 26 for alphabet in strips._letters())
    random = strips.WORDS.draw(30, np.random.default_rng(0), "random").texts
    assert {len(text) for text in random} <= set(range(3, 8))


BAD = [({"a": 0.5}, ValueError), ({"a": -1.0, "b": 2.0}, ValueError), ({}, ValueError),
       ("ab", TypeError), (None, TypeError)]  # fmt: skip


@pytest.mark.parametrize("texts,error", BAD)
def test_texts_must_be_a_distribution(texts, error):
    for function in (parallel, parallel_given_counts, multi_information, bits):
        with pytest.raises(error, match="texts"):
            function(texts)
