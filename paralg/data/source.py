"""Where a data set comes from: the record every loader of this package carries."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """Origin, licence and changes of a data set.

    Parameters
    ----------
    title : str
        Name of the data set.
    origin : str
        Who made it and where it is found; "generated" when this package computes it.
    licence : str
        Short name of the licence under which it is shipped.
    changes : str
        What was done to the original.

    Examples
    --------
    >>> str(Source("squares", "generated", "no rights claimed"))
    'squares. Origin: generated. Licence: no rights claimed.'
    """

    title: str
    origin: str
    licence: str
    changes: str = ""

    def __str__(self) -> str:
        text = f"{self.title}. Origin: {self.origin}. Licence: {self.licence}."
        return f"{text} Changes: {self.changes}." if self.changes else text
