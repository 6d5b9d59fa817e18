"""What a model must beat: the nearest neighbour's calls, and what most programs do at such a line.

Both read stripped lines and return calls, as the networks do.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from paralg.core import checks
from paralg.rounds.mpirigen.labels import Call, strip
from paralg.rounds.mpirigen.texts import lexemes

__all__ = ["Majority", "Nearest"]

_WORD = re.compile(r"[A-Za-z_]\w*|\d+\.?\d*")
_KEPT = re.compile(r"(int|double|void|if|else|for|while|return|main|printf|MPI_Status)$")


class Nearest:
    """Retrieval: the calls of the training program with the largest cosine of pairs of lexemes."""

    def __init__(self, programs: Sequence[str]):
        self.parts = [strip(program) for program in programs]
        pairs = (pair for lines, _ in self.parts for pair in self._pairs(lines))
        self.numbers = {pair: k for k, pair in enumerate(dict.fromkeys(pairs))}
        self.table = self._rows([lines for lines, _ in self.parts])

    @staticmethod
    def _pairs(lines: Sequence[str]) -> Counter:
        words = lexemes("\n".join(lines))
        return Counter(zip(words, words[1:], strict=False))

    def _rows(self, texts: Sequence[Sequence[str]]) -> csr_matrix:
        cells = [(k, self.numbers[pair], n / np.sqrt(sum(m * m for m in counts.values())))
                 for k, counts in enumerate(map(self._pairs, texts))
                 for pair, n in counts.items() if pair in self.numbers]  # fmt: skip
        rows, columns, values = zip(*cells, strict=True) if cells else ((), (), ())
        return csr_matrix((values, (rows, columns)), (len(texts), len(self.numbers)))

    def __call__(self, lines: Sequence[str]) -> list[Call]:
        """Return its calls, as they are; places behind the end are moved to the last line."""
        near = int(np.argmax((self.table @ self._rows([lines]).T).toarray()))
        return [c._replace(L=min(c.L, len(lines) - 1)) for c in self.parts[near][1]]


class Majority:
    """Behind each line the calls that most often stand between lines of these shapes.

    Identifiers and numbers are left out of a shape. As many lines are looked at before the gap and
    behind it as are given; where training has no such window, smaller ones decide.
    """

    def __init__(self, programs: Sequence[str], behind: int = 1, ahead: int = 1):
        checks.integer("behind", behind, 1), checks.integer("ahead", ahead)
        self.sizes = sorted({(b, min(ahead, b)) for b in range(1, behind + 1)} | {(1, 0)})[::-1]
        self.table: dict[tuple, Counter] = defaultdict(Counter)
        for lines, calls in map(strip, programs):
            found = defaultdict(list)
            for c in calls:
                found[c.L].append((c.S, c.name, c.args))
            for L, keys in enumerate(self._keys(lines)):
                for key in keys:
                    self.table[key][tuple(found[L])] += 1

    def _keys(self, lines: Sequence[str]):
        shapes = [_WORD.sub(lambda w: w[0] if _KEPT.match(w[0]) else "v", x.strip()) for x in lines]
        for L in range(len(lines) + 1):
            before = ["<begin>", *shapes[:L]]
            yield [(tuple(before[-b:]), tuple([*shapes[L:], "<end>"][:a])) for b, a in self.sizes]

    def __call__(self, lines: Sequence[str]) -> list[Call]:
        """Return the calls of all lines."""
        calls = []
        for L, keys in enumerate(self._keys(lines)):
            counts = next((self.table[key] for key in keys if key in self.table), None)
            if counts:
                calls += [Call(L, *one) for one in counts.most_common(1)[0][0]]
        return calls
