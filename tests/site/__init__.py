"""Tests of the book: its extensions, its pages, and the pages in a real browser."""
