"""The sweeps of the chapter: ``python -m paralg.decoding.credit_decoding.experiments.records``."""

from functools import cache, partial
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.decoding.baselines import static, threshold
from paralg.decoding.credit_decoding.account import PAPER, RELEASED, TraceCredit
from paralg.decoding.credit_decoding.decoder import decode_with_credit
from paralg.decoding.credit_decoding.experiments.frontier import (
    DecodedBatch,
    at_equal_forwards,
    decode_batch,
)
from paralg.decoding.credit_decoding.variants import AdaptiveCredit, FullCredit
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional

__all__ = ["PLAIN", "TAUS", "VARIANTS", "puzzles", "records"]

PLAIN = tuple(k / 100 for k in (*range(50, 80), *range(80, 97, 2)))
"""Thresholds of the plain frontier, dense where quality changes fast."""

TAUS = (0.66, 0.7, 0.725, 0.75, 0.775, 0.8, 0.85, 0.9)
"""Thresholds of credit."""

VARIANTS = {
    "paper": PAPER, "shipped": RELEASED,
    "a serving port": TraceCredit(0.5, 0.75, 0.5), "no memory": TraceCredit(0.65, 0, 0.2),
    "long memory": TraceCredit(0.65, 0.95, 0.2), "strong": TraceCredit(1.5, 0.7, 0.2),
    "linear reward": TraceCredit(0.65, 0.7, 1.0), "every token, γ = 0.2": FullCredit(),
    "every token, γ = 1": FullCredit(0.65, 0.7, 1.0), "adaptive": AdaptiveCredit(),
}  # fmt: skip


@cache
def _network():
    from paralg.models import load

    return load("sudoku4-bidirectional")


def puzzles(givens: int, count: int = 1000, first: int = 0) -> np.ndarray:
    """Return Sudoku prompts of the seeds from ``first`` on, shape (count, 16)."""
    model = Sudoku4()
    return np.stack([model.puzzle(seed, givens) for seed in range(first, first + count)])


def _valid(tokens: np.ndarray) -> np.ndarray:
    return is_valid(tokens).astype(float)


def _sudoku(givens: int) -> dict:
    """1,000 puzzles, none of them used before: the frontiers of credit, with and without memory."""
    x, found = puzzles(givens, first=1000), {}
    plain = [decode_batch(_network(), x, tau) for tau in PLAIN]
    for name in ("paper", "no memory"):
        runs = [decode_batch(_network(), x, tau, VARIANTS[name]) for tau in TAUS]
        found[name] = at_equal_forwards(plain, runs, _valid)
    return found


def constants() -> dict:
    """300 puzzles with two givens: other constants and both variants, at equal forwards."""
    x, found = puzzles(2, 300), {}
    plain = [decode_batch(_network(), x, tau) for tau in PLAIN]
    for name, credit in VARIANTS.items():
        runs = [decode_batch(_network(), x, tau, credit) for tau in TAUS[1::2]]
        found[name] = at_equal_forwards(plain, runs, _valid)
    return found


def noisy() -> dict:
    """400 puzzles with two givens, and errors of σ = 1 on the logits of every round."""
    x, found = puzzles(2, 400), {}
    taus = (*np.arange(0.8, 0.981, 0.02).round(2).tolist(), 0.985, 0.99, 0.995)
    plain = [decode_batch(_network(), x, tau, noise=1.0) for tau in taus]
    for name in ("paper", "long memory"):
        runs = [decode_batch(_network(), x, tau, VARIANTS[name], noise=1.0)
                for tau in (0.9, 0.93, 0.95, 0.97, 0.98, 0.99)]  # fmt: skip
        found[name] = at_equal_forwards(plain, runs, _valid)
    return found


def selectors() -> dict:
    """1,000 puzzles by so many tokens a step, so at equal forwards: valid grids of each ranking.

    Credit's difference comes with the standard error of the mean of paired differences.
    """
    found, rankings = {}, {"plain": {}, "margin": {"margin": True}}
    for givens in (2, 4):
        x = puzzles(givens)
        for count in (2, 4, 8):
            for name, how in rankings.items():
                runs = [decode_batch(_network(), x, credit=credit, count=count, **how)
                        for credit in (None, PAPER)]  # fmt: skip
                plain, ours = (_valid(run.tokens) for run in runs)
                apart = ours - plain
                found[f"{givens} givens, {count} tokens a step, {name}"] = {
                    "valid": float(plain.mean()), "credit": float(apart.mean()),
                    "error": float(apart.std() / len(apart) ** 0.5)}  # fmt: skip
    return found


def gap() -> dict:
    """When the final token is first the likeliest, and when it is committed: 400 puzzles."""
    x, found = puzzles(2, 400), {}
    for tau in (0.9, 0.8):
        for name, credit in {"plain": None, "credit": PAPER}.items():
            run = decode_batch(_network(), x, tau, credit)
            done = run.committed > 0
            waits = np.bincount((run.committed - run.seen)[done], minlength=14)
            found[f"{name}, {tau}"] = {
                "seen": float(run.seen[done].mean()),
                "committed": float(run.committed[done].mean()),
                "waits": waits.tolist(), "forwards": float(run.forwards.mean())}  # fmt: skip
    return found


def tables() -> dict:
    """80 tables of twelve tokens at three couplings: share of the tokens of static decoding."""
    found, x = {}, [4] * 12
    for eps in (0.1, 0.4, 1.0):
        models = [HashConditional(4, 12, k, eps) for k in range(80)]
        right = np.stack([static(model, x).tokens for model in models])

        def same(tokens, right=right):
            return (tokens == right).mean(axis=1)

        plain = [_batch(threshold(model, x, tau) for model in models) for tau in PLAIN]
        runs = [_batch(decode_with_credit(model, x, tau) for model in models) for tau in TAUS]
        found[f"{eps}"] = at_equal_forwards(plain, runs, same)
    return found


def _batch(runs) -> DecodedBatch:
    runs = list(runs)
    nothing = np.zeros((len(runs), len(runs[0].tokens)))
    return DecodedBatch(np.stack([run.tokens for run in runs]),
                 np.array([run.forwards for run in runs]), nothing, nothing)  # fmt: skip


MAKERS = {f"sudoku_{givens}": partial(_sudoku, givens) for givens in (2, 3, 4, 6)} | {
    make.__name__: make for make in (constants, noisy, selectors, gap, tables)
}
records = Records(Path(__file__).with_name("records"), MAKERS)

if __name__ == "__main__":
    records.main()
