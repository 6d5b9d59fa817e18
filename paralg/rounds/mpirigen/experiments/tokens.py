"""Symbols as numbers for a network, and identifiers made anonymous, as Tokompiler does."""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from paralg.models import Network
from paralg.rounds.mpirigen.experiments.programs import sample
from paralg.rounds.mpirigen.labels import Call, strip
from paralg.rounds.mpirigen.printing import TYPES
from paralg.rounds.mpirigen.texts import END, FORMS, serialise

__all__ = ["Anonymous", "NetworkReader", "all_symbols", "encode"]

LINES, RANKS, HIDDEN = 64, 13, {"var": 16, "num": 12, "str": 6}
"""Numbers of lines and of ranks, and of anonymous words, that have a symbol of their own."""
UNKNOWN = "<unknown>"
_PATH = Path(__file__).with_name("weights") / "symbols.json"
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|\d+\.?\d*')
_KEPT = re.compile(r"MPI_|int$|double$|char$|void$|if$|else$|for$|while$|return$|main$|printf$")


@cache
def all_symbols() -> tuple[str, ...]:
    """Return the symbols of the networks; those of C are in a file that `collect` wrote."""
    fixed = [f"L{k}" for k in range(LINES)] + [f"S{k}" for k in range(RANKS)]
    fixed += [f"{word}{k}" for word, n in HIDDEN.items() for k in range(n)]
    return tuple(json.loads(_PATH.read_text())) + tuple(fixed)


def collect(n: int = 4000) -> list[str]:
    """Return the lexemes of many programs, in order: what `all_symbols` ships."""
    found = {UNKNOWN, END, "parallel"}
    for _, program in sample(n, 1):
        found |= set(serialise(*strip(program), FORMS[2]))
    return sorted(found)


@cache
def _numbers() -> dict[str, int]:
    return {symbol: k for k, symbol in enumerate(all_symbols())}


def encode(text: Iterable[str]) -> list[int]:
    """Return the numbers of symbols; what no program of the corpus holds is unknown."""
    return [_numbers().get(symbol, _numbers()[UNKNOWN]) for symbol in text]


@cache
def names() -> frozenset[int]:
    """Return the numbers of names ``MPI_…`` with small letters: of calls."""
    calls = (s for s in all_symbols() if re.match(r"MPI_[A-Z][a-z]", s) and s not in TYPES)
    return frozenset(encode(calls))


class NetworkReader:
    """A causal network that reads symbols and keeps keys and values; see `texts.Reader`."""

    def __init__(self, network: Network):
        self.network, self.kept = network, None

    def __call__(self, symbols: Sequence[str]) -> str:
        """Read symbols, the begin symbol before the first; return the likeliest one to come."""
        tokens = [*([] if self.kept else [self.network.V]), *encode(symbols)]
        done = len(self.kept) if self.kept else 0
        if done + len(tokens) > self.network.L:
            return END  # no room is left
        ids = np.arange(done, done + len(tokens))
        mask = np.tri(len(tokens), done + len(tokens), done, dtype=bool)
        logits, new = self.network.extend([tokens], ids, mask, past=self.kept)
        self.kept = self.kept.join(new) if self.kept else new
        return all_symbols()[int(np.argmax(logits[0, -1]))]


class Anonymous:
    """Words of one program under numbers: ``var0`` for its first identifier, and so on.

    Names of MPI and of C stay, as does what does not stand in the stripped program, a tag perhaps.

    >>> hidden = Anonymous(["int n = 3;", "f(n);"])
    >>> hidden.lines, hidden.show([Call(1, 1, "MPI_Barrier", ("var0",))])[0].text
    (['int var0 = num0;', 'var1(var0);'], 'MPI_Barrier(n);')
    """

    def __init__(self, lines: Sequence[str]):
        self.names: dict[str, str] = {}
        counts = dict.fromkeys(HIDDEN, 0)
        for word in (word for line in lines for word in _WORD.findall(line)):
            kind = "str" if word[0] == '"' else "num" if word[0].isdigit() else "var"
            if counts[kind] < HIDDEN[kind] and word not in self.names and not _KEPT.match(word):
                self.names[word] = f"{kind}{counts[kind]}"
                counts[kind] += 1
        self.back = {name: word for word, name in self.names.items()}
        self.lines = [_swap(line, self.names) for line in lines]

    def hide(self, calls: Iterable[Call]) -> list[Call]:
        """Return calls with the words of the program hidden."""
        return [c._replace(args=tuple(_swap(a, self.names) for a in c.args)) for c in calls]

    def show(self, calls: Iterable[Call]) -> list[Call]:
        """Return calls with the words back."""
        return [c._replace(args=tuple(_swap(a, self.back) for a in c.args)) for c in calls]


def _swap(text: str, names: dict[str, str]) -> str:
    return _WORD.sub(lambda found: names.get(found[0], found[0]), text)


if __name__ == "__main__":
    _PATH.write_text(json.dumps(collect(), indent=0) + "\n")
