"""The theorems on scans, the exercises' checks and the explorer's networks."""

import itertools

import numpy as np
import pytest

from paralg.core.primitives import (
    METHODS,
    Operator,
    chunked_counts,
    reduce,
    scan,
    scan_counts,
    segmented,
)
from paralg.foundations import primitives
from paralg.foundations.primitives.teaching.explorer import _NUMBERS, _network
from paralg.teach import check

CONCAT = Operator(np.add, "", "concatenation")


def letters(n):
    return np.array([chr(0x100 + i) for i in range(n)], dtype=object)


def words(n):
    return ["".join(letters(n)[: i + 1]) for i in range(n)]


@pytest.mark.parametrize("method", METHODS)
def test_right_on_letters(method):
    for n in range(70):
        assert list(scan(CONCAT, letters(n), method=method).values) == words(n)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 33])
def test_work_and_span_keep_to_the_trade_off(n):
    for method in ("sequential", "kogge-stone", "brent-kung"):
        cost = scan_counts(method, n)
        assert cost.work + cost.span >= 2 * n - 2
    for chunk in range(1, n + 1):
        cost = chunked_counts(n, chunk)
        assert cost.work + cost.span == 2 * n - 2


def _depth(levels, n):
    depth = [0] * n
    for level in levels:
        new = {dst: max(depth[src], depth[dst]) + 1 for src, dst in level}
        depth = [new.get(i, depth[i]) for i in range(n)]
    return max(depth)


@pytest.mark.parametrize("k", range(2, 9))
def test_brent_kung_exceeds_the_trade_off_by_k_minus_2(k):
    n = 2**k
    run = scan(CONCAT, letters(n), method="brent-kung", trace=True)
    assert _depth(run.levels, n) == 2 * k - 2
    assert run.cost.work + _depth(run.levels, n) == 2 * n - 2 + k - 2


def test_the_rounding_error_is_bounded_by_the_depth():
    rng = np.random.default_rng(3)
    for n in (2, 9, 1000):
        x = rng.normal(size=n).astype(np.float32)
        error = abs(float(reduce(Operator(np.add, 0), x).values) - x.astype(float).sum())
        bound = np.expm1((n - 1).bit_length() * np.log1p(2.0**-24))
        assert error <= bound * np.abs(x.astype(float)).sum()


def test_segments_keep_associativity():
    op = segmented(CONCAT)
    items = [(np.array([f]), np.array([t], dtype=object)) for f in (False, True) for t in "ab"]
    for x, y, z in itertools.product(items, repeat=3):
        left, right = op(tuple(op(x, y)), z), op(x, tuple(op(y, z)))
        assert left[0] == right[0]
        assert left[1] == right[1]


@pytest.mark.parametrize("method", METHODS)
def test_the_explorer_holds_what_the_library_computes(method):
    network, n = _network(method), len(_NUMBERS)
    inclusive = method != "blelloch"
    goal = [(0, i) for i in range(n)] if inclusive else [None, *((0, i) for i in range(n - 1))]
    assert network["held"][-1] == goal
    assert len(network["held"]) == network["span"] + 1
    assert sum(map(len, network["levels"])) == network["work"]


def _scalars_only(first, then):
    a, low, high = first
    c, low2, high2 = then
    cut = lambda v: min(max(v, low2), high2)  # noqa: E731
    return a + c, cut(low + c), cut(high + c)


def test_an_operator_for_numbers_only_is_told_so():
    assert check("ex-primitives-clamp", _scalars_only).state in ("failed", "raised")


@pytest.mark.parametrize("label, answer", [
    ("counts", {"kogge-stone": (..., ...), "brent-kung": (15, 5)}),
    ("explore", dict.fromkeys(("sequential", "kogge-stone", "brent-kung", "chunked"), ...)),
])  # fmt: skip
def test_open_answers_are_not_wrong(label, answer):
    assert check(f"ex-primitives-{label}", answer).state == "unanswered"


@pytest.mark.site
def test_the_explorer_steps_through_the_rounds(open_page):
    page = open_page(primitives.explorer().html)
    numbers = page.locator(".pe-numbers dd")
    assert numbers.all_inner_texts()[:3] == ["4", "0", "49"]
    page.get_by_role("radio", name="Brent–Kung").check()
    rounds = page.get_by_role("slider", name="After round")
    rounds.fill("7")
    assert numbers.all_inner_texts()[1:4] == ["26", "26", "16 of 16"]
    rounds.press("ArrowLeft")
    assert "Round 6 of 7: 3 combines" in page.get_by_role("status").inner_text()
