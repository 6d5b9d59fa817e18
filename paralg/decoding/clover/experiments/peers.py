"""The public library that a user would pick: GPT-2 of ``transformers``, of the same size."""

import numpy as np
import torch

from paralg.models import Network

__all__ = ["generate", "gpt2_of"]


def gpt2_of(network: Network, seed: int = 0):
    """Return a ``GPT2LMHeadModel`` of a network's sizes, with random weights.

    It has no rotation, so the network's weights do not fit; a greedy call takes as long with any.
    Its token V is the begin symbol.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    config = network.transformer.config
    torch.manual_seed(seed)
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=config.V + 1, n_positions=config.L + 1, n_embd=config.width,
        n_layer=config.layers, n_head=config.heads, activation_function="gelu",
        bos_token_id=config.V, eos_token_id=None, pad_token_id=config.V,
    )).eval()  # fmt: skip


def generate(model, x: np.ndarray, **options) -> np.ndarray:
    """Decode greedily what is masked behind the prompt, with the library's cache."""
    V = model.config.vocab_size - 1
    given = np.pad(x[:, : int((x[0] != V).sum())], ((0, 0), (1, 0)), constant_values=V)
    given = torch.from_numpy(given)
    with torch.inference_mode():
        y = model.generate(given, attention_mask=torch.ones_like(given), do_sample=False,
                           max_new_tokens=x.shape[1] + 1 - given.shape[1], use_cache=True,
                           **options)  # fmt: skip
    return y[:, 1:].numpy()
