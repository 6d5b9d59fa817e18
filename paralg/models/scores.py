"""Scores of a trained network: distance to the exact distribution, exact match, nats per character.

Every score is deterministic: its states are drawn with a fixed seed. Arrays of tokens have shape
(n, L), logits (n, L, V); the counted decoders are in :mod:`paralg.decoding`.
"""

import numpy as np
from numpy.typing import NDArray

from paralg.data import addition, digits, pydoc_text, sudoku4
from paralg.models.network import Network
from paralg.models.objectives import draw_masks, draw_ranks

__all__ = [
    "SCORES", "exact_grid_distribution", "fill", "greedy", "log_softmax", "nats_of", "ngram_nats",
    "score",
]  # fmt: skip

_SEED = 2025

Tokens = NDArray[np.int64]
Logits = NDArray[np.float64]


def score(network: Network, task: str, rows: int | None = None) -> dict[str, float]:
    """Measure a network on the task of `SCORES` named, rounded to six digits.

    So many ``rows``, or states, are drawn; by default as for the shipped logs, 512 or 1,000.
    """
    measure, usual = SCORES[task]
    found = measure(network, np.random.default_rng(_SEED), rows or usual)
    return {key: round(float(value), 6) for key, value in found.items()}


def log_softmax(logits: Logits) -> Logits:
    """Return log-probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def nats_of(logits: Logits, x: Tokens) -> Logits:
    """Return the negative log-probability of each token."""
    return -np.take_along_axis(log_softmax(logits), x[..., None], axis=-1)[..., 0]


def _mean_where(values: Logits, chosen: NDArray[np.bool_]) -> float:
    """Average over each row's chosen entries, then over the rows that have any."""
    some = chosen.any(axis=1)
    return ((values * chosen).sum(axis=1)[some] / chosen.sum(axis=1)[some]).mean()


# ---- filling the masks of many rows at once


def greedy(network: Network, x: Tokens) -> Tokens:
    """Fill the masks, the same in all rows, with the most likely tokens, one per row and call.

    Bidirectional: the most confident masked position of each row; else in reading order.
    """
    if network.mode != "bidirectional":
        return fill(network, x, np.flatnonzero(x[0] == network.V))
    x, rows = x.copy(), np.arange(len(x))
    for _ in range(int((x[0] == network.V).sum())):
        log_p = log_softmax(network.denoise(x))
        best = np.where(x == network.V, log_p.max(axis=2), -np.inf).argmax(axis=1)
        x[rows, best] = log_p[rows, best].argmax(axis=1)
    return x


def fill(network: Network, x: Tokens, order: Tokens, noise: Logits | None = None) -> Tokens:
    """Fill the positions of `order`, first to last, in rows that are known elsewhere.

    The most likely token is taken; with Gumbel noise, shape (n, L, V), it is a draw.
    """
    x, known = x.copy(), network.L - len(order)
    rank = np.full(network.L, known - 1)
    rank[order] = known + np.arange(len(order))
    for i in order:
        logits = _distribution_at(network, x, rank, i)
        x[:, i] = (logits if noise is None else logits + noise[:, i]).argmax(axis=-1)
    return x


def _distribution_at(network: Network, x: Tokens, rank: Tokens, i: int) -> Logits:
    """Logits of position i given what is known so far, one row each."""
    if network.mode == "anyorder":
        return network.anyorder(x, rank, int(rank[i]), at=[i])[:, 0]
    call = network.causal if network.mode == "causal" else network.denoise
    return call(x, at=[i])[:, 0]


# ---- addition


def _addition(network: Network, rng: np.random.Generator, rows: int) -> dict[str, float]:
    """Share of held-out problems whose eight answer tokens are all right, decoded greedily.

    Any-order weights are also decoded in the opposite order.
    """
    x = addition.problems(rows, seed=_SEED)
    found = {"exact_match": addition.is_correct(greedy(network, x)).mean()}
    if network.mode == "anyorder":
        backwards = fill(network, x, np.arange(addition.LENGTH - 1, addition.PROMPT - 1, -1))
        found["exact_match_reversed"] = addition.is_correct(backwards).mean()
    return found


# ---- 4×4 Sudoku, whose exact conditional distributions are known by counting grids


def _sudoku4(network: Network, rng: np.random.Generator, rows: int) -> dict[str, float]:
    """Mean KL divergence from the exact conditional distribution, and valid grids when sampling.

    ``kl`` is nats a cell, over partial grids with evenly spread numbers of known cells; ``valid``
    draws a cell a call, in reading order (causal) or in sixteen random orders.
    """
    x = sudoku4.grids()[rng.integers(0, 288, rows)]
    kl = {"bidirectional": _kl_masked, "causal": _kl_causal, "anyorder": _kl_anyorder}
    valid = sudoku4.is_valid(_sample_grids(network, rows, rng)).mean()
    return {"kl": kl[network.mode](network, x, rng), "valid": valid}


def exact_grid_distribution(x: Tokens) -> Logits:
    """Return the exact probability of each symbol in each cell, (n, 16, 4), of partial grids."""
    every = sudoku4.grids()
    agree = ((x[:, None] == every) | (x[:, None] == sudoku4.SYMBOLS)).all(axis=2)
    holds = every[:, :, None] == np.arange(sudoku4.SYMBOLS)
    counts = np.einsum("ng,gcv->ncv", agree.astype(float), holds.astype(float))
    return counts / agree.sum(axis=1)[:, None, None]


def _kl_masked(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    masked = draw_masks(16, np.zeros(len(x), dtype=np.int64), rng)
    known = np.where(masked, network.V, x)
    return _mean_where(_kl(exact_grid_distribution(known), network.denoise(known)), masked)


def _kl_causal(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    return _kl_in_order(x, network.causal(x), np.arange(16))


def _kl_anyorder(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    orders = [(rows, rng.permutation(16)) for rows in np.array_split(x, 16)]
    return np.mean([_kl_in_order(x, network.anyorder(x, rank), rank) for x, rank in orders])


def _kl_in_order(x: Tokens, logits: Logits, rank: Tokens) -> float:
    """KL of each cell given the cells of lower rank, averaged over rows and cells."""
    kl = []
    for cell, n in enumerate(rank):
        exact = exact_grid_distribution(np.where(rank < n, x, sudoku4.SYMBOLS))
        kl.append(_kl(exact[:, cell], logits[:, cell]).mean())
    return np.mean(kl)


def _kl(p: Logits, logits: Logits) -> Logits:
    log_p = np.log(np.where(p > 0, p, 1))
    return (p * (log_p - log_softmax(logits))).sum(axis=-1)


def _sample_grids(network: Network, n: int, rng: np.random.Generator) -> Tokens:
    parts = []
    for rows in np.array_split(np.full((n, 16), network.V), 16):
        order = np.arange(16) if network.mode == "causal" else rng.permutation(16)
        noise = rng.gumbel(size=(len(rows), 16, network.V))
        parts.append(fill(network, rows, order, noise))
    return np.concatenate(parts)


# ---- text


def _text(network: Network, rng: np.random.Generator, rows: int) -> dict[str, float]:
    """Nats per character of held-out windows, beside counts of letters and pairs in training text.

    Any-order: of what is outside a random prompt; masked diffusion: a bound, one masked set a
    window.
    """
    x = pydoc_text.windows(rows, network.L, rng, split="test")
    nats = {"causal": _nats_causal, "anyorder": _nats_anyorder, "bidirectional": _nats_masked}
    found = nats[network.mode](network, x, rng)
    return {"nats": found, "unigram": ngram_nats(1), "bigram": ngram_nats(2)}


def _nats_causal(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    return nats_of(network.causal(x), x).mean()


def _nats_anyorder(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    """Average over sixteen random prompts, each followed by the rest from left to right."""
    ranks, prompts = draw_ranks(network.L, np.zeros(16, dtype=np.int64), rng, ascending=True)
    found = []
    for rows, rank, m in zip(np.array_split(x, 16), ranks, prompts, strict=True):
        wanted = np.flatnonzero(rank >= m)
        found.append(nats_of(network.anyorder(rows, rank, at=wanted), rows[:, wanted]).mean())
    return np.mean(found)


def _nats_masked(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    masked = draw_masks(network.L, np.zeros(len(x), dtype=np.int64), rng)
    return _mean_where(nats_of(network.denoise(np.where(masked, network.V, x)), x), masked)


def ngram_nats(n: int) -> float:
    """Nats per character of the test text under counts of the training text's n-grams, plus one."""
    counts = np.ones((len(pydoc_text.SYMBOLS),) * n)
    np.add.at(counts, _runs("train", n), 1)
    distribution = counts / counts.sum(axis=-1, keepdims=True)
    return float(-np.log(distribution[_runs("test", n)]).mean())


def _runs(split: str, n: int) -> tuple[Tokens, ...]:
    text = pydoc_text.load(split)
    return tuple(text[i : len(text) - n + 1 + i] for i in range(n))


# ---- digits


def _digits(network: Network, rng: np.random.Generator, rows: int) -> dict[str, float]:
    """Nats per pixel of held-out images given their label."""
    x = digits.encode(*digits.load("test"))[:rows]
    return {"nats": nats_of(network.causal(x), x)[:, 1:].mean()}


SCORES = {"sudoku4": (_sudoku4, 512), "addition": (_addition, 1000), "text": (_text, 512),
          "digits": (_digits, 297)}
"""Task → its measure, and the rows on which shipped networks are scored."""
