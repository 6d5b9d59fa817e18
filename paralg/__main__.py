"""The command ``paralg``, also as ``python -m paralg``."""

from __future__ import annotations

import sys

from paralg.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
