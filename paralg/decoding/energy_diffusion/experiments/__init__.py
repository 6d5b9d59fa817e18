"""Exact posteriors on tables, Sudoku and text, trained energies with logs, sweeps as records."""
