"""Exercises, their answers, the quiz and the explorer."""
