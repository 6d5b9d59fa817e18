"""Graph algorithms compiled into the weights of attention networks, [saldyt-2025-mind]."""
