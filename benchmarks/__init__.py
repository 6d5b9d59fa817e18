"""Comparisons with the implementations that a user would pick instead."""
