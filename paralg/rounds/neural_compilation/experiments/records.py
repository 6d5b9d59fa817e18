"""What trained networks do: ``python -m paralg.rounds.neural_compilation.experiments.records``."""

from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from paralg.core.records import Records
from paralg.rounds.neural_compilation.algorithms import (
    BFS,
    BellmanFord,
    graph_operands,
    one_round,
    run_compiled,
)
from paralg.rounds.neural_compilation.experiments.faithfulness import internal_faithfulness
from paralg.rounds.neural_compilation.experiments.network import rollout
from paralg.rounds.neural_compilation.experiments.probes import (
    attention_of,
    probe_states,
    report,
)
from paralg.rounds.neural_compilation.experiments.runs import RUNS, held_out
from paralg.rounds.neural_compilation.experiments.traces import TASKS, random_graph, stack
from paralg.rounds.neural_compilation.experiments.warm_start import from_compiled
from paralg.rounds.neural_compilation.variants import DFS

__all__ = ["real_graphs", "records"]

ATTENTIVE = ("bfs", "bellman-ford")
STARTS = {"exact": (0.0, 1e-3), "exact, slow": (0.0, 1e-4), "noise .003": (0.003, 1e-3),
          "noise .01": (0.01, 1e-3), "noise .03": (0.03, 1e-3), "noise .1": (0.1, 1e-3),
          "random": (None, 1e-2)}  # fmt: skip


def _between(first, second, batch) -> float:
    """F_int of two networks."""
    a, b = rollout(first, batch), rollout(second, batch)
    return internal_faithfulness(attention_of(a), attention_of(b), a.live)


def internal() -> dict:
    """Attention of each seed against all references, on all rows and on those that decide."""
    found = {}
    for name in ATTENTIVE:
        batch = held_out(name, 12)
        models = [RUNS.load(name, seed) for seed in RUNS.seeds(name)]
        found[name] = {
            "all": [report(model, batch)._asdict() for model in models],
            "deciding": [report(m, batch, only_deciding=True)._asdict() for m in models],
            "seeds": [_between(models[0], model, batch) for model in models[1:]],
        }  # fmt: skip
    return found


def seeds() -> dict:
    """Accuracy and faithfulness of eight short runs of BFS, and their rank correlation."""
    batch, rows = held_out("bfs", 12), {"right": [], "all": [], "deciding": []}
    rows["long paths"] = []
    for seed in RUNS.seeds("bfs-short"):
        model = RUNS.load("bfs-short", seed)
        rows["right"].append(rollout(model, batch).accuracy(batch, model.task))
        rows["long paths"].append(_on_paths(model))
        rows["all"].append(report(model, batch).internal["lowest id"])
        rows["deciding"].append(report(model, batch, only_deciding=True).internal["lowest id"])
    tests = {name: spearmanr(rows["right"], rows[name]) for name in ("all", "deciding")}
    return rows | {"spearman": {name: [float(x) for x in test] for name, test in tests.items()}}


def trace() -> dict:
    """Share of hints that are right after each tenth of the trace, mean over hints and seeds."""
    found = {}
    for name in TASKS:
        batch, curves = held_out(name, 12), []
        for seed in RUNS.seeds(name):
            done = rollout(RUNS.load(name, seed), batch)
            right = np.mean(
                [np.stack([r.numpy() for r in rows]) for rows in done.right.values()], 0
            )
            steps = np.maximum(batch.lengths - 1, 1)
            at = np.minimum((np.arange(len(right))[:, None] * 10) // steps, 9)
            parts = [right[(at == k) & done.live] for k in range(10)]
            curves.append([float(part.mean()) if part.size else None for part in parts])
        found[name] = curves
    return found


def probes() -> dict:
    """Linear probes of hidden states, beside what needs no state."""
    return {name: [probe_states(RUNS.load(name, seed), held_out(name, 12))
                   for seed in RUNS.seeds(name)] for name in ATTENTIVE}  # fmt: skip


def _on_paths(model) -> float:
    """Accuracy on shuffled paths of 12 nodes from an end: eleven rounds."""
    rng, graphs, sources = np.random.default_rng(5), [], []
    for _ in range(32):
        order, A = rng.permutation(12), np.zeros((12, 12))
        A[order[:-1], order[1:]] = A[order[1:], order[:-1]] = 1
        graphs.append(A), sources.append(order[0])
    batch = stack(model.task, np.array(graphs), np.array(sources))
    return rollout(model, batch).accuracy(batch, model.task)


def lengths() -> dict:
    """Accuracy against trace length: each task by n, and BFS on paths of eleven rounds."""
    found = {}
    for name, task in TASKS.items():
        sizes = (4, 6, 8, 10, 12, 24)
        models = [RUNS.load(name, seed) for seed in RUNS.seeds(name)]
        batches = [held_out(name, n) for n in sizes]
        found[name] = {
            "n": sizes, "steps": [float(b.lengths.mean() - 1) for b in batches],
            "right": [[rollout(m, b).accuracy(b, task) for b in batches] for m in models],
            "start": [float((b.hints[task.output][0] == b.hints[task.output][-1]).mean())
                      for b in batches],
        }  # fmt: skip
    models = [RUNS.load("bfs", seed) for seed in RUNS.seeds("bfs")]
    return found | {"paths": [_on_paths(model) for model in models]}


def real_graphs() -> dict[str, np.ndarray]:
    """Three graphs that networkx ships, by name; weights where it has some."""
    import networkx as nx

    found = {"karate club": nx.karate_club_graph(), "Les Misérables": nx.les_miserables_graph(),
             "Florentine families": nx.florentine_families_graph()}  # fmt: skip
    return {name: nx.to_numpy_array(graph) for name, graph in found.items()}


def real() -> dict:
    """Compiled and learned on three real graphs, every node as a source.

    Compiled on the weights as they are, learned on weights scaled to 1.
    """
    found = {}
    for name, A in real_graphs().items():
        n = len(A)
        row: dict = {"n": n, "edges": int((A > 0).sum()) // 2}
        for algorithm in (BFS(), BellmanFord(), DFS()):
            task = TASKS[algorithm.name]
            graph = A if task.weighted else (A > 0).astype(float)
            sources = np.arange(n if task.rooted else 1)
            runs = [run_compiled(algorithm, graph, int(s)) for s in sources]
            exact = [run.pointers == task.trace(graph, int(s))[-1]["pi"]
                     for run, s in zip(runs, sources, strict=True)]  # fmt: skip
            batch = stack(task, np.array([graph / graph.max()] * len(sources)), sources)
            done = rollout(RUNS.load(task.name, 0), batch)
            row[task.name] = {"compiled": float(np.mean(exact)),
                              "learned": done.accuracy(batch, task),
                              "rounds": max(run.rounds for run in runs)}  # fmt: skip
        found[name] = row
    return found


def warm() -> dict:
    """Gradient descent from compiled weights: three seeds a start, 400 updates."""
    return {name: [from_compiled(noise, seed, 400, rate) for seed in range(3)]
            for name, (noise, rate) in STARTS.items()}  # fmt: skip


def temperature() -> dict:
    """Largest error of a distance after n rounds, against beta, on 40 graphs of 12 nodes."""
    rng, found = np.random.default_rng(3), {}
    graphs = [(random_graph(12, rng), int(rng.integers(12))) for _ in range(40)]
    for power in range(1, 8):
        soft, errors = BellmanFord(10.0**power, 0.0, 0.0), []
        for A, source in graphs:
            true = run_compiled(BellmanFord(), A, source).values
            z, (_, *operands) = soft.start(12, source), graph_operands(A, soft)
            for _ in range(12):
                z, _ = one_round(soft, z, *operands)
            errors.append(np.abs(soft.get(z, "d") - true)[np.isfinite(true)].max())
        found[f"1e{power}"] = float(max(errors))
    return found


MAKERS = (internal, seeds, trace, probes, lengths, real, warm, temperature)
records = Records(Path(__file__).with_name("records"), {make.__name__: make for make in MAKERS})

if __name__ == "__main__":
    records.main()
