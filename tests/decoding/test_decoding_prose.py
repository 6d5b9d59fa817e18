"""Numbers in the prose of pages are those of the records: phrases are made anew and looked up."""

import json
from math import exp
from pathlib import Path

import numpy as np
import pytest

from tests.form import Source

ROOT = Path(__file__).resolve().parents[2]


def bench(chapter: str) -> list[dict]:
    return json.loads((ROOT / "benchmarks" / "results" / f"{chapter}.json").read_text())["rows"]


def ratio(chapter: str, method: str, size=None, text: str = "") -> float:
    """How many times faster ours is than a method, of the task whose name has a text."""
    [found] = [row["ratio"] for row in bench(chapter) if row["method"] == method
               and size in (None, row["size"]) and text in row["bench"]]  # fmt: skip
    return found


def short(p: float) -> str:
    """.07 for 0.0667, as prose has it."""
    return f"{p:.2f}".removeprefix("0")


def any_subset():
    from paralg.decoding.any_subset.experiments.records import records
    from paralg.decoding.any_subset.teaching.explorer import first_round
    from paralg.models import load

    grids, text = records.read("sudoku")["4"], records.read("text")
    three, half = text["3"], text["32"]
    own = ratio("any_subset", "one token a call", text="Sudoku")
    _, _, q, p, after = first_round("s___n_")
    saved = [1 - one["k = 5"]["calls"] / one["one by one"]["calls"] for one in (three, half)]
    yield f"12 empty Sudoku cells in {grids['k = 12']['calls']:.1f} calls"
    yield f"of `transformers`, {own:.2f}× than the same network"
    yield f"was drawn with $q = {q[0]:.3f}".replace("0.", ".")
    assert (p[0], p[1], p[2], after) == (q[0], 1, 0, "secon_")
    yield f"On text, {three['k = 5']['calls']:.1f} calls replace 61 at $k = 5$"
    yield f"and {half['k = 5']['calls']:.1f} replace 32"
    yield " and ".join(f"{one['bigram, k = 5']['calls']:.1f}" for one in (three, half)) + " calls"
    yield (f"written with {three['independent, 2']['nats']:.2f} nats each instead of "
           f"{three['one by one']['nats']:.2f}")  # fmt: skip
    size = load("text-anyorder").transformer.parameters_count
    yield f"the network has {round(size, -3):,} parameters"
    yield f"takes {own:.2f} times as long as ASSD"
    yield f"The {own:.2f} is less than the calls promise"
    yield (f"without them the same run takes "
           f"{ratio('any_subset', 'ASSD k=8, nothing kept'):.2f} of the time")  # fmt: skip
    yield f"it takes {ratio('any_subset', 'ASSD k=5, nothing kept'):.2f} times as long without"
    peer = ratio("any_subset", "XLNet (transformers)", text="text")
    yield f"the ratio to XLNet is {peer:.2f}"
    eight, twelve = grids["k = 8"], grids["k = 12"]
    yield f"On Sudoku $k = 12$ saves {eight['calls'] - twelve['calls']:.1f} calls more than $k = 8$"
    assert 0.15 < twelve["positions"] / eight["positions"] - 1 < 0.25  # "a fifth more"
    yield f"On text {saved[0]:.0%} to {saved[1]:.0%} of the calls".replace("%", " %")
    assert grids["k = 5"]["calls"] < 6.5  # "more than half" at the larger k
    assert grids["k = 8"]["calls"] < 6


def any_subset_experiments():
    from paralg.decoding.any_subset.experiments.records import records
    from paralg.models import load

    text, exact, lenient = (records.read(name) for name in ("text", "exact", "lenient"))
    three, half = (text[n]["k = 5"]["tokens a round"] for n in ("3", "32"))
    scores = load("text-anyorder").config["scores"]
    yield f"it loses {scores['nats']:.2f} nats a character, against {scores['bigram']:.2f}"
    yield f"writes {three:.2f} tokens with 3 visible characters, and {half:.2f} with 32"
    yield f"write {text['3']['bigram, k = 5']['tokens a round']:.2f} tokens with one call"
    masked = records.read("masked")
    assert masked["self"]["45"] == masked["bigram"]["45"]  # "meet at 45 masked characters"
    yield f"With all twelve cells as targets {exact['k = 12']['calls']:.1f} calls"
    assert exact["independent, 2"]["calls"] == 6
    assert 0.45 < exact["independent, 2"]["valid"] < 0.55  # "half of the grids"
    saved = lenient["0.0"]["calls"] - lenient["0.1"]["calls"]
    yield f"saves {saved:.2f} of {lenient['0.0']['calls']:.1f} calls"
    assert 0.88 < lenient["0.1"]["valid"] < 0.93  # "one grid in ten"
    yield from losses(scores["unigram"])


def losses(unigram: float):
    """What the page says of the losses holds for all seeds."""
    from paralg.decoding.any_subset.experiments.runs import RUNS

    logs = {name: [log["scores"] for log in RUNS.logs(name)] for name in RUNS.plans}
    assert min(map(len, logs.values())) >= 2
    for visible in ("2", "16"):
        joint, once, tokens = ({name: np.array([one[visible][what] for one in found])
                                for name, found in logs.items()}
                               for what in ("joint", "at once", "tokens a round"))  # fmt: skip
        assert all(one[visible]["over the bound"] == 0 for found in logs.values() for one in found)
        assert joint["annealed"].max() < joint["joint"].min()
        assert joint["joint"].max() < min(joint["both"].min(), joint["anyorder"].min())
        assert max(joint["both"].max(), joint["anyorder"].max()) < joint["parallel"].min()
        assert tokens["joint"].max() < min(tokens[name].min() for name in ("both", "parallel"))
        assert once["both"].max() < once["joint"].min()
        if visible == "2":
            assert once["both"].max() < unigram < once["joint"].min()
            yield (f"{tokens['joint'].mean():.2f} tokens a round become "
                   f"{tokens['both'].mean():.2f}")  # fmt: skip
            yield (f"{joint['annealed'].mean():.2f} nats a character instead of "
                   f"{joint['joint'].mean():.2f}")  # fmt: skip


def energy_diffusion():
    from paralg.decoding.energy_diffusion.experiments.records import records
    from paralg.decoding.energy_diffusion.teaching.explorer import two_words

    grids = records.read("grids")
    six, four, zero = (grids[n] for n in ("6", "4", "0"))
    one, many = six["S = 1, k = 64"], six["S = 16, k = 1"]
    mu, q = two_words(1.0)
    yield f"{mu[0, 1] + mu[1, 0]:.0%} of the pairs are mismatched".replace("%", " %")
    mu, q = two_words(0.9)
    yield (f"probability {short(mu[0, 1])} and {short(mu[0, 0])}, under the target "
           f"{q[0, 1]:.3f} and {q[0, 0]:.3f}").replace(" 0.", " .")  # fmt: skip
    w = q / mu
    yield f"The weights are {w[0, 1]:.1f} and {w[0, 0]:.1f}".replace(" 0.", " .")
    yield f"$1.6/1.7 = {short(w[0, 0] / (w[0, 0] + w[0, 1]))}$"
    yield f"{many['calls']:.1f} calls become {one['calls']:.0f} on puzzles"
    plain = 1 / ratio("energy_diffusion", "plain, S = 16", 1)
    yield f"but {plain:.2f}× slower than plain steps"
    yield f"at every size, {plain:.2f} times for a single puzzle"
    assert all(ratio("energy_diffusion", "plain, S = 16", n) < 1 for n in (2, 4, 16))
    yield f"one step with 64 candidates solves {one['valid']:.0%} of".replace("%", " %")
    yield f"{many['calls']:.1f} calls in the mean: {many['calls'] / one['calls']:.1f} times as many"
    yield f"The price is {one['rows']:.0f} rows instead of {many['rows']:.1f}"
    yield (f"five rows buy {short(six['S = 1, k = 4']['valid'])} with candidates and four buy "
           f"{short(six['S = 4, k = 1']['valid'])} with steps")  # fmt: skip
    eight = grids["8"]["nats"]
    yield f"With eight givens ($e^{{{short(eight)[:2]}}} = {exp(eight):.1f}$)"
    yield f"With six ($e^{{{six['nats']:.1f}}} = {exp(six['nats']):.1f}$)"
    yield f"With four ($e^{{{four['nats']:.1f}}} = {exp(four['nats']):.0f}$)"
    yield (f"from {short(four['S = 1, k = 1']['valid'])} to "
           f"{short(four['S = 1, k = 64']['valid'])}")  # fmt: skip
    plain, ours = zero["S = 8, k = 1"], zero["S = 4, k = 16"]
    yield f"eight of them solve {short(plain['valid'])} in {plain['calls']:.1f} calls"
    yield (f"four steps with 16 candidates {short(ours['valid'])} in {ours['calls']:.1f} calls and "
           f"{ours['rows']:.0f} rows")  # fmt: skip
    assert 1.4e7 < exp(zero["nats"]) < 1.6e7  # "fifteen million"
    [peer] = [row["note"] for row in bench("energy_diffusion")
              if row["method"].startswith("generate") and row["size"] == 1]  # fmt: skip
    assert "9% valid" in peer  # "about one in ten"
    yield f"two calls instead of {many['calls']:.1f}"
    yield " and ".join(
        (f"$e^{{\\text{{nats}}}}$ is {exp(four['nats']):.0f}, {exp(six['nats']):.1f}",
         f"{exp(eight):.1f}"))  # fmt: skip


def energy_diffusion_experiments():
    from paralg.decoding.energy_diffusion.experiments.records import MANY, SAMPLES, records
    from paralg.decoding.energy_diffusion.experiments.runs import RUNS

    found, grids = records.read("candidates"), records.read("grids")
    for k in ("4", "16", "64"):
        shares = [found[name][k]["valid"] for name in ("coAR", "AR", "NCE")]
        assert np.ptp(shares) < 1.1 / 300  # "to one puzzle in 300"
    logs = RUNS.logs("nce")
    told = {round(log["curve"][-1]["accuracy"], 2) for log in logs}
    assert len(logs) == 3
    assert told == {0.72}
    yield "tells about 72 % of the pairs apart"
    valid = sorted(log["scores"]["valid, k = 16"] for log in logs)
    yield f"{short(valid[0] + 1e-9)} to {short(valid[-1])} of the puzzles are solved"
    yield f"has {logs[0]['parameters']:,} parameters"
    left, six = found["from left to right"], grids["6"]
    yield (f"the {short(six['S = 1, k = 64']['valid'])} has to come down to {short(left['6'])}")
    assert round(1 / left["6"]) == 15  # "one grid in fifteen"
    yield f"from left to right {short(left['0'])} are valid"
    yield f"With eight given cells {grids['8']['S = 1, k = 64']['ess']:.0f} of 64"
    yield f"With six it is {six['S = 1, k = 64']['ess']:.0f} of 64"
    plain, energy = records.read("plain_text"), records.read("energy_text")
    one, many = energy["S = 64, k = 4"], plain["S = 128"]
    gains = [plain[f"S = {S}"]["nats"] - energy[f"S = {S}, k = 4"]["nats"] for S in (8, 16)]
    yield f"{short(gains[0])} nats at eight and {short(gains[1])} at sixteen"
    for S, half in ((16, 8), (32, 16)):
        a, b = plain[f"S = {S}"], energy[f"S = {half}, k = 4"]
        assert a["calls"] < b["calls"] + 0.1
        assert a["nats"] < b["nats"]
        yield (f"{a['nats']:.2f} at {a['calls']:.1f} calls against {b['nats']:.2f} at "
               f"{b['calls']:.1f}".removesuffix(".0"))  # fmt: skip
    yield f"{one['nats']:.2f} ± {one['error']:.2f} with 64 steps and four candidates"
    yield f"{many['nats']:.2f} ± {many['error']:.2f} with 128 plain steps"
    off = abs(one["nats"] - many["nats"]) / np.hypot(one["error"], many["error"])
    assert round(off) == 1  # "one standard error of the difference"
    early, plain32 = energy["S = 32, k = 4, w = 0.2"]["nats"], plain["S = 32"]["nats"]
    assert abs(early - plain32) < 0.01  # "nothing is left"
    assert 0.03 < plain32 - energy["S = 32, k = 4"]["nats"] < 0.1  # "within two errors"
    four, sixteen = (energy[f"S = 16, k = {k}"] for k in (4, 16))
    yield f"change 16 steps from {four['nats']:.2f} to {sixteen['nats']:.2f} nats"
    assert (SAMPLES, MANY) == (160, 400)  # "160 samples; the two …, are 400"
    wrong = energy["S = 32, k = 4, wrong sign"]["nats"] - plain["S = 32"]["nats"]
    yield f"The wrong sign loses {short(wrong)} nats"
    fills = records.read("infills")
    for fast, slow in (("S = 1, k = 16", "S = 2, k = 1"), ("S = 2, k = 16", "S = 4, k = 1")):
        a, b = fills[fast], fills[slow]
        assert abs(a["calls"] - b["calls"]) < 0.05
        assert abs(a["nats"] - b["nats"]) < 2 * np.hypot(a["error"], b["error"])


PAGES = (any_subset, any_subset_experiments, energy_diffusion, energy_diffusion_experiments)


@pytest.mark.parametrize("phrases", PAGES, ids=lambda one: one.__name__)
def test_the_prose_has_the_numbers_of_the_records(phrases):
    pytest.importorskip("torch")
    pytest.importorskip("matplotlib")
    said = " ".join(Source(ROOT / "notebooks/decoding" / f"{phrases.__name__}.ipynb").prose.split())
    assert [phrase for phrase in phrases() if phrase not in said] == []
