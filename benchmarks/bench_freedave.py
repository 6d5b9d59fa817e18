"""FreeDave against static and threshold decoding on the two networks, and what a row costs.

    python -m benchmarks.bench_freedave [--quick]

``ratio`` is how many times faster FreeDave with d = 4 is than the method of the row; forwards and
rows, which do not depend on the machine, stand in the note.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from benchmarks._common import Standard, row, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.data import addition, pydoc_text
from paralg.decoding.baselines import static, threshold
from paralg.decoding.freedave import freedave, greedy_forwards, reach
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.trace import Decoded
from paralg.models import load

__all__ = ["main", "run"]

DRAFTS = (1, 2, 4, 8, 16)
ROWS = (1, 2, 4, 8, 16, 32)
TAUS = (0.9, 0.7)
OURS = "FreeDave d=4"

SUMS, TEXTS = 40, 6

Decoder = Callable[[np.ndarray], Decoded]


@cache
def _reaches() -> list[tuple[int, ...]]:
    """Return the reach of every sum of the benchmark."""
    network = load("addition-bidirectional")
    return [reach(network, x) for x in addition.problems(SUMS)]


def fewer(d: int) -> float:
    """Return the forwards of static decoding over those of FreeDave, on the benchmark's sums."""
    return sum(map(len, _reaches())) / sum(greedy_forwards(r, d).forwards for r in _reaches())


STANDARD = Standard(
    chapter="freedave", task="Sums of eight tokens by a small network", bench="addition, 8 tokens",
    ours="FreeDave d={size}", peer="static", size_name="draft steps d", headline=4,
    names={"FreeDave d={size}": "FreeDave", "static": "static decoding"}, counted=fewer,
    counted_name="forward calls of static decoding over those of FreeDave",
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Few prompts and repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    sums, texts = _prompts(2 if quick else SUMS, 1 if quick else TEXTS)
    adder, writer = load("addition-bidirectional"), load("text-bidirectional")
    repeats = 2 if quick else 7
    rows = _decoding("addition, 8 tokens", adder, sums, UnmaskingRule(), repeats)
    rows += _decoding("text, block of 32", writer, texts, UnmaskingRule(block=32), repeats)
    rows += _decoding("text, block of 32, dual cache", writer, texts,
                      UnmaskingRule(block=32, cache="dual"), repeats)  # fmt: skip
    rows += _layouts("text, dual cache, layouts", writer, texts, repeats)
    for name, network in (("addition", adder), ("text", writer)):
        rows += _row_costs(f"one forward, {name}", network, repeats)
    return rows


def _prompts(sums: int, texts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return addition problems, and half-windows of held-out text to be continued."""
    windows = pydoc_text.windows(texts, 64, np.random.default_rng(0), split="test")
    windows[:, 32:] = len(pydoc_text.SYMBOLS)
    return addition.problems(sums), windows


def _decoding(bench: str, network, prompts, rule: UnmaskingRule, repeats: int) -> list[dict]:
    """Time static decoding, FreeDave and threshold decoding on the same prompts."""
    methods: dict[str, Decoder] = {"static": lambda x: static(network, x, rule)}
    for d in DRAFTS:
        methods[f"FreeDave d={d}"] = lambda x, d=d: freedave(network, x, d, rule)
    for tau in TAUS:
        methods[f"threshold τ={tau}"] = lambda x, tau=tau: threshold(network, x, tau, rule)
    return _timed(bench, methods, prompts, repeats)


def _layouts(bench: str, network, prompts, repeats: int) -> list[dict]:
    """Time the tree layout against rows."""
    rule = UnmaskingRule(block=32, cache="dual")
    methods: dict[str, Decoder] = {
        "static": lambda x: static(network, x, rule),
        OURS: lambda x: freedave(network, x, 4, rule),
        f"{OURS}, tree": lambda x: freedave(network, x, 4, rule, layout="tree"),
    }
    return _timed(bench, methods, prompts, repeats)


def _timed(bench: str, methods: dict[str, Decoder], prompts, repeats: int) -> list[dict]:
    """Decode all prompts by every method; notes carry counts and how many traces are static's."""
    results = {name: [decode(x) for x in prompts] for name, decode in methods.items()}
    timings = compare({name: lambda decode=decode: [decode(x) for x in prompts]
                       for name, decode in methods.items()}, repeats=repeats)  # fmt: skip
    notes = {name: _note(mine, results["static"]) for name, mine in results.items()}
    rows = rows_of(timings, bench, f"{len(prompts)} prompts", OURS, notes)
    for entry in rows:
        if entry["ratio"] < 1 and not entry["method"].startswith("FreeDave"):
            lossless = "100% of traces" in entry["note"]
            reason = "rows are not free on one core" if lossless else "that is another decoding"
            entry["note"] += f"; ours is slower: {reason}"
    return rows


def _note(mine: list[Decoded], slow: list[Decoded]) -> str:
    """Say what does not depend on the machine."""
    forwards = np.mean([result.forwards for result in mine])
    rows = np.mean([result.cost.rows for result in mine])
    equal = np.mean([a.trace == b.trace for a, b in zip(mine, slow, strict=True)])
    return f"{forwards:.2f} forwards, {rows:.2f} rows a prompt; {equal:.0%} of traces as static"


def _row_costs(bench: str, network, repeats: int) -> list[dict]:
    """Time one forward of 1 … 32 rows."""
    x = np.full((max(ROWS), network.L), network.V)
    x[:, 0] = 0
    timings = compare({str(n): lambda n=n: network.denoise(x[:n]) for n in ROWS},
                      repeats=3 * repeats, warmup=2)  # fmt: skip
    found = []
    for n in ROWS:
        cost = timings.ratio(str(n), "1").median
        note = f"{cost:.2f} times the price of one row"
        found.append(row(bench, n, "denoise", timings.median[str(n)], *timings.quartiles[str(n)],
                         note=note))  # fmt: skip
    return found


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/freedave.json``."""
    run_main(run, "freedave", argv, STANDARD)


if __name__ == "__main__":
    main()
