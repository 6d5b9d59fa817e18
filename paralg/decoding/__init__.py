"""Part V, parallel decoding."""
