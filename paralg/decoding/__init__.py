"""Part 5, parallel decoding.

What all decoders share:

- a model is three calls (:mod:`~paralg.models.protocol`), counted and shaped by a wrapper
  (:mod:`~paralg.models.counting`, :mod:`~paralg.decoding.shaping`);
- a decoder returns one :class:`~paralg.decoding.trace.Trace`, and draws through two methods
  (:mod:`~paralg.decoding.randomness`), so that its distribution can be enumerated;
- exact models to check it on: :mod:`~paralg.decoding.tables`, :mod:`~paralg.decoding.sudoku`,
  and :mod:`~paralg.decoding.adapters` for other dialects;
- sequential baselines: :mod:`~paralg.decoding.static` under a
:class:`~paralg.decoding.rule.UnmaskingRule`,
  :mod:`~paralg.decoding.threshold`, :mod:`~paralg.decoding.ancestral`.

Each paper has a package of its own beside them.
"""
