"""Fixtures of the figures' tests."""

import pytest

from tests.figures.web import open_page

__all__ = ["open_page"]


@pytest.fixture(autouse=True)
def _drawing():
    """Draw without a screen, in the book's style, and leave nothing behind."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from paralg.figures import rc

    with matplotlib.rc_context(rc()):
        yield
    plt.close("all")
