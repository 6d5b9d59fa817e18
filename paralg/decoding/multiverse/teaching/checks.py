"""Checks of the exercises on Multiverse."""

from paralg.decoding.multiverse.grammar import parse
from paralg.teach.checking import close_to, entries, equal_to_oracle, exercise

_BLOCK = "<Parallel> <Goal> {} </Goal> {} <Conclusion> {} </Conclusion> </Parallel>"


@exercise("ex-multiverse-numbering")
def numbering(answer):
    """Tokens and positions of a block of 4, (5, 3, 9) and 2 tokens."""
    tokens, positions = entries(answer, ("tokens", "positions"))
    close_to(tokens, 23, name="the tokens", wrong={15: "every path is written"})
    close_to(positions, 15, name="the positions", wrong={
        23: "paths share their positions",
        9: "behind the longest path, not the shortest: 4 + 9 + 2",
        11: "the conclusion stands behind the longest path, wherever it is",
    })  # fmt: skip
    return "Right: 4 + 17 + 2 tokens, 4 + 9 + 2 positions."


@exercise("ex-multiverse-pairs")
def pairs(answer):
    """Pairs (token, seen token) in that block."""
    close_to(answer, 189, name="the pairs", wrong={
        276: "that is causal attention; siblings do not see each other",
        102: "a sibling is hidden in one direction only: the other is the future anyway",
        87: "these are the hidden pairs",
    })  # fmt: skip
    return "Right: 276 - (15 + 45 + 27)."


def _texts() -> list[str]:
    path = "<Path> {} </Path>"
    two = _BLOCK.format("", f"{path.format('x')} {path.format('y y')}", "c")
    inner = _BLOCK.format("g", f"{path.format(two)} {path.format('z')}", "")
    return ["a", "a b", _BLOCK.format("", path.format("x"), ""), two, f"a {two} b", f"{two} {two}",
            f"a {inner} e"]  # fmt: skip


def _rows(text: str) -> list[list[int]]:
    return [[k for k, yes in enumerate(row) if yes] for row in parse(text).mask.tolist()]


@exercise("ex-multiverse-rows")
def rows(answer):
    """For each symbol what it sees."""
    return equal_to_oracle(answer, _rows, [(text,) for text in _texts()],
                           name="lists what each symbol sees",
                           hint="a path starts from what </Goal> saw; the conclusion sees what "
                           "all paths saw")  # fmt: skip


@exercise("ex-multiverse-price")
def price(answer):
    """First length at which two paths with twelve calls of tags are faster."""
    close_to(answer, 16, name="the length", wrong={
        15: "at 15 both take the same time",
        13: "a call with two branches costs 1.5, not 1.25",
        12: "the tags' calls and the second row have a price",
    })  # fmt: skip
    return "Right: 2.5 ℓ > 1.5 ℓ + 15."
