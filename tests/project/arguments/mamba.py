"""Mamba: the selective scan in all forms, the block, the model."""

import numpy as np
import torch

from paralg.recurrences import mamba
from paralg.recurrences.mamba.fast.counted import selective_scan_reference
from paralg.recurrences.mamba.fast.scan import METHODS, selective_scan_fn
from tests.project.arguments import Call

COVERS = ("paralg.recurrences.mamba",)
NOT = {"BlockState": "a record", "linear_scan": "tried with the shelf", "explorer": "no argument",
       "load": "names are tried in the tests of its runs", "log": "as load",
       "logs": "as load"}  # fmt: skip

RNG = np.random.default_rng(0)
U, DELTA, Z = (RNG.normal(size=(2, 4, 3)) for _ in range(3))
A, H0 = -np.exp(RNG.normal(size=(3, 2))), RNG.normal(size=(2, 3, 2))
B, C = (RNG.normal(size=(2, 4, 2)) for _ in range(2))
D, BIAS = RNG.normal(size=(2, 3))
ARRAYS = {"u": U, "delta": DELTA, "A": A, "B": B, "C": C, "D": D, "z": Z, "delta_bias": BIAS,
          "h0": H0}  # fmt: skip
TENSORS = {name: torch.from_numpy(part) for name, part in ARRAYS.items()}
OFFICIAL = {name: part.mT.contiguous() if part.dim() == 3 else part
            for name, part in TENSORS.items() if name != "h0"}  # fmt: skip
CONFIG = mamba.MambaConfig(d_model=4, n_layer=1, vocab_size=5, d_state=2)
BLOCK, MODEL = mamba.MambaBlock(CONFIG), mamba.MambaLM(CONFIG)
V, IDS = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([[1, 2]])
STATE = BLOCK.begin(2)
ROWS = "u delta B C z h0"
SIZES = "d_model n_layer vocab_size d_state d_conv expand dt_rank pad_vocab"


def token_by_token(u, delta, A, B, C, D=None, z=None, delta_bias=None, h0=None, **_):
    """Run the definition of one step after the other, in NumPy."""
    x = [None if part is None else np.asarray(part, float) if np.asarray(part).dtype.kind in "iu"
         else np.asarray(part) for part in (u, delta, A, B, C, D, z, delta_bias, h0)]  # fmt: skip
    u, delta, A, B, C, D, z, bias, h = x
    delta, y = np.logaddexp(0, delta if bias is None else delta + bias), np.empty(u.shape)
    h = np.zeros((len(u), *A.shape)) if h is None else h
    for t in range(u.shape[1]):
        step = delta[:, t, :, None]
        b, c = (part[:, t, None] if part.ndim == 3 else part for part in (B, C))
        h = np.exp(step * A) * h + step * b * u[:, t, :, None]
        read = (h * c).sum(-1)
        y[:, t] = 2 * read.real if np.iscomplexobj(read) else read
        y[:, t] += 0 if D is None else D * u[:, t]
    return y if z is None else y * z / (1 + np.exp(-z))


def _scan(method):
    few = TENSORS if method in ("auto", "chunked") else {
        name: TENSORS[name] for name in ("u", "delta", "A", "B", "C", "h0")}  # fmt: skip
    return Call("selective_scan", lambda method, **how: mamba.selective_scan(
        **how, delta_softplus=True, method=method), {**few, "method": method}, rows=ROWS,
        right=token_by_token)  # fmt: skip


def official(**x):
    return token_by_token(**{name: part.mT if part is not None and part.dim() == 3 else part
                             for name, part in x.items()}).transpose(0, 2, 1)  # fmt: skip


CALLS = [
    Call("selective_scan_loop", lambda **how: mamba.selective_scan_loop(
        **how, delta_softplus=True).y, ARRAYS, rows=ROWS, right=token_by_token),
    Call("selective_scan_loop", lambda discretisation: mamba.selective_scan_loop(
        **ARRAYS, discretisation=discretisation).y, {"discretisation": "zoh"}),
    Call("selective_scan_loop", lambda **how: selective_scan_reference(
        **how, delta_softplus=True).y, ARRAYS, rows=ROWS, right=token_by_token),
    Call("selective_scan_loop", lambda method, chunk: selective_scan_reference(
        **ARRAYS, method=method, chunk=chunk).y, {"method": "chunked", "chunk": 2},
         fine={"chunk": "none"}),
    Call("discretise", mamba.discretise, {"delta": DELTA, "A": A, "B": B, "method": "zoh"},
         rows="delta B", fine={"A": "complex"}),
    *map(_scan, METHODS),
    Call("selective_scan", lambda chunk, discretisation: mamba.selective_scan(
        **TENSORS, chunk=chunk, discretisation=discretisation),
        {"chunk": 2, "discretisation": "zoh"}),
    Call("selective_scan", lambda **how: selective_scan_fn(**how, delta_softplus=True), OFFICIAL,
         rows=ROWS, right=official),
    Call("traffic", mamba.traffic, {"scheme": "fused", "batch": 1, "length": 8, "channels": 4,
                                    "states": 2, "chunk": 4, "itemsize": 4}),
    Call("warm", mamba.warm, {"dtypes": [torch.float64]}),
    Call("MambaConfig", mamba.MambaConfig,
         {**dict.fromkeys(SIZES.split(), 4), "dt_min": 0.01, "dt_max": 0.1, "dt_init_floor": 1e-4,
          "method": "auto", "epsilon": 1e-5}, fine={"dt_rank": "none"}),
    Call("MambaBlock", mamba.MambaBlock, {"d_model": 4, "d_state": 2, "d_conv": 3, "expand": 2}),
    Call("MambaBlock", lambda v: BLOCK(v), {"v": V}, rows="v",
         fine={"v": "longer,broadcast,empty"}),
    Call("MambaBlock", lambda v, state: BLOCK.extend(v, state)[0], {"v": V, "state": STATE},
         rows="v state", fine={"v": "longer,broadcast,empty", "state": "none"}),
    Call("MambaBlock", lambda v, state: BLOCK.step(v, state)[0], {"v": V[:, 0], "state": STATE},
         rows="v state", fine={"state": "none"}),
    Call("MambaBlock", lambda batch: BLOCK.begin(batch), {"batch": 2}, fine={"batch": "zero"}),
    Call("MambaLM", lambda config, seed: mamba.MambaLM(config, seed),
         {"config": CONFIG, "seed": 1}, fine={"seed": "zero"}),
    Call("MambaLM", lambda tokens, last: MODEL(tokens, last), {"tokens": IDS, "last": 1},
         fine={"last": "zero,none", "tokens": "longer,broadcast,empty"}),
    Call("MambaLM", lambda tokens, states: MODEL.step(tokens, states)[0],
         {"tokens": IDS[0], "states": MODEL.first_states(2)}),
    Call("MambaLM", lambda batch: MODEL.first_states(batch), {"batch": 2}, fine={"batch": "zero"}),
    Call("VariantConfig", mamba.VariantConfig,
         {"discretisation": "zoh", "architecture": "h3"}),
    Call("VariantConfig", lambda selective: mamba.VariantConfig(selective=selective),
         {"selective": ["delta"]}),
    Call("VariantLM", lambda config: mamba.VariantLM(config),
         {"config": mamba.VariantConfig(d_model=4, n_layer=1)}),
    Call("variant_block", mamba.variant_block, {"config": mamba.VariantConfig()}),
]  # fmt: skip
