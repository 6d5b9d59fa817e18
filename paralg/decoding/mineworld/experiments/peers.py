"""What a user would pick: ``LlamaForCausalLM`` of ``transformers``."""

import numpy as np
import torch

from paralg.models import TransformerConfig

__all__ = ["generate", "llama"]


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
