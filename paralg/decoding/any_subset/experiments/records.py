"""The chapter's sweeps: ``python -m paralg.decoding.any_subset.experiments.records``."""

from functools import cache, partial
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.decoding.any_subset.decoder import assd
from paralg.decoding.any_subset.experiments.tasks import (
    decode_all,
    infills,
    one_by_one,
    puzzles,
    spelled,
    summary,
    valid,
    words,
)
from paralg.decoding.any_subset.fast.cached import cached_assd, cached_bigram_assd
from paralg.decoding.any_subset.theory import order_joint, order_spread
from paralg.decoding.any_subset.variants import bigram_assd, independent, lenient_assd
from paralg.decoding.randomness import distribution_of, total_variation
from paralg.decoding.shaping import Temperature
from paralg.decoding.sudoku import Sudoku4
from paralg.decoding.tables import HashConditional, WeightedSequences, multi_information

__all__ = ["records"]

GRIDS, WINDOWS = 150, 30


@cache
def network(name: str):
    """Load shipped weights once."""
    from paralg.models import load

    return load(name)


def _fields(model, prompts, methods, *, grids: bool) -> dict:
    """Run methods on prompts; return their summaries."""
    found = {}
    for name, decode in methods.items():
        runs = decode_all(decode, model, prompts)
        found[name] = summary(model, prompts, runs) | ({"valid": valid(runs)} if grids else {})
    return found


def _methods(ks, fast, bigram, apart) -> dict:
    found = {"one by one": one_by_one} | {f"k = {k}": partial(fast, k=k) for k in ks}
    found |= {"bigram, k = 5": partial(bigram, k=5)}
    return found | {f"independent, {k}": partial(independent, k=k) for k in apart}


def sudoku() -> dict:
    """The network on empty grids and on four givens: calls, nats and valid grids by k."""
    model = network("sudoku4-anyorder")
    methods = _methods((1, 2, 3, 5, 8, 12, 16), cached_assd, cached_bigram_assd, (2, 4))
    return {str(givens): _fields(model, puzzles(GRIDS, givens), methods, grids=True)
            for givens in (0, 4)}  # fmt: skip


def exact() -> dict:
    """The exact distribution of grids with four givens: calls and valid grids by k."""
    methods = _methods((1, 2, 3, 5, 8, 12), assd, bigram_assd, (2, 4))
    return _fields(Sudoku4(), puzzles(GRIDS, 4), methods, grids=True)


def text() -> dict:
    """Held-out text with 3 and 32 random visible characters of 64: calls and nats by k."""
    model, found = network("text-anyorder"), {}
    methods = _methods((3, 5, 10), cached_assd, cached_bigram_assd, (2,))
    for visible in (3, 32):
        found[str(visible)] = _fields(model, infills(WINDOWS, visible), methods, grids=False)
    return found


def masked() -> dict:
    """Calls a token at k = 5 by the share that is masked, of both kinds of drafts."""
    model, found = network("text-anyorder"), {}
    for visible in (32, 19, 10, 3):
        prompts = infills(10, visible)
        for name, decode in (("self", cached_assd), ("bigram", cached_bigram_assd)):
            runs = decode_all(decode, model, prompts, k=5)
            calls = sum(run.forwards for run in runs) / ((64 - visible) * len(runs))
            found.setdefault(name, {})[str(64 - visible)] = round(calls, 4)
    return found


def seeds() -> dict:
    """Calls and nats at k = 5 on three sets of windows and three of grids, beside one by one."""
    found = {}
    for name, model, sets in (
        ("text, 32 visible", "text-anyorder", [infills(10, 32, seed=s) for s in (1, 2, 3)]),
        ("grids, 4 givens", "sudoku4-anyorder",
         [puzzles(150, 4)[s::3] for s in range(3)]),
    ):  # fmt: skip
        found[name] = [{way: summary(network(model), prompts, decode_all(
            decode, network(model), prompts, seed))
            for way, decode in (("one by one", one_by_one), ("k = 5", cached_assd))}
            for seed, prompts in enumerate(sets, 1)]  # fmt: skip
    return found


def rounds() -> dict:
    """Tokens written a round, and drafts accepted by their place in the window, at k = 5 and 8."""
    found = {}
    for name, model, prompts in (
        ("text, 3 visible", "text-anyorder", infills(10, 3)),
        ("grids, 4 givens", "sudoku4-anyorder", puzzles(GRIDS, 4)),
    ):
        k = 5 if model.startswith("text") else 8
        traces = [run.trace for run in decode_all(cached_assd, network(model), prompts, k=k)]
        full = [(sent, kept) for trace in traces for sent, kept in _windows(trace) if sent == k]
        kept = np.array([kept for _, kept in full])
        rates = [float((kept > j).sum() / max((kept >= j).sum(), 1)) for j in range(k)]
        sizes = np.bincount(np.minimum(kept + 1, k), minlength=k + 1)[1:]
        found[name] = {"k": k, "rounds": sizes.tolist(), "rates": np.round(rates, 4).tolist()}
    return found


def _windows(trace) -> list[tuple[int, int]]:
    """Return drafts sent and accepted of each round."""
    both = ([e.round for e in trace.events if e.what == what] for what in ("proposed", "accepted"))
    sent, kept = (np.bincount(one, minlength=trace.rounds).tolist() for one in both)
    return list(zip(sent, kept, strict=True))


def temperatures() -> dict:
    """Calls at k = 8 on grids with four givens, by both temperatures and by that of drafts."""
    model, prompts = network("sudoku4-anyorder"), puzzles(GRIDS // 3, 4)
    found = {"both": {}, "drafts": {}}
    for T in (0.5, 0.7, 1.0, 1.4, 2.0):
        for name in found:
            options = {"shape": Temperature(T)} if name == "both" else {
                "draft_shape": Temperature(T)}  # fmt: skip
            runs = decode_all(cached_assd, model, prompts, k=8, **options)
            found[name][str(T)] = summary(model, prompts, runs) | {"valid": valid(runs)}
    return found


def lenient() -> dict:
    """Total variation of a lenient test on a table, and calls and valid grids of the exact one."""
    table, prompts, found = HashConditional(2, 4, k=0, eps=1.0), puzzles(GRIDS, 4), {}
    right = order_joint(table, [2] * 4)
    for tolerance in (0.0, 0.01, 0.03, 0.1, 0.3, 1.0):
        dist = distribution_of(lenient_assd, table, [2] * 4, k=4, tolerance=tolerance)
        runs = decode_all(lenient_assd, Sudoku4(), prompts, k=5, tolerance=tolerance)
        found[str(tolerance)] = {
            "total variation": round(total_variation(dist.probability, right), 6),
            "calls": round(float(np.mean([run.forwards for run in runs])), 3),
            "valid": valid(runs)}  # fmt: skip
    return found


def orders() -> dict:
    """How far the joints of different orders lie apart, and what independence costs."""
    model, table, spread = network("text-anyorder"), words(), []
    for x in infills(2, 64):
        x[31:33] = model.V
        spread.append(order_spread(model, x))
    found = {"text, 2 unknown": [round(float(s), 4) for s in spread], "words": {}}
    for prompt in ("st____", "___ing", "s_____", "_e_u_n"):
        x = [26 if c == "_" else ord(c) - 97 for c in prompt]
        fits = _completions(table, x)
        found["words"][prompt] = [len(fits.sequences), round(multi_information(fits), 4)]
    return found


def _completions(table, x) -> WeightedSequences:
    """Return the distribution of the completions of a prompt, over its masks only."""
    x = np.asarray(x)
    known = x < table.V
    agree = (table.sequences[:, known] == x[known]).all(axis=1)
    weights = table.weights[agree] / table.weights[agree].sum()
    return WeightedSequences(table.sequences[agree][:, ~known], weights, table.V)


def samples() -> dict:
    """Some windows before and after, one by one and at k = 5, round by round."""
    model, prompts = network("text-anyorder"), infills(2, 32)
    found = []
    for i, x in enumerate(prompts):
        slow, fast = (decode_all(decode, model, [x], seed=i)[0]
                      for decode in (one_by_one, cached_assd))  # fmt: skip
        found.append({"prompt": spelled(x), "one by one": spelled(slow.tokens),
                      "k = 5": spelled(fast.tokens), "calls": fast.forwards})  # fmt: skip
    return {"windows": found}


MAKERS = (sudoku, exact, text, masked, seeds, rounds, temperatures, lenient, orders, samples)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
