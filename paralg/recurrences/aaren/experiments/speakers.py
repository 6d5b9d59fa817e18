"""Time-series classification: who says /ae/?  Nine speakers, real recordings.

The model reads the frames in order and is asked after the last one; as it is causal, it can be
asked after every frame.
"""

import functools

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paralg.data import japanese_vowels
from paralg.recurrences.aaren.experiments.model import AarenConfig

__all__ = ["CONFIG", "accuracy", "accuracy_by_frame", "data", "loss", "score"]

CONFIG = AarenConfig(japanese_vowels.CHANNELS, japanese_vowels.SPEAKERS, dropout=0.1)
_BATCH = 32


@functools.cache
def data(split: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return frames standardised with training statistics, mask and speakers, as tensors."""
    train, part = japanese_vowels.load("train"), japanese_vowels.load(split)
    rows = train.frames[train.mask]
    frames = (part.frames - rows.mean(0)) / rows.std(0) * part.mask[..., None]
    return tuple(map(torch.from_numpy, (frames, part.mask.copy(), part.speakers.copy())))


def loss(model: nn.Module, rng: np.random.Generator, step: int) -> tuple[Tensor, dict]:
    """Draw a batch of training utterances; return cross-entropy after the last frame."""
    frames, mask, speakers = data("train")
    rows = torch.from_numpy(rng.choice(len(frames), _BATCH, replace=False))
    logits = _last(model(frames[rows]), mask[rows])
    right = (logits.argmax(1) == speakers[rows]).float().mean()
    return cross_entropy(logits, speakers[rows]), {"right": right.item()}


def _last(outputs: Tensor, mask: Tensor) -> Tensor:
    """Return each series' output after its last frame; what follows is padding."""
    return outputs[torch.arange(len(mask)), mask.sum(1) - 1]


def accuracy(model: nn.Module, split: str = "test") -> float:
    """Return the share of utterances whose speaker is found after the last frame."""
    return float(accuracy_by_frame(model, split)[-1])


@torch.no_grad()
def accuracy_by_frame(model: nn.Module, split: str = "test") -> np.ndarray:
    """Return the share that is right after frame 1, 2, … 29; an utterance keeps its last answer."""
    frames, mask, speakers = data(split)
    right = model.eval()(frames).argmax(2) == speakers[:, None]
    now = torch.minimum(torch.arange(frames.shape[1])[None], mask.sum(1, keepdim=True) - 1)
    return right.gather(1, now).float().mean(0).numpy()


def score(model: nn.Module) -> dict[str, float]:
    """Return accuracy on training and test utterances."""
    return {split: round(accuracy(model, split), 4) for split in ("train", "test")}
