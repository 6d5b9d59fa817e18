"""Draft trees of many sequences, grown and walked by compiled loops.

Keys and values of the attention decoder depend on nothing but the token, so they are tables with V
rows a head, and a level costs two matrix–vector products a node. Letters: B sequences, K heads,
S slots (t₀ and drafts), d numbers in a vector.
"""

import math
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.clover.heads import EPSILON, CloverHeads
from paralg.decoding.clover.tree import TOLERANCE, Budgeted
from paralg.decoding.clover.variants import BestFirst
from paralg.simd.cache import compile_lock, compiled

__all__ = ["HeadTables", "Trees", "tables_of", "warm"]


@dataclass(frozen=True)
class HeadTables:
    """The heads as arrays: norms (K, d); W_Q and M (K, d, d), input first; unit keys and values of
    every token (K, V, d); the target's head (d, V) and biases."""

    norm: np.ndarray
    query: np.ndarray
    query_bias: np.ndarray
    key: np.ndarray
    value: np.ndarray
    layer: np.ndarray
    layer_bias: np.ndarray
    head: np.ndarray
    head_bias: np.ndarray
    heads: int
    regressive: bool

    def arrays(self) -> tuple:
        """Return all in the order of the kernel's arguments."""
        return (self.norm, self.query, self.query_bias, self.key, self.value, self.layer,
                self.layer_bias, self.head, self.head_bias, self.heads,
                self.regressive)  # fmt: skip


def tables_of(heads: CloverHeads) -> HeadTables:
    """Return the arrays of heads with the cosine gate, or without decoders."""
    import torch
    import torch.nn.functional as F

    from paralg.decoding.clover.heads import AttentionDecoder

    decoders = list(getattr(heads, "decoders", []))
    if any(type(one) is not AttentionDecoder for one in decoders):
        raise ValueError(f"expected heads with the cosine gate or none, got {type(heads).__name__}")
    decoders, K, d = decoders * (heads.K // max(len(decoders), 1)), heads.K, len(heads.norm.weight)
    with torch.no_grad():
        e, count = heads.embeddings(), decoders[0].heads if decoders else 1
        units = [F.normalize(one.k(e).unflatten(-1, (count, -1)), dim=-1).flatten(-2)
                 for one in decoders]  # fmt: skip
        parts = {
            "norm": [one.norm.weight for one in decoders],
            "query": [one.q.weight.T for one in decoders],
            "query_bias": [one.q.bias for one in decoders],
            "key": units, "value": [one.v(e) for one in decoders],
            "layer": [one.linear.weight.T for one in heads.layers],
            "layer_bias": [one.linear.bias for one in heads.layers],
        }  # fmt: skip
        none = {"norm": (K, d), "query": (K, 1, d), "query_bias": (K, d), "key": (K, heads.V, d),
                "value": (K, heads.V, d)}  # fmt: skip
        arrays = {name: np.ascontiguousarray(torch.stack(part).float().numpy()) if part
                  else np.zeros(none[name], np.float32)
                  for name, part in parts.items()}  # fmt: skip
        head = (heads.target.head.weight.T, heads.target.head.bias)
        head, bias = (np.ascontiguousarray(part.float().numpy()) for part in head)
    return HeadTables(**arrays, head=head, head_bias=bias, heads=count, regressive=bool(decoders))


class Trees:
    """Trees of B sequences in arrays (B, S): tokens, parents (-1 at t₀ and padding), depth, joint;
    the number of nodes (B,), and the room that the kernel works in."""

    def __init__(self, B: int, tables: HeadTables, rule: Budgeted | BestFirst):
        checks.instance("rule", rule, Budgeted, BestFirst)
        (K, V, d), m = tables.value.shape, rule.m
        self.best = isinstance(rule, BestFirst)
        nodes = (K * m if self.best else m) + 1
        self.limits = (m, 1.0, 0.0) if self.best else (m, rule.mass, rule.ratio)
        self.tokens, self.parents, self.depth = (np.zeros((B, nodes), np.int64) for _ in range(3))
        self.joint, self.count = np.zeros((B, nodes)), np.ones(B, np.int64)
        self.room = (np.empty((nodes, d), np.float32), np.empty((4, max(d, V)), np.float32),
                     np.empty(V), np.empty((4, nodes * V)))  # fmt: skip
        self.tables = tables

    def grow(self, h: np.ndarray, t0: np.ndarray, depth: np.ndarray) -> None:
        """Fill the first rows: states h₀ (b, d), tokens t₀ and greatest depths (b,)."""
        for b in range(len(t0)):
            self.count[b] = _grow(
                h[b], t0[b], depth[b], *self.limits, self.best, *self.tables.arrays(), *self.room,
                self.tokens[b], self.parents[b], self.depth[b], self.joint[b])  # fmt: skip

    def layout(self, n: np.ndarray, past: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return tokens, positions (b, S) and mask (b, S, past + S) of the call that verifies."""
        b = len(n)
        S = int(self.count[:b].max())
        mask = np.zeros((b, S, past + S), np.bool_)
        _mask(self.parents, self.count, n, past, mask)
        return self.tokens[:b, :S], n[:, None] + 1 + self.depth[:b, :S], mask

    def walk(self, choice: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
        """Return accepted paths (b, levels + 1), the last node repeated, and their lengths (b,)."""
        path = np.zeros((len(choice), levels + 1), np.int64)
        length = np.ones(len(choice), np.int64)
        _walk(self.tokens, self.parents, self.count, choice, path, length)
        return path, length


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _grow(h0, t0, depth, m, mass, ratio, best, norm, query, query_bias, key, value, layer,
          layer_bias, head, head_bias, heads, regressive, state, work, q, found,
          tokens, parents, depths, joint):  # fmt: skip
    """Grow one tree; return the number of its nodes."""
    d, V = head.shape
    tokens[:], parents[:], depths[:] = 0, -1, 0
    tokens[0], joint[0] = t0, 1.0
    first, count, left = 0, 1, m
    for i in range(min(depth, len(layer))):
        candidates, end = 0, count
        for node in range(first, end):
            h = state[node]
            h[:] = h0 if node == 0 else state[parents[node]]
            if regressive:
                _join(h, norm[i], query[i], query_bias[i], key[i, tokens[node]],
                      value[i, tokens[node]], heads, work)  # fmt: skip
            _softmax_of_head(h, layer[i], layer_bias[i], head, head_bias, work, q)
            candidates = _children(node, q, joint[node], mass, ratio, best, left, found, candidates)
        first = end
        for _ in range(min(left, candidates)):
            pick = 0
            for c in range(1, candidates):
                if found[2, c] > found[2, pick]:
                    pick = c
            parent = int(found[0, pick])
            tokens[count], parents[count] = int(found[1, pick]), parent
            joint[count] = found[2, pick]
            depths[count] = depths[parent] + 1
            count += 1
            found[2, pick] = -1.0
        if not best:
            left -= count - end
        if count == end or left == 0:
            break
    return _cut(tokens, parents, depths, joint, count, m, found) if best else count


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _join(h, norm, query, query_bias, key, value, heads, work):
    """Add to h the value of a token, gated by the cosine in each attention head."""
    d, x, y = len(h), work[0], work[1]
    square = np.float32(0)
    for j in range(d):
        square += h[j] * h[j]
    scale = np.float32(1 / math.sqrt(square / d + EPSILON))
    for j in range(d):
        x[j] = h[j] * scale * norm[j]
        y[j] = query_bias[j]
    for k in range(d):
        for j in range(d):
            y[j] += x[k] * query[k, j]
    size = d // heads
    for a in range(heads):
        dot = square = np.float32(0)
        for j in range(a * size, (a + 1) * size):
            dot += y[j] * key[j]
            square += y[j] * y[j]
        gate = np.float32(dot / max(math.sqrt(square), EPSILON))
        for j in range(a * size, (a + 1) * size):
            h[j] += gate * value[j]


@compiled(error_model="numpy", fastmath={"contract", "reassoc"})
def _softmax_of_head(h, layer, layer_bias, head, head_bias, work, q):
    """Write to q what a head says after the state h."""
    d, V = head.shape
    y, logits = work[2], work[3]
    for j in range(d):
        y[j] = layer_bias[j]
    for k in range(d):
        for j in range(d):
            y[j] += h[k] * layer[k, j]
    for j in range(d):
        y[j] = h[j] + y[j] / (np.float32(1) + np.exp(-y[j]))
    for v in range(V):
        logits[v] = head_bias[v]
    for k in range(d):
        for v in range(V):
            logits[v] += y[k] * head[k, v]
    top, total = logits[:V].max(), 0.0
    for v in range(V):
        q[v] = math.exp(logits[v] - top)
        total += q[v]
    for v in range(V):
        q[v] /= total


@compiled(error_model="numpy")
def _children(node, q, joint, mass, ratio, best, left, found, candidates):
    """Append a branch's candidates, likeliest first: node, token, path product."""
    before, top = 0.0, -1.0
    for _ in range(min(left, len(q))):
        token = q.argmax()
        if top < 0:
            top = q[token]
        elif not best and (before >= mass - TOLERANCE or q[token] < ratio * top - TOLERANCE):
            break
        if q[token] <= 0:
            break
        found[0, candidates], found[1, candidates] = node, token
        found[2, candidates] = joint * q[token]
        candidates += 1
        before += q[token]
        q[token] = -1.0
    return candidates


@compiled(error_model="numpy")
def _cut(tokens, parents, depths, joint, count, m, found):
    """Keep t₀ and the m best nodes, in their order; return how many there are."""
    while count > m + 1:
        worst = count - 1
        for node in range(count - 1, 0, -1):
            if joint[node] < joint[worst]:
                worst = node
        for node in range(worst, count - 1):
            tokens[node], depths[node] = tokens[node + 1], depths[node + 1]
            joint[node], parents[node] = joint[node + 1], parents[node + 1]
        for node in range(worst, count - 1):
            if parents[node] > worst:
                parents[node] -= 1
        count -= 1
    parents[count:], depths[count:], tokens[count:] = -1, 0, 0
    return count


@compiled(error_model="numpy")
def _mask(parents, count, n, past, mask):
    """Let every node see the past of its sequence, its ancestors and itself; padding itself."""
    for b in range(mask.shape[0]):
        for node in range(mask.shape[1]):
            mask[b, node, past + node] = True
            if node < count[b]:
                mask[b, node, : n[b] + 1] = True
                parent = parents[b, node]
                while parent >= 0:
                    mask[b, node, past + parent] = True
                    parent = parents[b, parent]


@compiled(error_model="numpy")
def _walk(tokens, parents, count, choice, path, length):
    """Follow the children that the target would choose."""
    for b in range(len(choice)):
        at = 0
        for node in range(1, count[b]):
            if parents[b, node] == at and tokens[b, node] == choice[b, at]:
                at = node
                path[b, length[b] :] = node
                length[b] += 1


def warm() -> None:
    """Compile and cache the kernels."""
    size = {"norm": (2, 8), "query": (2, 8, 8), "query_bias": (2, 8), "key": (2, 3, 8),
            "value": (2, 3, 8), "layer": (2, 8, 8), "layer_bias": (2, 8), "head": (8, 3),
            "head_bias": 3}  # fmt: skip
    zeros = {name: np.zeros(shape, np.float32) for name, shape in size.items()}
    tables = HeadTables(**zeros, heads=2, regressive=True)
    with compile_lock():
        for rule in (Budgeted(2), BestFirst(2)):
            trees = Trees(1, tables, rule)
            one = np.ones(1, np.int64)
            trees.grow(np.zeros((1, 8), np.float32), one, one)
            trees.layout(one, 2)
            trees.walk(np.zeros((1, 5), np.int64), 2)
