"""CPPD: all characters of an image in one call, by slots that learned context, [du-2025-context].

1. `labels`: a text as characters of slots, counts, and which slots exist.
2. `blocks`: attention and the decoder layer.
3. `model`: counting and ordering branch, the last look, reading in one call.
4. `loss`: characters plus λ times counts and slots.
5. `theory`: what slots lose, what counts give back, when one call is faster.
6. `variants`: the loop, CTC, plain slots, the plug-in, options of the released code, repair.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Labels": "labels", "CharacterSet": "labels",
    "DecoderLayer": "blocks", "LayerConfig": "blocks",
    "CPPD": "model", "Output": "model", "Reading": "model", "read": "model",
    "cppd_loss": "loss", "smoothed": "loss",
    "bits": "theory", "fit_latency": "theory", "parallel": "theory",
    "parallel_given_counts": "theory", "multi_information": "theory",
    "AutoregressiveReader": "variants", "CTCReader": "variants", "CausalCPPD": "variants",
    "RemainingCPPD": "variants", "SlotReader": "variants", "attention": "variants",
    "attention_of_calls": "variants", "choose_nodes": "variants", "collapse": "variants",
    "remaining": "variants", "repair": "variants", "with_context": "variants",
    "explorer": "teaching.explorer",
})  # fmt: skip
