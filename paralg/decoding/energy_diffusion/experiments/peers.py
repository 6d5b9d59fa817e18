"""The public peer: the causal weights as a GPT-2 of ``transformers``, with the givens forced."""

import numpy as np
import torch

__all__ = ["generate_grids"]


def generate_grids(model, x: np.ndarray, seed: int) -> np.ndarray:
    """Fill the masks of B rows by ``generate`` of a model made by ``peers.as_gpt2``.

    The distribution is that of carry-over: a given token is put in the way, however unlikely.
    """
    from transformers import LogitsProcessor, LogitsProcessorList

    V, L = model.config.vocab_size - 1, x.shape[1]
    given = torch.from_numpy(x)

    class Forced(LogitsProcessor):
        def __call__(self, input_ids, scores):
            wanted = given[:, input_ids.shape[1] - 1]
            forced = torch.full_like(scores, -torch.inf).scatter_(1, wanted[:, None], 0.0)
            return torch.where((wanted < V)[:, None], forced, scores)

    begin = torch.full((len(x), 1), V)
    torch.manual_seed(seed)
    with torch.inference_mode():
        y = model.generate(begin, attention_mask=torch.ones_like(begin), do_sample=True, top_k=0,
                           max_new_tokens=L, use_cache=True,
                           logits_processor=LogitsProcessorList([Forced()]))  # fmt: skip
    return y[:, 1:].numpy()
