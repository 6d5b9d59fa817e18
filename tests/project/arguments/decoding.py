"""What all decoders share, and FreeDave."""

import numpy as np

import paralg.decoding as decoding
from paralg.decoding import freedave as fd
from paralg.models import Network, TransformerConfig
from tests.project.arguments import Call

COVERS = ("paralg.decoding", "paralg.decoding.freedave")
NOT = {"Decoded": "a result", "Event": "a record", "Trace": "a result",
       "entrants": "no argument", "explorer": "no argument"}  # fmt: skip

V, L = 4, 6
TABLE = decoding.HashConditional(V, L, 1, 0.3)
JOINT = decoding.TabularJoint.random(2, 3)
X = np.array([4, 4, 0, 4, 4, 4])
LOGITS = np.random.default_rng(0).normal(size=(1, 2, 3))
AT = np.array([0, 4])
ALLOWED = np.array([[True, True, False]] * 5)
TIER, ENTRANTS = decoding.tier("tables", 1), decoding.entrants()[:2]
NETWORK = Network.untrained(TransformerConfig(4, 6, width=16, layers=1, heads=2), "bidirectional")
MASKED = decoding.UnmaskingRule(tokens=2)
DRAFTS = np.array([[1, 9, 9], [1, 2, 9], [1, 2, 3]])
TARGETS = np.array([[1, 2, 9], [1, 2, 3]])
R = np.array([2, 2, 1, 1])


def tokens(decode, model=TABLE, **fixed):
    def call(x, **options):
        return decode(model, x, **fixed, **options).tokens

    return call


def hook(make, **more):
    fine = {"value": "", "scale": "zero,negative"}
    return Call(make.__name__, lambda **how: make(**how)(LOGITS, AT), more, fine=fine)


def of(x):
    return {"x": "negative,too large"}


RULE = {"tokens": 2, "order": "confidence", "threshold": 0.5, "block": 3, "cache": "dual",
        "confidence": "maximum", "digits": 12, "ties": 3}  # fmt: skip
CALLS = [
    Call("Session", lambda **how: decoding.static_run(decoding.Session(
        TABLE, rng=decoding.RandomDraws(0), **how)).tokens,
         {"x": X, "rule": MASKED, "layout": "rows"}, fine={"rule": "none"}),
    Call("Session", lambda model, rng: decoding.Session(model, X, rng=rng).x,
         {"model": TABLE, "rng": decoding.RandomDraws(0)}, fine={"rng": "none"}),
    Call("static_run", lambda run: decoding.static_run(run) and 0,
         {"run": decoding.Session(TABLE, X)}),
    Call("BlockCausalNetwork", lambda **how: decoding.BlockCausalNetwork(**how).L,
         {"network": NETWORK, "block": 2, "begin": 1}, fine={"begin": "zero"}),
    Call("compete", lambda tier, seed, field=None: decoding.compete(tier, field, seed),
         {"tier": TIER, "field": ENTRANTS, "seed": 1}, fine={"seed": "zero,negative"}),
    Call("standings", lambda found: decoding.standings(found).rows,
         {"found": decoding.compete(TIER, ENTRANTS)}),
    Call("UnmaskingRule", decoding.UnmaskingRule, RULE,
         fine={"digits": "zero", "ties": "zero,negative"}),
    Call("static", tokens(decoding.static), {"x": X, "rule": MASKED}, fine={"rule": "none"}),
    Call("threshold", tokens(decoding.threshold), {"x": X, "tau": 0.5, "rule": MASKED},
         fine={"rule": "none"}),
    Call("ancestral", lambda x, order: decoding.ancestral(
        TABLE, x, rng=decoding.RandomDraws(0), order=order).tokens,
         {"x": X, "order": np.array([5, 0, 1, 3, 4])}),
    Call("freedave", tokens(fd.freedave),
         {"x": X, "d": 3, "rule": MASKED, "layout": "rows", "agreement": "exact_match"},
         fine={"rule": "none"}),
    Call("freedave_plus_plus", tokens(fd.freedave_plus_plus),
         {"x": X, "d": 3, "tau": 0.5, "rule": MASKED}, fine={"rule": "none"}),
    Call("multi_anchor", tokens(fd.multi_anchor), {"x": X, "d": 3, "rows": 2, "rule": MASKED},
         fine={"rule": "none", "rows": "none"}),
    *(Call(f.__name__, f, {"drafts": DRAFTS, "targets": TARGETS, "V": 9, "agreement": "subset"},
           right=lambda f=f, **how: looped(f, **how))
      for f in (fd.agreement_matrix, fd.verify, fd.verify_looped)),
    Call("landings", lambda x: fd.landings(TABLE, x), {"x": X}),
    Call("reach", lambda x: fd.reach(TABLE, x), {"x": X}),
    *(Call(f.__name__, f, {"r": R, "d": 2}, fine={"r": "empty"})
      for f in (fd.greedy_forwards, fd.greedy_rows, fd.fewest_forwards)),
    Call("union_forwards", fd.union_forwards, {"lands": fd.landings(TABLE, X), "d": 2},
         fine={"lands": "empty"}),
    hook(decoding.Temperature, value=0.5), hook(decoding.TopK, k=2), hook(decoding.TopP, p=0.5),
    Call("AllowedTokens", lambda mask: decoding.AllowedTokens(mask)(LOGITS, AT),
         {"mask": ALLOWED}, fine={"mask": "longer"}),
    Call("Guidance", decoding.Guidance, {"scale": 1.5, "at": (0, 1), "null": 3},
         fine={"scale": "zero,negative", "null": "zero"}),
    Call("Chain", lambda hook: decoding.Chain(hook)(LOGITS, AT), {"hook": decoding.TopK(1)}),
    Call("HashConditional", lambda V, L, k, eps: decoding.HashConditional(V, L, k, eps).alone,
         {"V": 4, "L": 3, "k": 1, "eps": 0.5},
         fine={"k": "zero,negative,fraction", "eps": "zero,negative"}),
    Call("HashConditional", lambda x, at: TABLE.denoise(x, at=at), {"x": X[None], "at": AT},
         fine={"x": "longer,empty", "at": "none,broadcast,empty"}),
    Call("HashConditional", lambda x, rank: TABLE.anyorder(x, rank),
         {"x": np.array([[1, 2, 0, 3, 1, 2]]), "rank": np.arange(6)},
         fine={"rank": "too large", "x": "longer,empty"}),
    Call("multi_information", lambda **how: decoding.multi_information(joint=JOINT, **how),
         {"known": np.array([0]), "new": np.array([2, 1])},
         fine={"known": "empty", "new": "empty,broadcast"}),
    Call("multi_information", lambda joint: decoding.multi_information(joint, [0], [1]),
         {"joint": JOINT}),
    Call("TabularJoint", lambda p: decoding.TabularJoint(p).weights,
         {"p": np.full((2, 2), 0.25)}),
    Call("WeightedSequences", lambda sequences, weights, V: decoding.WeightedSequences(
        sequences, weights, V).denoise(np.full((1, 2), 3)),
         {"sequences": np.array([[0, 1], [2, 1]]), "weights": np.array([0.5, 1.5]), "V": 3}),
    Call("Sudoku4", lambda seed, givens: decoding.Sudoku4().puzzle(seed, givens),
         {"seed": 1, "givens": 4}, fine={"seed": "zero,negative", "givens": "zero"}),
    Call("BlockCausal", lambda block, begin: decoding.BlockCausal(TABLE, block, begin).denoise(
        X[None]), {"block": 2, "begin": 1}, fine={"begin": "zero"}),
    Call("NextToken", lambda table: decoding.NextToken(table).denoise(X[None]), {"table": TABLE}),
    Call("Shifted", lambda raw: decoding.Shifted(raw).V, {"raw": decoding.NextToken(TABLE)}),
    Call("RandomDraws", lambda seed, sample: decoding.RandomDraws(seed, sample).accept(0.5),
         {"seed": 1, "sample": 2}, fine={"seed": "zero,negative", "sample": "zero,negative"}),
    Call("RandomDraws", lambda a: decoding.RandomDraws(0).accept(a), {"a": 0.5},
         fine={"a": "zero,inf"}),
    Call("RandomDraws", lambda p: decoding.RandomDraws(0).categorical(p),
         {"p": np.array([0.25, 0.75])}),
    Call("exact_distribution", lambda limit: decoding.exact_distribution(
        lambda rng: (rng.accept(0.5), 1), limit=limit).runs, {"limit": 5}),
    Call("distribution_of", lambda x, limit: decoding.distribution_of(
        decoding.static, JOINT, x, limit=limit).runs, {"x": np.full(3, 2), "limit": 50}),
    Call("total_variation", decoding.total_variation, {"p": {0: 0.5, 1: 0.5}, "q": {0: 1.0}}),
    Call("Recorder", lambda start, V: decoding.Recorder(start, V).trace().tokens,
         {"start": X, "V": 4}, fine={"start": "longer,broadcast,empty,too large"}),
    Call("Recorder", lambda what, positions, tokens: decoding.Recorder(X, 4).record(
        what, positions, tokens),
         {"what": "committed", "positions": np.array([0, 1]), "tokens": np.array([2, 3])}),
    Call("Entrant", lambda **how: decoding.Entrant(decode=decoding.static, **how),
         {"name": "mine", "promise": "none"}, fine={"name": "unknown,empty"}),
    Call("tier", lambda name, problems: decoding.tier(name, problems).measure,
         {"name": "tables", "problems": 2}),
]  # fmt: skip


def looped(f, drafts, targets, V, agreement):
    drafts, targets = np.asarray(drafts), np.asarray(targets)
    same = [[j > i and all(a == b or (agreement == "subset" and a == V)
                           for a, b in zip(draft, target, strict=True))
             for j, draft in enumerate(drafts)] for i, target in enumerate(targets)]  # fmt: skip
    if f is fd.agreement_matrix:
        return np.array(same).reshape(len(targets), len(drafts))
    chain = [0]
    while chain[-1] < len(same) and any(same[chain[-1]]):
        chain.append(max(np.flatnonzero(same[chain[-1]])))
    return tuple(chain)
