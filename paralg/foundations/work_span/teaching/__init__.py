"""Exercises, right and wrong answers, quiz and explorer of the page."""
