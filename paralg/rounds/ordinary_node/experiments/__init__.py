"""An adversary that swaps identifiers, trials on random cycles, and real graphs."""
