"""The chapter's interactive figure: sixteen gates, the tree that scans them, the states."""

from __future__ import annotations


def explorer():
    """placeholder"""
