"""What trained networks do: ``python -m paralg.rounds.neural_compilation.experiments.records``."""

from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from paralg.core.records import Records
from paralg.rounds.neural_compilation import BFS, DFS, BellmanFord, run_compiled
from paralg.rounds.neural_compilation.experiments import probes as probing
from paralg.rounds.neural_compilation.experiments.faithfulness import internal_faithfulness
from paralg.rounds.neural_compilation.experiments.network import rollout
from paralg.rounds.neural_compilation.experiments.runs import RUNS, held_out
from paralg.rounds.neural_compilation.experiments.traces import TASKS, stack
from paralg.rounds.neural_compilation.experiments.warm_start import from_compiled

__all__ = ["records"]

ATTENTIVE = ("bfs", "bellman-ford")
STARTS = {"exact": (0.0, 1e-3), "exact, slow": (0.0, 1e-4), "noise .003": (0.003, 1e-3),
          "noise .01": (0.01, 1e-3), "noise .03": (0.03, 1e-3), "noise .1": (0.1, 1e-3),
          "random": (None, 1e-2)}  # fmt: skip


def _models(name: str) -> list:
    return [RUNS.load(name, seed) for seed in RUNS.seeds(name)]


def internal() -> dict:
    """Attention of each seed against all references, on all rows and on those that decide."""
    found = {}
    for name in ATTENTIVE:
        batch, models = held_out(name, 12), _models(name)
        first, *others = (probing.attention_of(rollout(model, batch)) for model in models)
        live = rollout(models[0], batch).live
        found[name] = {
            "all": [probing.report(model, batch)._asdict() for model in models],
            "deciding": [probing.report(m, batch, only_deciding=True)._asdict() for m in models],
            "seeds": [internal_faithfulness(first, other, live) for other in others],
        }  # fmt: skip
    return found


def seeds() -> dict:
    """Accuracy and faithfulness of eight short runs of BFS, and their rank correlation."""
    batch, models = held_out("bfs", 12), _models("bfs-short")
    reports = {key: [probing.report(m, batch, only_deciding=key == "deciding") for m in models]
               for key in ("all", "deciding")}  # fmt: skip
    rows = {key: [one.internal["lowest id"] for one in found] for key, found in reports.items()}
    rows["right"] = [rollout(m, batch).accuracy(batch, m.task) for m in models]
    rows["long paths"] = [_on_paths(m) for m in models]
    tests = {key: [float(x) for x in spearmanr(rows["right"], rows[key])] for key in reports}
    return rows | {"spearman": tests}


def trace() -> dict:
    """Share of hints that are right in each tenth of the trace, mean over hints, by seed."""
    found = {}
    for name in TASKS:
        batch, curves = held_out(name, 12), []
        for model in _models(name):
            done = rollout(model, batch)
            right = np.mean([[r.numpy() for r in rows] for rows in done.right.values()], axis=0)
            at = np.arange(len(right))[:, None] * 10 // np.maximum(batch.lengths - 1, 1)
            parts = [right[(at == k) & done.live] for k in range(10)]
            curves.append([float(part.mean()) if part.size else None for part in parts])
        found[name] = curves
    return found


def probes() -> dict:
    """Linear probes of hidden states, by seed."""
    return {name: [probing.probe_states(model, held_out(name, 12)) for model in _models(name)]
            for name in ATTENTIVE}  # fmt: skip


def _on_paths(model) -> float:
    """Accuracy on shuffled paths of 12 nodes from an end: eleven rounds."""
    rng, line = np.random.default_rng(5), np.diag(np.ones(11), 1)
    orders = [rng.permutation(12) for _ in range(32)]
    graphs = np.array([(line + line.T)[np.ix_(order, order)] for order in orders])
    batch = stack(model.task, graphs, np.array([order.argmin() for order in orders]))
    return rollout(model, batch).accuracy(batch, model.task)


def lengths() -> dict:
    """Accuracy against trace length: each task by n, and BFS on paths of eleven rounds."""
    found, sizes = {}, (4, 6, 8, 10, 12, 24)
    for name, task in TASKS.items():
        batches = [held_out(name, n) for n in sizes]
        ends = [(b.hints[task.output][0], b.hints[task.output][-1]) for b in batches]
        found[name] = {
            "n": sizes, "steps": [float(b.lengths.mean() - 1) for b in batches],
            "right": [[rollout(m, b).accuracy(b, task) for b in batches] for m in _models(name)],
            "start": [float((first == last).mean()) for first, last in ends],
        }  # fmt: skip
    return found | {"paths": [_on_paths(model) for model in _models("bfs")]}


def real() -> dict:
    """Compiled and learned on three graphs of networkx, every node as a source.

    Compiled on the weights as they are, learned on weights scaled to 1.
    """
    import networkx as nx

    graphs = {"karate club": nx.karate_club_graph(), "Les Misérables": nx.les_miserables_graph(),
              "Florentine families": nx.florentine_families_graph()}  # fmt: skip
    found = {}
    for name, graph in graphs.items():
        weights = nx.to_numpy_array(graph)
        found[name] = row = {"n": len(weights), "edges": graph.number_of_edges()}
        for algorithm in (BFS(), BellmanFord(), DFS()):
            task = TASKS[algorithm.name]
            A = weights if task.weighted else (weights > 0).astype(float)
            sources = np.arange(len(A) if task.rooted else 1)
            runs = [run_compiled(algorithm, A, int(s)) for s in sources]
            exact = [run.pointers == task.trace(A, int(s))[-1]["pi"]
                     for run, s in zip(runs, sources, strict=True)]  # fmt: skip
            batch = stack(task, np.array([A / A.max()] * len(sources)), sources)
            row[task.name] = {"compiled": float(np.mean(exact)),
                              "learned": rollout(RUNS.load(task.name), batch).accuracy(batch, task),
                              "rounds": max(run.rounds for run in runs)}  # fmt: skip
    return found


def warm() -> dict:
    """Gradient descent from compiled weights: three seeds a start, 400 updates."""
    return {name: [from_compiled(noise, seed, 400, rate) for seed in range(3)]
            for name, (noise, rate) in STARTS.items()}  # fmt: skip


MAKERS = (internal, seeds, trace, probes, lengths, real, warm)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
