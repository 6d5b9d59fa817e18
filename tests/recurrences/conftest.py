"""Fixtures of the tests of this part."""

import pytest

from tests.figures.web import open_page

__all__ = ["open_page"]


@pytest.fixture
def drawing():
    """Draw without a screen and leave nothing behind."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        yield
    plt.close("all")
