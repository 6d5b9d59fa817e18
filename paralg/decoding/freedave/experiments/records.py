"""The sweeps of the chapter's tables: ``python -m paralg.decoding.freedave.experiments.records``.

Every run is compared with its sequential baseline, by :func:`compared`.
"""

from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.data import addition, pydoc_text
from paralg.decoding.baselines import static, threshold
from paralg.decoding.freedave.decoder import freedave, freedave_plus_plus
from paralg.decoding.freedave.theory import landings, reach, union_forwards
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.sudoku import Sudoku4
from paralg.decoding.tables import HashConditional

__all__ = ["Noisy", "compared", "records", "tasks"]


def tasks(sums: int = 20, texts: int = 4) -> dict:
    """Return the two networks with their prompts: sums, and half-windows of held-out text."""
    from paralg.models import load

    windows = pydoc_text.windows(texts, 64, np.random.default_rng(0), split="test")
    windows[:, 32:] = len(pydoc_text.SYMBOLS)
    return {"addition": (load("addition-bidirectional"), addition.problems(sums)),
            "text": (load("text-bidirectional"), windows)}  # fmt: skip


def compared(mine, slow) -> dict:
    """Return mean costs of decodings ``mine``, and how many have the trace of those of ``slow``."""
    pairs = list(zip(mine, slow, strict=True))
    costs = np.mean([(a.forwards, a.cost.rows, a.cost.tokens) for a, _ in pairs], axis=0)
    return dict(zip(("forwards", "rows", "positions"), costs.tolist(), strict=True)) | {
        "equal": sum(a.trace == b.trace for a, b in pairs), "of": len(pairs),
        "tokens": float(np.mean([(a.tokens == b.tokens).mean() for a, b in pairs])),
    }  # fmt: skip


def networks() -> dict:
    """Static, FreeDave and threshold decoding of both tasks, against static decoding."""
    found = {}
    for name, (network, prompts) in tasks().items():
        slow = [static(network, x) for x in prompts]
        found[f"{name}: static"] = compared(slow, slow)
        for d in (1, 2, 4, 8, 16):
            fast = [freedave(network, x, d) for x in prompts]
            found[f"{name}: FreeDave d = {d}"] = compared(fast, slow)
        for tau in (0.9, 0.5, 0.3):
            lossy = [threshold(network, x, tau) for x in prompts]
            found[f"{name}: threshold τ = {tau}"] = compared(lossy, slow)
    network, prompts = tasks()["addition"]
    runs = ([static(network, x, UnmaskingRule(order=order)) for x in prompts]
            for order in ("left-to-right", "confidence"))  # fmt: skip
    return found | {"addition: static, left to right": compared(*runs)}


class Noisy:
    """A model whose logits carry errors that depend on the number of rows."""

    def __init__(self, model, delta: float):
        self.model, self.delta, self.V, self.L = model, delta, model.V, model.L

    def denoise(self, x, **options):
        """Row i is the distribution of ``x_i``, nearly."""
        logits = self.model.denoise(x, **options)
        errors = np.random.default_rng(len(x)).normal(size=logits.shape)
        return logits + self.delta * errors


def noise() -> dict:
    """FreeDave (d = 4) against static decoding under errors of the logits."""
    found = {}
    for delta in (0, 1e-6, 1e-3, 1e-1):
        found[f"{delta:g}"] = entry = {}
        groups = {"tables": [(HashConditional(4, 12, k, eps=0.4), [4] * 12) for k in range(20)]}
        for name, (network, prompts) in tasks(10, 1).items():
            groups[name] = [(network, x) for x in prompts]
        for name, pairs in groups.items():
            noisy = [(Noisy(model, delta), x) for model, x in pairs]
            entry[name] = compared([freedave(model, x, 4) for model, x in noisy],
                                   [static(model, x) for model, x in noisy])  # fmt: skip
    return found


def caches() -> dict:
    """Text in blocks of 8 by every cache and layout: static against uncached, ours against it."""
    network, prompts = tasks()["text"]
    uncached, found = [static(network, x, UnmaskingRule(block=8)) for x in prompts], {}
    for cache in (None, "prefix", "dual"):
        rule = UnmaskingRule(block=8, cache=cache)
        slow = [static(network, x, rule) for x in prompts]
        for layout in ("rows", "tree") if cache else ("rows",):
            fast = [freedave(network, x, 4, rule, layout=layout) for x in prompts]
            found[f"{cache or 'no cache'}, {layout}"] = {
                "static": compared(slow, uncached), "FreeDave": compared(fast, slow)}  # fmt: skip
    return found


def eager() -> dict:
    """Sums in blocks of 4, d = 8: static, FreeDave and eager acceptance for every cache."""
    (network, prompts), found = tasks()["addition"], {}
    for cache in (None, "prefix", "dual"):
        rule = UnmaskingRule(block=4, cache=cache)
        slow = [static(network, x, rule) for x in prompts]
        runs = {"static": slow, "FreeDave": [freedave(network, x, 8, rule) for x in prompts],
                "eager": [freedave(network, x, 8, rule, eager=True) for x in prompts]}  # fmt: skip
        found[cache or "no cache"] = {name: compared(run, slow) for name, run in runs.items()}
    return found


def plus_plus() -> dict:
    """Threshold decoding, FreeDave and FreeDave++ (d = 4) on both networks and on Sudoku."""
    sudoku, found = Sudoku4(), {}
    groups = tasks() | {"Sudoku": (sudoku, [sudoku.puzzle(seed, givens=4) for seed in range(50)])}
    for name, tau in (("text", 0.7), ("addition", 0.9), ("Sudoku", 0.9), ("Sudoku", 0.6)):
        network, prompts = groups[name]
        slow = [threshold(network, x, tau) for x in prompts]
        runs = {"threshold": slow, "FreeDave": [freedave(network, x, 4) for x in prompts]}
        for how in ("subset", "exact_match"):
            runs[how] = [freedave_plus_plus(network, x, 4, tau, agreement=how) for x in prompts]
        found[f"{name}, τ = {tau}"] = {label: compared(run, slow) for label, run in runs.items()}
    return found


RULES = {
    "confidence order": ("text", {}), "left to right": ("text", {"order": "left-to-right"}),
    "two tokens per step": ("text", {"tokens": 2}), "blocks of 8": ("text", {"block": 8}),
    "blocks of 8, dual cache": ("text", {"block": 8, "cache": "dual"}),
    "addition": ("addition", {}),
    "addition, stop at an end block of 2": ("addition", {"block": 2, "eos": (addition.END,)}),
}  # fmt: skip


def rules() -> dict:
    """FreeDave (d = 8, eager without a cache) against static decoding under other rules."""
    found, groups = {}, tasks(texts=1)
    for label, (name, how) in RULES.items():
        (network, prompts), rule = groups[name], UnmaskingRule(**how)
        slow = [static(network, x, rule) for x in prompts]
        ahead = rule.block is not None and rule.cache is None
        fast = [freedave(network, x, 8, rule, eager=ahead) for x in prompts]
        found[label] = {"static": compared(slow, slow), "FreeDave": compared(fast, slow)}
    return found


def reaches() -> dict:
    """The reach of 200 tables at three couplings, and of every text."""
    network, prompts = tasks()["text"]
    found = {f"{eps}": [reach(HashConditional(4, 12, k, eps), [4] * 12) for k in range(200)]
             for eps in (0.0, 0.1, 0.4)}  # fmt: skip
    return found | {"text": [reach(network, x) for x in prompts]}


def unions() -> dict:
    """Forwards when all anchors are used, for 150 tables at two couplings and each d."""
    found = {}
    for eps in (0.1, 0.4):
        lands = [landings(HashConditional(4, 12, k, eps), [4] * 12) for k in range(150)]
        for d in (1, 2, 3, 4, 12):
            found[f"{eps}, d = {d}"] = [union_forwards(one, d).forwards for one in lands]
    return found


MAKERS = (networks, noise, caches, eager, plus_plus, rules, reaches, unions)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
