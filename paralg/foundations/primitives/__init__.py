"""Page 2, primitives and scans: exercises, quiz and an explorer of scan networks."""

from paralg.foundations.primitives.explorer import explorer

__all__ = ["explorer"]
