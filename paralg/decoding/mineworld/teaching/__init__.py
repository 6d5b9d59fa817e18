"""Checks, answers, quiz and explorer."""
