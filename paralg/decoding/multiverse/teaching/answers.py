"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _rows(text, forget=False):
    seen, blocks, out = set(), [], []
    for k, symbol in enumerate(text.split()):
        if symbol == "<Path>":
            seen = set(blocks[-1]["fork"])
        if symbol == "<Conclusion>":
            seen = set().union(*blocks[-1]["ends"][-1:] if forget else blocks[-1]["ends"])
        seen.add(k)
        out.append(sorted(seen))
        if symbol == "<Parallel>":
            blocks.append({"ends": []})
        if symbol == "</Goal>":
            blocks[-1]["fork"] = set(seen)
        if symbol == "</Path>":
            blocks[-1]["ends"].append(set(seen))
        if symbol == "</Parallel>":
            blocks.pop()
    return out


RIGHT = {
    "ex-multiverse-numbering": {"tokens": 23, "positions": 15}, "ex-multiverse-pairs": 189,
    "ex-multiverse-rows": _rows, "ex-multiverse-price": 16,
}  # fmt: skip

OTHER_FORMS = [("ex-multiverse-numbering", [23, 15]), ("ex-multiverse-pairs", "189")]

WRONG = {
    "ex-multiverse-numbering": [
        ({"tokens": 15, "positions": 15}, "every path is written"),
        ({"tokens": 23, "positions": 23}, "share their positions"), (4, "")],
    "ex-multiverse-pairs": [(276, "causal"), (102, "one direction"), (87, "hidden")],
    "ex-multiverse-rows": [(lambda text: [[*range(k + 1)] for k, _ in enumerate(text.split())],
                            "starts from"), (lambda text: _rows(text, True), "all paths")],
    "ex-multiverse-price": [(15, "the same time"), (13, "1.5"), (12, "a price")],
}  # fmt: skip
