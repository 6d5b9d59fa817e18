"""Sudoku, words and text, filled in by every variant."""
