r"""Graph algorithms compiled into the weights of an attention network, one layer a parallel round.

The paper is Saldyt and Kambhampati, "Mind The Gap: Deep Learning Doesn't Learn Deeply"
[saldyt-2025-mind]; its weights are not public, so the construction is ours. The reading order:

1. `layer`: a graph attention layer GATv2, with an edge term in its message.
2. `program`: a small language for such layers, and the compiler.
3. `algorithms`: breadth-first search and Bellman–Ford in it, and how they are run.

Then `variants` (depth-first search, other compilations of the same answer), `theory`
(leakage, light cones, squaring), `experiments` (faithfulness, hint traces, trained counterparts,
probes, a warm start from compiled weights) and `teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "GATv2Output": "layer", "GATv2Weights": "layer", "gatv2_layer": "layer",
    "LayerProgram": "program", "Write": "program", "compile_layer": "program",
    "BFS": "algorithms", "BellmanFord": "algorithms", "CompiledAlgorithm": "algorithms",
    "CompiledRun": "algorithms", "run_compiled": "algorithms",
    "DFS": "variants", "HighestIdBFS": "variants", "SelfFirstBFS": "variants",
    "Squaring": "theory", "leakage_bound": "theory", "light_cone": "theory",
    "min_plus_squaring": "theory",
    "FaithfulnessReport": "experiments.faithfulness",
    "faithfulness": "experiments.faithfulness",
    "internal_faithfulness": "experiments.faithfulness", "explorer": "teaching.explorer",
})  # fmt: skip
