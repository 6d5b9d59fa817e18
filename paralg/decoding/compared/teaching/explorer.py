"""Player: any two decoders on the same prompt, forward by forward."""

from pathlib import Path

import numpy as np

from paralg.decoding.arena import Entrant, decode_all, entrants
from paralg.decoding.tiers import tier
from paralg.decoding.trace import Decoded

__all__ = ["TASKS", "explorer"]

TASKS = {
    "tables": ("a table of twelve tokens", "ABCD"),
    "sudoku": ("Sudoku, the exact model", "1234"),
    "addition": ("a sum, digits reversed", "0123456789+=."),
    "text": ("text, 32 characters", "abcdefghijklmnopqrstuvwxyz "),
}
"""Tier to its name in the figure and the symbols of its tokens; the first problem is shown."""

UPPER, LOWER = "static", "FreeDave, d = 4"


def explorer(names: tuple[str, ...] = tuple(TASKS)):
    """Return the interactive figure: two decoders on one prompt, played together.

    Decodes the first problem of every tier of ``names`` with every entrant.
    """
    from paralg.figures import Explorer

    tasks = [_task(name) for name in names]
    first = {method["name"]: method for method in tasks[-1 if len(names) == 1 else 1]["methods"]}
    return Explorer(
        name="decoding-player",
        script=Path(__file__).with_name("explorer.js"),
        state={"tasks": tasks, "start": {"task": min(1, len(tasks) - 1), "left": UPPER,
                                         "right": LOWER}},
        still=_still(first),
        caption="Two decoders on the same prompt. Rows are forwards, columns positions; a letter "
        "is a token committed in that forward, a cross a guess that was refused.",
        alt="Two rasters of forwards against sixteen cells of a Sudoku: static decoding commits "
        "one cell in each of twelve forwards, FreeDave several at once in fewer.",
        table=(("Sudoku", "forwards", "rows", "tokens in each forward"),
               [(name, len(one["codes"]), sum(one["rows"]), " ".join(map(str, one["committed"])))
                for name, one in first.items()]),
    )  # fmt: skip


def _task(name: str) -> dict:
    """Return the first problem of a tier, decoded by every entrant that can."""
    label, symbols = TASKS[name]
    one = tier(name, problems=1)
    methods = [
        _method(entrant, run[0]) for entrant in entrants() if (run := decode_all(entrant, one))
    ]
    prompt = one.problems[0][1]
    begin = int(np.flatnonzero(prompt == one.problems[0][0].V)[0]) if name == "text" else 0
    for method in methods:
        method["codes"] = [codes[begin:] for codes in method["codes"]]
        method["tokens"] = "".join(symbols[token] for token in method["tokens"][begin:])
    return {"name": label, "methods": methods}


def _method(entrant: Entrant, run: Decoded) -> dict:
    trace = run.trace
    return {
        "name": entrant.name, "promise": entrant.promise, "tokens": run.tokens.tolist(),
        "codes": ["".join(map(str, row)) for row in trace.raster().tolist()],
        "rows": [cost.rows for cost in trace.costs],
        "positions": [cost.tokens for cost in trace.costs],
        "committed": trace.committed.tolist(),
    }  # fmt: skip


def _still(methods: dict):
    """Draw the two rasters with which the player starts."""
    import matplotlib.pyplot as plt

    from paralg.figures import rasters

    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.4))
    rasters(axes, {name: np.array([list(map(int, row)) for row in methods[name]["codes"]])
                   for name in (UPPER, LOWER)})  # fmt: skip
    return fig
