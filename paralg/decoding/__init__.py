"""Part 5, parallel decoding.

What all decoders share:

- a model is three calls (:mod:`~paralg.models.protocol`), counted and shaped by a wrapper
  (:mod:`~paralg.models.counting`, :mod:`~paralg.decoding.shaping`);
- a decoder returns one :class:`~paralg.decoding.trace.Decoded`, with its trace, and draws through
  two methods (:mod:`~paralg.decoding.randomness`), so that its distribution can be enumerated;
- exact models to check it on: :mod:`~paralg.decoding.tables`, :mod:`~paralg.decoding.sudoku`,
  and :mod:`~paralg.decoding.adapters` for other dialects;
- sequential baselines, :mod:`~paralg.decoding.baselines`, under an
  :class:`~paralg.decoding.rule.UnmaskingRule`, driven by a
  :class:`~paralg.decoding.session.Session`;
- tasks and tables on which all are compared, :mod:`~paralg.decoding.arena`.

Each paper has a package of its own beside them.  Letters and operands are the same everywhere:

===========  =====================================================================================
V, L         tokens of the alphabet (the mask is ``V``), positions of the sequence
``model``    a :class:`~paralg.models.protocol.Model`
``x``        integers of shape (L,): given tokens, and the mask where one is wanted
``at``       ascending positions, shape (n,); logits of B rows at them have shape (B, n, V)
``rule``     an :class:`~paralg.decoding.rule.UnmaskingRule`; by default one token per step, the
             surest first
``rng``      a :class:`~paralg.decoding.randomness.Random`: draw tokens instead of taking the
             likeliest
``shape``    a hook on the logits, see :mod:`~paralg.decoding.shaping`
===========  =====================================================================================
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "ancestral": "baselines", "static": "baselines", "static_run": "baselines",
    "threshold": "baselines",
    "UnmaskingRule": "rule", "Session": "session",
    "Decoded": "trace", "Event": "trace", "Recorder": "trace", "Trace": "trace",
    "RandomDraws": "randomness", "distribution_of": "randomness",
    "exact_distribution": "randomness", "total_variation": "randomness",
    "AllowedTokens": "shaping", "Chain": "shaping", "Guidance": "shaping",
    "Temperature": "shaping", "TopK": "shaping", "TopP": "shaping",
    "HashConditional": "tables", "TabularJoint": "tables", "WeightedSequences": "tables",
    "multi_information": "tables",
    "Sudoku4": "sudoku",
    "BlockCausal": "adapters", "BlockCausalNetwork": "adapters", "NextToken": "adapters",
    "Shifted": "adapters",
    "Entrant": "arena", "compete": "arena", "entrants": "arena", "standings": "arena",
    "tier": "tiers",
})  # fmt: skip
