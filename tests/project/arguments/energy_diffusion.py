"""Energy-based diffusion."""

import numpy as np

import paralg.decoding.energy_diffusion as ed
from paralg.decoding import HashConditional, RandomDraws
from paralg.decoding.energy_diffusion.nce import EnergyNetwork
from paralg.models import Transformer, TransformerConfig
from tests.project.arguments import Call

COVERS = ("paralg.decoding.energy_diffusion",)
NOT = {
    "explorer": "no argument", "Energy": "a protocol", "PartitionBounds": "a result",
}  # fmt: skip

TABLE, X = HashConditional(4, 6, 1, 0.3), np.array([0, 4, 4, 2, 4, 4])
Y = np.array([[0, 1, 2, 2, 3, 0], [0, 1, 2, 2, 3, 1], [0, 3, 0, 2, 1, 1]])
NET = Transformer(TransformerConfig(4, 6, width=16, layers=1, heads=2))
LOG_MU = np.array([-1.0, -2.0, -3.0])
MU, W = np.array([0.5, 0.3, 0.2]), np.array([1.0, 0.5, 2.0])
MASKED = np.array([False, True, True, False, False, True])


def decoder(decode, **more):
    def call(x, steps, window, temperature, **how):
        return decode(TABLE, x, steps, rng=RandomDraws(0), window=window,
                      temperature=temperature, **how).tokens  # fmt: skip

    if "k" in more:
        def with_k(x, steps, k, window, temperature):
            return call(x, steps, window, temperature, k=k)
    arguments = {"x": X, "steps": 2, "window": 0.5, "temperature": 0.7}
    return Call(decode.__name__, with_k if more else call, arguments | more,
                fine={"window": "zero"})  # fmt: skip


def energy(make):
    return Call(make.__name__, lambda x, candidates, log_mu: make(TABLE)(x, candidates, log_mu),
                {"x": X, "candidates": Y, "log_mu": LOG_MU})  # fmt: skip


CALLS = [
    decoder(ed.energy_diffusion, k=2), decoder(ed.wrong_sign, k=2), decoder(ed.whole, k=2),
    decoder(ed.per_position, k=2), decoder(ed.masked_diffusion),
    Call("energy_diffusion", lambda epsilon: ed.energy_diffusion(
        TABLE, X, 2, rng=RandomDraws(0), epsilon=epsilon).tokens, {"epsilon": 0.1},
         fine={"epsilon": "zero"}),
    Call("energy_diffusion_batch", lambda x, steps, k, seed, window, temperature:
         ed.energy_diffusion_batch(TABLE, x, steps, k, seed=seed, window=window,
                                   temperature=temperature).tokens,
         {"x": np.stack([X, X[::-1]]), "steps": 2, "k": 2, "seed": 1, "window": 0.5,
          "temperature": 0.7},
         fine={"seed": "zero,negative", "window": "zero", "x": "longer,broadcast,empty"}),
    energy(ed.Autoregressive), energy(ed.CarryOver),
    Call("Autoregressive", lambda model: ed.Autoregressive(model).model.V, {"model": TABLE}),
    Call("NoiseContrastive", lambda network: ed.NoiseContrastive(network).network.config.V,
         {"network": EnergyNetwork(NET, seed=0)}),
    Call("NoiseContrastive", lambda denoiser, seed: EnergyNetwork(denoiser, seed).config.V,
         {"denoiser": NET, "seed": 1}, fine={"seed": "zero"}),
    Call("NoiseContrastive", ed.NoiseContrastive(EnergyNetwork(NET, seed=0)),
         {"x": X, "candidates": Y, "log_mu": LOG_MU}),
    Call("importance_weights", ed.importance_weights,
         {"energies": np.array([0.5, 1.0, 2.0]), "temperature": 0.7},
         fine={"energies": "longer,broadcast,more axes,inf"}),
    Call("effective_samples", ed.effective_samples, {"weights": MU},
         fine={"weights": "more axes"}),
    Call("log_partition", ed.log_partition, {"energies": np.array([0.5, 1.0, 2.0])},
         fine={"energies": "longer"}),
    Call("reported_nats", lambda y, masked, n: ed.reported_nats(
        TABLE, y, masked, ed.CarryOver(TABLE), rng=RandomDraws(0), n=n),
         {"y": Y[0], "masked": MASKED, "n": 3}),
    Call("resampled", ed.resampled, {"mu": MU, "w": W, "k": 2}),
    Call("bias", ed.bias, {"mu": MU, "w": W}),
    Call("sandwich", ed.sandwich, {"mu": MU, "w": W, "n": 3}),
]  # fmt: skip
