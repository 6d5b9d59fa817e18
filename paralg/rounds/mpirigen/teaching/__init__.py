"""Checks, answers, explorer, quiz."""
