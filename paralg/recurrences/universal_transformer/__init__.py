"""Universal Transformer: one block applied again and again to all positions, each until it halts.

1. `block`: attention, transition, norms; the table of letters and shapes.
2. `signals`: the coordinate signal of position and step.
3. `halting`: the halting unit and the rule of adaptive computation time.
4. `recurrence`: H becomes Block(H + P), T times or until every position has halted.

Then `variants` (the switches of the released code), `theory` (counts, the halting rule in pure
Python, rule 110), `fast.compacted` (halted positions are not computed), `experiments`, `teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "MultiHeadAttention": "block", "TransitionFunction": "block", "UTBlock": "block",
    "CoordinateSignal": "signals", "sinusoidal": "signals",
    "HaltingState": "halting", "HaltingUnit": "halting", "advance": "halting",
    "start_halting": "halting",
    "DepthRecurrence": "recurrence", "UTRun": "recurrence",
    "ACT": "variants", "PlainStack": "variants", "Recurrence": "variants",
    "SeparableConvolution": "variants", "UTConfig": "variants", "VariedSignal": "variants",
    "mix": "variants",
    "Halted": "theory", "coefficients": "theory", "halt": "theory",
    "run_compacted": "fast.compacted",
    "GraphBatch": "experiments.tasks", "Reachability": "experiments.tasks",
    "distances": "experiments.tasks", "from_networkx": "experiments.tasks",
    "Seq2Seq": "experiments.models", "Seq2SeqRun": "experiments.models",
    "Tagger": "experiments.models", "Transduced": "experiments.models",
    "causal_mask": "experiments.models",
    "explorer": "teaching.explorer",
})  # fmt: skip
