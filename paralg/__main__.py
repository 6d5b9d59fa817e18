"""The command ``paralg``, also as ``python -m paralg``."""

import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback before `main` answers, nor after

from paralg.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
