"""What chapters on sequence models share: tasks, one model around a mixer, scans over tensors.

1. `batch`: `Batch`, sequences and the answers wanted at some of their positions.
2. `tasks`: generators of batches, each with its loss and its score.
3. `network`: `SequenceModel`, in which the mixer is exchanged and nothing else; what a `Mixer` must
   offer; blocks to put it in; positions.
4. `state`: what is kept between two tokens: a cache of keys and values; the bytes of any state.
5. `attention`: causal self-attention as a mixer.
6. `scans`: prefixes of any associative operator, and of h = a h + b with its gradient.
7. `streaming`: what a long stream costs a model, measured.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Batch": "batch", "answers": "batch",
    "Copying": "tasks", "Drift": "tasks", "InductionHeads": "tasks", "Recall": "tasks",
    "TokenTask": "tasks", "Tracking": "tasks",
    "ConvolutionBlock": "network", "Mixer": "network", "PerceptronBlock": "network",
    "SequenceModel": "network", "SequenceState": "network", "sinusoidal": "network",
    "CausalAttention": "attention", "HeadProjections": "attention",
    "KeyValueCache": "state", "state_bytes": "state",
    "linear_scan": "scans", "tensor_scan": "scans",
    "StreamRun": "streaming", "stream": "streaming",
})  # fmt: skip
