"""Real data, each set with its source and licence in its module's ``SOURCE``, and small exact ones.

Recorded: `pydoc_text`, `japanese_vowels`, `choptank`, `ridgecrest`, `iowa_gambling`, `engel`,
`digits`, `uci_tables`, three weighted `graphs`. Generated: `sudoku4`, `addition`, `pendulum` and,
by a game, `crafter_walks`. What a loader returns is read-only. Graphs of one's own: `edge_lists`
and `arcs` read files and foreign objects.
``python -m paralg.data.make NAME …`` writes a shipped file anew from what it was made of.
"""
