"""Local linear attention."""

import numpy as np
import torch

import paralg.recurrences.local_linear_attention as lla
from paralg.recurrences.local_linear_attention import reference
from paralg.recurrences.local_linear_attention.fast.flash import METHODS
from tests.project.arguments import Call

COVERS = ("paralg.recurrences.local_linear_attention",)
NOT = {
    "CGRun": "a result", "LLARun": "a result", "KeyValueCache": "of paralg.sequence",
    "warm": "no argument", "explorer": "no argument",
    "load": "of paralg.training", "log": "of paralg.training",
}  # fmt: skip

RNG = np.random.default_rng(0)
W, Z, V = RNG.random(5) + 0.1, RNG.normal(size=(5, 2)), RNG.normal(size=(5, 3))
Q, K, U = (RNG.normal(size=(4, width)) for width in (2, 2, 3))
q, k, v = (torch.from_numpy(RNG.normal(size=(2, 4, width))).float() for width in (2, 2, 3))
MASK = torch.tensor([[True, True, False, True], [True, True, True, False]])
SHARED = torch.from_numpy(RNG.random((2, 4, 4)))
x, y, z = (torch.from_numpy(RNG.normal(size=(2, 4, 3))) for _ in range(3))


def exact(q, k, v, ridge_lambda=10.0, mask=None, scale=None, **how):
    """Return the reference's answers, one sequence after the other."""
    q, k, v = (torch.as_tensor(a) for a in (q, k, v))
    ridge = np.broadcast_to(np.asarray(ridge_lambda, float), q.shape[:-1])
    found = np.zeros((*q.shape[:-1], v.shape[-1]))
    for b in range(len(q)):
        for i in range(q.shape[1]):
            seen = np.arange(k.shape[1]) <= i + k.shape[1] - q.shape[1]
            seen &= True if mask is None else np.asarray(mask[b], bool)
            if seen.any():
                a, c, d = (np.asarray(t, float) for t in (q[b, i], k[b][seen], v[b][seen]))
                w = reference.softmax_weights(a, c, len(a) ** -0.5 if scale is None else scale)
                found[b, i] = reference.local_line(w, c - a, d, ridge[b, i]).value
    return torch.from_numpy(found).to(q.dtype)


def attention(method, **more):
    how = {"q": q, "k": k, "v": v, "ridge_lambda": 1.0, **more}
    run = lambda **given: lla.lla_attention(method=method, **given)  # noqa: E731
    return Call("lla_attention", run, how, right=exact, rows="q k v")


def switches(**more):
    fine = {"q": "broadcast,empty", "v": "longer,broadcast", "qk_scale": "zero,negative",
            "delta_eps": "zero", "cg_atol": "zero", "cg_rtol": "zero"}  # fmt: skip
    return Call("lla_attention", lla.lla_attention, {"q": q, "k": k, "v": v, **more}, fine=fine,
                rows="q k v", right=exact if set(more) <= {"method"} else None)  # fmt: skip


def weights(logits):
    return np.exp(logits - max(logits, default=0))


def alone(q, k, v, ridge, scale):
    q, k, v = (np.asarray(a, float)[None] for a in (q, k, v))
    return exact(q, k, v, ridge, scale=scale)[0].numpy()


def of_mean(w, v):
    return np.asarray(w, float) @ np.asarray(v, float) / np.asarray(w, float).sum()


def line(function):
    return Call(function.__name__, function, {"w": W, "z": Z, "v": V, "ridge": 0.5},
                right=lambda w, z, v, ridge: by_matrix(w, z, v, ridge))  # fmt: skip


def by_matrix(w, z, v, ridge):
    w, z, v = (np.asarray(a, float) for a in (w, z, v))
    design = np.hstack([np.ones((len(z), 1)), z])
    penalty = np.diag([0.0] + [ridge] * z.shape[1])
    solved = np.linalg.pinv((w[:, None] * design).T @ design + penalty) @ (w[:, None] * design).T
    return lla.reference.Fit(solved[0] @ v, solved[1:] @ v, solved[0])


CALLS = [
    *(attention(method) for method in METHODS),
    *(attention(method, mask=MASK) for method in METHODS),
    attention("direct", ridge_lambda=torch.full((2, 1), 0.5)),
    switches(method="cg"), switches(qk_scale=0.5, weight_norm="max", kernel="softmax"),
    switches(delta_eps=1e-12, cg_atol=1e-9, cg_rtol=1e-6, cg_max_iters=8),
    switches(block_size=2, block_keys=3),
    Call("lla_forward", lambda **how: lla.lla_forward(**how).out,
         {"q": q, "k": k, "v": v, "ridge_lambda": 1.0}, right=exact, rows="q k v"),
    Call("softmax_weights", lla.softmax_weights,
         {"q": Q[0], "k": K, "scale": 0.5, "norm": "max"},
         right=lambda q, k, scale, norm: weights(scale * np.asarray(k) @ np.asarray(q))),
    Call("local_constant", lla.local_constant, {"w": W, "v": V}, right=of_mean),
    Call("local_constant", lla.local_constant, {"w": W, "v": V[:, 0]}, right=of_mean),
    line(lla.local_line), line(lla.closed_form),
    Call("attend_by_lstsq", lla.attend_by_lstsq,
         {"q": Q, "k": K, "v": U, "ridge": 0.5, "scale": 2**-0.5, "norm": "max"},
         right=lambda norm, **how: alone(**how)),
    Call("CGOptions", lla.CGOptions, {"atol": 1e-9, "rtol": 1e-6, "max_iters": 5},
         fine={"atol": "zero", "rtol": "zero"}),
    Call("conjugate_gradients", lambda **how: lla.conjugate_gradients(**how).x,
         {"system": lambda p: 2 * p, "rhs": x, "options": lla.CGOptions()}, rows="rhs",
         right=lambda system, rhs, options: rhs / 2),
    Call("relmm", lla.relmm, {"x": x, "q": y, "k": z}, rows="x q k",
         right=lambda x, q, k: torch.einsum("bid,bijd->bij", x, k[:, None] - q[:, :, None])),
    Call("relsum", lla.relsum, {"t": SHARED, "q": y, "k": z}, rows="t q k",
         right=lambda t, q, k: torch.einsum("bij,bijd->bid", t, k[:, None] - q[:, :, None])),
    Call("sigma_product", lla.sigma_product,
         {"p": x, "weights": SHARED, "q": y, "k": z, "ridge": 0.5}, rows="p weights q k",
         right=lambda p, weights, q, k, ridge: ridge * p + lla.relsum(
             weights * lla.relmm(p, q, k), q, k)),
    Call("LocalLinearAttention", lambda width, heads, ridge, scale, norm, ridge_kind:
         lla.LocalLinearAttention(width, heads, ridge=ridge, scale=scale, norm=norm,
                                  ridge_kind=ridge_kind),
         {"width": 4, "heads": 2, "ridge": 1.0, "scale": 0.5, "norm": "rms", "ridge_kind": "head"},
         fine={"scale": "none"}),
    Call("LocalLinearAttention", lambda x, mask: lla.LocalLinearAttention(2)(x, mask).detach(),
         {"x": q, "mask": MASK}, rows="x", fine={"x": "empty,longer,broadcast", "mask": "none"}),
    Call("smooth", lla.smooth, {"x": W, "at": W[:3], "h": 0.5, "kind": "line"},
         fine={"x": "longer,empty,booleans,integers,broadcast",
               "at": "empty,longer,booleans,integers,broadcast"}),
    Call("risk", lla.risk,
         {"f": np.ones_like, "n": 5, "h": 0.5, "kind": "line", "noise": 0.5, "grid": 7},
         fine={"noise": "zero"}),
    Call("cg_bound", lla.cg_bound, {"kappa": 9.0, "steps": 3},
         right=lambda kappa, steps: 2 * ((np.sqrt(kappa) - 1) / (np.sqrt(kappa) + 1)) ** steps),
    *(Call(f.__name__, lambda f=f, **how: f(**how)[0], {"q": Q, "k": K, "v": U, "ridge": 0.5},
           right=lambda **how: mesa(**how)) for f in (lla.mesa_by_scan, lla.mesa_recursive)),
    Call("mesa_by_scan", lambda **how: lla.mesa_by_scan(**how)[0],
         {"q": Q, "k": K, "v": U, "ridge": 0.5, "method": "brent-kung"},
         right=lambda method, **how: mesa(**how)),
    Call("prefix_lines", lambda **how: lla.prefix_lines(**how)[0],
         {"q": Q[0], "k": K, "v": U, "ridge": 0.5, "scale": 0.5, "method": "brent-kung"},
         right=lambda q, k, v, ridge, scale, method: prefixes(q, k, v, ridge, scale)),
    Call("interpolate", lambda **how: lla.interpolate(**how),
         {"q": q, "k": k, "v": v, "w_hat": "lla", "scale": 2**-0.5}, rows="q k v",
         right=lambda q, k, v, w_hat, scale: exact(q, k, v, 1.0, scale=scale)),
]  # fmt: skip


def mesa(q, k, v, ridge):
    q, k, v = (np.asarray(a, float) for a in (q, k, v))
    rows = [
        v[: i + 1].T
        @ k[: i + 1]
        @ np.linalg.solve(k[: i + 1].T @ k[: i + 1] + ridge * np.eye(k.shape[1]), q[i])
        for i in range(len(q))
    ]
    return np.array(rows).reshape(len(q), v.shape[1])


def prefixes(q, k, v, ridge, scale):
    q, k, v = (np.asarray(a, float) for a in (q, k, v))
    rows = [
        reference.local_line(
            reference.softmax_weights(q, k[: i + 1], len(q) ** -0.5 if scale is None else scale),
            k[: i + 1] - q,
            v[: i + 1],
            ridge,
        ).value
        for i in range(len(k))
    ]
    return np.array(rows).reshape(len(k), v.shape[1])
