"""Rounds on flat arrays, compiled, with compaction of the nodes that are still active."""
