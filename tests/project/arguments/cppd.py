"""CPPD: labels, theory, the parts that need no trained network."""

import numpy as np
import torch

import paralg.decoding.cppd as cp
from paralg.decoding.cppd.experiments.encoder import Encoder
from tests.project.arguments import Call

COVERS = ("paralg.decoding.cppd",)
NOT = {
    "explorer": "no argument", "Labels": "a record", "Output": "a record", "Reading": "a record",
}  # fmt: skip

CONFIG = cp.LayerConfig(16)
DIGITS = cp.CharacterSet("0123", 3)
LABELS = DIGITS.encode(["01", "332"])


def built(layers):
    encoder = Encoder(4, 8, CONFIG, 1)
    return cp.CPPD(DIGITS, encoder, CONFIG, layers).vocabulary.C


def made(reader):
    def make(vocabulary, encoder, config, layers):
        return reader(vocabulary, encoder, config, layers).vocabulary.C

    return Call(reader.__name__, make, {"vocabulary": DIGITS, "encoder": ENCODER,
                                        "config": CONFIG, "layers": 1})  # fmt: skip


def loop(steps):
    model = cp.AutoregressiveReader(DIGITS, Encoder(4, 8, CONFIG, 1), CONFIG).eval()
    return model.read(torch.zeros(1, 4, 8), steps=steps).calls


def loss(counting, ordering, smoothing):
    output = cp.Output(torch.zeros(2, 4, 5), torch.zeros(2, 5, 3), torch.zeros(2, 4))
    return cp.cppd_loss(output, LABELS, counting=counting, ordering=ordering,
                        smoothing=smoothing).total.item()  # fmt: skip


ENCODER, IMAGES = Encoder(4, 8, CONFIG, 1), torch.zeros(2, 4, 8)
MODEL = cp.CPPD(DIGITS, ENCODER, CONFIG, 1).eval()
LOOP = cp.AutoregressiveReader(DIGITS, ENCODER, CONFIG).eval()
TEXTS = {"ab": 0.25, "ba": 0.25, "cc": 0.5}
BATCH = {"images": "longer,broadcast,empty,nan,inf,-inf"}
CALLS = [
    *map(made, (cp.CPPD, cp.RemainingCPPD, cp.CausalCPPD, cp.CTCReader, cp.SlotReader,
                cp.AutoregressiveReader)),
    Call("read", lambda model, images: cp.read(model, images).texts,
         {"model": MODEL, "images": IMAGES}, fine=BATCH),
    Call("with_context", lambda reader, layers: cp.with_context(reader, layers).vocabulary.C,
         {"reader": cp.SlotReader(DIGITS, ENCODER, CONFIG), "layers": 1}),
    Call("attention", lambda model, images: cp.attention(model, images).detach(),
         {"model": MODEL, "images": IMAGES}, fine=BATCH),
    Call("attention_of_calls", lambda model, images, characters: cp.attention_of_calls(
        model, images, characters).detach(),
         {"model": LOOP, "images": IMAGES, "characters": torch.from_numpy(LABELS.characters)},
         fine=BATCH),
    Call("remaining", lambda logits, slots: cp.remaining(logits, slots).item(),
         {"logits": torch.zeros(2, 4, 4), "slots": torch.from_numpy(LABELS.slots)},
         fine={"logits": "nan,inf,-inf,empty", "slots": "empty"}),
    *(Call(f.__name__, f, {"texts": TEXTS})
      for f in (cp.bits, cp.parallel, cp.parallel_given_counts, cp.multi_information)),
    Call("CharacterSet", lambda longest: cp.CharacterSet("0123", longest).P, {"longest": 3}),
    Call("LayerConfig", lambda width, heads, pre_norm, drop_path: cp.LayerConfig(
        width, heads, pre_norm, drop_path).heads,
        {"width": 16, "heads": 2, "pre_norm": True, "drop_path": 0.1}, fine={"drop_path": "zero"}),
    Call("DecoderLayer", lambda width: cp.DecoderLayer(cp.LayerConfig(width)).pre_norm,
         {"width": 16}),
    Call("CPPD", built, {"layers": 1}),
    Call("AutoregressiveReader", loop, {"steps": 2}, fine={"steps": "none"}),
    Call("cppd_loss", loss, {"counting": 1.0, "ordering": 0.5, "smoothing": 0.1},
         fine={"counting": "zero", "ordering": "zero", "smoothing": "zero"}),
    Call("smoothed", lambda smoothing: cp.smoothed(
        torch.zeros(2, 3), torch.tensor([0, 2]), smoothing).item(),
        {"smoothing": 0.1}, fine={"smoothing": "zero"}),
    Call("fit_latency", cp.fit_latency,
         {"calls": np.array([2.0, 5.0]), "seconds": np.array([1.0, 2.0])}),
    Call("choose_nodes", lambda counts, n: cp.choose_nodes(counts, n, np.random.default_rng(0)),
         {"counts": LABELS.counts, "n": 4}, fine={"counts": "longer,broadcast,empty"}),
    Call("collapse", lambda numbers: cp.collapse(numbers), {"numbers": np.array([0, 1, 1, 0])},
         fine={"numbers": "longer,broadcast,empty,too large"}),
    Call("repair", cp.repair, {"log_p": np.log([[0.2, 0.8], [0.6, 0.4]]),
                               "counts": np.array([1, 1])}),
]  # fmt: skip
