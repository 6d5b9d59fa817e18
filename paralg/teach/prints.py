"""While an answer runs, its prints are kept, to be shown once, and its exits spare the kernel."""

from __future__ import annotations

import contextlib
import io
import sys

__all__ = ["own_output"]

_KEPT = 20_000  # characters of the prints that are looked at
_SHOWN = 5  # different lines


class _Prints(io.TextIOBase):
    """Keeps the beginning of what is written, and counts all lines."""

    def __init__(self):
        self.text, self.lines = "", 0

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        self.text += text[: _KEPT - len(self.text)]
        return len(text)

    @property
    def details(self) -> tuple:
        """What was printed over all trial calls, each line once: a detail of the verdict."""
        different = list(dict.fromkeys(filter(str.strip, self.text.splitlines())))
        if not different:
            return ()
        shown = "\n".join(line[:120] for line in different[:_SHOWN])
        more = self.lines > min(_SHOWN, len(different))
        note = f"\n({self.lines:,} lines over all trial calls; each is shown once)" if more else ""
        return (("printed", shown + note),)


@contextlib.contextmanager
def own_output():
    """Take what an answer prints, and turn IPython's ``exit()`` into SystemExit."""
    prints = _Prints()
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    with contextlib.redirect_stdout(prints), contextlib.ExitStack() as after:
        if shell is not None:
            after.callback(shell.__dict__.pop, "ask_exit", None)
            shell.ask_exit = sys.exit
        yield prints
