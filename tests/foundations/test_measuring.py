"""The recording, the theorems on order, medians and ratios, the checks and the explorer."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from paralg.core.laws import amdahl
from paralg.core.timing import compare
from paralg.foundations import measuring
from paralg.foundations.measuring import PASSES, load_recording, recording
from paralg.teach import check

ROOT = Path(__file__).resolve().parents[2]


def test_the_recording_is_as_told():
    run = load_recording()
    assert run.rounds == 240
    assert run.busy.sum() == 80
    assert run.busy[80:160].all()
    assert {name: len(x) for name, x in run.microseconds.items()} == dict.fromkeys(PASSES, 240)
    assert PASSES["B"] / PASSES["A"] == 1.05
    assert PASSES["twin"] == PASSES["A"]
    assert run.about


def test_the_recording_shows_what_the_page_says():
    run = load_recording()
    A, twin, B = (run.microseconds[name] for name in ("A", "twin", "B"))
    n, starts = 10, range(run.rounds - 19)
    apart = np.array([twin[s + n : s + 2 * n].mean() / A[s : s + n].mean() for s in starts])
    paired = np.array([np.median(twin[s : s + n] / A[s : s + n]) for s in starts])
    off_apart, off_paired = (np.mean(np.abs(r - 1) > 0.05) for r in (apart, paired))
    assert off_paired < off_apart / 2
    assert apart.max() > 1.5
    assert np.median(A[run.busy]) > 1.5 * np.median(A[~run.busy])
    assert abs(np.median(B / A) - 1.05) < 0.02


def test_recording_again_gives_the_same_form(monkeypatch):
    monkeypatch.setattr(recording, "_time", lambda x, passes: passes)
    monkeypatch.setattr(recording.time, "sleep", lambda seconds: None)
    again = recording.record(12, about="a test")
    assert again["A"] == [PASSES["A"]] * 12
    assert again["busy"] == [0] * 4 + [1] * 4 + [0] * 4
    json.dumps(again)


def test_the_neighbour_leaves_and_the_cores_return():
    import os

    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with pytest.raises(RuntimeError, match="stop"), measuring.neighbour(running=False):
        raise RuntimeError("stop")
    after = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    assert before == after


@pytest.mark.parametrize("repeats, error", [(2, 0), (3, 1 / 3), (7, 1 / 7), (8, 0)])
def test_compare_rotates_and_so_cancels_drift(repeats, error):
    now = [0.0]

    def run():
        now[0] += 1.0 + drift[0]
        drift[0] += 0.5

    drift = [0.0]
    timings = compare({"A": run, "B": run}, repeats=repeats, warmup=0, clock=lambda: now[0])
    difference = timings.seconds["B"].mean() - timings.seconds["A"].mean()
    assert difference == pytest.approx(0.5 * error)


@pytest.mark.parametrize("f", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("p", [2, 5, 64])
def test_the_serial_share_inverts_the_law(f, p):
    s = amdahl(f, p)
    assert (1 / s - 1 / p) / (1 - 1 / p) == pytest.approx(f)


@pytest.mark.parametrize("label, answer", [
    ("repeats", {"probability": ..., "repeats": 12}),
    ("average", {"a": [..., ..., ...], "b": [..., ..., ...]}),
])  # fmt: skip
def test_open_answers_are_not_wrong(label, answer):
    assert check(f"ex-measuring-{label}", answer).state == "unanswered"


def _share(page, order, statistic):
    page.get_by_label(order, exact=True).check()
    page.get_by_label(statistic, exact=True).check()
    shown = page.locator(".pe-numbers dd").all_inner_texts()[4]
    return shown.replace("\u202f", "").removeprefix("at ").removesuffix(" of starts")


SOLUTION = re.compile(
    r"medians hold the truth at (?P<paired_median>\d+) per cent .* interleaved means and minima at "
    r"(?P<paired_mean>\d+) and (?P<paired_minimum>\d+)\.\nOne after the other it is "
    r"(?P<apart_median>\d+) per cent for the median, (?P<apart_mean>\d+) for the mean and "
    r"(?P<apart_minimum>\d+) for the minimum(?s:.*)\nFrom round (?P<start>\d+) the median of B"
)


def _told():
    """The numbers that the page's solution names; a new recording changes them there only."""
    return SOLUTION.search((ROOT / "book/foundations/measuring.md").read_text("utf-8"))


@pytest.mark.site
def test_the_explorer_shows_what_the_solution_says(open_page):
    page = open_page(measuring.explorer().html)
    apart, paired = "first all A, then the other", "interleaved"
    told = _told()
    names = ("minimum", "mean", "median")
    for order, way in ((paired, "paired"), (apart, "apart")):
        shown = {name: _share(page, order, name) for name in names}
        assert shown == {name: f"{told[f'{way}_{name}']}%" for name in names}
    page.get_by_role("slider", name="First round").fill(told["start"])
    numbers = page.locator(".pe-numbers dd").all_inner_texts()
    assert numbers[3] == "B is faster"
    assert float(numbers[0]) < 0.6
    assert "misses the truth" in page.get_by_role("status").inner_text()


@pytest.mark.site
def test_the_explorer_answers_to_the_keyboard(open_page):
    page = open_page(measuring.explorer().html)
    page.get_by_label("A itself", exact=True).check()
    assert page.locator(".pe-numbers dd").all_inner_texts()[2] == "1.00"
    first = page.get_by_role("slider", name="First round")
    first.focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("status").inner_text().startswith("From round 67")
