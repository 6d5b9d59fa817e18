"""A language model of Mamba blocks: embedding, pre-norm residual blocks, norm, tied head."""

import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.recurrences.mamba.block import BlockState, MambaBlock, MambaConfig
from paralg.sequence.batch import check_tokens

__all__ = ["MambaLM"]


class MambaLM(nn.Module):
    """A causal language model without attention and without MLP; keys are the official model's.

    Parameters
    ----------
    config : MambaConfig
    seed : int
        Of the initial weights.

    Source: [gu-2023-mamba], section 3.4 and appendix C.

    Examples
    --------
    >>> model = MambaLM(MambaConfig(d_model=8, vocab_size=5))
    >>> model(torch.tensor([[3, 1, 4]])).shape
    torch.Size([1, 3, 5])
    """

    def __init__(self, config: MambaConfig, seed: int = 0):
        super().__init__()
        checks.instance("config", config, MambaConfig)
        checks.integer("seed", seed)
        self.config = config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = nn.Module()
            self.backbone.embedding = nn.Embedding(config.padded_vocab, config.d_model)
            layers = [self.make_layer() for _ in range(config.n_layer)]
            self.backbone.layers = nn.ModuleList(layers)
            self.backbone.norm_f = nn.RMSNorm(config.d_model, eps=config.epsilon)
            self.lm_head = nn.Linear(config.d_model, config.padded_vocab, bias=False)
            nn.init.normal_(self.backbone.embedding.weight, std=0.02)
        self.lm_head.weight = self.backbone.embedding.weight

    def make_layer(self) -> nn.Module:
        """Return a block and its norm; the more layers, the less each adds to the stream."""
        layer = nn.Module()
        layer.mixer = self.make_block()
        layer.mixer.out_proj.weight.data /= self.config.n_layer**0.5
        layer.norm = nn.RMSNorm(self.config.d_model, eps=self.config.epsilon)
        return layer

    def make_block(self) -> MambaBlock:
        """Return a fresh block."""
        return MambaBlock(self.config)

    def forward(self, tokens: Tensor, last: int | None = None) -> Tensor:
        """Return the next token's logits after every token, (b, L), or after the ``last`` few."""
        return self.continue_from(tokens, None, last)[0]

    def continue_from(
        self, tokens: Tensor, states: list[BlockState] | None, last: int | None = None
    ) -> tuple[Tensor, list[BlockState]]:
        """Return the logits of a sequence that follows earlier tokens, and the states after it."""
        states = [None] * self.config.n_layer if states is None else states
        checks.integer("last", 0 if last is None else last)
        return self._through(tokens, "b L", states, MambaBlock.extend, last)

    def first_states(self, batch: int) -> list[BlockState]:
        """Return the states before the first token."""
        return [layer.mixer.begin(batch) for layer in self.backbone.layers]

    def step(self, tokens: Tensor, states: list[BlockState]) -> tuple[Tensor, list[BlockState]]:
        """Return the logits after one token of each row, shape (b,), and the new states."""
        return self._through(tokens, "b", states, MambaBlock.step)

    def _through(self, tokens: Tensor, axes: str, states: list, mix, last: int | None = None):
        """Send tokens through all layers; return logits and the new states."""
        check_tokens("tokens", tokens, axes, self.config.vocab_size)
        checks.instance("states", states, list, tuple)
        checks.integer("the number of states", len(states), *[self.config.n_layer] * 2)
        v, after = self.backbone.embedding(tokens), []
        for layer, state in zip(self.backbone.layers, states, strict=True):
            out, state = mix(layer.mixer, layer.norm(v), state)
            v = v + out
            after.append(state)
        v = v if last is None else v[:, max(0, v.shape[1] - last) :]
        return self.lm_head(self.backbone.norm_f(v))[..., : self.config.vocab_size], after
