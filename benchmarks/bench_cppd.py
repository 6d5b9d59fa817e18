"""Reading a strip of L characters, one image at a time: one call for all slots, and L + 1 calls.

    python -m benchmarks.bench_cppd [--quick]

First with slots for 25 characters and random weights, the loop told how many calls to make: seconds
do not depend on what is read.  Then with the shipped weights on strips of unseen handwritten
digits.  ``ratio`` is how many times faster the slots are than the method of the row.  ``generate``
of transformers needs the extra ``peers``; the recogniser ``rapidocr-onnxruntime`` is timed where it
is installed, no extra has it.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.decoding.cppd import (
    CPPD,
    AutoregressiveReader,
    CharacterSet,
    CTCReader,
    LayerConfig,
    read,
)
from paralg.decoding.cppd.experiments.encoder import Encoder
from paralg.decoding.cppd.experiments.runs import RUNS, pictures

__all__ = ["main", "run"]

LENGTHS, HEIGHT = (1, 2, 4, 8, 16, 25), 12
OURS, LOOP, PEER = "slots, one call", "loop, keys kept", "generate (transformers)"
BENCH, REAL = "a strip of L characters", "strips of digits"
CONFIG = LayerConfig(64, 4, pre_norm=True)
DIGITS = CharacterSet("0123456789", 25)

STANDARD = Standard(
    chapter="cppd", task="A strip with slots for 25 characters is read", bench=BENCH, ours=OURS,
    peer=LOOP, size_name="characters", headline=8, counted=lambda L: L + 1,
    counted_name="calls of the loop over one call",
    names={OURS: "slots, one call", LOOP: "autoregressive loop, keys kept"},
)  # fmt: skip


def run(quick: bool = False) -> list[dict]:
    """Return the rows of the benchmark.

    Parameters
    ----------
    quick : bool
        Few sizes and repeats, to see that it works.

    Returns
    -------
    list of dict
    """
    found = []
    with torch.inference_mode():
        for L in (8,) if quick else LENGTHS:
            found += _lengths(L, 2 if quick else 15)
        found += _digits(2 if quick else 15, 2 if quick else 12)
    return found


def _lengths(L: int, repeats: int) -> list[dict]:
    """Time readings of one strip, whose width holds 25 characters."""
    torch.manual_seed(0)
    shape = (HEIGHT, 8 * DIGITS.longest)
    model, loop, ctc = (kind(DIGITS, Encoder(*shape, CONFIG), CONFIG).eval()
                        for kind in (CPPD, AutoregressiveReader, CTCReader))  # fmt: skip
    strip = torch.rand(1, *shape)
    ways = {
        OURS: partial(read, model, strip),
        LOOP: partial(loop.read, strip, steps=L + 1),
        "CTC": partial(ctc.read, strip),
        PEER: partial(_bart(loop.encoder, CONFIG, DIGITS.C), strip, L + 1),
        "encoder alone": partial(model.encoder, strip),
    }
    notes = {name: f"{L + 1} calls" for name in (LOOP, PEER)}
    notes[OURS] = notes["CTC"] = "1 call"
    return rows_of(compare(ways, repeats=repeats, threads=1), BENCH, L, OURS, notes)


def _digits(repeats: int, strips: int) -> list[dict]:
    """Time the trained readers, and the public recogniser where there is one."""
    held_out = pictures("digits", 60)
    images = torch.from_numpy(held_out.images)
    names = {OURS: "cppd-0.1", "loop, keys kept": "ar", "CTC": "ctc"}
    models = {way: RUNS.load(name) for way, name in names.items()}
    each = [images[i : i + 1] for i in range(strips)]

    def reader(model):
        one = partial(read, model) if isinstance(model, CPPD) else model.read
        return lambda part=each: [text for image in part for text in one(image).texts]

    ways = {way: reader(model) for way, model in models.items()}
    singles = [images[i : i + 1] for i in range(len(images))]
    texts = {way: ways[way](singles) for way in ways}
    if (recognise := _recogniser()) is not None:
        name = "rapidocr-onnxruntime"
        ways[name] = lambda: [recognise(image) for image in held_out.images[:strips]]
        texts[name] = [recognise(image) for image in held_out.images]
    right = {way: np.mean([a == b for a, b in zip(found, held_out.texts, strict=True)])
             for way, found in texts.items()}  # fmt: skip
    notes = {way: f"{share:.0%} of {len(images)} strips right" for way, share in right.items()}
    return rows_of(compare(ways, repeats=repeats, threads=1), REAL, strips, OURS, notes)


def _bart(encoder, config: LayerConfig, C: int, layers: int = 2):
    """Return a function (images, calls) that reads by BART's decoder and ``generate``.

    Sizes are ours, keys are kept, weights are random; it makes as many calls as it is told.
    """
    from transformers import BartConfig, BartForConditionalGeneration, logging
    from transformers.modeling_outputs import BaseModelOutput

    logging.set_verbosity_error()
    model = BartForConditionalGeneration(BartConfig(
        vocab_size=C + 1, d_model=config.width, encoder_layers=1, decoder_layers=layers,
        encoder_attention_heads=config.heads, decoder_attention_heads=config.heads,
        encoder_ffn_dim=4 * config.width, decoder_ffn_dim=4 * config.width, dropout=0.0,
        max_position_embeddings=64, bos_token_id=C, eos_token_id=0, pad_token_id=0,
        decoder_start_token_id=C, forced_eos_token_id=None,
    )).eval()  # fmt: skip

    @torch.no_grad()
    def generate(images: torch.Tensor, calls: int) -> np.ndarray:
        seen = BaseModelOutput(last_hidden_state=encoder(images))
        found = model.generate(encoder_outputs=seen, min_new_tokens=calls, max_new_tokens=calls,
                               do_sample=False, num_beams=1)  # fmt: skip
        return found[:, 1:].numpy()

    return generate


def _recogniser(threads: int = 1, scale: int = 4):
    """Return a function (image) -> text, ``rapidocr-onnxruntime``; None if it is not installed.

    It only recognises, a strip enlarged, dark on light; it was not trained on such strips.
    """
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError:
        return None
    from scipy import ndimage

    engine = RapidOCR(intra_op_num_threads=threads, inter_op_num_threads=threads)

    def text(image: np.ndarray) -> str:
        large = ndimage.zoom(1 - image.clip(0, 1), scale, order=1)
        found, _ = engine(np.repeat((255 * large).astype(np.uint8)[..., None], 3, axis=2),
                          use_det=False, use_cls=False, use_rec=True)  # fmt: skip
        return found[0][0] if found else ""

    return text


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/cppd.json``."""
    run_main(run, "cppd", argv, STANDARD)


if __name__ == "__main__":
    main()
