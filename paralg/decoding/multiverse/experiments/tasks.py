"""Two tasks with numbered items: words to be reversed, each by itself, and a chain of sums.

=========  =====================  =====================  =========================================
task       item i                 result i               conclusion
=========  =====================  =====================  =========================================
reversal   a word                 the word backwards     first letters of the results, sorted
chain      a digit x, 0 to 2      y_{i-1} + x modulo 3   the last result
=========  =====================  =====================  =========================================

The chain fits badly: a path does not see the result that it needs. Its digits are written a to c,
since numbers are those of items. A prompt ends with ``:`` or ``&``, "think step by step" and "… and
in parallel".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from paralg.core import checks
from paralg.decoding.multiverse.grammar import Vocabulary, parse
from paralg.decoding.multiverse.theory import injected

__all__ = [
    "PLAIN", "TAGGED", "VOCABULARY", "Problem", "chain", "draw", "real_words", "reversal", "rows",
]  # fmt: skip

PLAIN, TAGGED, MODULUS = ":", "&", 3
LETTERS, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
VOCABULARY = Vocabulary(LETTERS + DIGITS + PLAIN + TAGGED + "=.")


@dataclass(frozen=True)
class Problem:
    """Items and results, each a string of symbols, and a conclusion."""

    items: tuple[str, ...]
    results: tuple[str, ...]
    conclusion: str

    def prompt(self, mode: str) -> str:
        """Return the numbered items and the word that asks for a mode."""
        return " ".join([*_numbered(self.items), checks.one_of("mode", mode, (PLAIN, TAGGED))])

    def answer(self, mode: str) -> str:
        """Return the numbered results and the conclusion, with or without tags."""
        results, conclusion = _numbered(self.results), " ".join(self.conclusion)
        if mode == PLAIN:
            return f"{' '.join(results)} = {conclusion} ."
        outlines = " ".join(f"<Outline> {i + 1} </Outline>" for i in range(len(results)))
        paths = " ".join(f"<Path> {result} </Path>" for result in results)
        return (f"<Parallel> <Goal> {outlines} </Goal> {paths} "
                f"<Conclusion> {conclusion} </Conclusion> </Parallel> .")  # fmt: skip

    def text(self, mode: str) -> str:
        """Return prompt and answer."""
        return f"{self.prompt(mode)} {self.answer(mode)}"


def _numbered(parts: Sequence[str]) -> list[str]:
    return [" ".join([str(i), *part]) for i, part in enumerate(parts, 1)]


def reversal(words: Sequence[str]) -> Problem:
    """Return the problem of some words.

    >>> reversal(["abc", "de"]).text(PLAIN)
    '1 a b c 2 d e : 1 c b a 2 e d = c e .'
    """
    results = tuple(word[::-1] for word in words)
    return Problem(tuple(words), results, "".join(sorted(result[0] for result in results)))


def chain(digits: Sequence[int]) -> Problem:
    """Return the problem of some digits.

    >>> chain([1, 2]).text(PLAIN)
    '1 b 2 c : 1 b 2 a = a .'
    """
    items, results = ([LETTERS[s % MODULUS] for s in some] for some in (digits, np.cumsum(digits)))
    return Problem(tuple(items), tuple(results), results[-1])


def draw(task: str, P: int, rng: np.random.Generator, lengths: tuple[int, int] = (3, 8)) -> Problem:
    """Draw a problem of P items: words of random letters, of lengths in a range, or digits."""
    if checks.one_of("task", task, ("reversal", "chain")) == "chain":
        return chain(rng.integers(0, MODULUS, P).tolist())
    sizes = rng.integers(lengths[0], lengths[1] + 1, P)
    return reversal(["".join(LETTERS[i] for i in rng.integers(0, 26, n)) for n in sizes])


@cache
def _words() -> dict[int, list[str]]:
    from paralg.data import pydoc_text

    parts = (pydoc_text.decode(pydoc_text.load(split)) for split in pydoc_text.SPLITS)
    words = sorted(set(" ".join(parts).split()))
    return {n: [word for word in words if len(word) == n] for n in range(1, 13)}


def real_words(P: int, lengths: tuple[int, int], seed: int) -> Problem:
    """Draw a reversal of P words of the documentation of Python, of lengths in a range."""
    rng = np.random.default_rng([seed, P, *lengths])
    known = [_words()[n] for n in rng.integers(lengths[0], lengths[1] + 1, P).tolist()]
    return reversal([some[rng.integers(len(some))] for some in known])


def rows(problems: Sequence[Problem], mode: str) -> dict[str, np.ndarray]:
    """Return texts as one batch for a causal network, B rows of S slots behind the begin symbol.

    ``tokens``, ``positions``, ``targets`` and ``weights`` are (B, S), ``mask`` (B, S, S); weights
    are 1 where the model is to write the target: not in the prompt, nor what the engine writes.
    """
    layouts = [parse(problem.text(mode)) for problem in problems]
    B, S = len(layouts), max(len(one.symbols) for one in layouts) + 1
    found = {name: np.zeros((B, S), dtype=np.int64)
             for name in ("tokens", "positions", "targets", "weights")}  # fmt: skip
    found["mask"] = np.tile(np.eye(S, dtype=bool), (B, 1, 1))
    for b, layout in enumerate(layouts):
        n, ids = len(layout.symbols), VOCABULARY.encode(layout.symbols)
        found["tokens"][b, : n + 1] = [VOCABULARY.V, *ids]
        found["positions"][b, 1 : n + 1] = layout.positions + 1
        found["mask"][b, 1 : n + 1, 1 : n + 1] = layout.mask
        found["mask"][b, :, 0] = True
        found["targets"][b, :n] = ids
        found["weights"][b, layout.symbols.index(mode) + 1 : n] = 1
        found["weights"][b, injected(layout)] = 0
    return found
