"""CreditDecoding: the account, the decoders, closed forms."""

import numpy as np

import paralg.decoding.credit_decoding as cd
from paralg.decoding import HashConditional, UnmaskingRule, static_run
from paralg.decoding.credit_decoding import account, theory, variants
from paralg.decoding.credit_decoding.fast.compiled import row_statistics
from paralg.decoding.credit_decoding.fast.sparse import decode_sparsely
from tests.project.arguments import Call

COVERS = ("paralg.decoding.credit_decoding", "paralg.decoding.credit_decoding.theory")
NOT = {"warm": "no argument", "explorer": "no argument"}

cd.warm()
TABLE, X = HashConditional(4, 6, 1, 0.3), np.array([4, 4, 0, 4, 4, 4])
P = np.array([[0.5, 0.25, 0.25], [0.125, 0.625, 0.25]])
C, LOGITS = np.array([[0.5, 0.0, 1.0], [0.0, 2.0, 0.0]]), np.log(P)
CREDIT = account.RELEASED
FREE = "longer,broadcast,empty"
CONSTANTS = {"alpha": 0.7, "beta": 0.8, "gamma": 0.2}


def observed(C, p, winner, masked):
    C, p = np.asarray(C, float), np.asarray(p, float)
    earned = np.zeros(np.shape(p))
    for k, (v, there) in enumerate(zip(winner, masked, strict=True)):
        earned[k, v] = p[k, v] ** CREDIT.gamma * bool(there)
    return CREDIT.beta * C + earned


def decode(function, **more):
    return Call("decode_with_credit", lambda x, **how: function(TABLE, x, **how).tokens,
                {"x": X, "tau": 0.7, "rule": UnmaskingRule(), "credit": CREDIT, **more},
                fine={"rule": "none"})  # fmt: skip


def session(kind):
    def run(x, rule, credit):
        return static_run(kind(TABLE, x, rule, credit=credit)).tokens

    return Call("CreditSession", run, {"x": X, "rule": UnmaskingRule(), "credit": CREDIT},
                fine={"rule": "none"})  # fmt: skip


def statistics(logits):
    x = np.asarray(logits)
    top = x.max(1, initial=-np.inf)
    return top, x.argmax(1) if x.size else top, top + np.log(np.exp(x - top[:, None]).sum(1))


CALLS = [
    *(Call("boosted", theory.boosted, {"p": p, "X": 3.0},
           fine={"p": "zero,several,integers," + FREE + ",more axes,fewer axes",
                 "X": "zero"}) for p in (0.5, P[0])),
    Call("gain_needed", theory.gain_needed, {"p": 0.7, "tau": 0.9},
         fine={"p": "several", "tau": "zero"}),
    Call("credit_after", theory.credit_after, {"t": 3, "p": 0.9, "credit": CREDIT},
         fine={"t": "zero,inf,fraction,as float,several", "p": "zero,several"}),
    *(Call(kind.__name__, kind, CONSTANTS, fine={"alpha": "zero", "beta": "zero"})
      for kind in (cd.TraceCredit, cd.FullCredit, cd.AdaptiveCredit)),
    Call("TraceCredit", CREDIT.observe, {"C": C, "p": P, "winner": np.array([0, 1]),
                                         "masked": np.array([True, False])}, right=observed),
    Call("TraceCredit", CREDIT.fuse, {"logits": LOGITS, "C": C},
         right=lambda logits, C: np.asarray(logits, float) + 0.7 * np.log1p(np.asarray(C, float)),
         fine={"logits": "-inf"}),
    Call("AdaptiveCredit", lambda masked: cd.AdaptiveCredit().at(masked), {"masked": 0.25},
         fine={"masked": "zero"}),
    decode(cd.decode_with_credit), decode(decode_sparsely),
    *map(session, (cd.CreditSession, variants.CreditNearTies, variants.CreditMargin)),
    Call("SparseCredit", lambda n, credit, slots: cd.SparseCredit(n, credit, slots).nbytes,
         {"n": 2, "credit": CREDIT, "slots": 3}, fine={"n": "zero"}),
    Call("SparseCredit", lambda logits, masked, share: cd.SparseCredit(2, CREDIT).look(
        logits, masked, share), {"logits": LOGITS, "masked": np.array([True, False]), "share": 0.5},
         fine={"logits": "longer,broadcast,-inf,integers", "masked": "none", "share": "zero"}),
    Call("SparseCredit", row_statistics, {"logits": LOGITS}, right=statistics,
         fine={"logits": "broadcast,longer"}),
    *(Call(f.__name__, f, {"tau": 0.9, "credit": CREDIT})
      for f in (cd.first_look, cd.floor, cd.standing_floor)),
    Call("time_to_commit", cd.time_to_commit, {"p": 0.8, "tau": 0.9, "credit": CREDIT}),
]  # fmt: skip
