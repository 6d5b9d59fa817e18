"""What the networks do: ``python -m paralg.decoding.multiverse.experiments.records``."""

from pathlib import Path

import numpy as np

from paralg.core.records import Records
from paralg.decoding.multiverse.engine import Multiverse
from paralg.decoding.multiverse.experiments import runs, tasks
from paralg.decoding.multiverse.experiments.scripted import flat
from paralg.decoding.multiverse.theory import calls
from paralg.decoding.multiverse.variants import RULES, Glued, numbered
from paralg.decoding.randomness import softmax

__all__ = ["records"]

N = 20
WORDS = tasks.VOCABULARY


def slots() -> dict:
    """Calls by number of slots and right answers, joined, glued and without tags."""
    network, found = runs.load(), {}
    problems = [one for P in (3, 4, 5) for one in runs.held_out("reversal", P, 4)]
    ways = {str(p): (Multiverse, tasks.TAGGED, {"slots": p}) for p in (1, 2, 3, 4, 5)}
    ways |= {"glued": (Glued, tasks.TAGGED, {}), "plain": (Multiverse, tasks.PLAIN, {})}
    for name, (decode, mode, options) in ways.items():
        rows = []
        for one in problems:
            given = one.prompt(mode).split()
            run = decode(network, WORDS.encode(given), WORDS, **options).write_all()
            text = WORDS.decode(run.tokens)
            # a glued text may be none of the grammar
            exact = name != "glued" and calls(numbered(text), len(given), options.get("slots"))
            rows.append((run.cost.calls, run.cost.tokens, text == one.text(mode),
                         run.cost.calls == exact))  # fmt: skip
        means = np.mean(rows, axis=0).round(4).tolist()
        found[name] = dict(zip(("calls", "tokens", "right", "theory"), means, strict=True))
    return found


def layouts() -> dict:
    """Letters of right answers that are the likeliest, and their nats: plain, and by layout."""
    network, found = runs.load(), {}
    problems = [one for P in (2, 3, 4, 5) for one in runs.held_out("reversal", P, N)]
    for rule in ("plain", *RULES, "in line, causal"):
        said = {"paths": [], "conclusion": []}
        for problem in problems:
            text = problem.text(tasks.PLAIN if rule == "plain" else tasks.TAGGED)
            place = "longest" if rule == "plain" else rule.removesuffix(", causal")
            layout, (tokens, _, sees) = numbered(text, place), flat(text, WORDS)
            sees = np.tri(len(tokens), dtype=bool) if "causal" in rule else sees
            p = softmax(network.attend(tokens[None], [0, *layout.positions + 1], sees)[0])
            given, name = len(problem.prompt(tasks.PLAIN).split()), "paths"
            for i in range(given, len(layout.symbols)):
                symbol, q = layout.symbols[i], p[i, tokens[i + 1]]
                name = "conclusion" if symbol in ("=", "<Conclusion>") else name
                if symbol in tasks.LETTERS:
                    said[name].append((q == p[i].max(), -np.log(q)))
        found[rule] = {name: dict(zip(("right", "nats"), np.mean(ones, axis=0).round(4).tolist(),
                                      strict=True)) for name, ones in said.items()}  # fmt: skip
    return found


def edits() -> dict:
    """Another letter is put into a path: does the conclusion follow the path, or the prompt?"""
    network, follows = runs.load(), {"the path": 0, "the prompt": 0, "neither": 0}
    for problem in runs.held_out("reversal", 3, 3 * N):
        first = next(c for c in "aeiounstrlmzbcd" if c not in problem.conclusion)
        results = (problem.results[0], first + problem.results[1][1:], problem.results[2])
        new = "".join(sorted(result[0] for result in results))
        answers = {}
        for name, end in (("the path", new), ("the prompt", problem.conclusion)):
            text = tasks.Problem(problem.items, results, end).text(tasks.TAGGED)
            tokens, places, sees = flat(text, WORDS)
            p = softmax(network.attend(tokens[None], places, sees)[0])
            at = text.split().index("<Conclusion>") + 1
            answers[name] = np.log([p[at + i, tokens[at + i + 1]] for i in range(len(end))]).sum()
        best = max(answers, key=answers.get)
        follows[best if answers[best] > np.log(0.5) else "neither"] += 1
    return follows


MAKERS = (slots, layouts, edits)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
