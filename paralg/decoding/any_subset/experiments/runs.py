"""The joint loss, and those that the paper compares it with, on short windows of text.

``python -m paralg.decoding.any_subset.experiments.runs NAME --seed S``; only the logs are kept.

============  ==============================================================================
``joint``     density mask in the lattice order, behind a random prompt of any size
``annealed``  the same; masked are 15 % at first, and 85 % to 99 % from half of the steps on
``anyorder``  the same as ``joint``, in a random order of each row
``parallel``  draft mask: each wanted token behind the prompt alone
``both``      the mean of ``joint`` and ``parallel``, for the same prompts
============  ==============================================================================
"""

import sys
from pathlib import Path

import numpy as np

from paralg.data import pydoc_text
from paralg.decoding.any_subset.experiments.tasks import decode_all, infills, summary
from paralg.decoding.any_subset.fast.cached import cached_assd
from paralg.models import Network, Transformer, TransformerConfig
from paralg.models.objectives import draw_ranks, in_order
from paralg.training import Plan, Runs

__all__ = ["RUNS"]

BATCH, STEPS, L = 32, 600, 32
PLANS = {name: Plan(name, STEPS) for name in ("joint", "annealed", "anyorder", "parallel", "both")}


def _build(name: str, seed: int) -> Transformer:
    config = TransformerConfig(V=len(pydoc_text.SYMBOLS), L=L, layers=2, rotary=True)
    return Transformer(config, seed)


def draw(name: str, n: int, rng, step: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw ranks, (n, L), and sizes of the prompts, (n,), of a batch."""
    size, done = None, min(1.0, 2 * step / STEPS)
    if name == "annealed":
        masked = rng.uniform(0.15 + 0.70 * done, 0.15 + 0.84 * done, n)
        size = L - np.ceil(masked * L).astype(np.int64)
    return draw_ranks(L, np.zeros(n, dtype=np.int64), rng, name != "anyorder", size)


def _loss(name: str):
    def loss(transformer, rng, step):
        x = pydoc_text.windows(BATCH, L, rng, split="train")
        rank, size = draw(name, BATCH, rng, step)
        at_once = np.minimum(rank, size[:, None])  # all that is wanted has the rank of the first
        asked = {"parallel": [at_once], "both": [rank, at_once]}.get(name, [rank])
        return sum(in_order(transformer, x, one, size) for one in asked) / len(asked), {}

    return loss


def _score(transformer: Transformer, name: str) -> dict[str, dict[str, float]]:
    """Return, by visible characters, nats of held-out ones and what speculation at k = 5 needs.

    ``joint`` is nats a character in the lattice order, ``at once`` behind the prompt alone.
    """
    model, found = Network(transformer, "anyorder", name), {}
    for visible in (2, 16):
        rng, size = np.random.default_rng(visible), np.full(512, visible)
        x = pydoc_text.windows(512, L, rng, split="test")
        rank, _ = draw_ranks(L, np.zeros(512, dtype=np.int64), rng, True, size)
        asked = {"joint": rank, "at once": np.minimum(rank, visible)}
        nats = {what: in_order(transformer, x, one, size).item() for what, one in asked.items()}
        prompts = infills(60, visible, L)
        run = summary(model, prompts, decode_all(cached_assd, model, prompts))
        found[str(visible)] = {what: round(one, 4) for what, one in nats.items()} | {
            what: run[what] for what in ("calls", "tokens a round", "over the bound")}  # fmt: skip
    return found


RUNS = Runs(Path(__file__).with_name("weights"), PLANS, _build, _loss, _score, kept=())

if __name__ == "__main__":
    sys.exit(RUNS.main(module="paralg.decoding.any_subset.experiments.runs"))
