"""A model that speaks a given text: a slot is known by what it sees.

With a network behind it the engine runs any weights through any text, and :func:`deviation`
compares all their logits with those of one flat forward.
"""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.multiverse.engine import Multiverse
from paralg.decoding.multiverse.grammar import Vocabulary, parse
from paralg.models.protocol import AttendingModel

__all__ = ["ScriptSlots", "Scripted", "deviation", "flat"]


@dataclass(frozen=True)
class ScriptSlots:
    """Slots: of each a number for token and place; and, of a network, its own."""

    keys: np.ndarray
    own: object = None

    def join(self, other: "ScriptSlots") -> "ScriptSlots":
        """Return these slots followed by the other ones."""
        own = None if self.own is None else self.own.join(other.own)
        return ScriptSlots(np.concatenate([self.keys, other.keys]), own)


class Scripted:
    """Says the next token of a text to a slot that sees exactly what it should; else it refuses.

    What a slot sees is a set of tokens with their places, summed up in one number, so a wrong mask
    or a wrong position id is a ValueError, not another answer. L is ``places``, by default as many
    as the text needs; with ``causal`` a slot that sees all of the text before it, at places that
    count tokens, is answered as well. A ``network`` is run along, and what it says is kept in
    ``logits``, by place in the text, 0 the begin symbol.
    """

    lag = 1

    def __init__(self, text: str, vocabulary: Vocabulary, places: int | None = None, *,
                 causal: bool = False, network: AttendingModel | None = None):  # fmt: skip
        self.network, self.logits = network, {}
        self.V, (tokens, position_ids, sees) = vocabulary.V, flat(text, vocabulary)
        n = len(tokens)
        readings = [(position_ids, sees), (np.arange(n), np.tri(n, dtype=bool))][: 1 + causal]
        least = max(int(at.max()) + 1 for at, _ in readings)
        self.L = least if places is None else checks.integer("places", places, least)
        rng, self.place = np.random.default_rng(0), {}
        self._codes = rng.integers(2**64, size=(self.V + 1, self.L), dtype=np.uint64)
        for at, mask in readings:
            keys = (mask * self._codes[tokens, at]).sum(axis=1, dtype=np.uint64).tolist()
            self.place |= {key: i for i, key in enumerate(keys)}
        self.after = [*tokens[1:].tolist(), vocabulary.end]

    def extend(self, tokens, position_ids, mask, past=None):
        """Answer the slots, by logits of which one is finite."""
        new, own = self._codes[np.asarray(tokens)[0], np.asarray(position_ids)], None
        keys = new if past is None else np.concatenate([past.keys, new])
        sums = (np.asarray(mask) * keys).sum(axis=1, dtype=np.uint64).tolist()
        for i, key in enumerate(sums):
            if key not in self.place:
                raise ValueError(f"expected a slot that sees what the text says, got slot {i} "
                                 f"(token {tokens[0][i]}, place {position_ids[i]})")  # fmt: skip
        places = [self.place[key] for key in sums]
        if self.network:
            said, own = self.network.extend(tokens, position_ids, mask, past and past.own)
            self.logits |= dict(zip(places, said[0], strict=True))
        logits = np.full((1, len(places), self.V), -np.inf)
        logits[0, range(len(places)), [self.after[i] for i in places]] = 0.0
        return logits, ScriptSlots(new, own)


def flat(text: str, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tokens, places (n + 1,) and mask of a text behind the begin symbol, for one forward.

    >>> [part.tolist() for part in flat("a .", Vocabulary("a."))][:2]
    [[14, 12, 13], [0, 1, 2]]
    """
    layout = parse(text)
    tokens = np.array([vocabulary.V, *vocabulary.encode(layout.symbols)])
    sees = np.tri(len(tokens), dtype=bool)
    sees[1:, 1:] = layout.mask
    return tokens, np.array([0, *layout.positions + 1]), sees


def deviation(network: AttendingModel, text: str, prompt: str, vocabulary: Vocabulary,
              decoder: type[Multiverse] = Multiverse, **options) -> float:  # fmt: skip
    """Return the largest difference of a logit between an engine and one flat forward.

    The engine writes ``text`` behind ``prompt``; every slot that it runs is compared.
    """
    tokens, places, sees = flat(text, vocabulary)
    whole = network.attend(tokens[None], places, sees)[0]
    script = Scripted(text, vocabulary, network.L, network=network)
    decoder(script, vocabulary.encode(prompt), vocabulary, **options).write_all()
    return max(float(np.abs(whole[i] - said).max()) for i, said in script.logits.items())
