"""The same weights in the public library that a user would pick: GPT-NeoX of ``transformers``."""

from collections.abc import Sequence

import numpy as np
import torch

from paralg.models import Network
from paralg.models.transformer import turns

__all__ = ["as_neox", "generate"]


def as_neox(network: Network):
    """Return a ``GPTNeoXForCausalLM`` with the weights of a causal network of rotation alone.

    Its token V is the begin symbol; logits have V + 1 columns, the last one the least of floats.
    """
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    ours, config = network.transformer, network.transformer.config
    model = GPTNeoXForCausalLM(GPTNeoXConfig(
        vocab_size=config.V + 1, hidden_size=config.width, num_hidden_layers=config.layers,
        num_attention_heads=config.heads, intermediate_size=4 * config.width, hidden_act="gelu",
        rotary_pct=1.0, max_position_embeddings=2 * config.L, use_parallel_residual=False,
        attention_dropout=0.0, hidden_dropout=0.0, layer_norm_eps=1e-5, attention_bias=True,
        tie_word_embeddings=False, bos_token_id=config.V, eos_token_id=None, pad_token_id=config.V,
    ))  # fmt: skip
    size = config.width // config.heads
    with torch.no_grad():
        model.gpt_neox.embed_in.weight.copy_(ours.token.weight)
        angle = turns(config.L, size)[1].angle()  # of one step
        model.gpt_neox.rotary_emb.inv_freq = angle.float()
        for mine, theirs in zip(ours.blocks, model.gpt_neox.layers, strict=True):
            _copy_block(mine, theirs, (3, config.heads, size))
        model.gpt_neox.final_layer_norm.load_state_dict(ours.norm.state_dict())
        head = torch.nn.Linear(config.width, config.V + 1)
        head.weight[:-1].copy_(ours.head.weight)
        head.bias[:-1].copy_(ours.head.bias)
        head.weight[-1], head.bias[-1] = 0.0, torch.finfo().min
        model.set_output_embeddings(head)
    return model.eval()


def _copy_block(mine, theirs, shape: tuple[int, int, int]) -> None:
    """Copy one block; GPT-NeoX stores query, key and value of a head side by side."""
    for a, b in ((mine.norm1, theirs.input_layernorm), (mine.attention.out, theirs.attention.dense),
                 (mine.norm2, theirs.post_attention_layernorm),
                 (mine.mlp[0], theirs.mlp.dense_h_to_4h),
                 (mine.mlp[2], theirs.mlp.dense_4h_to_h)):  # fmt: skip
        b.load_state_dict(a.state_dict())
    for name in ("weight", "bias"):
        part = getattr(mine.attention.qkv, name).unflatten(0, shape)
        getattr(theirs.attention.query_key_value, name).copy_(part.transpose(0, 1).flatten(0, 2))


def generate(model, prompt: Sequence[int], answer: Sequence[int]) -> np.ndarray:
    """Write a dictated answer with the library's ``generate`` and its cache; return all tokens."""
    from transformers import LogitsProcessor, LogitsProcessorList

    class Dictated(LogitsProcessor):
        def __call__(self, input_ids, scores):
            scores[:, answer[input_ids.shape[1] - len(prompt) - 1]] = torch.inf
            return scores

    given = torch.tensor([[model.config.bos_token_id, *prompt]])
    with torch.inference_mode():
        y = model.generate(given, attention_mask=torch.ones_like(given), do_sample=False,
                           max_new_tokens=len(answer), use_cache=True,
                           logits_processor=LogitsProcessorList([Dictated()]))  # fmt: skip
    return y[0, 1:].numpy()
