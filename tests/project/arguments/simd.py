"""Functions of lanes, and exact draws, over arrays."""

import numpy as np
import torch

from paralg.simd import addresses, elementary, sampling, threads
from tests.project.arguments import Call

COVERS = tuple(f"paralg.simd.{name}" for name in (
    "addresses", "cache", "elementary", "lanes", "polynomials", "sampling", "threads",
))  # fmt: skip
NOT = {name: "works in compiled code" for name in (
    "exp", "exp2", "sigmoid", "softplus", "alias_draw", "binomial", "mix", "unit")} | {
       "implied_shares": "takes what alias_tables gives", "slots_of": "as implied_shares",
       **dict.fromkeys(("exp2_ratio", "artanh_ratio", "minimax"), "makes this module's constants"),
       "LanesType": "a type of compiled code", "compile_lock": "no argument",
       "compiled": "decorates what is written here", "digest": "reads what is written here",
       "in_order": "of a tensor: what comes is looked at by addresses"}  # fmt: skip

X = np.linspace(-3, 3, 5, dtype=np.float32)


def shares(indptr, shares):
    indptr, shares = np.asarray(indptr), np.asarray(shares, float)
    parts = [shares[a:b] / shares[a:b].sum() for a, b in zip(indptr[:-1], indptr[1:], strict=True)]
    return np.concatenate(parts) if parts else shares[:0]


CALLS = [
    Call("evaluate", lambda x: elementary.evaluate(elementary.exp, x), {"x": X},
         right=lambda x: np.exp(np.asarray(x, float))),
    Call("alias_tables", lambda **how: sampling.implied_shares(
        how["indptr"], *sampling.alias_tables(**how)),
        {"indptr": np.array([0, 2, 5]), "shares": np.array([1.0, 3.0, 0.5, 1.0, 2.5])},
        right=shares),
    Call("alias_tables", lambda small: sampling.alias_tables(np.array([0, 2]), [small, 1e308]),
         {"small": 0.5}, fine={"small": "zero,boolean"}),
    Call("addresses", lambda dtype, x: len(addresses.addresses(dtype, (x, (2, 3)))),
         {"dtype": torch.float64, "x": torch.zeros(2, 3).double()}, fine={"x": "nan,inf,-inf"}),
    Call("parallel_for", lambda tasks, steps: threads.parallel_for(
        lambda begin, end: None, tasks, steps),
         {"tasks": 3, "steps": 9}, fine={"tasks": "zero", "steps": "zero"}),
]  # fmt: skip
