"""What a user would pick: ``LlamaForCausalLM`` of ``transformers``, and our weights in GPT-NeoX."""

import numpy as np
import torch

from paralg.decoding.mineworld.layout import SlotLayout
from paralg.models import Network, TransformerConfig

__all__ = ["generate", "llama", "neox_logits"]


def llama(config: TransformerConfig, seed: int = 0):
    """Return a ``LlamaForCausalLM`` of the same width, depth and, but for a few, parameters.

    A gated block has three matrices for our two, so its inner width is two thirds.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=config.V + 1, hidden_size=config.width, num_hidden_layers=config.layers,
        num_attention_heads=config.heads, intermediate_size=8 * config.width // 3,
        max_position_embeddings=config.L, tie_word_embeddings=False, bos_token_id=config.V,
        eos_token_id=None, pad_token_id=config.V,
    )).eval()  # fmt: skip


def generate(model, prompt, tokens: int) -> np.ndarray:
    """Write a number of tokens behind a prompt, in raster order, by the library's ``generate``."""
    given = torch.tensor(np.concatenate([[model.config.bos_token_id], prompt])[None])
    with torch.inference_mode():
        y = model.generate(given, attention_mask=torch.ones_like(given), do_sample=False,
                           max_new_tokens=tokens, use_cache=True)  # fmt: skip
    return y[0, given.shape[1] :].numpy()


def neox_logits(network: Network, layout: SlotLayout, x: np.ndarray) -> np.ndarray:
    """Return the logits of all slots of a stream by GPT-NeoX with our weights and a 4-D mask."""
    from paralg.decoding.multiverse.experiments.peers import as_neox

    places = torch.tensor(layout.places)
    tokens = torch.tensor(np.where(layout.sources < 0, network.V, x[layout.sources]))
    ours = network.transformer
    with torch.inference_mode():
        found = as_neox(network)(
            inputs_embeds=(ours.token(tokens) + ours.position(places))[None],
            position_ids=places[None], attention_mask=torch.tensor(layout.mask)[None, None],
        )  # fmt: skip
    return found.logits[0, :, :-1].double().numpy()
