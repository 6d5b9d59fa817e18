"""Other position ids, a join that reads everything again, and the engine without tags."""

from dataclasses import replace

import numpy as np

from paralg.core import checks
from paralg.decoding.multiverse.engine import Branch, Multiverse, Written, multiverse
from paralg.decoding.multiverse.grammar import TAGS, Layout, TextReader, Vocabulary, symbols_of
from paralg.models.protocol import UnsupportedCall, tokens_of

__all__ = ["RULES", "Glued", "numbered", "untagged"]


class _AtSum(TextReader):
    def resume(self, fork, ends):
        """Return the position after all paths end to end."""
        return fork + sum(end - fork for end in ends)


class _AtShortest(TextReader):
    def resume(self, fork, ends):
        """Return the position after the path that ends first."""
        return min(ends)


RULES = {"longest": TextReader, "sum": _AtSum, "shortest": _AtShortest, "in line": TextReader}
"""Where ``<Conclusion>`` stands; "in line" numbers all symbols in the order of the text."""


def numbered(text: str, rule: str = "longest") -> Layout:
    """Parse a text and number it by one of `RULES`, by default the paper's; the mask is the same.

    >>> block = "<Parallel> <Goal> </Goal> <Path> x x </Path> <Path> </Path> <Conclusion>"
    >>> [int(numbered(f"{block} </Conclusion> </Parallel>", rule).positions[-1]) for rule in RULES]
    [9, 11, 7, 11]
    """
    layout = RULES[checks.one_of("rule", rule, RULES)](symbols_of(text)).layout()
    in_line = np.arange(len(layout.symbols)) if rule == "in line" else layout.positions
    return replace(layout, positions=in_line)


class Glued(Multiverse):
    """Join by text: what the paths wrote is read again, one after the other, at new places.

    Separate requests to a server do this: every token of the paths is computed twice, and its keys
    are others than those under which it was written.
    """

    def join(self, parent: Branch, children: list[Branch]) -> None:
        """Append copies of all that the children wrote to the parent."""
        del parent.text[-len(children) :]
        written = [slot for child in children for slot, _ in self.in_order(child)]
        self.append(parent, *(self.tokens[slot] for slot in written), self.tag["<Conclusion>"])
        self.go_on(parent)


class _NoTags(Vocabulary):
    def __init__(self, V: int):
        self.symbols, self.V, self.id, self.end = range(V), V, dict.fromkeys(TAGS, -1), -1

    def decode(self, tokens):
        """Spell ids as numbers."""
        return " ".join(map(str, tokens))


def untagged(model, x, rng=None) -> Written:
    """Write behind a prompt in x, (L,), by a model without tags: one token a call, up to L."""
    network = getattr(model, "networks", {}).get("causal", model)
    x = tokens_of(np.asarray(x)[None], model.V, model.L)[0]
    given = np.flatnonzero(x < model.V)
    if len(given) and given[-1] != len(given) - 1:
        raise UnsupportedCall("the engine writes behind a prompt, got given tokens elsewhere")
    return multiverse(network, x[: len(given)], _NoTags(model.V), rng=rng)
