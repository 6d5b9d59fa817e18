"""Pictures of text: strips of real handwritten digits, and words set in matplotlib's fonts.

Digits are scans of 8×8 pixels; glyphs are split into parts before strips are composed of them, at
random or by writer. Words are those of the shipped text, split by word; ``random`` strings have the
same letters and no context. A picture has ink 0 to 1 and noise on top.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.data import digits, pydoc_text
from paralg.decoding.cppd.labels import CharacterSet

__all__ = ["DIGITS", "TASKS", "WORDS", "WRITERS", "Pictures", "StripTask", "compose", "occlude"]

NOISE, GAPS, TRAIN_GLYPHS = 0.1, (-2, 1), 1400
FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSans-Bold", "DejaVuSans-Oblique", "STIXGeneral",
         "DejaVuSerif-Italic", "cmr10", "cmtt10")  # fmt: skip
SIZES, TURN, BLUR, LENGTHS, TRAIN_WORDS = (10, 11, 12), 4.0, 0.7, (3, 7), 0.8


class Pictures(NamedTuple):
    """Texts, images (B, H, W), and for each character its first column and the one after it."""

    texts: list[str]
    images: NDArray[np.float32]
    boxes: list[list[tuple[int, int]]]


def compose(glyphs: list[NDArray], shape: tuple[int, int], rng: np.random.Generator,
            gaps: tuple[int, int] = GAPS):  # fmt: skip
    """Paste glyphs from left to right by maximum; return the image and the columns of each.

    Gaps, rows and where the text begins are drawn; a text too wide loses its gaps.
    """
    height, width = shape
    steps = rng.integers(gaps[0], gaps[1] + 1, len(glyphs))
    steps[0] = 0
    over = sum(glyph.shape[1] for glyph in glyphs) + steps.sum() - width
    steps[1:] -= max(0, -(-over // max(1, len(glyphs) - 1)))
    left = int(rng.integers(0, min(max(0, -over), 4) + 1))
    image, boxes = np.zeros(shape, dtype=np.float32), []
    for glyph, step in zip(glyphs, steps, strict=True):
        h, w = glyph.shape
        left = max(0, min(left + int(step), width - w))
        top = int(rng.integers(0, height - h + 1))
        part = image[top : top + h, left : left + w]
        np.maximum(part, glyph, out=part)
        boxes.append((left, left + w))
        left += w
    return image, boxes


def occlude(pictures: Pictures, share: float, rng: np.random.Generator) -> Pictures:
    """Cover a share of the characters by a grey bar over the whole height."""
    checks.instance("pictures", pictures, Pictures), checks.number("share", share, 0, 1)
    images = pictures.images.copy()
    for image, boxes in zip(images, pictures.boxes, strict=True):
        for left, right in boxes:
            if rng.random() < share:
                image[:, left:right] = 0.5
    return pictures._replace(images=images)


@functools.cache
def _glyphs(part: str, *, by_writer: bool = False) -> tuple[NDArray, NDArray]:
    """Images 0..1 and labels of a part: 1,400 of 1,797 at random, or the first 1,500 in order."""
    parts = [digits.load(name) for name in ("train", "test")]
    images, labels = (np.concatenate(two) for two in zip(*parts, strict=True))
    order = np.random.default_rng(19).permutation(len(labels))
    cut = TRAIN_GLYPHS
    if by_writer:
        order, cut = np.arange(len(labels)), len(parts[0].labels)
    chosen = order[:cut] if part == "train" else order[cut:]
    return images[chosen].astype(np.float32) / 16, labels[chosen]


def _digit_strip(part, rng, shape, lengths, *, by_writer=False, text=None, gaps=GAPS):
    images, labels = _glyphs(part, by_writer=by_writer)
    if text is None:
        chosen = rng.integers(0, len(labels), rng.integers(lengths[0], lengths[1] + 1))
    else:
        chosen = [rng.choice(np.flatnonzero(labels == int(one))) for one in text]
    text = "".join(str(labels[i]) for i in chosen)
    return text, *compose([images[i] for i in chosen], shape, rng, gaps)


@functools.cache
def _letters() -> list[list[NDArray]]:
    """Alphabets in all fonts and sizes: 14 rows, the baseline in row 10."""
    import matplotlib
    from matplotlib.ft2font import FT2Font

    folder, found = Path(matplotlib.get_data_path(), "fonts", "ttf"), []
    for name in FONTS:
        for size in SIZES:
            font, alphabet = FT2Font(str(folder / f"{name}.ttf")), []
            font.set_size(size, 72)
            for letter in pydoc_text.SYMBOLS[:26]:
                font.set_text(letter)
                font.draw_glyphs_to_bitmap()
                ink = np.asarray(font.get_image(), dtype=np.float32) / 255
                below = int(round(font.get_descent() / 64))
                ink = ink[:, ink.max(axis=0) > 0]
                image = np.zeros((14, ink.shape[1]), dtype=np.float32)
                top = max(0, min(11 + below - len(ink), 14 - len(ink)))
                image[top : top + len(ink)] = ink[:14]
                alphabet.append(image)
            found.append(alphabet)
    return found


@functools.cache
def words(part: str) -> tuple[str, ...]:
    """Words of 3 to 7 letters of the shipped text: four in five to train, the others to test."""
    text = " ".join(pydoc_text.decode(pydoc_text.load(s)) for s in ("train", "validation", "test"))
    all_words = sorted({w for w in text.split() if LENGTHS[0] <= len(w) <= LENGTHS[1]})
    order = np.random.default_rng(19).permutation(len(all_words))
    cut = int(TRAIN_WORDS * len(order))
    return tuple(all_words[i] for i in (order[:cut] if part == "train" else order[cut:]))


def _word_strip(part, rng, shape, lengths, *, text=None):
    from scipy import ndimage

    if text is None and part == "random":
        text = "".join(chr(97 + v) for v in rng.integers(0, 26, rng.integers(*lengths) + 1))
    elif text is None:
        text = words(part)[rng.integers(len(words(part)))]
    alphabet = _letters()[rng.integers(len(FONTS) * len(SIZES))]
    image, boxes = compose([alphabet[ord(one) - 97] for one in text], (14, shape[1]), rng, (0, 2))
    image = np.pad(image, ((1, 1), (0, 0)))
    if rng.random() < 0.5:
        image = ndimage.rotate(image, rng.uniform(-TURN, TURN), reshape=False, order=1)
    if rng.random() < 0.5:
        image = ndimage.gaussian_filter(image, rng.uniform(0.2, BLUR))
    return text, image, boxes


@dataclass(frozen=True)
class StripTask:
    """What is read: a vocabulary, the size of a picture, and how one is drawn."""

    vocabulary: CharacterSet
    shape: tuple[int, int]
    strip: Callable
    lengths: tuple[int, int]

    def draw(self, n: int, rng: np.random.Generator, part: str = "train", texts=None) -> Pictures:
        """Draw n pictures of a part, or one of each text, with noise."""
        checks.integer("n", n), checks.instance("rng", rng, np.random.Generator)
        rows = [self.strip(part, rng, self.shape, self.lengths, text=text)
                for text in (texts or [None] * n)]  # fmt: skip
        images = np.stack([row[1] for row in rows]).astype(np.float32)
        images += rng.normal(0, NOISE, images.shape).astype(np.float32)
        return Pictures([row[0] for row in rows], images, [row[2] for row in rows])


DIGITS = StripTask(CharacterSet("0123456789", 5), (12, 48), _digit_strip, (3, 5))
WRITERS = replace(DIGITS, strip=functools.partial(_digit_strip, by_writer=True))
WORDS = StripTask(CharacterSet(pydoc_text.SYMBOLS[:26], LENGTHS[1]), (16, 72), _word_strip, LENGTHS)
TASKS = {"digits": DIGITS, "writers": WRITERS, "words": WORDS}
