"""Page 3, measuring honestly: a recording of real timings, exercises, quiz and explorer."""

from paralg.foundations.measuring.explorer import explorer
from paralg.foundations.measuring.recording import (
    PASSES,
    Recording,
    load_recording,
    neighbour,
    record,
)

__all__ = ["PASSES", "Recording", "explorer", "load_recording", "neighbour", "record"]
