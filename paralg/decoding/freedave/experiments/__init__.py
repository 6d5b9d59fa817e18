"""Sweeps over the networks and over Sudoku, shipped as records."""
