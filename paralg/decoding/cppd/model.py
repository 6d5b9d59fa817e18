r"""CPPD [du-2025-context]: two branches, taught to count and to order, and one look for all slots.

=============================  ==================================================================
x                              visual tokens (B, S, d) of the encoder, plus learned positions
E_c, E_p                       character nodes (C, d) and slots' nodes (P, d), learned
Z = [E ; x]                    a branch's states; only the visual part is read: keys and values
F_c, V_c                       what the counting branch makes of the nodes and of the tokens
F_p                            what the ordering branch makes of the slots' nodes
=============================  ==================================================================
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.decoding.cppd.blocks import DecoderLayer, LayerConfig
from paralg.decoding.cppd.labels import CharacterSet

__all__ = ["CPPD", "ContextBranch", "Output", "ImageReader", "Reading", "read"]

STD = 0.02  # of learned positions, a truncated normal


class Output(NamedTuple):
    """Logits of slots (B, P, C), of counts (B, N, longest) and of which slots exist (B, P)."""

    characters: Tensor
    counts: Tensor
    slots: Tensor


class Reading(NamedTuple):
    """Texts, the numbers in all slots or of all calls (B, n), and how many calls it took."""

    texts: list[str]
    numbers: np.ndarray
    calls: int


class ContextBranch(nn.Module):
    """Layers over [nodes ; visual tokens] in which only the visual tokens are keys and values."""

    def __init__(self, config: LayerConfig, layers: int):
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(layers))

    def forward(self, nodes: Tensor | None, visual: Tensor) -> tuple[Tensor, Tensor]:
        """Return nodes and visual tokens after the last layer; without nodes the same tokens."""
        n = 0 if nodes is None else nodes.shape[1]
        z = visual if nodes is None else torch.cat([nodes.expand(len(visual), -1, -1), visual], 1)
        for layer in self.layers:
            z = layer(z, z[:, n:])
        return z[:, :n], z[:, n:]


def nodes_of(n: int, d: int) -> nn.Parameter:
    """Return n nodes to be learned, (1, n, d), from N(0, 1/d) times √d: a variance of one."""
    return nn.Parameter(torch.randn(1, n, d))


class ImageReader(nn.Module):
    """What all readers have: characters, an encoder of images, layers of one kind."""

    def __init__(self, vocabulary: CharacterSet, encoder: nn.Module, config: LayerConfig,
                 layers: int):  # fmt: skip
        super().__init__()
        checks.instance("vocabulary", vocabulary, CharacterSet)
        checks.instance("encoder", encoder, nn.Module)
        checks.instance("config", config, LayerConfig), checks.integer("layers", layers, 1)
        self.vocabulary, self.encoder, self.config = vocabulary, encoder, config


class CPPD(ImageReader):
    """Read all characters of an image in one call.

    Parameters
    ----------
    vocabulary : CharacterSet
        Characters and slots.
    encoder : Module
        Makes visual tokens (B, S, d) of images; ``encoder.tokens`` is S.
    config : LayerConfig
        Of the layers of both branches and of the last look.
    layers : int
        Layers n of each branch.
    scaled : bool
        Whether the last look scales its products; the released code does not.

    Notes
    -----
    Work of a call O((C + P + S)(S d + d²)) a layer, span O(n) layers, whatever the text's length.
    No layer has the counting nodes as keys: to read, they are left out.

    References
    ----------
    [du-2025-context]; heads, targets and the unscaled look as in the released code.

    Examples
    --------
    >>> from paralg.decoding.cppd.experiments.encoder import Encoder
    >>> config = LayerConfig(width=32)
    >>> model = CPPD(CharacterSet("0123456789", 5), Encoder(12, 48, config), config)
    >>> [tuple(part.shape) for part in model(torch.zeros(2, 12, 48))]
    [(2, 6, 11), (2, 11, 5), (2, 6)]
    """

    def __init__(self, vocabulary: CharacterSet, encoder: nn.Module, config: LayerConfig,
                 layers: int = 1, *, scaled: bool = False):  # fmt: skip
        super().__init__(vocabulary, encoder, config, layers)
        C, P, d = vocabulary.C, vocabulary.P, config.width
        self.character_nodes, self.slot_nodes = nodes_of(C, d), nodes_of(P, d)
        self.slot_position, self.visual_position = (
            nn.Parameter(nn.init.trunc_normal_(torch.empty(1, n, d), std=STD))
            for n in (P, encoder.tokens))  # fmt: skip
        self.counting, self.ordering = ContextBranch(config, layers), ContextBranch(config, layers)
        self.look = DecoderLayer(config, scaled=scaled)
        end = nn.LayerNorm if config.pre_norm else lambda _: nn.Identity()
        self.norms = nn.ModuleList(end(d) for _ in range(3))
        self.count_head = nn.Linear(d, vocabulary.longest)
        self.slot_head = nn.Linear(d, P)
        self.character_head = nn.Linear(d, C)

    def forward(self, images: Tensor, nodes: Tensor | None = None, *, counting: bool = True):
        """Return an `Output` for images (B, H, W), without counts if ``counting`` is false.

        ``nodes``, (B, N): numbers of the characters to count, by default all C.
        """
        F_c, V_c, F_p = self.states(images, nodes, counting=counting)
        characters = self.character_head(self.norms[2](self.fill(F_p, V_c)))
        return Output(characters, self.count_head(self.norms[0](F_c)), self.order(F_p))

    def states(self, images: Tensor, nodes: Tensor | None = None, *, counting: bool = True):
        """Return what the branches make of nodes and image: F_c, V_c and F_p."""
        x = self.encoder(images) + self.visual_position
        if nodes is not None:
            checks.sizes(nodes=(nodes, f"i: {len(x)} N"))
        chosen = self.character_nodes if nodes is None else self.character_nodes[0][nodes]
        F_c, V_c = self.counting(chosen if counting else None, x)
        F_p, _ = self.ordering(self.slot_nodes + self.slot_position, x)
        return F_c, V_c, F_p

    def order(self, F_p: Tensor) -> Tensor:
        """Return for each slot its own logit: does it exist?"""
        return self.slot_head(self.norms[1](F_p)).diagonal(dim1=1, dim2=2)

    def fill(self, slots: Tensor, visual: Tensor) -> Tensor:
        """Let each slot look at the visual tokens: one layer, all slots at once."""
        return self.look(slots, visual)


@torch.no_grad()
def read(model: nn.Module, images: Tensor) -> Reading:
    """Let a `model` read `images` (B, H, W) in one call: each slot's likeliest, up to the end."""
    checks.instance("model", model, nn.Module), checks.instance("images", images, Tensor)
    numbers = model(images, counting=False).characters.argmax(dim=-1).numpy()
    return Reading(model.vocabulary.decode(numbers), numbers, 1)
