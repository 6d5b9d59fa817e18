"""Sweeps: ``python -m paralg.decoding.energy_diffusion.experiments.records``."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.data.sudoku4 import is_valid
from paralg.decoding.energy_diffusion.energies import Autoregressive, CarryOver
from paralg.decoding.energy_diffusion.experiments import sudoku, text
from paralg.decoding.energy_diffusion.sampler import energy_diffusion
from paralg.decoding.energy_diffusion.theory import reported_nats
from paralg.decoding.randomness import RandomDraws

__all__ = ["ENERGIES", "records"]

PUZZLES, SAMPLES, MANY, HOLES = 300, 160, 400, 24
GIVENS = (0, 4, 6, 8)
ENERGIES = ("coAR", "AR", "NCE", "wrong sign")


def _family(name: str = "sudoku4"):
    from paralg.models import load

    return load(name)


def _energy(name: str, family) -> Callable:
    """Return an energy by its name in the records."""
    if name == "NCE":
        from paralg.decoding.energy_diffusion.experiments.runs import trained

        return trained()
    if name == "wrong sign":
        right = CarryOver(family)
        return lambda x, y, log_mu: -right(x, y, log_mu)
    return {"coAR": CarryOver, "AR": Autoregressive}[name](family)


def grids() -> dict:
    """Valid grids by givens, for plain steps and for few steps with k candidates."""
    family, found = _family(), {}
    for givens in GIVENS:
        x = sudoku.puzzles(PUZZLES, givens)
        here = {"nats": round(sudoku.dependence(x), 4)}
        for S in (1, 2, 4, 8, 16):
            here[f"S = {S}, k = 1"] = sudoku.rates(family, x, S, 1)
        for S, k in ((1, 4), (1, 16), (1, 64), (2, 4), (2, 16), (4, 4), (4, 16)):
            here[f"S = {S}, k = {k}"] = sudoku.rates(family, x, S, k, CarryOver(family))
        found[str(givens)] = here
    return found


def candidates() -> dict:
    """Valid grids of one step by the number of candidates and the energy, six givens."""
    family, x, found = _family(), sudoku.puzzles(PUZZLES, 6), {}
    for name in ENERGIES:
        energy = _energy(name, family)
        found[name] = {str(k): sudoku.rates(family, x, 1, k, energy) for k in (1, 2, 4, 8, 16, 64)}
    found["from left to right"] = {
        str(givens): float(is_valid(sudoku.from_left(family, sudoku.puzzles(PUZZLES, givens)))
                           .mean()) for givens in GIVENS}  # fmt: skip
    return found


def _text(family, judge, S: int, k: int, energy=None, n: int = SAMPLES, x=None, **options) -> dict:
    """Sample n rows from nothing, or those of x, and score them."""
    x = np.full((n, family.L), family.V) if x is None else x
    return text.score(judge, *text.sample(family, x, S, k, energy, **options))


def plain_text() -> dict:
    """Nats a letter of plain samples by steps, and of held-out text."""
    from paralg.data import pydoc_text

    family, judge = _family("text"), text.Judge()
    held = pydoc_text.windows(1000, family.L, np.random.default_rng(0), split="test")
    found = {"held-out text": text.score(judge, held)}
    for S in (8, 16, 32, 64, 128):
        found[f"S = {S}"] = _text(family, judge, S, 1, n=MANY if S == 128 else SAMPLES)
    return found


def energy_text() -> dict:
    """The same with candidates, the window, and the wrong sign."""
    family, judge = _family("text"), text.Judge()
    right, wrong = CarryOver(family), _energy("wrong sign", family)
    found = {f"S = {S}, k = {k}": _text(family, judge, S, k, right)
             for S, k in ((8, 4), (16, 4), (16, 16), (32, 4), (64, 2))}  # fmt: skip
    found["S = 32, k = 4, w = 0.2"] = _text(family, judge, 32, 4, right, window=0.2)
    found["S = 32, k = 4, wrong sign"] = _text(family, judge, 32, 4, wrong)
    return found | {"S = 64, k = 4": _text(family, judge, 64, 4, right, n=MANY)}


def infills() -> dict:
    """Held-out text in which 24 of 64 letters are masked, filled in few steps; and the truth."""
    from paralg.data import pydoc_text

    family, judge, rng = _family("text"), text.Judge(), np.random.default_rng(3)
    y = pydoc_text.windows(SAMPLES, family.L, rng, split="test")
    x = np.where(rng.random(y.shape).argsort(axis=1).argsort(axis=1) < HOLES, family.V, y)
    return {"held-out text": text.score(judge, y)} | {
        f"S = {S}, k = {k}": _text(family, judge, S, k, CarryOver(family), x=x)
        for S, k in ((1, 1), (2, 1), (4, 1), (8, 1), (1, 4), (1, 16), (2, 16))}  # fmt: skip


def likelihoods() -> dict:
    """The paper's number in nats a token for each estimate of log Z, and the AR model's own."""
    from paralg.data import pydoc_text
    from paralg.models.scores import nats_of

    found, rng = {}, np.random.default_rng(1)
    for name, n in (("sudoku4", 100), ("text", 40)):
        family = _family(name)
        y = (sudoku.puzzles(n, 16) if name == "sudoku4" else
             pydoc_text.windows(n, family.L, rng, split="test"))  # fmt: skip
        kinds = ("coAR", "AR", "NCE")[: 3 if name == "sudoku4" else 2]
        found[name] = {kind: _reported(family, y, _energy(kind, family)) for kind in kinds}
        found[name]["AR model"] = round(float(nats_of(family.causal(y), y).mean()), 4)
    return found


def _reported(family, y: np.ndarray, energy) -> dict:
    """Average over rows with evenly spread numbers of masks, which is the integral over t."""
    rows, rng = [], np.random.default_rng(2)
    for b, row in enumerate(y):
        size = 1 + int((b + rng.random()) * family.L / len(y))
        masked = np.isin(np.arange(family.L), rng.permutation(family.L)[:size])
        one = reported_nats(family, row, masked, energy, rng=RandomDraws(0, b), n=16)
        rows.append(np.array((one.lower, one.upper, one.released)) / size)
    means = np.mean(rows, axis=0).round(4).tolist()
    return dict(zip(("lower", "upper", "released"), means, strict=True))


def films() -> dict:
    """Three puzzles in two steps, for the explorer: candidates, weights, what is kept and shown."""
    family, found = _family(), {}
    for seed in range(3):
        for k in (1, 4, 8):
            x = sudoku.puzzles(seed + 4, 6)[-1]
            run = energy_diffusion(family, x, 2, k, rng=RandomDraws(1, seed))
            found[f"{seed + 1} {k}"] = _film(run)
    return found


def _film(run) -> dict:
    start, rounds = run.trace.start, []
    for number in range(run.trace.rounds):
        events = [e for e in run.trace.events if e.round == number]
        proposed, committed = ([e for e in events if e.what == what]
                               for what in ("proposed", "committed"))  # fmt: skip
        rows: dict[int, list] = {}
        for e in proposed:
            rows.setdefault(e.row, ["", round(e.value, 4)])[0] += str(e.token)
        rounds.append({"rows": list(rows.values()), "kept": committed[0].row if rows else -1,
                       "shown": [[e.position, e.token] for e in committed]})  # fmt: skip
    return {"start": list(start), "rounds": rounds, "valid": bool(is_valid(run.tokens))}


MAKERS = (grids, candidates, plain_text, energy_text, infills, likelihoods, films)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
