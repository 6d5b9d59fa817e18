"""The few small networks that several chapters share, and what a decoder may ask of any model.

1. `protocol`: the three calls that every decoder is written against; `counting` counts them.
2. `transformer`, `masks`: one transformer, and which position attends to which in its three modes.
3. `network`, `family`: weights that answer the protocol, in one mode or in all.
4. `objectives`, `runs`: what the modes learn, plans and shipped weights.

``load("addition-bidirectional")`` returns one network, ``load("addition")`` all modes trained on
that data as one model. Importing this package does not import torch.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "AttendingModel": "protocol", "Model": "protocol", "UnsupportedCall": "protocol",
    "CountingModel": "counting",
    "Family": "family", "Network": "network",
    "Transformer": "transformer", "TransformerConfig": "transformer",
    "available": "runs", "load": "runs",
})  # fmt: skip
