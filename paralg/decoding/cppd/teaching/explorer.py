"""Explorer: strips of digits with a grey bar, the loop's calls against the slots' one, counts."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import torch

from paralg.decoding.cppd.experiments.runs import RUNS
from paralg.decoding.cppd.experiments.strips import DIGITS
from paralg.decoding.cppd.variants import attention, attention_of_calls

__all__ = ["GAPS", "TEXTS", "draw_reading", "explorer", "strip", "view"]

TEXTS = ("7007", "2026", "60425", "906", "42")
GAPS = {"wide": 1, "touching": 0, "overlapping": -2}
COVER = (1, 5)
"""Columns of a glyph that the bar hides."""


def strip(text: str, gap: int = 1, covered: int = 0, seed: int = 0) -> np.ndarray:
    """Return an image of unseen glyphs with a fixed gap; of one of them, from 1, half is hidden."""
    rng = np.random.default_rng([seed, int(text)])
    task = dataclasses.replace(DIGITS, strip=functools.partial(DIGITS.strip, gaps=(gap, gap)))
    _, images, boxes = task.draw(1, rng, "test", [text])
    if covered:
        left = boxes[0][covered - 1][0]
        images[0, :, left + COVER[0] : left + COVER[1]] = 0.5
    return images[0]


_reader = functools.cache(RUNS.load)


def view(text: str, gap: str, covered: int) -> dict:
    """Return an image and what both readers make of it, in whole numbers, small enough to embed."""
    image = torch.from_numpy(strip(text, GAPS[gap], covered))[None]
    slots, loop = map(_reader, ("cppd", "ar"))
    with torch.no_grad():
        output, read = slots(image), loop.read(image, steps=DIGITS.vocabulary.P)
        looks = [attention(slots, image)[0],
                 attention_of_calls(loop, image, torch.from_numpy(read.numbers))[0]]  # fmt: skip

    def spelt(numbers) -> str:
        return "".join("■0123456789"[v] for v in numbers)

    return {
        "image": "".join(str(int(v)) for v in (9.99 * image[0].clamp(0, 1)).flatten()),
        "slots": spelt(output.characters[0].argmax(-1).tolist()), "loop": spelt(read.numbers[0]),
        "looks": ["".join(str(int(9.99 * v)) for v in one.flatten()) for one in looks],
        "counts": output.counts[0].argmax(-1).tolist(),
        "exist": [round(100 * v) for v in output.slots[0].sigmoid().tolist()],
    }  # fmt: skip


def explorer():
    """Return the interactive figure: a text, its spacing, what is covered, and the calls."""
    from paralg.figures import Explorer

    views = {f"{text} {gap} {covered}": view(text, gap, covered)
             for text in TEXTS for gap in GAPS for covered in range(len(text) + 1)}  # fmt: skip

    rows = [(text, k or "none", *(views[f"{text} wide {k}"][way].partition("■")[0]
                                  for way in ("slots", "loop")))
            for text in TEXTS[:2] for k in range(len(text) + 1)]  # fmt: skip
    start = {"text": TEXTS[0], "gap": "wide", "covered": 0}
    return Explorer(
        name="cppd-strips",
        script=Path(__file__).with_suffix(".js"),
        state={"views": views, "texts": list(TEXTS), "gaps": list(GAPS), "start": start},
        still=_still(),
        caption="A strip, where each call of the loop and each slot looks, and what the two "
        "branches say of counts and slots.",
        alt="A strip with three handwritten digits over two panels of attention: the loop's calls "
        "and the slots each look at one digit after the other.",
        table=(("text", "covered", "slots read", "loop reads"), rows),
    )  # fmt: skip


def draw_reading(ax, found: dict, image: np.ndarray, way: str) -> None:
    """Draw a strip, and below it where each call of the loop, or each slot, looks."""
    from matplotlib.colors import LinearSegmentedColormap

    from paralg.figures import BLUE, VERMILION

    read = found[way][: found[way].find("■") + 1] or found[way]
    word, colour, which = ("call", BLUE, 1) if way == "loop" else ("slot", VERMILION, 0)
    looks = np.array([int(v) for v in found["looks"][which]]).reshape(len(found[way]), -1) / 9
    n, width = len(read), image.shape[1]
    shades = LinearSegmentedColormap.from_list("", [(1, 1, 1, 0), colour])
    ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=(0, width, -0.2, -2.4))
    ax.imshow(looks[:n], cmap=shades, vmin=0, vmax=1, extent=(0, width, n, 0))
    ax.set_yticks(np.arange(n) + 0.5, [f"{word} {i + 1}: {one}" for i, one in enumerate(read)])
    ax.set(xticks=[], xlim=(0, width), ylim=(n, -2.4), aspect="auto")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _still():
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.8))
    for ax, way in zip(axes, ("loop", "slots"), strict=True):
        draw_reading(ax, view("307", "wide", 0), strip("307"), way)
    return fig
