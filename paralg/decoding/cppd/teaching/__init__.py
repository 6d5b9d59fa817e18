"""Checks, answers, explorer and quiz of the chapter."""
