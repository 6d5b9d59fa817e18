"""MPIrigen: take the message-passing calls out of a program, and let a model write them again.

The paper is [schneider-2024-mpirigen]; the chapter is ``notebooks/rounds/mpirigen.ipynb``.

1. `printing`: programs in one printed form.
2. `labels`: calls out, numbered lines, labels, calls back in.
3. `texts`: three texts to learn from, and how a model completes each.
4. `metric`: location, function and arguments under a tolerance.

Then `theory` (what is seen before a call, what calls cost), `variants` (writing in place, the
published evaluator), `experiments` (a corpus, networks, baselines, compiling and running) and
`teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "canonical": "printing",
    "Call": "labels", "insert": "labels", "number_lines": "labels", "parse_labels": "labels",
    "strip": "labels", "write_labels": "labels",
    "Completion": "texts", "complete": "texts", "lexemes": "texts",
    "prompt": "texts", "read_calls": "texts", "serialise": "texts",
    "averages": "metric", "score": "metric", "tolerance": "metric",
    "published_calls": "variants", "published_score": "variants",
    "published_table": "variants", "published_tolerance": "variants",
    "arrival": "theory", "collect_messages": "theory", "complete_in_place": "variants",
    "foresight": "theory", "toy": "theory",
    "tree_messages": "theory", "writing_calls": "theory",
    "explorer": "teaching.explorer",
})  # fmt: skip
