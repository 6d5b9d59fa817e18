"""Universal Transformer: one block applied again and again to all positions, each until it halts.

1. `block`: coordinate signal, attention, transition, norms; the table of letters and shapes.
2. `halting`: the halting unit and the rule of adaptive computation time.
3. `recurrence`: H becomes Block(H + P), T times or until every position has halted.

Then `variants` (the switches of the released code), `theory` (counts, the halting rule in pure
Python, rule 110), `fast.compacted` (halted positions are not computed), `experiments`, `teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "MultiHeadAttention": "block", "TransitionFunction": "block", "UTBlock": "block",
    "CoordinateSignal": "block", "sinusoidal": "block",
    "HaltingState": "halting", "HaltingUnit": "halting", "advance": "halting",
    "start_halting": "halting",
    "DepthRecurrence": "recurrence", "UTRun": "recurrence",
    "PlainStack": "variants", "Recurrence": "variants", "UTConfig": "variants", "mix": "variants",
    "coefficients": "theory", "halt": "theory",
    "run_compacted": "fast.compacted",
    "Reachability": "experiments.tasks", "from_networkx": "experiments.tasks",
    "Seq2Seq": "experiments.models", "Tagger": "experiments.models",
    "explorer": "teaching.explorer",
})  # fmt: skip
