"""The model of all tasks of this chapter: the layer is exchanged and nothing else.

Pre-norm residual blocks, v ← v + Layer(LN(v)), v ← v + MLP(LN(v)), with sinusoidal positions added
to the input; the paper does not say where its norms stand, before is our choice.
Positions have a fifth of the usual amplitude, for both kinds; `records` has what it was chosen by.
"""

from dataclasses import dataclass, replace
from functools import partial

from paralg.core import checks
from paralg.recurrences.aaren.layer import Aaren
from paralg.sequence.attention import CausalAttention
from paralg.sequence.network import PerceptronBlock, SequenceModel, sinusoidal

__all__ = ["KINDS", "AarenConfig", "build_model"]

KINDS = {"aaren": Aaren, "transformer": CausalAttention}
"""The layers by the name of the model they make."""


@dataclass(frozen=True)
class AarenConfig:
    """Sizes of a model.

    Parameters
    ----------
    inputs, outputs : int
        Numbers that come in and go out at every token.
    kind : {"aaren", "transformer"}
    width, layers, heads : int
        At least 1, as all sizes; else ValueError.
    dropout, amplitude : float
        Of what a block adds; of the positions.

    Examples
    --------
    >>> AarenConfig(3, 5).of("transformer").kind
    'transformer'
    """

    inputs: int
    outputs: int
    kind: str = "aaren"
    width: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.0
    amplitude: float = 0.2

    def __post_init__(self) -> None:
        checks.one_of("kind", self.kind, KINDS)
        for name in ("inputs", "outputs", "width", "layers", "heads"):
            checks.integer(name, getattr(self, name), 1)
        checks.number("dropout", self.dropout, 0, 1)
        checks.number("amplitude", self.amplitude)

    def of(self, kind: str) -> "AarenConfig":
        """Return the same sizes with the other layer."""
        return replace(self, kind=kind)


def build_model(config: AarenConfig, seed: int = 0) -> SequenceModel:
    """Return a model, numbers in and numbers out at every token, untrained.

    Parameters
    ----------
    config : AarenConfig
    seed : int
        Of the first weights.

    Examples
    --------
    >>> import torch
    >>> build_model(AarenConfig(3, 5))(torch.zeros(1, 7, 3)).shape
    torch.Size([1, 7, 5])
    """
    checks.instance("config", config, AarenConfig)
    return SequenceModel(
        partial(KINDS[config.kind], config.width, config.heads), config.inputs, config.outputs,
        tokens=False, width=config.width, layers=config.layers,
        block=partial(PerceptronBlock, widen=4, dropout=config.dropout),
        positions=partial(sinusoidal, amplitude=config.amplitude), seed=seed,
    )  # fmt: skip
