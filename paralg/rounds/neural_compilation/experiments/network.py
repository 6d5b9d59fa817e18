"""A network that learns hints: encoders, one GATv2 layer an algorithm step, decoders, one loss.

Ours after the CLRS benchmark's design [velickovic-2022-clrs] [reconstructed]: what it predicts in a
step is fed back, softly, in the next.
"""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from paralg.core import checks
from paralg.rounds.neural_compilation.experiments.traces import KINDS, HintTask, TraceBatch
from paralg.rounds.neural_compilation.layer import SLOPE

__all__ = ["HintNetwork", "HintRollout", "rollout"]


class HintNetwork(nn.Module):
    """Inputs and hints of a task to the hints of the next step; `width` is the hidden size."""

    def __init__(self, task: HintTask, width: int = 32):
        super().__init__()
        checks.instance("task", task, HintTask), checks.integer("width", width, 1)
        self.task, self.width = task, width
        self.pointers = [name for name, kind in task.hints.items() if kind == "pointer"]
        edges, z = 3 + len(self.pointers), 3 * width
        self.inputs = nn.Linear(2, width)
        self.hints = nn.Linear(max(1, sum(KINDS[kind] for kind in task.hints.values())), width)
        self.sender, self.receiver = nn.Linear(z, width), nn.Linear(z, width, bias=False)
        self.edge, self.logit = nn.Linear(edges, width, bias=False), nn.Linear(width, 1, bias=False)
        self.message, self.own = nn.Linear(z, width), nn.Linear(z, width, bias=False)
        self.edge_message = nn.Linear(edges, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.decoders = nn.ModuleDict({
            name: _Pointer(z, width, edges) if kind == "pointer" else nn.Linear(z, KINDS[kind])
            for name, kind in task.hints.items()
        })  # fmt: skip

    def attend(self, z: Tensor, edges: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer's output (B, n, H) and attention (B, n, n), receivers before senders."""
        u = self.sender(z)[:, None] + self.receiver(z)[:, :, None] + self.edge(edges)
        logit = self.logit(F.leaky_relu(u, SLOPE))[..., 0]
        alpha = logit.masked_fill(~mask, -torch.inf).softmax(dim=-1)
        heard = alpha @ self.message(z)
        heard = heard + self.edge_message((alpha[..., None] * edges).sum(dim=2))
        return self.norm(F.relu(heard + self.own(z))), alpha

    def forward(self, A: Tensor, source: Tensor, hints: dict[str, Tensor], h: Tensor):
        """Take one step: logits or values of all next hints, hidden state, attention, and y."""
        n = A.shape[-1]
        adj, eye = (A > 0).float(), torch.eye(n).expand_as(A)
        edges = torch.stack([A, adj, eye, *(hints[name] for name in self.pointers)], dim=-1)
        mask = (adj + eye) > 0
        pos = (torch.arange(n) / n).expand(len(A), n)
        at = F.one_hot(source, n).float() * self.task.rooted
        known = [hints[name].unsqueeze(-1) if KINDS[kind] == 1 else hints[name]
                 for name, kind in self.task.hints.items() if kind != "pointer"]  # fmt: skip
        fixed = [self.inputs(torch.stack([pos, at], dim=-1)), self.hints(torch.cat(known, dim=-1))]
        h, alpha = self.attend(torch.cat([*fixed, h], dim=-1), edges, mask)
        y, found = torch.cat([*fixed, h], dim=-1), {}
        for name, decode in self.decoders.items():
            if isinstance(decode, _Pointer):
                found[name] = decode(y, edges).masked_fill(~mask, -torch.inf)
            else:
                scores = decode(y)
                found[name] = scores if scores.shape[-1] > 1 else scores[..., 0]
        return found, h, alpha, y


class _Pointer(nn.Module):
    """Scores of all nodes as the pointer of each: q·k/√H and a linear form of the edge."""

    def __init__(self, z: int, width: int, edges: int):
        super().__init__()
        self.q, self.k = nn.Linear(z, width), nn.Linear(z, width, bias=False)
        self.edge = nn.Linear(edges, 1, bias=False)

    def forward(self, y: Tensor, edges: Tensor) -> Tensor:
        scores = self.q(y) @ self.k(y).transpose(1, 2) / self.q.out_features**0.5
        return scores + self.edge(edges)[..., 0]


_SOFT = {"scalar": lambda found: found, "mask": torch.sigmoid}  # what is fed back
_SOFTMAX = partial(torch.softmax, dim=-1)


def _given(kind: str, truth: Tensor, n: int) -> Tensor:
    """A true hint in the form in which it is fed back."""
    if kind in ("mask", "scalar"):
        return truth.float()
    return F.one_hot(truth.long(), 3 if kind == "three" else n).float()


def _terms(kind: str, found: Tensor, truth: Tensor) -> Tensor:
    """Loss of a hint for each graph, (B,)."""
    if kind == "scalar":
        return (found - truth.float()).square().mean(dim=-1)
    if kind == "mask":
        losses = F.binary_cross_entropy_with_logits(found, truth.float(), reduction="none")
    else:
        losses = F.cross_entropy(found.movedim(-1, 1), truth.long(), reduction="none")
    return losses if kind == "node" else losses.mean(dim=-1)


def _right(kind: str, found: Tensor, truth: Tensor) -> Tensor:
    """Share of a hint that is right for each graph, (B,); a scalar within 0.05."""
    if kind == "scalar":
        return ((found - truth).abs() <= 0.05).float().mean(dim=-1)
    same = ((found > 0 if kind == "mask" else found.argmax(dim=-1)) == truth).float()
    return same if kind == "node" else same.mean(dim=-1)


class HintRollout:
    """What a network did on a batch: mean loss and, if kept, right (T − 1, B), attention, …"""

    def __init__(self, model: HintNetwork, batch: TraceBatch, keep: bool):
        task, n = model.task, batch.A.shape[-1]
        truth = {name: torch.from_numpy(values) for name, values in batch.hints.items()}
        A, source = torch.from_numpy(batch.A).float(), torch.from_numpy(batch.source)
        hints = {name: _given(kind, truth[name][0], n) for name, kind in task.hints.items()}
        h, steps = torch.zeros(len(A), n, model.width), torch.from_numpy(batch.lengths) - 1
        loss, self.output = torch.zeros(()), truth[task.output][0].clone()
        self.right: dict[str, list[Tensor]] = {name: [] for name in task.hints}
        self.alpha, self.states = [], []
        for t in range(len(truth[task.output]) - 1):
            live = t < steps
            found, h, alpha, y = model(A, source, hints, h)
            for name, kind in task.hints.items():
                terms = _terms(kind, found[name], truth[name][t + 1])
                loss = loss + (terms * live / steps.clamp(min=1)).mean()
                if keep:
                    self.right[name].append(_right(kind, found[name], truth[name][t + 1]))
            hints = {
                name: _SOFT.get(kind, _SOFTMAX)(found[name]) for name, kind in task.hints.items()
            }
            if keep:
                self.alpha.append(alpha), self.states.append(y)
                last = found[task.output]
                guess = last > 0 if task.hints[task.output] == "mask" else last.argmax(dim=-1)
                self.output[live] = guess[live].to(self.output.dtype)
        self.loss = loss / len(task.hints)
        self.live = np.arange(len(truth[task.output]) - 1)[:, None] < (batch.lengths - 1)

    def accuracy(self, batch: TraceBatch, task: HintTask) -> float:
        """Share of nodes with the right output after the last step."""
        return float((self.output.numpy() == batch.hints[task.output][-1]).mean())


def rollout(model: HintNetwork, batch: TraceBatch) -> HintRollout:
    """Run a network over a batch without gradients and keep what it does."""
    with torch.no_grad():
        return HintRollout(model, batch, keep=True)
