"""On a page of the site, what the site draws is data: explorers, quizzes, outcomes of checks.

So an executed page does not depend on how these look, and is not executed again when a style sheet,
a script or a question changes. Everywhere else the same objects show themselves.
"""

import os

__all__ = ["DRAWN", "data_for_the_site", "is_static"]

DRAWN = "application/vnd.paralg.drawn+json"


def is_static() -> bool:
    """Tell whether this process executes a page of the site (``PARALG_STATIC=1``)."""
    return os.environ.get("PARALG_STATIC") == "1"


def data_for_the_site(kind: str, **what: str) -> dict:
    """Return the bundle of an object that the site draws: its kind and how to find it."""
    return {"text/plain": f"{kind} {' '.join(what.values())}", DRAWN: {"kind": kind, **what}}
