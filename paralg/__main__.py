"""The command ``paralg``, also as ``python -m paralg``."""

import sys

from paralg.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
