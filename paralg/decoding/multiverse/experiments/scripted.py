"""A model that speaks a given text, and a network that is made to: a slot is known by what it sees.

With :class:`Dictated` the engine runs any weights through any text, and :func:`deviation` compares
all its logits with those of one flat forward.
"""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.multiverse.engine import Multiverse
from paralg.decoding.multiverse.grammar import Vocabulary, parse
from paralg.models.protocol import AttendingModel

__all__ = ["Dictated", "ScriptSlots", "Scripted", "deviation", "flat"]


@dataclass(frozen=True)
class ScriptSlots:
    """Slots of a scripted model: a number for token and place of each."""

    keys: np.ndarray
    rows: int = 1

    @property
    def nbytes(self) -> int:
        """Size, in bytes."""
        return self.keys.nbytes

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, slots, row=None) -> "ScriptSlots":
        """Return some of the slots."""
        return ScriptSlots(self.keys[list(slots)])

    def join(self, *others: "ScriptSlots") -> "ScriptSlots":
        """Return these slots followed by the others'."""
        return ScriptSlots(np.concatenate([self.keys, *(one.keys for one in others)]))


class Scripted:
    """Says the next token of a text to a slot that sees exactly what it should; else it refuses.

    What a slot sees is a set of tokens with their places, summed up in one number, so a wrong mask
    or a wrong position id is a ValueError, not another answer.

    Parameters
    ----------
    text : str
        Tagged, with blanks between symbols.
    vocabulary : Vocabulary
    places : int, optional
        L; by default as many as the text needs.
    causal : bool
        Whether it also answers a slot that sees all of the text before it, siblings included, at
        places that count tokens.
    """

    lag = 1

    def __init__(self, text: str, vocabulary: Vocabulary, places: int | None = None, *,
                 causal: bool = False):  # fmt: skip
        self.V = vocabulary.V
        tokens, position_ids, sees = flat(text, vocabulary)
        readings = [(position_ids, sees)]
        if causal:
            readings.append((np.arange(len(tokens)), np.tri(len(tokens), dtype=bool)))
        least = max(int(at.max()) + 1 for at, _ in readings)
        self.L = least if places is None else checks.integer("places", places, least)
        self._codes = np.random.default_rng(0).integers(
            2**64, size=(self.V + 1, self.L), dtype=np.uint64
        )
        self.place: dict[int, int] = {}
        for at, mask in readings:
            keys = self._sum(mask, self._codes[tokens, at]).tolist()
            self.place |= {key: i for i, key in enumerate(keys)}
        after = [*tokens[1:].tolist(), vocabulary.end]
        self.answers = {key: after[i] for key, i in self.place.items()}

    @staticmethod
    def _sum(sees: np.ndarray, codes: np.ndarray) -> np.ndarray:
        return (sees.astype(np.uint64) * codes).sum(axis=1, dtype=np.uint64)

    def extend(self, tokens, position_ids, mask, past=None):
        """Answer the slots, by logits of which one is finite."""
        logits, slots, _ = self.looked_up(tokens, position_ids, mask, past)
        return logits, slots

    def looked_up(self, tokens, position_ids, mask, past=None):
        """Answer the slots, and say which symbols of the text they are, counted from the begin."""
        new = self._codes[np.asarray(tokens)[0], np.asarray(position_ids)]
        keys = new if past is None else np.concatenate([past.keys, new])
        logits, places = np.full((1, len(new), self.V), -np.inf), []
        for i, key in enumerate(self._sum(np.asarray(mask), keys).tolist()):
            if key not in self.answers:
                raise ValueError(f"expected a slot that sees what the text says, got slot {i} "
                                 f"(token {tokens[0][i]}, place {position_ids[i]})")  # fmt: skip
            logits[0, i, self.answers[key]] = 0.0
            places.append(self.place[key])
        return logits, ScriptSlots(new), places

    def attend(self, tokens, position_ids, mask):
        """Answer a whole layout."""
        return self.extend(tokens, position_ids, mask)[0]


class Dictated:
    """A network whose keys and values are its own, while a script says what comes next.

    ``logits`` maps a place in the text, 0 the begin symbol, to what the network said there.
    """

    lag = 1

    def __init__(self, network: AttendingModel, script: Scripted):
        self.network, self.script, self.logits = network, script, {}
        self.V, self.L = network.V, network.L

    def extend(self, tokens, position_ids, mask, past=None):
        """Run the network, keep what it says, and say what the script says."""
        own, theirs = (None, None) if past is None else past.both
        said, kept = self.network.extend(tokens, position_ids, mask, own)
        answer, slots, places = self.script.looked_up(tokens, position_ids, mask, theirs)
        self.logits |= dict(zip(places, said[0], strict=True))
        return answer, _Both((kept, slots))


@dataclass(frozen=True)
class _Both:
    """Slots of the network and of the script."""

    both: tuple

    def join(self, *others: "_Both") -> "_Both":
        pairs = zip(self.both, *(one.both for one in others), strict=True)
        return _Both(tuple(first.join(*rest) for first, *rest in pairs))


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
    """Return the largest difference between the engine's logits and those of one flat forward.

    The engine writes ``text`` behind ``prompt``; every slot that it runs is compared. ``options``
    are those of `multiverse`.
    """
    tokens, places, sees = flat(text, vocabulary)
    whole = network.attend(tokens[None], places, sees)[0]
    both = Dictated(network, Scripted(text, vocabulary, network.L))
    decoder(both, vocabulary.encode(prompt), vocabulary, **options).write_all()
    return max(float(np.abs(whole[i] - said).max()) for i, said in both.logits.items())
