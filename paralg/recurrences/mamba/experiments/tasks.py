"""Two tasks that only a selective memory solves, and real text to predict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paralg.data import pydoc_text
from paralg.sequence import Batch, Copying, InductionHeads, TokenTask

__all__ = ["InductionHeads", "SelectiveCopying", "Text"]

SelectiveCopying = Copying


@dataclass(frozen=True)
class Text(TokenTask):
    """Predict each next character of English documentation text, 27 symbols.

    Parameters
    ----------
    length : int
        Characters of a window.

    See Also
    --------
    paralg.data.pydoc_text : the text, its source and licence.

    Examples
    --------
    >>> batch = Text(5).draw(2, np.random.default_rng(0))
    >>> batch.inputs.shape, batch.targets.shape
    (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    length: int = 128

    inputs = outputs = property(lambda self: len(pydoc_text.SYMBOLS))

    def draw(
        self, rows: int, rng: np.random.Generator, *, size: int | None = None, split: str = "train"
    ) -> Batch:
        """Return windows of ``size`` characters, and the character after each of them."""
        length = self.length if size is None else size
        windows = pydoc_text.windows(rows, length + 1, rng, split=split)
        return Batch.of(windows[:, :-1], windows[:, 1:])
