"""Arithmetic and its words, soft float in integers, trees as arrays, batches in compiled loops."""
