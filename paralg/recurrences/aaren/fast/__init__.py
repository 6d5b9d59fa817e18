"""Prefix attention over torch tensors: forms that autograd differentiates, and a fused kernel."""
