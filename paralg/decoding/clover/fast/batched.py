"""Greedy decoding of B sequences in lock-step, with ragged accepts and compiled drafting.

Each sequence keeps its own length n; keys and values lie in one array with room for L slots, and
what lies behind a sequence's own slots is hidden by its mask, so that nothing is ever moved.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.decoding.clover.fast.compiled import Trees, tables_of
from paralg.decoding.clover.heads import CloverHeads
from paralg.decoding.clover.tree import Budgeted
from paralg.decoding.clover.variants import BestFirst
from paralg.models import Network, masks
from paralg.models.protocol import tokens_of
from paralg.models.slots import to_torch, without_gradients

__all__ = ["BatchDecoded", "clover_batch"]


@dataclass(frozen=True, eq=False)
class BatchDecoded:
    """Tokens (B, L); final tokens, and calls in which its row took part, of each sequence (B,);
    cost in all."""

    tokens: np.ndarray
    final: np.ndarray
    calls: np.ndarray
    cost: Cost

    @property
    def per_call(self) -> float:
        """Tokens a call, over all sequences."""
        return float(self.final.sum() / self.calls.sum())


def clover_batch(
    network: Network, x, heads: CloverHeads | None = None,
    rule: Budgeted | BestFirst | None = None,
) -> BatchDecoded:  # fmt: skip
    """Decode many sequences greedily; without heads, one token a call.

    Parameters
    ----------
    network : Network
        Causal, in float32.
    x : ndarray of int, shape (B, L)
        In every row a prefix of given tokens of the same length, then masks.
    heads : CloverHeads, optional
        With the cosine gate, or without decoders.
    rule : Budgeted or BestFirst, optional
        By default the paper's with a budget of 4.

    Returns
    -------
    BatchDecoded
        A sequence leaves the batch when it is full.

    Raises
    ------
    ValueError, TypeError
        If the prefixes differ in length, or heads or rule have no compiled form.

    Cost
    ----
    As :func:`~paralg.decoding.clover.decoder.clover`, whose tokens it returns; a call takes as many
    rows as sequences are left, and as many slots as the largest tree.

    References
    ----------
    [xiao-2024-clover], section 4: batches of 4 to 48.

    Examples
    --------
    >>> from paralg.models import TransformerConfig
    >>> network = Network.untrained(TransformerConfig(V=4, L=16), "causal")
    >>> clover_batch(network, np.full((3, 16), 4)).cost
    Cost(calls=16, rows=48, tokens=48)
    """
    checks.instance("network", network, Network)
    checks.instance("heads", heads, CloverHeads, type(None))
    x = tokens_of(x, network.V, network.L).copy()
    given = (x != network.V).sum(axis=1)
    n = int(given[0]) if len(x) else network.L
    if network.mode != "causal" or (given != n).any() or (x[:, :n] == network.V).any():
        raise ValueError("expected a causal network and prefixes of one length, got "
                         f"{network.mode} and {given.tolist()}")  # fmt: skip
    with without_gradients():
        return _Batch(network, x, n, heads, Budgeted() if rule is None else rule).decode()


class _Batch:
    """One run; ``alive`` are the sequences that are left, in whose order all other arrays are."""

    def __init__(self, network, x, n, heads, rule):
        self.net, self.x, self.heads, self.L, self.V = (
            network.transformer, x, heads, network.L, network.V)  # fmt: skip
        config, B = self.net.config, len(x)
        self.K = heads.K if heads else 0
        self.trees = Trees(B, tables_of(heads), rule) if heads else None
        size = (B, self.L + self.K + 1, config.heads, config.width // config.heads)
        self.cache = torch.zeros(config.layers, 2, *size)
        self.own = torch.zeros(2, *size) if hasattr(heads, "block") else None
        self.alive, self.n = np.arange(B), np.full(B, n)
        self.given, self.calls, self.cost = n, np.zeros(B, np.int64), Cost()

    def decode(self) -> BatchDecoded:
        if len(self.alive) and self.given < self.L:
            hidden, choice = self._read()
            while len(self.alive):
                hidden, choice = self._step(hidden, choice)
        final = np.full(len(self.x), self.L - self.given)
        return BatchDecoded(self.x, final, self.calls, self.cost)

    def _read(self):
        """Send the prompts; return the states of their slots and the first t₀."""
        n, B = self.given, len(self.x)
        tokens = np.concatenate([np.full((B, 1), self.V), self.x[:, :n]], axis=1)
        at = torch.arange(n + 1)
        hidden, kept = self._call(tokens, at, torch.from_numpy(masks.causal(n + 1)), None)
        rows, path = torch.arange(B)[:, None], at[None].expand(B, -1)
        self._keep(self.cache, kept, rows, path, path)
        return self._finish(hidden, path, np.full(B, n + 1), np.full(B, -1))

    def _step(self, hidden, start):
        """Draft, verify, keep; ``hidden`` (B, D, d) are new final slots from place ``start`` on."""
        B, S = len(self.alive), int(self.n.max()) + 1
        t0 = self.x[self.alive, self.n]
        if self.heads:
            h0 = self._augment(hidden, start, S).numpy()
            self.trees.grow(h0, t0, np.minimum(self.K, self.L - 2 - self.n))
            tokens, places, mask = self.trees.layout(self.n, S)
        else:
            tokens, places = t0[:, None], self.n[:, None] + 1
            mask = np.concatenate([np.arange(S) <= self.n[:, None], np.ones((B, 1), bool)], axis=1)
            mask = mask[:, None]
        past = [(k[:, :S].transpose(1, 2), v[:, :S].transpose(1, 2)) for k, v in self.cache]
        hidden, kept = self._call(tokens, to_torch(places), torch.from_numpy(mask), past)
        choice = self._choice(hidden)
        if self.heads:
            path, length = self.trees.walk(choice, self.K)
        else:
            path, length = np.zeros((B, 1), np.int64), np.ones(B, np.int64)
        for j in range(1, path.shape[1]):
            more = j < length
            self.x[self.alive[more], self.n[more] + j] = tokens[more, path[more, j]]
        path = torch.from_numpy(path)
        at = to_torch(self.n)[:, None] + 1 + torch.arange(path.shape[1])
        self._keep(self.cache, kept, torch.arange(B)[:, None], path, at)
        return self._finish(hidden, path, length, self.n, choice)

    def _finish(self, hidden, path, length, n, choice=None):
        """Write the next t₀ of every sequence; drop those that are full."""
        rows, last = np.arange(len(length)), path.numpy()[np.arange(len(length)), length - 1]
        choice = self._choice(hidden) if choice is None else choice
        start, self.n = n + 1, n + length
        self.x[self.alive, self.n] = choice[rows, last]
        hidden = hidden[torch.arange(len(length))[:, None], path]
        left = np.flatnonzero(self.n < self.L - 1)
        self.length = length[left]
        if len(left) < len(rows):
            keep = torch.from_numpy(left)
            self.cache, hidden = self.cache[:, :, keep], hidden[keep]
            self.own = None if self.own is None else self.own[:, keep]
            self.alive, self.n, start = self.alive[left], self.n[left], start[left]
        return hidden, start

    def _augment(self, hidden: Tensor, start: np.ndarray, S: int) -> Tensor:
        """Return h₀ of every sequence, (B, d), from its new final slots."""
        B, D, _ = hidden.shape
        rows, last = torch.arange(B), torch.from_numpy(self.length - 1)
        if self.own is None:
            return self.heads.augment(hidden[rows, last], None, None)[0]
        places, past = torch.from_numpy(start)[:, None] + torch.arange(D), int(start.max())
        seen = torch.arange(past)[None, None] < torch.from_numpy(start)[:, None, None]
        causal = torch.ones(D, D, dtype=torch.bool).tril().expand(B, -1, -1)
        mask = torch.cat([seen.expand(-1, D, -1), causal], dim=2)[:, None]
        earlier = tuple(part[:, :past].transpose(1, 2) for part in self.own)
        h, kept = self.heads.augment(hidden, places.clamp(max=self.L - 1), mask, earlier)
        at = torch.arange(D)[None].expand(B, -1)
        self._keep(self.own[None], [kept], rows[:, None], at, places)
        return h[rows, last]

    def _call(self, tokens, places, mask, past):
        """Run the target and count."""
        self.calls[self.alive] += 1
        self.cost += Cost(calls=1, rows=len(tokens), tokens=tokens.size)
        return self.net.hidden(torch.from_numpy(np.ascontiguousarray(tokens)), places, mask, past)

    def _choice(self, hidden: Tensor) -> np.ndarray:
        """Return the likeliest token after every slot."""
        return self.net.head(self.net.norm(hidden)).argmax(dim=-1).numpy()

    def _keep(self, cache, kept, rows, path, places) -> None:
        """Write keys and values of accepted slots to their places."""
        new = torch.stack([torch.stack(layer) for layer in kept]).transpose(3, 4)
        cache[:, :, rows, places] = new[:, :, rows, path]
