"""Diagonal decoding: all cells of an anti-diagonal from one call of a causal network.

[guo-2025-mineworld], [ye-2025-diagonal]  Nothing is verified: what a cell does not see is given up.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.mineworld.layout import SlotLayout, StreamShape, lay_out
from paralg.decoding.randomness import softmax
from paralg.decoding.trace import Decoded, Event, Trace
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import AttendingModel, tokens_of

__all__ = ["Diagonal", "GeneratedFrames", "decode", "exponential_race", "likeliest"]

Draw = Callable[[np.ndarray], np.ndarray]


def likeliest(p: np.ndarray) -> np.ndarray:
    """Return the likeliest token of each distribution, (..., V) to (...)."""
    return p.argmax(axis=-1)


def exponential_race(rng: np.random.Generator) -> Draw:
    """Return what draws all tokens of a diagonal at once: argmax of p over exponential variables.

    Of exponential times E_v / p_v, from ``rng``, a Generator, that of v is the least with
    probability p_v. The callable returned turns distributions (..., V) into tokens (...).

    >>> draw = exponential_race(np.random.default_rng(0))
    >>> np.bincount(draw(np.tile([0.5, 0.3, 0.2], (1000, 1)))).tolist()
    [506, 288, 206]
    """
    checks.instance("rng", rng, np.random.Generator)
    return lambda p: (p / rng.exponential(size=p.shape)).argmax(axis=-1)


@dataclass(frozen=True, eq=False)
class GeneratedFrames(Decoded):
    """Frames, (F, R, C) or (B, F, R, C), and the stream they are in; the trace is of row 0."""

    frames: np.ndarray


def decode(
    model: AttendingModel, prompt, shape: StreamShape, w: int, *, actions=(),
    draw: Draw = likeliest, hook: LogitsHook | None = None, **layout,
) -> GeneratedFrames:  # fmt: skip
    """Generate the frame behind a prompt, or several frames whose actions are known.

    Parameters
    ----------
    model : AttendingModel
        A causal one.
    prompt : array_like of int, shape (n,) or (B, n)
        Frames, each with its action; B streams share their calls.
    shape : StreamShape
    w : int
        Row offset, 1..C; with w = C this is raster order.
    actions : array_like of int, shape (F - 1, A)
        Of all frames behind the first.
    draw : callable
        From distributions (B, n, V) to tokens: `likeliest`, or an `exponential_race`.
    hook : callable, optional
        Shapes logits first, as ``TopP`` of :mod:`paralg.decoding.shaping` does.
    **layout
        ``refresh``, ``stand_in``, ``overlap``: see `lay_out`.

    Returns
    -------
    GeneratedFrames

    Cost
    ----
    (R - 1) w + C calls a frame, R C + R - 1 positions, and those of the prompt.

    Examples
    --------
    >>> from paralg.models import Network, TransformerConfig
    >>> network = Network.untrained(TransformerConfig(V=5, L=40), "causal")
    >>> found = decode(network, [0, 1, 2, 3, 0, 1, 4], StreamShape(2, 3), 2)
    >>> found.frames.shape, found.cost
    ((1, 2, 3), Cost(calls=5, rows=5, tokens=14))
    """
    return Diagonal(model, prompt, shape, w, actions, draw, hook, layout).run()


class Diagonal:
    """One run. Variants override how a call is made."""

    def __init__(self, model, prompt, shape, w, actions, draw, hook, layout):
        if not hasattr(model, "extend") or getattr(model, "lag", 1) != 1:
            raise TypeError(f"expected a causal model of slots, got {model!r}")
        checks.instance("draw", draw, Callable)
        prompt = checks.array("prompt", prompt, "i").astype(np.int64)
        checks.sizes(prompt=(prompt, "n", "B n"))
        actions = checks.array("actions", actions, "i").astype(np.int64)
        frames, given = 1 + len(actions), prompt.shape[-1]
        self.layout: SlotLayout = lay_out(shape, w, given, frames, **layout)
        if self.layout.places.max() >= model.L:
            raise ValueError(f"model must have at least {self.layout.places.max() + 1} positions, "
                             f"got {model.L}")  # fmt: skip
        self.shape, self.alone = shape, prompt.ndim == 1
        self.model, self.draw, self.memory = CountingModel(model, hook), draw, None
        rows = np.atleast_2d(prompt)
        self.stream = np.full((len(rows), self.layout.cells.max() + 2), model.V)  # begin first
        self.stream[:, 1 : 1 + given] = tokens_of(rows, model.V, given)
        self.starts = given + shape.step * np.arange(frames)
        if frames > 1:
            checks.sizes(actions=(actions, f"{frames - 1} {shape.A}"))
            for start, action in zip(self.starts[1:], actions, strict=True):
                self.stream[:, 1 + start - shape.A : 1 + start] = action
        known = np.concatenate([rows.ravel(), actions.ravel()])
        if not -1 < known.min(initial=0) <= known.max(initial=0) < model.V:
            raise ValueError(f"prompt and actions must be tokens in 0..{model.V - 1}, got "
                             f"{known.min()}..{known.max()}")  # fmt: skip

    def run(self) -> GeneratedFrames:
        """Make all calls; each fills the cells of one diagonal, or of several frames' diagonals."""
        x, events, costs, start = self.stream, [], [], tuple(self.stream[0, 1:].tolist())
        for t, (cut, sources, drawn, cells) in enumerate(self.layout.steps):
            logits = self.call(x[:, sources + 1], cut)[:, drawn]
            x[:, cells + 1] = new = self.draw(softmax(logits))
            pairs = zip(cells.tolist(), new[0].tolist(), strict=True)
            events += [Event(t, 0, *pair, "committed", np.nan, t) for pair in pairs]
            costs.append(self.model.cost_since())
        R, C = self.shape.R, self.shape.C
        frames = [x[:, a + 1 : a + 1 + R * C].reshape(-1, R, C) for a in self.starts]
        tokens, frames = x[:, 1:], np.stack(frames, axis=1)
        tokens, frames = (tokens[0], frames[0]) if self.alone else (tokens, frames)
        trace = Trace(start, self.model.V, tuple(events), tuple(costs))
        return GeneratedFrames(tokens, trace, self.model.cost, frames)

    def call(self, tokens: np.ndarray, cut: slice) -> np.ndarray:
        """Run new slots behind all earlier ones; return their logits, (B, slots, V)."""
        mask = self.layout.mask[cut, : cut.stop]
        logits, kept = self.model.extend(tokens, self.layout.places[cut], mask, self.memory)
        self.memory = kept if self.memory is None else self.memory.join(kept)
        return logits
