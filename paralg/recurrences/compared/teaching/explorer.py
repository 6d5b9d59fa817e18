"""Explorer: what five mixers keep and do after n tokens, as bars on a logarithmic axis."""

from pathlib import Path

from paralg.recurrences.compared.theory import NAMES, needs

__all__ = ["explorer"]

_POWERS = range(21)


def explorer():
    """Return the interactive figure: choose a count and move along the stream."""
    from paralg.figures import Explorer

    return Explorer(
        name="mixers-needs", script=Path(__file__).with_name("explorer.js"),
        state={"mixers": [{"id": m, "name": NAMES[m], "counts": _counts(m)} for m in NAMES]},
        still=_still(),
        caption="One layer of width 64 after n tokens: numbers kept, multiply-adds of the next "
        "token, dependent steps of training. Logarithmic axis.",
        alt="Bar chart, log axis: numbers kept after 1,024 tokens; the two caches hold 131,072, "
        "Mamba 2,432, Aaren 72, the GRU 64.",
        table=(("mixer", "kept, n = 16", "kept, n = 1,024", "next token", "span"), _rows()),
    )  # fmt: skip


def _counts(mixer: str) -> dict[str, list[int]]:
    """Return each count after 1, 2, 4 … tokens."""
    found = [needs(mixer, 2**k) for k in _POWERS]
    return {key: [getattr(one, key) for one in found] for key in ("state", "work", "span")}


def _rows() -> list[tuple]:
    rows = []
    for mixer in NAMES:
        early, late = needs(mixer, 16), needs(mixer, 1024)
        rows.append((NAMES[mixer], early.state, late.state, late.work, late.span))
    return rows


def _still():
    import matplotlib.pyplot as plt

    from paralg import figures

    fig, ax = plt.subplots(figsize=(6.0, 2.2))
    kept = [needs(mixer, 1024).state for mixer in NAMES]
    ax.barh([*NAMES.values()], kept, color=figures.VERMILION)
    ax.set(xscale="log", xlabel="numbers kept after 1,024 tokens", xlim=(10, 1e6))
    ax.invert_yaxis()
    return fig
