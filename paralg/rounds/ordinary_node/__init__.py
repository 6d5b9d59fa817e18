r"""How long an ordinary node waits: the LOCAL model with a stopping round for every node.

The paper is Feuilloley, "How long it takes for an ordinary node with an ordinary ID to output?"
[feuilloley-2020-long]. The reading order:

1. `local`: nodes as state machines that exchange messages in rounds.
2. `views`: the same model as rules on growing balls.
3. `lcl`: locally checkable labellings, and the completion of a path.
4. `gapfill`: on cycles no node need wait for long beside a quick one.

Then `theory` (four measures, worst identifiers, closed forms), `variants` (the families of
algorithms, identifiers in place of bits and back), `fast` (compiled rounds of a million nodes),
`experiments` (an adversary, trials, graphs) and `teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "PortGraph": "fast.graphs", "cycle": "fast.graphs",
    "LocalRun": "local", "NodeProgram": "local", "NodeStart": "local", "run_local": "local",
    "Ball": "views", "run_views": "views",
    "LCL": "lcl", "colouring": "lcl", "independent_set": "lcl", "lexicographically_first": "lcl",
    "matching": "lcl", "windows": "lcl",
    "GapFilling": "gapfill", "fill_gaps": "gapfill", "gap_filled": "variants", "reach": "gapfill",
    "ColeVishkin": "variants", "ColourByOrder": "variants", "Linial": "variants",
    "LubyMIS": "variants", "MISByOrder": "variants", "MatchingByOrder": "variants",
    "OrientByID": "variants", "TrialColouring": "variants", "capped": "variants",
    "delayed": "variants", "derandomised": "variants", "gathered": "variants",
    "largest_id": "variants", "randomised": "variants",
    "replayed": "variants", "two_colouring": "variants",
    "Measures": "theory", "expected_depth": "theory", "expected_radius": "theory",
    "extremal_ids": "theory", "linial_steps": "theory", "measures": "theory",
    "short_averages": "theory", "worst_sum": "theory",
    "run_compacted": "fast.rounds", "warm": "fast.rounds", "explorer": "teaching.explorer",
})  # fmt: skip
