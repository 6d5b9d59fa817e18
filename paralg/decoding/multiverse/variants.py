"""Other position ids, and a join that reads everything again."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from paralg.core import checks
from paralg.decoding.multiverse.engine import Branch, Multiverse, Written, multiverse
from paralg.decoding.multiverse.grammar import TAGS, Layout, Reader, Vocabulary, symbols_of
from paralg.models.protocol import UnsupportedCall

__all__ = ["RULES", "Glued", "glued", "numbered", "untagged"]


class _AtSum(Reader):
    def resume(self, fork, ends):
        """Return the position after all paths end to end."""
        return fork + sum(end - fork for end in ends)


class _AtShortest(Reader):
    def resume(self, fork, ends):
        """Return the position after the path that ends first."""
        return min(ends)


RULES = {"longest": Reader, "sum": _AtSum, "shortest": _AtShortest, "in line": Reader}
"""Where ``<Conclusion>`` stands; "in line" numbers all symbols in the order of the text."""


def numbered(text: str | Iterable[str], rule: str = "longest") -> Layout:
    """Parse a text and number it by another rule; the mask is the same.

    Parameters
    ----------
    text : str or iterable of str
    rule : {"longest", "sum", "shortest", "in line"}
        "longest" is the paper's.

    Returns
    -------
    Layout

    Examples
    --------
    >>> block = "<Parallel> <Goal> </Goal> <Path> x x </Path> <Path> </Path> <Conclusion>"
    >>> [int(numbered(f"{block} </Conclusion> </Parallel>", rule).positions[-1]) for rule in RULES]
    [9, 11, 7, 11]
    """
    layout = RULES[checks.one_of("rule", rule, RULES)](symbols_of(text)).layout()
    in_line = np.arange(len(layout.symbols)) if rule == "in line" else layout.positions
    return replace(layout, positions=in_line)


class Glued(Multiverse):
    """Join by text: what the paths wrote is read again, one after the other, at new places.

    This is what separate requests to a server do. Every token of the paths is computed twice, and
    its keys are others than those under which it was written.
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
    """Run the engine on a model none of whose tokens is a tag: one token a call, up to L tokens.

    Parameters
    ----------
    model : AttendingModel or Family
        A causal network, or several of which one is causal.
    x : ndarray of int, shape (L,)
        A prompt, then masks.
    rng : Random, optional
        As for `multiverse`.

    Returns
    -------
    Written
        With the trace of `ancestral` decoding under the same draws.
    """
    network = getattr(model, "networks", {}).get("causal", model)
    given = np.flatnonzero(np.asarray(x) < model.V)
    if len(given) and given[-1] != len(given) - 1:
        raise UnsupportedCall("the engine writes behind a prompt, got given tokens elsewhere")
    return multiverse(network, x[: len(given)], _NoTags(model.V), rng=rng)


def glued(model, prompt, vocabulary, **options) -> Written:
    """Write as `multiverse` does, with joins that read everything again.

    Parameters
    ----------
    model, prompt, vocabulary, **options
        As for `multiverse`.

    Returns
    -------
    Written
        Its text is read causally from each join on; position ids grow with the number of tokens.
    """
    return Glued(model, prompt, vocabulary, **options).write_all()
