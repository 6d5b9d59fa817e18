"""What trained readers do: ``python -m paralg.decoding.cppd.experiments.records``."""

from pathlib import Path

import numpy as np
import torch

from paralg.core.records import Records
from paralg.decoding.cppd.experiments.runs import RUNS, exact, pictures
from paralg.decoding.cppd.experiments.strips import DIGITS, Pictures, occlude
from paralg.decoding.cppd.variants import attention, attention_of_calls, repair

__all__ = ["agreement", "counted", "records"]

STRINGS, SHARES = 600, (0.0, 0.1, 0.2, 0.3)
READERS = ("ar", "pd", "cppd-0.1", "cppd", "ctc")


def counted(model, held_out: Pictures) -> dict[str, np.ndarray]:
    """Read pictures with both branches; return what slots read, counts, and the truth."""
    labels = model.vocabulary.encode(held_out.texts)
    with torch.no_grad():
        output = model(torch.from_numpy(held_out.images))
    numbers = output.characters.argmax(dim=-1).numpy()
    texts = model.vocabulary.decode(numbers)
    own = np.stack([[1, *map(text.count, model.vocabulary.characters)] for text in texts])
    return {"right": np.array(texts) == np.array(held_out.texts), "read": own,
            "counts": output.counts.argmax(dim=-1).numpy(), "true": labels.counts,
            "log_p": output.characters.log_softmax(dim=-1).numpy(),
            "characters": labels.characters}  # fmt: skip


def agreement(model, held_out: Pictures) -> dict[str, float]:
    """Return how often counts are right and agree with what is read, and what that tells."""
    found = counted(model, held_out)
    right, same = found["right"], (found["read"] == found["counts"]).all(axis=1)
    return {
        "exact": float(right.mean()), "agree": float(same.mean()),
        "counts right": float((found["counts"] == found["true"]).all(axis=1).mean()),
        "count error": float(np.abs(found["counts"] - found["true"]).mean()),
        "exact if agree": float(right[same].mean()), "exact if not": float(right[~same].mean()),
        "repaired": _repaired(found, "counts"), "repaired by truth": _repaired(found, "true"),
    }  # fmt: skip


def _repaired(found: dict, which: str) -> float:
    """Share of texts that are right after a repair under these counts, where that can be."""
    right = []
    for log_p, counts, truth, was in zip(found["log_p"], found[which], found["characters"],
                                         found["right"], strict=True):  # fmt: skip
        inner = [0, *counts[1:]]  # the end comes last: it is no part of the assignment
        n = sum(inner)
        if counts[0] == 1 and n < len(log_p):
            was = [*repair(log_p[:n], inner), 0] == truth[truth >= 0].tolist()
        right.append(was)
    return float(np.mean(right))


def counts() -> dict:
    """Agreement of slots and counts, with nothing and with one character in ten covered."""
    found, held_out = {}, pictures("digits", STRINGS)
    covered = occlude(held_out, 0.1, np.random.default_rng(1))
    for name in ("cppd", "cppd-0.1"):
        model = RUNS.load(name)
        found[name] = agreement(model, held_out)
        found[f"{name}, covered"] = agreement(model, covered)
    return found


def occlusion() -> dict:
    """Exact match against the share of characters that are covered."""
    held_out = pictures("digits", STRINGS)
    parts = {str(s): occlude(held_out, s, np.random.default_rng(1)) for s in SHARES}
    return {name: {s: exact(RUNS.load(name), part) for s, part in parts.items()}
            for name in READERS}  # fmt: skip


def lengths() -> dict:
    """Exact match by length of the text; lengths 1 and 2 were never trained."""
    found: dict = {name: {} for name in READERS}
    for n in range(1, 6):
        rng = np.random.default_rng(n)
        texts = ["".join(map(str, row)) for row in rng.integers(0, 10, (STRINGS // 2, n))]
        part = DIGITS.draw(0, rng, "test", texts)
        for name in READERS:
            found[name][str(n)] = exact(RUNS.load(name), part)
    return found


def peaks() -> dict:
    """How far the peak of attention lies from the middle of the character, in pixels."""
    held_out, found = pictures("digits", STRINGS), {}
    images = torch.from_numpy(held_out.images)
    labels = DIGITS.vocabulary.encode(held_out.texts)
    middles = [[(a + b) / 2 for a, b in boxes] for boxes in held_out.boxes]
    for name in ("ar", "pd", "cppd-0.1", "cppd"):
        model = RUNS.load(name)
        with torch.no_grad():
            look = (attention_of_calls(model, images, torch.from_numpy(labels.characters))
                    if name == "ar" else attention(model, images))  # fmt: skip
        at = 4 * look.argmax(dim=-1).numpy() + 2
        errors = [abs(at[row, i] - middle) for row, places in enumerate(middles)
                  for i, middle in enumerate(places)]  # fmt: skip
        found[name] = {"mean": float(np.mean(errors)),
                       "within": float(np.mean(np.array(errors) <= 4))}  # fmt: skip
    return found


MAKERS = (counts, occlusion, lengths, peaks)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
