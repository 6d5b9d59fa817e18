"""Free draft-and-verification: lossless parallel decoding for masked diffusion models."""

from paralg.decoding.freedave.decoder import freedave, freedave_plus_plus
from paralg.decoding.freedave.verify import agreement_matrix, verify, verify_looped

__all__ = ["agreement_matrix", "freedave", "freedave_plus_plus", "verify", "verify_looped"]
