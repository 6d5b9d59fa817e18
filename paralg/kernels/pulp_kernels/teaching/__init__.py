"""Checks, answers, the explorer and the quiz of the chapter."""
