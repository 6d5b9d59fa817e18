"""The decoders that CPPD is measured against, and its options: left to right, CTC, plain slots.

All read the same visual tokens. `AutoregressiveReader` is the NRTR-like loop, with keys kept;
`SlotReader` is a plain parallel decoder, `with_context` plugs both branches into one; `CTCReader`
needs no slots at all. `RemainingCPPD` and `CausalCPPD` are options of the released code.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from paralg.core import checks
from paralg.decoding.cppd.blocks import CrossAttention, DecoderLayer, LayerConfig
from paralg.decoding.cppd.labels import END, IGNORED, CharacterSet, Labels
from paralg.decoding.cppd.model import CPPD, ImageReader, Output, Reading, nodes_of

__all__ = ["AutoregressiveReader", "CTCReader", "CausalCPPD", "RemainingCPPD", "SlotReader",
           "attention", "attention_of_calls", "choose_nodes", "collapse", "remaining",
           "with_context"]  # fmt: skip


Pair = tuple[Tensor, Tensor]
"""Keys and values, each (B, heads, characters, d / heads)."""


def _causal(n: int) -> Tensor:
    return torch.ones(n, n, dtype=torch.bool).tril()


class CausalLayer(DecoderLayer):
    """A decoder layer with attention to earlier characters before that to the image."""

    def __init__(self, config: LayerConfig):
        super().__init__(config)
        self.before, self.before_norm = CrossAttention(config), nn.LayerNorm(config.width)

    def remember(self, h: Tensor, past: Pair | None) -> Pair:
        """Return keys and values of characters, those of earlier ones before them."""
        own = self.before.keys_values(self._enter(h))
        return own if past is None else tuple(torch.cat(two, 2) for two in zip(past, own))  # noqa: B905

    def recall(self, h: Tensor, known: Pair, mask: Tensor | None) -> Tensor:
        """Return states after the attention to earlier characters."""
        found = h + self.drop(self.before(self._enter(h), *known, mask))
        return found if self.pre_norm else self.before_norm(found)

    def _enter(self, h: Tensor) -> Tensor:
        return self.before_norm(h) if self.pre_norm else h


class AutoregressiveReader(ImageReader):
    """The sequential decoder, one character a call: L + 1 calls of some layers; else as `CPPD`."""

    def __init__(self, vocabulary: CharacterSet, encoder: nn.Module, config: LayerConfig,
                 layers: int = 2):  # fmt: skip
        super().__init__(vocabulary, encoder, config, layers)
        C, P, d = vocabulary.C, vocabulary.P, config.width
        self.token = nn.Parameter(0.5 * torch.randn(C + 1, d))  # number C begins
        self.position = nn.Parameter(0.5 * torch.randn(P, d))
        self.layers = nn.ModuleList(CausalLayer(config) for _ in range(layers))
        self.norm = nn.LayerNorm(d) if config.pre_norm else nn.Identity()
        self.head = nn.Linear(d, C)

    def forward(self, images: Tensor, characters: Tensor) -> Tensor:
        """Return logits (B, P, C), each given the true characters before it."""
        h = self.states(characters)
        x, mask = self.encoder(images), _causal(h.shape[1])
        for layer in self.layers:
            h = layer(layer.recall(h, layer.remember(h, None), mask), x)
        return self.head(self.norm(h))

    def states(self, characters: Tensor) -> Tensor:
        """Return where the layers start: each slot has the character before it, and its place."""
        checks.tensors("i", characters=(characters, f"B {self.vocabulary.P}"))
        seen = characters[characters != IGNORED]
        if seen.numel() and not 0 <= seen.min() <= seen.max() < self.vocabulary.C:
            raise ValueError(f"characters must be below {self.vocabulary.C}, got {seen.max()}")
        known = characters.clamp(min=END)[:, :-1]
        begin = torch.full_like(known[:, :1], self.vocabulary.C)
        return self.token[torch.cat([begin, known], dim=1)] + self.position

    @torch.no_grad()
    def read(self, images: Tensor, *, steps: int | None = None) -> Reading:
        """Read greedily until each row has ended, or for given steps whatever is read.

        Keys and values of the image and of earlier characters are kept.
        """
        limit = self.vocabulary.P if steps is None else checks.integer("steps", steps, 1)
        x, past = self.encoder(images), [None] * len(self.layers)
        seen = [layer.attention.keys_values(layer.entry(x, 0)) for layer in self.layers]
        numbers = torch.full((len(x), 1), self.vocabulary.C)
        ended = torch.zeros(len(x), dtype=torch.bool)
        while numbers.shape[1] <= min(limit, self.vocabulary.P):
            logits = self._call(numbers[:, -1], past, seen)
            numbers = torch.cat([numbers, logits.argmax(dim=-1, keepdim=True)], dim=1)
            ended |= numbers[:, -1] == END
            if steps is None and ended.all():
                break
        found = numbers[:, 1:].numpy()
        return Reading(self.vocabulary.decode(found), found, found.shape[1])

    def _call(self, last: Tensor, past: list, seen: list[Pair]) -> Tensor:
        """Return logits of the next character; ``past`` gets keys and values of the last one."""
        place = 0 if past[0] is None else past[0][0].shape[2]
        h = (self.token[last] + self.position[place])[:, None]
        for i, layer in enumerate(self.layers):
            past[i] = layer.remember(h, past[i])
            h = layer.attend(layer.recall(h, past[i], None), *seen[i])
        return self.head(self.norm(h[:, 0]))


class CTCReader(ImageReader):
    """The parallel rival without slots: a character or a blank for each visual token [1]_.

    References
    ----------
    .. [1] Graves et al., "Connectionist temporal classification", 2006 (recalled).
    """

    def __init__(self, vocabulary: CharacterSet, encoder: nn.Module, config: LayerConfig,
                 layers: int = 3):  # fmt: skip
        super().__init__(vocabulary, encoder, config, layers)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(layers))
        self.norm = nn.LayerNorm(config.width) if config.pre_norm else nn.Identity()
        self.head = nn.Linear(config.width, vocabulary.C)  # the number of the end is the blank's

    def forward(self, images: Tensor) -> Tensor:
        """Return logits of the tokens, (B, S, C)."""
        x = self.encoder(images)
        for layer in self.layers:
            x = layer(x, x)
        return self.head(self.norm(x))

    def loss(self, images: Tensor, labels: Labels) -> Tensor:
        """Return minus the logarithm of the probability of all alignments, per character."""
        log_p = self(images).log_softmax(dim=-1).transpose(0, 1)
        targets = torch.from_numpy(labels.characters).clamp(min=END)
        lengths = torch.from_numpy(labels.slots).sum(dim=1) - 1
        return F.ctc_loss(log_p, targets, torch.full((len(images),), len(log_p)), lengths)

    @torch.no_grad()
    def read(self, images: Tensor) -> Reading:
        """Read in one call: the likeliest alignment, collapsed."""
        numbers = self(images).argmax(dim=-1).numpy()
        texts = [self.vocabulary.decode([row or [END]])[0] for row in map(collapse, numbers)]
        return Reading(texts, numbers, 1)


def collapse(numbers: ArrayLike) -> list[int]:
    """Drop repetitions of `numbers` (S,), then blanks.

    >>> collapse([0, 3, 3, 0, 3, 5, 5, 0])
    [3, 3, 5]
    """
    numbers = checks.array("numbers", numbers, "i", least=0)
    checks.sizes(numbers=(numbers, "S"))
    row = [END, *numbers.tolist()]
    return [v for v, last in zip(row[1:], row, strict=False) if v not in (END, last)]


class Looks(nn.ModuleList):
    """Several looks in the place of one."""

    def forward(self, slots: Tensor, visual: Tensor) -> Tensor:
        for layer in self:
            slots = layer(slots, visual)
        return slots


class SlotReader(ImageReader):
    """The plain parallel decoder: learned queries that look at the image in some layers."""

    def __init__(self, vocabulary: CharacterSet, encoder: nn.Module, config: LayerConfig,
                 layers: int = 2):  # fmt: skip
        super().__init__(vocabulary, encoder, config, layers)
        self.queries = nodes_of(vocabulary.P, config.width)
        self.look = Looks(DecoderLayer(config) for _ in range(layers))
        self.norm = nn.LayerNorm(config.width) if config.pre_norm else nn.Identity()
        self.head = nn.Linear(config.width, vocabulary.C)

    def forward(self, images: Tensor, *, counting: bool = True) -> Output:
        """Return an `Output` with characters alone."""
        x = self.encoder(images)
        h = self.look(self.queries.expand(len(x), -1, -1), x)
        return Output(self.head(self.norm(h)), x[:, :0], x[:, :0])


def with_context(reader: SlotReader, layers: int = 1) -> CPPD:
    """Plug both branches into a reader with slots, before its own layers, norm and head."""
    checks.instance("reader", reader, SlotReader)
    model = CPPD(reader.vocabulary, reader.encoder, reader.config, layers)
    model.slot_nodes, model.look = reader.queries, reader.look
    model.character_head, model.norms[2] = reader.head, reader.norm
    return model


class RemainingCPPD(CPPD):
    """The option ``pos_len``: a slot learns how many characters are left, not whether it exists."""

    def order(self, F_p: Tensor) -> Tensor:
        """Return logits (B, P, P) of 0 … longest characters left."""
        return self.slot_head(self.norms[1](F_p))


def remaining(logits: Tensor, slots: Tensor) -> Tensor:
    """Return the loss of `RemainingCPPD.order`: logits (B, P, P), slots (B, P) as in `Labels`."""
    checks.tensors(logits=(logits, "B P P"))
    checks.tensors("i", slots=(slots, f"{logits.shape[0]} {logits.shape[1]}"))
    checks.mask("slots", slots.numpy(), slots.shape)
    left = slots.sum(dim=1, keepdim=True) - 1 - torch.arange(slots.shape[1])
    return F.cross_entropy(logits.flatten(0, 1), left.clamp(min=0).flatten())


class CausalCPPD(CPPD):
    """The option ``rec_layer = 2``: a slot also looks at the slots before it, still in one call."""

    def __init__(self, *sizes, **how):
        super().__init__(*sizes, **how)
        config = next(one for one in sizes if isinstance(one, LayerConfig))
        self.between = DecoderLayer(config)

    def fill(self, slots: Tensor, visual: Tensor) -> Tensor:
        """Let each slot look at earlier slots, then at the visual tokens."""
        known = self.between.attention.keys_values(self.between.entry(slots, 0))
        slots = self.between.attend(slots, *known, _causal(slots.shape[1]))
        return self.look(slots, visual)


def attention(model: CPPD, images: Tensor) -> Tensor:
    """Return where each slot of a `model` looks in `images`, (B, P, S), mean over heads."""
    checks.instance("model", model, CPPD)
    _, V_c, F_p = model.states(images, counting=False)
    keys, _ = model.look.attention.keys_values(model.look.entry(V_c, 0))
    return model.look.attention.weights(model.look.entry(F_p, 0), keys).mean(dim=1)


def attention_of_calls(model: AutoregressiveReader, images: Tensor, characters: Tensor) -> Tensor:
    """Return where a `model` looks in `images` in each call, (B, P, S), given the `characters`."""
    checks.instance("model", model, AutoregressiveReader)
    x, h = model.encoder(images), model.states(characters)
    checks.sizes(images=(images, "B H W"), characters=(characters, "B P"))
    for layer in model.layers:
        h = layer.recall(h, layer.remember(h, None), _causal(h.shape[1]))
        entered = layer.entry(h, 0)
        h = layer(h, x)
    keys, _ = layer.attention.keys_values(layer.entry(x, 0))
    return layer.attention.weights(entered, keys).mean(dim=1)


def choose_nodes(counts: ArrayLike, n: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Choose n character nodes for each image by its `counts`: those present, and others by `rng`.

    Returned are their numbers (B, n), the end first, and their counts; in training on Chinese the
    paper has n = 37. ValueError if an image has more characters than n.
    """
    counts = checks.array("counts", counts, "i", least=0)
    B, C = checks.sizes(counts=(counts, "B C")).values()
    checks.integer("n", n, 1, C), checks.instance("rng", rng, np.random.Generator)
    present = counts > 0
    present[:, END] = True
    if B and present.sum(axis=1).max() > n:
        raise ValueError(f"n must be at least {present.sum(axis=1).max()}, the characters of an "
                         f"image, got {n}")  # fmt: skip
    order = np.argsort(np.where(present, -1.0, rng.random((B, C))), axis=1, kind="stable")
    nodes = np.sort(order[:, :n], axis=1)
    return nodes, np.take_along_axis(counts, nodes, axis=1)


def repair(log_p: ArrayLike, counts: ArrayLike) -> NDArray[np.int64]:
    r"""Return the likeliest characters of slots that have given counts, (n,) of (n, C): ours.

    An assignment problem: each character is as many columns as it is counted, and
    the sum of ``log_p`` is maximised. ValueError unless the counts sum to the slots.

    >>> repair(np.log([[0.2, 0.5, 0.3], [0.2, 0.6, 0.2]]), [0, 1, 1]).tolist()
    [2, 1]
    """
    from scipy.optimize import linear_sum_assignment

    (log_p,) = checks.floats(log_p=(log_p, "n C"))
    counts = checks.array("counts", counts, "i", least=0)
    checks.sizes(log_p=(log_p, "n C"), counts=(counts, "C"))
    if counts.sum() != len(log_p):
        raise ValueError(f"counts must sum to {len(log_p)}, the slots, got {counts.sum()}")
    columns = np.repeat(np.arange(len(counts)), counts)
    rows, chosen = linear_sum_assignment(-log_p[:, columns])
    return columns[chosen[np.argsort(rows)]]
