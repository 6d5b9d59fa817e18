"""Small networks and states for the tests of Universal Transformers."""

from __future__ import annotations

from dataclasses import replace

import torch

from paralg.recurrences import universal_transformer as ut

BARE = ut.UTConfig(d_model=16, heads=2, d_ff=24, steps=3, position="none", step_signal="none")
PLACED = replace(BARE, position="sinusoid")
HALTING = ut.UTConfig(
    d_model=16, heads=2, d_ff=24, steps=8, halting="position", halting_bias=-1.0, freeze=True
)


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
