"""The same weights in the public library that a user would pick: GPT-2 of ``transformers``."""

import numpy as np
import torch
from torch import nn

from paralg.models import Network

__all__ = ["as_gpt2", "generate"]


def as_gpt2(network: Network):
    """Return a ``GPT2LMHeadModel`` with the weights of a causal network without rotation.

    Its token V is the begin symbol; logits have V + 1 columns, the last one -inf.
    """
    ours, config = network.transformer, network.transformer.config
    if network.mode != "causal" or config.rotary:
        raise ValueError(f"expected causal weights without rotation, got {network!r}")
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=config.V + 1, n_positions=2 * config.L, n_embd=config.width,
        n_layer=config.layers, n_head=config.heads, activation_function="gelu",
        tie_word_embeddings=False, bos_token_id=config.V, eos_token_id=None, pad_token_id=config.V,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    ))  # fmt: skip
    model.lm_head = nn.Linear(config.width, config.V + 1)
    with torch.no_grad():
        model.transformer.wte.weight.copy_(ours.token.weight)
        model.transformer.wpe.weight[: config.L].copy_(ours.position.weight)
        for mine, theirs in zip(ours.blocks, model.transformer.h, strict=True):
            _copy_block(mine, theirs)
        model.transformer.ln_f.load_state_dict(ours.norm.state_dict())
        model.lm_head.weight[:-1].copy_(ours.head.weight)
        model.lm_head.bias[:-1].copy_(ours.head.bias)
        model.lm_head.weight[-1], model.lm_head.bias[-1] = 0.0, -torch.inf
    return model.eval()


def _copy_block(mine, theirs) -> None:
    """Copy one block; GPT-2 stores its matrices transposed."""
    theirs.ln_1.load_state_dict(mine.norm1.state_dict())
    theirs.ln_2.load_state_dict(mine.norm2.state_dict())
    for a, b in ((mine.attention.qkv, theirs.attn.c_attn), (mine.attention.out, theirs.attn.c_proj),
                 (mine.mlp[0], theirs.mlp.c_fc), (mine.mlp[2], theirs.mlp.c_proj)):  # fmt: skip
        b.weight.copy_(a.weight.T)
        b.bias.copy_(a.bias)


def generate(model, x: np.ndarray, allowed: np.ndarray, seed: int, **options) -> np.ndarray:
    """Sample what is masked behind the label with the library's ``generate`` and its cache.

    ``allowed``, (L, V), forbids tokens by position, as the hook of our decoders does.
    """
    from transformers import LogitsProcessor, LogitsProcessorList

    V = allowed.shape[1]
    beyond = np.ones((1, V), bool)  # guesses may reach beyond the end
    forbidden = torch.from_numpy(~np.pad(np.concatenate([allowed, beyond]), ((0, 0), (0, 1))))

    class Allowed(LogitsProcessor):
        def __call__(self, input_ids, scores):
            row = min(input_ids.shape[1], len(forbidden)) - 1
            return scores.masked_fill(forbidden[row], -torch.inf)

    given = torch.from_numpy(np.concatenate([[V], x[x != V]])[None])
    torch.manual_seed(seed)
    with torch.inference_mode():
        y = model.generate(
            given, attention_mask=torch.ones_like(given), do_sample=True, top_k=0,
            max_new_tokens=len(x) + 1 - given.shape[1], use_cache=True,
            logits_processor=LogitsProcessorList([Allowed()]), **options,
        )  # fmt: skip
    return y[0, 1:].numpy()
