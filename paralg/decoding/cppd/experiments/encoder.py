"""A small encoder of images in the place of SVTR, the paper's."""

import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.decoding.cppd.blocks import DecoderLayer, LayerConfig
from paralg.sequence.network import sinusoidal

__all__ = ["Encoder"]

START = 0.5
"""Scale of the sinusoids from which positions of visual tokens are learned."""


class Encoder(nn.Module):
    """Images (B, H, W) to visual tokens (B, W/4, width): three convolutions, then global attention.

    It stands in for SVTR, the paper's encoder: the last convolution spans the whole height, so
    that a token is a column four pixels wide. Batch norm after each decides whether it learns.
    """

    def __init__(self, height: int, width: int, config: LayerConfig, layers: int = 2,
                 *, batch_norm: bool = True):  # fmt: skip
        super().__init__()
        for name, pixels in (("height", height), ("width", width)):
            if checks.integer(name, pixels, 4) % 4:
                raise ValueError(f"{name} must be a multiple of 4, got {pixels}")
        self.image, self.tokens = (height, width), width // 4
        shapes = ((1, 32, 3, 2, 1), (32, 64, 3, 2, 1),
                  (64, config.width, (height // 4, 3), 1, (0, 1)))  # fmt: skip
        norm = nn.BatchNorm2d if batch_norm else lambda channels: nn.Identity()
        steps = ((nn.Conv2d(*shape), norm(shape[1]), nn.GELU()) for shape in shapes)
        self.stem = nn.Sequential(*(nn.Sequential(*step) for step in steps))
        start = sinusoidal(torch.arange(self.tokens), config.width)
        self.position = nn.Parameter(START * start.float())
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(layers))

    def forward(self, images: Tensor) -> Tensor:
        """Return the visual tokens."""
        shape = f"B {self.image[0]} {self.image[1]}"
        checks.tensors(images=(images, shape), position=(self.position, "S d"))
        x = self.stem(images[:, None]).squeeze(2).transpose(1, 2) + self.position
        for layer in self.layers:
            x = layer(x, x)
        return x
