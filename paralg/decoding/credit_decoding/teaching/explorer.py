"""Explorer: one position over eight rounds, its logits as bars, credit, confidence and commits."""

from pathlib import Path

import numpy as np

from paralg.decoding.credit_decoding.account import TraceCredit
from paralg.decoding.credit_decoding.theory import first_look
from paralg.decoding.randomness import softmax

__all__ = ["PRESETS", "TAU", "explorer", "trace"]

ROUNDS, TOKENS, TAU = 8, 3, 0.9
PRESETS = {
    "slow rise": (0.5, 0.2, 0, 1, 0.3, 0, 1.2, 0.2, 0, 1.4, 0.1, 0, 1.7, 0, 0, 2.1, 0, 0, 2.5, 0,
                  0, 3, 0, 0),
    "a dip": (1, 0.2, 0, 1.4, 0.1, 0, 1.6, 0, 0, 1.8, 0, 0, 0, 2.4, -2, 2, 0, 0, 2.4, 0, 0,
              3.2, 0, 0),
    "a wrong start": (2, 0, 0, 2.1, 0.1, 0, 2.3, 0, 0, 1.2, 1.6, 0, 1, 1.8, 0, 0.6, 2.2, 0,
                      0.2, 2.8, 0, 0, 3.2, 0),
    "two that alternate": (1.4, 1, 0, 1, 1.4, 0, 1.5, 1, 0, 1, 1.5, 0, 1.6, 1, 0, 1, 1.6, 0,
                           1.7, 1, 0, 1, 1.7, 0),
}  # fmt: skip
"""Logits of tokens A, B, C, round by round."""


def trace(logits, credit: TraceCredit, tau: float) -> dict:
    """Return credits (8, 3), fused distributions (8, 3), and what each decoder commits, when.

    A commit is (round from 1, token), or None.
    """
    rows, C, kept, fused = np.reshape(logits, (ROUNDS, TOKENS)), np.zeros(TOKENS), [], []
    for row in rows:
        C = credit.observe(C, softmax(row))
        kept.append(C)
        fused.append(softmax(credit.fuse(row, C)))
    raw, fused = softmax(rows), np.array(fused)
    bars = {"plain": (raw, tau), "credit": (fused, tau), "lower": (raw, first_look(tau, credit))}
    return {"C": np.array(kept), "raw": raw, "fused": fused,
            "commits": {name: _commit(*bar) for name, bar in bars.items()}}  # fmt: skip


def _commit(distributions, tau: float) -> tuple[int, int] | None:
    over = np.flatnonzero(distributions.max(axis=1) >= tau)
    return (int(over[0]) + 1, int(distributions[over[0]].argmax())) if len(over) else None


def explorer():
    """Return the interactive figure: drag logits, move α, β, γ and τ, see who commits when.

    >>> explorer().name
    'credit-decoding-trace'
    """
    from paralg.figures import Explorer

    rows = []
    for label, logits in PRESETS.items():
        commits = trace(logits, TraceCredit(), TAU)["commits"]
        rows.append((label, *(_words(commit) for commit in commits.values())))
    presets = [{"label": label, "logits": list(logits)} for label, logits in PRESETS.items()]
    constants = {"alpha": TraceCredit.alpha, "beta": TraceCredit.beta, "gamma": TraceCredit.gamma}
    return Explorer(
        name="credit-decoding-trace", script=Path(__file__).with_name("explorer.js"),
        state={"logits": presets[0]["logits"], "presets": presets, "tau": TAU, **constants},
        still=_still(),
        caption="One masked position over eight rounds: logits of tokens A, B, C; their credit; "
        "confidence, raw (dashed) and fused (solid), with its bar τ and that of the first look, "
        "τ₁. Rings: commits of plain τ (blue), credit (vermilion) and plain τ₁ (green).",
        alt="Three panels over eight rounds: the logit of token A rises, its credit grows to two "
        "and a half, and the fused confidence passes 0.9 two rounds before the raw one.",
        table=(("logits, τ = 0.9", "plain", "credit", "plain at τ₁"), rows),
    )  # fmt: skip


def _words(commit) -> str:
    return "never" if commit is None else f"{'ABC'[commit[1]]} in round {commit[0]}"


def _still():
    """Draw the first preset: logits, credit, confidences."""
    import matplotlib.pyplot as plt

    from paralg.figures import BLUE, GREEN, GREY, VERMILION

    shape = {"figsize": (6.4, 5.0), "gridspec_kw": {"height_ratios": [1, 1, 1.6]}}
    fig, (top, middle, low) = plt.subplots(3, sharex=True, **shape)
    logits = np.reshape(PRESETS["slow rise"], (ROUNDS, TOKENS))
    found, t = trace(logits, TraceCredit(), TAU), np.arange(1, ROUNDS + 1)
    for v, colour in enumerate((VERMILION, BLUE, GREY)):
        for ax, heights in ((top, logits), (middle, found["C"])):
            ax.bar(t + 0.25 * (v - 1), heights[:, v], width=0.22, color=colour)
    top.set(ylabel="logit")
    middle.set(ylabel="credit C")
    low.plot(t, found["raw"].max(axis=1), color=BLUE, marker="o", ls="--", label="raw")
    low.plot(t, found["fused"].max(axis=1), color=VERMILION, marker="s", ls="-", label="fused")
    for tau, name in ((TAU, "τ"), (first_look(TAU, TraceCredit()), "τ₁")):
        low.axhline(tau, color=GREEN, ls="-.", lw=1)
        low.text(8.45, tau, name, va="center")
    low.set(xlabel="round", ylabel="confidence", xlim=(0.4, 8.9), ylim=(0.3, 1))
    low.text(3, 0.44, "raw", color=BLUE)
    low.text(2.1, 0.78, "fused", color=VERMILION)
    return fig
