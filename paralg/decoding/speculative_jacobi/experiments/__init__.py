"""Images of handwritten digits and half-windows of text, sampled by every variant."""
