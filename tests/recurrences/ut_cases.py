"""Small networks and states for the tests of Universal Transformers, and tables of their cases."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import torch

from paralg.recurrences import universal_transformer as ut
from paralg.recurrences.universal_transformer import theory
from paralg.recurrences.universal_transformer.experiments import runs, tasks

BARE = ut.UTConfig(d_model=16, heads=2, d_ff=24, steps=3, position="none", step_signal="none")
PLACED = replace(BARE, position="sinusoid")
HALTING = ut.UTConfig(
    d_model=16, heads=2, d_ff=24, steps=8, halting="position", halting_bias=-1.0, freeze=True
)

ALL_SIGNALS = [
    {"combine": combine, "step_signal": step, "position": position}
    for combine in ("add", "concat") for step in ("sinusoid", "learned", "none")
    for position in ("sinusoid", "none")
]  # fmt: skip
WORKED = (
    # halting probabilities, N, R
    ([], 0, 0.0),
    ([0.3, 0.4, 0.5], 3, 0.3),
    ([0.995], 1, 1.0),
    ([0.5, 0.495], 2, 0.5),  # .5 + .495 > .99
    ([0.5, 0.49], 2, 0.0),  # .99 is not above .99
    ([0.5, 0.49, 0.2], 3, 0.01),
    ([0.0, 0.0, 1.0], 3, 1.0),
    ([0.1, 0.1], 2, 0.0),
)


def rng(seed=0):
    """Return numpy's generator."""
    return np.random.default_rng(seed)


def states(b=2, n=5, d=16, seed=0):
    """Return random states in double precision."""
    return torch.randn(b, n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def core(config=BARE, *, kind=ut.Recurrence, cross=False, every=None, **change):
    """Return a recurrence of a changed configuration; with `cross` it is a decoder."""
    torch.manual_seed(0)
    options = {} if every is None else {"every": every}
    return kind(replace(config, **change), cross=cross, causal=cross, **options).double().eval()


def run_of(model, x=None, **options):
    """Run without gradients, by default on two rows of five states."""
    with torch.no_grad():
        return model(states() if x is None else x, **options)


def spread(one, other):
    """Return the largest difference."""
    return float((one - other).detach().abs().max())


def lower(n):
    """Return the mask of positions that look back."""
    return torch.ones(1, n, n, dtype=torch.bool).tril()


def twin(model):
    """Return a torch layer with the weights of ours."""
    config, ours, a = model.config, model.layers[0], model.layers[0].attention
    other = torch.nn.TransformerEncoderLayer(
        config.d_model, config.heads, config.d_ff, dropout=0.0, batch_first=True,
        norm_first=config.norm == "pre",
    ).double()  # fmt: skip
    with torch.no_grad():
        other.self_attn.in_proj_weight.copy_(torch.cat([a.q.weight, a.k.weight, a.v.weight]))
        other.self_attn.in_proj_bias.copy_(torch.cat([a.q.bias, a.k.bias, a.v.bias]))
    pairs = [(other.self_attn.out_proj, a.o), (other.linear1, ours.transition[0]),
             (other.linear2, ours.transition[2]), (other.norm1, ours.norms[0]),
             (other.norm2, ours.norms[1])]  # fmt: skip
    for theirs, mine in pairs:
        theirs.load_state_dict(mine.state_dict())
    return other


def convolve(part, x, mask, which, k):
    """Convolve one sequence by hand: windows of k states, channel by channel, then the map."""
    wide = torch.nn.functional.pad(x * mask[..., None], (0, 0, k // 2, k // 2))[0]
    window = part.window[which].weight[:, 0]
    mixed = [(wide[i : i + k].T * window).sum(dim=1) for i in range(x.shape[1])]
    return part.mix[which](torch.stack(mixed))[None]


def ran(x=None, keep=False, steps=None, generator=None, **change):
    """Run a recurrence with halting, changed."""
    model = core(HALTING, **change)
    return run_of(model, x, keep=keep, steps=steps, generator=generator)


def drawn(seed):
    """Return a generator."""
    return torch.Generator().manual_seed(seed)


def advanced(p, epsilon=0.01, close=False):
    """State and weights of one position after the steps with probabilities p."""
    p = torch.tensor(p, dtype=torch.float64)
    now, weights = ut.start_halting(torch.ones((), dtype=torch.bool), p.dtype), []
    for step, x in enumerate(p, 1):
        now, w = ut.advance(now, x, epsilon, close and step == len(p))
        weights.append(w.item())
    return (now.steps.item(), now.remainder.item(), now.mass.item()), weights


def surroundings(masked):
    """Return position ids and the masks, or the context of a decoder, for two rows of five."""
    options = {"position_ids": torch.tensor([0, 1, 2, 0, 1]), "offset": 4}
    if masked in ("padding", "graph"):
        options["padding_mask"] = torch.tensor([[1, 1, 0, 1, 1], [1, 0, 1, 1, 0]]) > 0
    if masked == "graph":
        adjacency = rng(3).random((2, 5, 5)) < 0.3
        options["attention_mask"] = torch.from_numpy(adjacency | np.eye(5, dtype=bool))
    if masked == "decoder":
        options |= {"context": states(seed=5), "attention_mask": lower(5),
                    "context_mask": torch.arange(5).expand(2, 5) < 4}  # fmt: skip
    return options


def answer(name, asked):
    """Return what is to be written for a string, and the source digits of each of its own."""
    if name == "add":  # lowest digit first
        one, other = asked.split("+")
        total = str(int(one[::-1]) + int(other[::-1])).zfill(len(one) + 1)[::-1]
        return total, [one, other]
    said = asked if name == "copy" else asked[::-1]
    return said, [said]


def margin(network, node):
    """Return N and the margin of a node, from the numbers that the explorer embeds."""
    p = 1 / (1 + np.exp(-np.array(network["logits"])[:, node]))
    halted, after = ut.halt(p.tolist()), np.array(network["states"])[:, node]
    y = np.array(ut.coefficients(halted.weights)) @ after[: halted.steps]
    normed = (y - y.mean()) / np.sqrt(y.var() + 1e-5)
    return halted.steps, normed @ np.array(network["readout"]) + network["offset"]


def imports_torch(package):
    """Tell whether importing a package imports torch."""
    code = f"import sys, {package.__name__}; sys.exit('torch' in sys.modules)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode != 0


def failed_examples(package):
    """Return how many examples in the docstrings of a package's modules fail."""
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return sum(doctest.testmod(importlib.import_module(one.name)).failed for one in found)


def given(**options):
    """Return a call with wrong options of a recurrence that has learned steps."""
    return lambda: core(step_signal="learned")(**{"x": states()} | options)


def made(**change):
    """Return a call that makes a wrong recurrence."""
    return lambda: core(**change)


def compacted(options=(), **change):
    """Return a call that compacts what cannot be compacted."""
    return lambda: ut.run_compacted(core(HALTING, **change), states(), **dict(options))


WRONG = {
    "heads must divide d_model, got 3": made(heads=3),
    "d_model must be at least 1, got 0": made(d_model=0),
    "steps must be at least 0, got -1": made(steps=-1),
    r"norm must be one of \('post', 'pre'\), got 'both'": made(norm="both"),
    r"halting must be one of \(None, 'position', .*, got 'never'": made(halting="never"),
    "gates must be letters": made(gates="xy"),
    "epsilon must be at most 1": made(epsilon=1.5),
    "dropout must be at most 1": made(dropout=1.1),
    "one block a step, got layers_inside=2": made(recurrence="gru", layers_inside=2),
    "even d_model, got 15": made(d_model=15, heads=1, position="sinusoid"),
    "averages over later positions": made(halting="global", cross=True),
    "3 rows, got step 4": given(steps=4),
    r"x must have the shape \(b, n, 16\), got \(2, 5, 8\)": given(x=states(d=8)),
    r"mask must have the shape \(2, 5\), got \(2, 4\)": given(padding_mask=torch.ones(2, 4) > 0),
    r"position_ids must have the shape \(5,\), got \(3,\)": given(position_ids=torch.arange(3)),
    "steps must be at least 0, got -2": given(steps=-2),
    "expected no context": given(context=states()),
    "freeze=True, got False": compacted(freeze=False),
    "recurrence='basic', got 'highway'": compacted(recurrence="highway"),
    "transition='fc', got 'sepconv'": compacted(transition="sepconv"),
    "needs a halting rule": compacted(halting=None),
    "unexpected keyword argument 'keep'": compacted({"keep": True}),
    "rule must be at most 255, got 256": lambda: theory.table_of(256),
    "name must be one of .*, got 'sort'": lambda: tasks.StringTask("sort"),
    "numbering must be one of .*, got 'middle'": lambda: tasks.StringTask("add", "middle"),
    "only 'add' has a plus to count from, got 'copy'": lambda: tasks.StringTask("copy", "plus"),
    "at least 1, got 0": lambda: tasks.StringTask("copy").draw(1, rng(), length=0),
    "name must be one of .'reach-fixed'": lambda: runs.RUNS.plan("nonsense"),
}
"""What is said, and the call that says it."""

PLACES = {
    "start": lambda n, m: list(range(m)),
    "plus": lambda n, m: [*range(n + 1)] * 2,
    "end": lambda n, m: [*range(m - 2, -1, -1), m - 1],
}

FINDINGS = (
    # runs, and bounds of the right characters at a length
    ("copy-ut copy-act copy-thin copy-layers", {10: (0.99, 1), 20: (0.85, 1)}),
    ("copy-once copy-narrow copy-deep", {10: (0, 0.6), 20: (0, 0.35)}),
    ("add-ut add-act add-thin", {10: (0.9, 1), 20: (0.6, 1)}),
    ("add-narrow", {10: (0, 0.3)}),
    ("reverse-still", {10: (0.95, 1), 12: (0, 0.3)}),
    ("reverse-ut", {10: (0, 0.6)}),
    ("copy-still", {10: (1, 1), 20: (0, 0.6)}),
)
