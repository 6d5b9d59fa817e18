"""Sphinx extension: fill pages from the store of executed notebooks.

It replaces the execution client of MyST-NB.  The store (``_build/execution/<key>.ipynb``) is
keyed on the code cells, on every library file they depend on and on the versions of the packages
that make numbers: an edited module re-runs its chapters and no others.  A notebook that is not
in the store is executed on the spot.

A build that is killed while it writes leaves the file ``_build/.writing``; the next one reads and
writes every page again.

Other extensions may listen to the event ``paralg-executed`` (docname, executed notebook).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import myst_nb.sphinx_
from myst_nb.core.execute.base import NotebookClientBase
from notebook_runner import CellFailed
from notebook_store import Store, fill, read_notebook
from sphinx.errors import ExtensionError

EVENT = "paralg-executed"
WRITING = "_build/.writing"


def make_client(app):
    """Return a replacement for ``myst_nb.core.execute.create_client``."""

    class StoreClient(NotebookClientBase):
        """Fills a page from the store and tells who listens."""

        def start_client(self):
            store = app.paralg_store
            try:
                done = store.obtain(Path(self.path), self.notebook)
            except CellFailed as failure:
                raise ExtensionError(str(failure)) from None
            app.env.paralg_keys[app.env.docname] = store.page_key(self.notebook)
            fill(self.notebook, done.notebook)
            app.emit(EVENT, app.env.docname, self.notebook)
            self.exec_metadata = {
                "mtime": done.when,
                "runtime": done.seconds,
                "method": "store",
                "succeeded": True,
                "error": None,
                "traceback": None,
            }

    def create_client(notebook, source, nb_config, logger, read_fmt=None):
        return StoreClient(notebook, Path(source), nb_config, logger)

    return create_client


def prepare(app) -> None:
    """Give the environment the keys that pages were built with, and note that a build began."""
    app.paralg_store = Store(app.srcdir)
    if not hasattr(app.env, "paralg_keys"):
        app.env.paralg_keys = {}
    mark = Path(app.srcdir, WRITING)
    app.paralg_was_killed = mark.exists()
    mark.parent.mkdir(exist_ok=True)
    mark.touch()


def finish(app, error: Exception | None) -> None:
    """Note that all pages are written."""
    if error is None:
        Path(app.srcdir, WRITING).unlink(missing_ok=True)


def stale_pages(app, env, added, changed, removed) -> Iterator[str]:
    """Yield pages whose notebook would get another key now, all after a build that was killed."""
    store = app.paralg_store
    if app.paralg_was_killed:
        yield from env.found_docs - added
    for docname, key in list(env.paralg_keys.items()):
        path = Path(env.doc2path(docname))
        notebook = read_notebook(path) if path.is_file() else None
        if notebook is not None and store.page_key(notebook) != key:
            yield docname


def forget(app, env, docname: str) -> None:
    """Drop what is known of a page that is read anew or gone."""
    env.paralg_keys.pop(docname, None)


def setup(app):
    """Register the extension."""
    app.add_event(EVENT)
    myst_nb.sphinx_.create_client = make_client(app)
    app.connect("builder-inited", prepare)
    app.connect("env-get-outdated", lambda *known: list(stale_pages(*known)))
    app.connect("env-purge-doc", forget)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
