"""XLNet of ``transformers``, the public two-stream network, at the size of ours."""

import numpy as np
import torch

from paralg.models import TransformerConfig

__all__ = ["XLNet"]


class XLNet:
    """An untrained ``XLNetLMHeadModel`` that answers ``anyorder``, and nothing else.

    ``perm_mask[i, j] = 1`` forbids i to see j; ``target_mapping`` selects the queries.

    Parameters
    ----------
    shape : TransformerConfig
        Tokens, length, width, layers and heads, of which V + 1 tokens are made.
    seed : int
        Of the first weights.

    Examples
    --------
    >>> model = XLNet(TransformerConfig(V=4, L=16))  # doctest: +SKIP
    >>> model.anyorder(np.zeros((1, 16), int), np.arange(16), 3, at=[5, 7]).shape  # doctest: +SKIP
    (1, 2, 4)
    """

    def __init__(self, shape: TransformerConfig, seed: int = 0):
        from transformers import XLNetConfig, XLNetLMHeadModel

        torch.manual_seed(seed)
        self.V, self.L = shape.V, shape.L
        self.model = XLNetLMHeadModel(XLNetConfig(
            vocab_size=shape.V + 1, d_model=shape.width, n_layer=shape.layers, n_head=shape.heads,
            d_inner=4 * shape.width, dropout=0.0, ff_activation="gelu",
            pad_token_id=0,
        )).eval()  # fmt: skip
        self.parameters_count = sum(p.numel() for p in self.model.parameters())

    def anyorder(self, x, rank, visible=None, *, at=None) -> np.ndarray:
        """Return logits at the positions ``at``, as the protocol has it."""
        at, rank = np.arange(self.L) if at is None else np.asarray(at), np.asarray(rank)
        seen = rank if visible is None else np.where(rank < visible, rank, self.L)
        forbidden = seen[None, :] >= seen[:, None]
        forbidden &= (rank[None, :] != rank[:, None]) | np.eye(self.L, dtype=bool)  # the prompt
        targets = np.zeros((len(at), self.L))
        targets[np.arange(len(at)), at] = 1
        with torch.inference_mode():
            logits = self.model(
                torch.from_numpy(np.array(x)),
                perm_mask=torch.from_numpy(forbidden[None].astype(np.float32)),
                target_mapping=torch.from_numpy(targets[None].astype(np.float32)),
                use_mems=False,
            ).logits  # fmt: skip
        return logits[..., : self.V].double().numpy()
