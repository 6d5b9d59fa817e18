"""Playing, frame by frame; and the released decoder, in which empty places are attended to."""

from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost, sequential
from paralg.decoding.mineworld.decoder import Diagonal, GeneratedFrames, decode, likeliest
from paralg.decoding.mineworld.layout import StreamShape

__all__ = ["RollOut", "Unmasked", "released", "roll_out"]


class RollOut(NamedTuple):
    """Frames (steps, R, C), one for each action, and the cost of all."""

    frames: np.ndarray
    cost: Cost


def roll_out(model, frames, actions, shape: StreamShape, w: int, *, context: int = 1,
             **options) -> RollOut:  # fmt: skip
    """Play: each action is answered by a frame, of which the next one is made.

    Parameters
    ----------
    model, shape, w, **options
        As for `decode`.
    frames, actions : array_like of int, shapes (m, R, C) and (m - 1 + steps, A)
        The last m frames so far; the actions between these, then one for each step.
    context : int
        How many of the last frames are read again before each new one.

    Examples
    --------
    >>> from paralg.models import Network, TransformerConfig
    >>> network = Network.untrained(TransformerConfig(V=5, L=40), "causal")
    >>> film = roll_out(network, np.zeros((1, 2, 3), int), [[4], [3]], StreamShape(2, 3), 1)
    >>> film.frames.shape, film.cost.calls
    ((2, 2, 3), 8)
    """
    checks.instance("shape", shape, StreamShape)
    frames, actions = checks.array("frames", frames, "i"), checks.array("actions", actions, "i")
    checks.sizes(frames=(frames, f"m {shape.R} {shape.C}"), actions=(actions, f"k {shape.A}"))
    checks.integer("context", context, 1, len(frames))
    if len(actions) < len(frames):
        raise ValueError(f"expected {len(frames)} or more actions, got {len(actions)}")
    film, costs = list(frames), []
    for step in range(len(frames), len(actions) + 1):
        past = range(step - context, step)
        prompt = np.concatenate([part for i in past for part in (film[i].ravel(), actions[i])])
        found = decode(model, prompt, shape, w, **options)
        film.append(found.frames[0])
        costs.append(found.cost)
    return RollOut(np.stack(film[len(frames) :]), sequential(costs))


class Unmasked(Diagonal):
    """A cache of zeros, written by place: a query also sees the empty places before its own.

    A key of zeros has the score 0, so it adds e⁰ to the denominator, and a value of zeros.
    """

    def call(self, tokens: np.ndarray, cut: slice) -> np.ndarray:
        """Run new slots behind earlier ones and as many zeros as each sees."""
        places = self.layout.places
        filled = np.unique(places[: cut.stop])
        empty = places[cut] + 1 - np.searchsorted(filled, places[cut], side="right")
        if self.memory is None or not empty.any():
            return super().call(tokens, cut)
        most, past, mask = empty.max(), self.memory, self.layout.mask[cut, : cut.stop]
        layers = tuple(tuple(part.new_zeros((*part.shape[:2], most, part.shape[3]))
                             for part in layer) for layer in past.layers)  # fmt: skip
        hidden = past.hidden.new_zeros((past.rows, most, past.hidden.shape[2]))
        zeros = type(past)(past.owner, layers, hidden)
        sees = [mask[:, : len(past)], np.arange(most) < empty[:, None], mask[:, len(past) :]]
        logits, kept = self.model.extend(tokens, places[cut], np.concatenate(sees, axis=1),
                                         past.join(zeros))  # fmt: skip
        self.memory = past.join(kept)
        return logits


def released(model, prompt, shape: StreamShape, w: int, *, actions=(), draw=likeliest, hook=None,
             stand_in: str = "first", overlap: bool = False) -> GeneratedFrames:  # fmt: skip
    """Decode by a Network as the released code does: zeros are seen, ends of rows are not.

    ``model, prompt, shape, w, actions, draw, hook, stand_in, overlap`` are those of `decode`.
    """
    layout = {"refresh": False, "stand_in": stand_in, "overlap": overlap}
    return Unmasked(model, prompt, shape, w, actions, draw, hook, layout).run()
