"""Which words stand near each other in the documentation topics of Python.

``python -m paralg.data.graphs.make_words PATH`` writes the graph from the
running Python's ``pydoc_data.topics``.
Nodes are the 2,000 commonest words; the weight of an arc counts how often its head follows its tail
within a window of 4 words or precedes it so, hence the graph is symmetric.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable

import numpy as np

__all__ = ["cooccurrence", "main"]


def cooccurrence(texts: Iterable[str], words: int, window: int):
    """Count pairs of words at a distance of at most ``window``."""
    documents = [re.findall("[a-z]+", text.lower()) for text in texts]
    common = Counter(word for document in documents for word in document)
    names = [word for word, _ in sorted(common.items(), key=lambda item: (-item[1], item[0]))]
    number = {word: k for k, word in enumerate(names[:words])}
    pairs: Counter = Counter()
    for document in documents:
        kept = [number[word] for word in document if word in number]
        for distance in range(1, window + 1):
            pairs.update(zip(kept, kept[distance:], strict=False))
    both = pairs + Counter({(head, tail): count for (tail, head), count in pairs.items()})
    arcs = sorted((*arc, count) for arc, count in both.items() if arc[0] != arc[1])
    return names[:words], *np.array(arcs, dtype=np.int64).reshape(-1, 3).T


def main(path: str) -> None:
    """Write the graph of the running Python's topics: each symmetric pair once."""
    from pydoc_data.topics import topics

    names, tails, heads, counts = cooccurrence(topics.values(), words=2000, window=4)
    once = tails < heads
    np.savez_compressed(
        path, names="\n".join(names), tails=tails[once].astype(np.uint16),
        heads=heads[once].astype(np.uint16), counts=counts[once].astype(np.uint16),
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
