"""One sequence being decoded: its state, the counted model, its cache and its record."""

import numpy as np

from paralg.core import checks
from paralg.decoding.prediction import Prediction, predictions
from paralg.decoding.randomness import Random
from paralg.decoding.rule import BoundRule, UnmaskingRule
from paralg.decoding.trace import Decoded, Recorder
from paralg.models.counting import CountingModel
from paralg.models.protocol import Layout, Model, tokens_of

__all__ = ["Session"]


class Session:
    """What static, threshold and draft-and-verify decoding have in common.

    A method that reads the logits in its own way overrides :meth:`predict` and is driven like any
    other: ``static_run(MySession(model, x, rule))``.
    """

    def __init__(self, model: Model, x, rule: UnmaskingRule | None = None,
                 rng: Random | None = None, layout: Layout = "rows"):  # fmt: skip
        rule = UnmaskingRule() if rule is None else rule
        checks.instance("rule", rule, UnmaskingRule)
        checks.one_of("layout", layout, ("rows", "tree"))
        if rng is not None and not hasattr(rng, "categorical"):
            raise TypeError(f"rng must draw tokens, as RandomDraws does, got {rng!r}")
        if layout == "tree" and rule.cache is None:
            raise ValueError("layout 'tree' needs a rule with cache 'prefix' or 'dual': through a "
                             "live context the copies would reach each other")  # fmt: skip
        self.model = CountingModel(model, rule.shape)
        self.x = tokens_of(np.asarray(x)[None], model.V, model.L)[0].copy()
        self.V, self.rule, self.rng, self.layout = model.V, rule, rng, layout
        self.steps = BoundRule(rule, self.x, model.V)
        self.record = Recorder(self.x, model.V)
        self.at, self.cache = np.arange(model.L), None

    def next_block(self) -> int | None:
        """Return the block to work on, or None at the end; fill up after an end block."""
        end = self.steps.finished(self.x)
        if end is not None:
            rest = np.flatnonzero(self.x == self.V)
            self._write(rest, np.full(len(rest), end), None)
        return self.steps.current(self.x)

    def enter(self, block: int, last: int, carried: Prediction | None = None) -> Prediction:
        """Open the window ``block`` … ``last``: make its cache, if any, and predict its masks.

        Without a cache a prediction ``carried`` over from the previous block is as good as new.
        """
        if self.rule.cache is None:
            return carried or self.forward(self.x[None])[0]
        begin, end = self.steps.span_of(block, last)
        self.at = np.arange(begin, self.model.L if self.rule.cache == "prefix" else end)
        logits, self.cache = self.model.snapshot(self.x[None])
        self.record.round(self.model.cost_since())
        return self.predict(self.x[None], logits[:, self.at])[0]

    def forward(self, rows: np.ndarray) -> list[Prediction]:
        """Send ``rows`` through the model in one call and open the next round."""
        logits = self.model.denoise(rows, at=self.at, cache=self.cache, layout=self.layout)
        self.record.round(self.model.cost_since())
        return self.predict(rows, logits)

    def predict(self, rows: np.ndarray, logits: np.ndarray) -> list[Prediction]:
        """Turn the logits of ``rows`` at ``self.at`` into predictions, one for each row."""
        return predictions(rows, self.at, logits, self.rule, self.steps.keys, self.V, self.rng)

    def commit(self, positions: np.ndarray, prediction: Prediction, row: int = 0) -> None:
        """Write the predicted tokens at ``positions``, as one step."""
        self._write(positions, prediction.tokens(positions), prediction.confidence[positions], row)

    def block_open(self, block: int) -> bool:
        """Say whether the block still has a mask."""
        return bool((self.x[self.steps.block_of == block] == self.V).any())

    def result(self) -> Decoded:
        """Freeze the run."""
        return Decoded(self.x, self.record.trace(), self.model.cost)

    def _write(self, positions, tokens, values, row: int = 0) -> None:
        self.x[positions] = tokens
        self.record.record("committed", positions, tokens, values, row)
