"""What a model must beat: the nearest neighbour's calls, and what most programs do at such a line.

Both read stripped lines and return calls, as the networks do.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from paralg.rounds.mpirigen.serialise import lexemes
from paralg.rounds.mpirigen.strip import Call, strip

__all__ = ["Majority", "Nearest"]

_WORD = re.compile(r"[A-Za-z_]\w*|\d+\.?\d*")
_KEPT = frozenset("int double void char if else for while return main printf MPI_Status".split())


class Nearest:
    """Retrieval: the calls of the training program with the largest cosine of pairs of lexemes."""

    def __init__(self, programs: Sequence[str]):
        self.parts = [strip(program) for program in programs]
        self.numbers: dict[tuple[str, str], int] = {}
        for lines, _ in self.parts:
            for pair in self._pairs(lines):
                self.numbers.setdefault(pair, len(self.numbers))
        self.table = self._rows([lines for lines, _ in self.parts])

    @staticmethod
    def _pairs(lines: Sequence[str]) -> list[tuple[str, str]]:
        words = lexemes("\n".join(lines))
        return list(zip(words, words[1:], strict=False))

    def _rows(self, texts: Sequence[Sequence[str]]) -> csr_matrix:
        rows, columns, values = [], [], []
        for k, lines in enumerate(texts):
            counts = Counter(self._pairs(lines))
            norm = np.sqrt(sum(n * n for n in counts.values()) or 1)
            for pair, n in counts.items():
                if pair in self.numbers:
                    rows.append(k), columns.append(self.numbers[pair]), values.append(n / norm)
        return csr_matrix((values, (rows, columns)), (len(texts), len(self.numbers)))

    def nearest(self, lines: Sequence[str]) -> int:
        """Return the number of the nearest training program."""
        return int(np.argmax((self.table @ self._rows([lines]).T).toarray()))

    def __call__(self, lines: Sequence[str]) -> list[Call]:
        """Return its calls, as they are; places behind the end are moved to the last line."""
        calls = self.parts[self.nearest(lines)][1]
        return [call._replace(L=min(call.L, len(lines) - 1)) for call in calls]


class Majority:
    """Behind each line the calls that most often stand between two lines of these shapes.

    Identifiers and numbers are left out of a shape; without such a pair the first line decides.
    """

    def __init__(self, programs: Sequence[str]):
        self.table: dict[tuple, Counter] = defaultdict(Counter)
        for lines, calls in map(strip, programs):
            behind = defaultdict(list)
            for c in calls:
                behind[c.L].append((c.S, c.name, c.args))
            for L, keys in enumerate(self._keys(lines)):
                for key in keys:
                    self.table[key][tuple(behind[L])] += 1

    @staticmethod
    def _keys(lines: Sequence[str]):
        shapes = [_WORD.sub(lambda w: w[0] if w[0] in _KEPT else "v", x.strip()) for x in lines]
        for one, two in zip(["<begin>", *shapes], [*shapes, "<end>"], strict=True):
            yield (one, two), (one,)

    def __call__(self, lines: Sequence[str]) -> list[Call]:
        """Return the calls of all lines."""
        calls = []
        for L, keys in enumerate(self._keys(lines)):
            counts = next((self.table[key] for key in keys if key in self.table), None)
            if counts:
                calls += [Call(L, *one) for one in counts.most_common(1)[0][0]]
        return calls
