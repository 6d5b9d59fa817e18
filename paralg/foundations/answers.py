"""Answers that have several named entries, as the exercises of the foundation pages ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paralg.teach.checking import require
from paralg.teach.values import show

__all__ = ["entries"]


def entries(answer, names: Sequence[str]) -> tuple:
    """Return the named entries of an answer, in order.

    Parameters
    ----------
    answer : mapping
        What the reader filled in; ``...`` marks an entry that is still open.
    names : sequence of str
        The keys that it has to have.

    Returns
    -------
    tuple
        One value for each name.

    Raises
    ------
    NotImplementedError
        An entry is still ``...``: there is no answer yet.
    PropertyFailed
        The answer is not a mapping with these keys.
    """
    require(
        isinstance(answer, Mapping) and set(names) <= set(answer),
        f"has the entries {', '.join(names)}",
        got=answer if not isinstance(answer, Mapping) else ", ".join(map(show, answer)) or "none",
    )
    values = tuple(answer[name] for name in names)
    if any(_open(value) for value in values):
        raise NotImplementedError
    return values


def _open(value) -> bool:
    """Tell whether an entry, or a part of it, was left as it was given."""
    return value is ... or (isinstance(value, tuple) and any(map(_open, value)))
