"""The engine: a model whose own tags fork and join its generation, over one log of keys and values.

[yang-2025-multiverse]  A token that is written gets a slot, in the order of arrival, and a row: an
integer whose bit k says whether it sees slot k. Fork copies a row, join is ``|``: no key moves.
"""

import warnings
from collections import deque
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np

from paralg.core import checks
from paralg.decoding.multiverse.grammar import Vocabulary
from paralg.decoding.randomness import Random, softmax
from paralg.decoding.trace import Decoded, Event, Trace
from paralg.models.counting import CountingModel
from paralg.models.protocol import AttendingModel

__all__ = ["Branch", "Multiverse", "Written", "multiverse"]


@dataclass(frozen=True, eq=False)
class Written(Decoded):
    """A text, children one after the other; a position of its trace is a place in that text.

    ``position_ids``, (n,), and ``mask``, (n, n), are those under which it was written.
    """

    position_ids: np.ndarray
    mask: np.ndarray


@dataclass(eq=False)
class Branch:
    """One thread of a text, of slots and children in order; ``row`` is what its next token sees.

    ``place`` is that of the next token, ``limit`` the first one that it may not use, ``open`` the
    number of paths open in it, its own included, and ``waiting`` that of children still at work.
    """

    row: int
    place: int
    limit: int
    parent: "Branch | None" = None
    depth: int = 0
    open: int = 0
    waiting: int = 0
    text: list = field(default_factory=list)


def multiverse(model: AttendingModel, prompt, vocabulary: Vocabulary, **options) -> Written:
    """Let a model write, in as many branches at once as its tags ask for.

    Parameters
    ----------
    model : AttendingModel
        A causal one.
    prompt : sequence of int
        Tokens.
    vocabulary : Vocabulary
        Which tokens are tags, and which one ends the text.
    **options
    slots, budget : int, optional
        Most branches that a call goes on with, by default all; most positions (not tokens), prompt
        included, by default the model's L.
    reserve, stacked : int
        No fork with less than 30 positions left, or with more than 5 forks around it: the branch
        goes on alone.
    rng : Random, optional
        Draws tokens; without it the likeliest is taken.

    Returns
    -------
    Written

    Raises
    ------
    ValueError, TypeError
        If a token is not the vocabulary's, the budget does not fit, or the model reads no layouts
        (UnsupportedCall). More than 20 outlines are a UserWarning.

    Cost
    ----
    With slots enough, one call for each token on the longest chain of those that the model writes;
    tags that the engine writes ride in the call of the token before them.

    Examples
    --------
    >>> from paralg.decoding.multiverse.experiments.scripted import Scripted
    >>> from paralg.decoding.multiverse.experiments.tasks import VOCABULARY, reversal
    >>> text = VOCABULARY.encode(reversal(["abc", "de"]).text("&"))
    >>> model = Scripted(VOCABULARY.decode(text), VOCABULARY, places=64)
    >>> found = multiverse(model, text[:8], VOCABULARY)
    >>> found.tokens.tolist() == text, found.cost
    (True, Cost(calls=18, rows=18, tokens=34))
    """
    return Multiverse(model, prompt, vocabulary, **options).write_all()


class Multiverse:
    """One run. Variants override how branches join, and which ones a call takes."""

    def __init__(self, model, prompt, vocabulary, *, slots=None, budget=None, reserve=30,
                 stacked=5, rng: Random | None = None):  # fmt: skip
        checks.instance("vocabulary", vocabulary, Vocabulary)
        if vocabulary.V != model.V or getattr(model, "lag", 1) != 1:
            raise ValueError(f"expected a causal model of {vocabulary.V} tokens, got {model!r}")
        vocabulary.decode(prompt)  # refuses what is no token
        budget = model.L if budget is None else checks.integer("budget", budget)
        if not len(prompt) < budget <= model.L:
            raise ValueError(f"budget must lie in {len(prompt) + 1}..{model.L}, got {budget}")
        self.slots = None if slots is None else checks.integer("slots", slots, 1)
        self.reserve = max(checks.integer("reserve", reserve), 5)  # what a block needs itself
        self.stacked = checks.integer("stacked", stacked)
        self.model, self.words, self.rng = CountingModel(model), vocabulary, rng
        self.tag, self.given = vocabulary.id, len(prompt)
        self.tokens, self.places, self.rows, self.round = [], [], [], []  # of each slot
        self.memory, self.order, self.computed, self.costs = None, [], 0, []
        self.root = Branch(0, 0, budget + 1)
        self.append(self.root, model.V, *map(int, prompt))  # the begin symbol has place 0
        self.queue = deque([self.root])

    def write_all(self) -> Written:
        """Call until no branch is left."""
        while self.queue:
            batch = self.batch()
            logits = self.call([branch.text[-1] for branch in batch])
            for branch, p in zip(batch, softmax(logits), strict=True):
                self.write(branch, self.rng.categorical(p) if self.rng else int(p.argmax()))
        return self.result()

    def batch(self) -> list[Branch]:
        """Take the branches that have waited longest."""
        size = len(self.queue) if self.slots is None else min(self.slots, len(self.queue))
        return [self.queue.popleft() for _ in range(size)]

    def call(self, wanted: list[int]) -> np.ndarray:
        """Run slots, with all that they see and that has not been run; return their logits."""
        missing = reduce(or_, (self.rows[slot] for slot in wanted)) & ~self.computed
        self.computed |= missing
        new = np.flatnonzero(self.bits([missing])[0])
        self.order += new.tolist()
        logits, kept = self.model.extend(
            np.array([[self.tokens[slot] for slot in new]]), [self.places[slot] for slot in new],
            self.bits([self.rows[slot] for slot in new])[:, self.order], self.memory,
        )  # fmt: skip
        self.memory = kept if self.memory is None else self.memory.join(kept)
        self.costs.append(self.model.cost_since())
        return logits[0, np.searchsorted(new, wanted)]

    def bits(self, rows: list[int]) -> np.ndarray:
        """Return rows as booleans, (len(rows), slots)."""
        size = len(self.tokens) // 8 + 1
        packed = np.frombuffer(b"".join(row.to_bytes(size, "little") for row in rows), np.uint8)
        found = np.unpackbits(packed.reshape(-1, size), axis=1, bitorder="little")
        return found[:, : len(self.tokens)].astype(bool)

    def append(self, branch: Branch, *tokens: int) -> None:
        """Give tokens the next slots; each sees what its branch sees, and itself."""
        for token in tokens:
            branch.row |= 1 << len(self.tokens)
            branch.text.append(len(self.tokens))
            self.tokens.append(token)
            self.places.append(branch.place)
            self.rows.append(branch.row)
            self.round.append(len(self.costs))
            branch.place += 1

    def write(self, branch: Branch, token: int) -> None:
        """Append a token that the model chose, and do what it asks for."""
        self.append(branch, token)
        branch.open += (token == self.tag["<Path>"]) - (token == self.tag["</Path>"])
        if token == self.tag["</Path>"] and branch.parent and not branch.open:
            self.finish(branch)
        elif token == self.words.end:
            self.go_on(branch, done=True)
        elif token == self.tag["</Goal>"] and (ids := self.outlined(branch)):
            self.fork(branch, ids)
        else:
            self.go_on(branch)

    def outlined(self, branch: Branch) -> list[int]:
        """Return the ids that the last goal outlines; none if a guard forbids to fork."""
        if branch.limit - branch.place < self.reserve or branch.depth > self.stacked:
            return []
        said = [None if isinstance(one, Branch) else self.tokens[one] for one in branch.text]
        start = max((i for i, one in enumerate(said) if one == self.tag["<Goal>"]), default=0)
        pairs = zip(said[start:], said[start + 1 :], strict=False)
        return [name for one, name in pairs if one == self.tag["<Outline>"]]

    def fork(self, parent: Branch, ids: list[int]) -> None:
        """Start a child for each id, all at the same place; the parent waits."""
        if len(ids) > 20:
            warnings.warn(f"a goal outlines {len(ids)} paths", stacklevel=2)
        parent.waiting = len(ids)
        for name in ids:
            child = Branch(parent.row, parent.place, parent.limit - 2, parent, parent.depth + 1, 1)
            self.append(child, self.tag["<Path>"], name)
            parent.text.append(child)
            self.queue.append(child)

    def go_on(self, branch: Branch, done: bool = False) -> None:
        """Queue a branch; one that is done, or has no place left, ends, a child closed."""
        if branch.place < branch.limit and not done:
            self.queue.append(branch)
        elif branch.parent:
            self.append(branch, self.tag["</Path>"])
            self.finish(branch)

    def finish(self, child: Branch) -> None:
        """Take a child as done: its keys stay; the last one lets the parent go on."""
        parent = child.parent
        parent.waiting -= 1
        if not parent.waiting:
            self.join(parent, [one for one in parent.text if isinstance(one, Branch)])

    def join(self, parent: Branch, children: list[Branch]) -> None:
        """Let the parent see all that its children saw, and go on behind the longest."""
        parent.row = reduce(or_, (child.row for child in children))
        parent.place = max(child.place for child in children)
        self.append(parent, self.tag["<Conclusion>"])
        self.go_on(parent)

    def in_order(self, branch: Branch) -> list[tuple[int, Branch]]:
        """Return the slots below a branch in the order of the text, each with its branch."""
        parts = ([(one, branch)] if isinstance(one, int) else self.in_order(one)
                 for one in branch.text)  # fmt: skip
        return [pair for part in parts for pair in part]

    def result(self) -> Written:
        """Put the slots in the order of the text and freeze the run."""
        pairs = self.in_order(self.root)[1:]  # without the begin symbol
        order = np.array([slot for slot, _ in pairs])
        rows = list(dict.fromkeys(branch for _, branch in pairs))
        tokens, V = np.array(self.tokens)[order], self.model.V
        made = sorted((slot, i, rows.index(branch)) for i, (slot, branch) in enumerate(pairs)
                      if slot > self.given)  # fmt: skip
        events = tuple(Event(self.round[slot] - 1, row, i, self.tokens[slot], "committed", np.nan,
                             self.round[slot] - 1) for slot, i, row in made)  # fmt: skip
        start = np.where(order <= self.given, tokens, V).tolist()
        return Written(
            tokens, Trace(tuple(start), V, events, tuple(self.costs)), self.model.cost,
            np.array(self.places)[order] - 1,
            self.bits([self.rows[slot] for slot in order])[:, order],
        )  # fmt: skip
