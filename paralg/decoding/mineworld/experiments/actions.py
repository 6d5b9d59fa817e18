"""An action of the paper's game as eleven tokens, and camera angles as 21 bins.

[guo-2025-mineworld]  The tokens are ``<bos>``, pitch, yaw, hotbar, forward or back, left or right,
sprint or sneak, use or attack, jump, drop or pick, ``<eos>``.  Keys that exclude each other share a
slot, which holds ``<null>`` if none of them is pressed, or two.
"""

from collections.abc import Iterable

import numpy as np

from paralg.core import checks

__all__ = ["BINS", "BUTTONS", "TOKENS", "angle_of_bin", "bin_of_angle", "decode_action",
           "encode_action"]  # fmt: skip

SLOTS = (
    tuple(f"hotbar.{i}" for i in range(1, 10)), ("forward", "back"), ("left", "right"),
    ("sprint", "sneak"), ("use", "attack"), ("jump",), ("drop", "pickItem"),
)  # fmt: skip
BUTTONS = tuple(name for slot in SLOTS for name in slot)
BINS, MOST, MU = 21, 90.0, 11.4887
TOKENS = ("<bos>", "<null>", "<eos>", *BUTTONS,
          *(f"{axis}.{i}" for axis in ("pitch", "yaw") for i in range(BINS)))  # fmt: skip
"""Their order is ours; the released table, behind 8,192 of a frame, has three further buttons."""


def bin_of_angle(degrees: float) -> int:
    """Return the bin of a movement of the camera, clipped to 90°; bins are finer near 0.

    It is round((v + 90) / 9), v = sign(x) · 90 ln(1 + μ |x| / 90) / ln(1 + μ).

    >>> [bin_of_angle(x) for x in (-90, -10, -1, 0, 1, 10, 90)]
    [0, 7, 10, 10, 10, 13, 20]
    """
    x = np.clip(checks.number("degrees", degrees), -MOST, MOST)
    v = np.sign(x) * np.log1p(MU * abs(x) / MOST) / np.log1p(MU) * MOST
    return int(np.round((v + MOST) / (2 * MOST / (BINS - 1))))


def angle_of_bin(number: int) -> float:
    """Return the movement of the camera in the middle of a bin, in degrees.

    >>> [round(angle_of_bin(i), 2) for i in (0, 10, 11, 20)]
    [-90.0, 0.0, 2.25, 90.0]
    """
    v = checks.integer("number", number, 0, BINS - 1) * (2 * MOST / (BINS - 1)) - MOST
    return float(np.sign(v) * MOST * np.expm1(abs(v) / MOST * np.log1p(MU)) / MU)


def encode_action(pressed: Iterable[str] = (), pitch: float = 0.0, yaw: float = 0.0) -> list[int]:
    """Return the eleven tokens of some `BUTTONS` and a movement of the camera in degrees.

    >>> [TOKENS[i] for i in encode_action({"jump", "left", "right"}, yaw=10)][1:9]
    ['pitch.10', 'yaw.13', '<null>', '<null>', '<null>', '<null>', '<null>', 'jump']
    """
    checks.instance("pressed", pressed, Iterable)
    pressed = {checks.one_of("pressed", name, BUTTONS) for name in pressed}
    words = ["<bos>", f"pitch.{bin_of_angle(pitch)}", f"yaw.{bin_of_angle(yaw)}"]
    for slot in SLOTS:
        held = pressed.intersection(slot)
        words.append(held.pop() if len(held) == 1 else "<null>")
    return [TOKENS.index(word) for word in (*words, "<eos>")]


def decode_action(tokens: Iterable[int]) -> tuple[set[str], float, float]:
    """Return buttons, pitch and yaw of eleven tokens; ValueError if one is not in its slot.

    >>> decode_action(encode_action({"attack"}, pitch=-90))
    ({'attack'}, -90.0, 0.0)
    """
    ids = checks.array("tokens", tokens, "i", 0).ravel().tolist()
    words = [TOKENS[i] if i < len(TOKENS) else "?" for i in ids]
    angles = [tuple(f"{axis}.{i}" for i in range(BINS)) for axis in ("pitch", "yaw")]
    allowed = [("<bos>",), *angles, *((*slot, "<null>") for slot in SLOTS), ("<eos>",)]
    if len(words) != len(allowed) or not all(map(tuple.__contains__, allowed, words)):
        raise ValueError(f"expected eleven tokens, each in its slot, got {words}")
    pitch, yaw = (angle_of_bin(int(word.partition(".")[2])) for word in words[1:3])
    return set(words[3:10]) - {"<null>"}, pitch, yaw
