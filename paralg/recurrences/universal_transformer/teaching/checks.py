"""Checks of the exercises on Universal Transformers."""

from dataclasses import replace
from functools import cache, partial
from itertools import product

import numpy as np
import torch

from paralg.recurrences.universal_transformer.experiments.evaluate import by_distance
from paralg.recurrences.universal_transformer.experiments.models import Tagger
from paralg.recurrences.universal_transformer.experiments.runs import RECIPES, load
from paralg.recurrences.universal_transformer.teaching.explorer import scene
from paralg.recurrences.universal_transformer.theory import coefficients, halt, table_of
from paralg.teach.checking import (
    call,
    close_to,
    counts_at_most,
    entries,
    equal_to_oracle,
    exercise,
    require,
)


@exercise("ex-universal-transformer-remainder")
def remainder(answer):
    """N and R of a position whose probabilities are 0.3, 0.4, 0.5."""
    steps, left = entries(answer, ("steps", "remainder"))
    close_to(steps, 3, name="N", wrong={
        2: "0.3 + 0.4 = 0.7 is not above 0.99 yet",
        4: "the halting step counts: it is run, and its state is used",
    })  # fmt: skip
    close_to(left, 0.3, name="R", wrong={
        0.5: "the halting step does not receive its p, but what is missing to 1",
        0.2: "that is what p is too much by; R is what was missing before the step",
        0.29: "the threshold is 0.99, but what is handed out adds up to 1",
    })  # fmt: skip
    return "Right: the weights are 0.3, 0.4 and 0.3."


@exercise("ex-universal-transformer-rounds")
def rounds(answer):
    """The least number of rounds after which every member can know about member 16."""
    close_to(answer, 5, name="the number of rounds", wrong={
        3: "that is enough from member 0; look at the distances from member 16",
        33: "that is a chain through all members; neighbours are asked all at once",
        6: "the state after 5 rounds has seen 5 hops; the step in which a node halts is another "
        "matter",
    })  # fmt: skip
    return "Right: as many as hops to the most distant member."


@exercise("ex-universal-transformer-blend")
def blend(answer):
    """Coefficients of the running blend."""
    rng = np.random.default_rng(0)
    cases = [[1.0], [0.5, 0.5], [0.3, 0.4, 0.3], rng.dirichlet(np.ones(6)).tolist()]

    def told(w):
        got = call(lambda w: [float(c) for c in answer(w)], list(w))
        require(len(got) == len(w), "gives one coefficient for each weight", failing=w, got=got)
        return got

    swapped = all(np.allclose(told(w), coefficients(w[::-1])[::-1]) for w in cases[2:])
    later = "a state is diluted by every *later* step, not by the earlier ones"
    require(not swapped, "counts what comes later", later)
    same = all(np.allclose(told(w), w) for w in cases)
    require(not same, "is the blend", "those are the weights of the sum, Graves' rule")
    return equal_to_oracle(
        told, coefficients, cases, tol=1e-12, name="is what each state counts",
        hint="unroll y = w s + (1 - w) y twice",
    )  # fmt: skip


@exercise("ex-universal-transformer-crossing")
def crossing(answer):
    """Workers from which T rounds on n positions beat a chain of n steps."""
    cases = [(10, 2), (100, 6), (1000, 6), (64, 32)]
    shared = "T workers share the work evenly only if a round needs no rest"
    for case in cases:
        got = float(call(answer, *case))
        miss = {"failing": case, "got": got}
        require(not np.isclose(got, case[1]), "counts the rounds as well", shared, **miss)
    return equal_to_oracle(
        lambda n, steps: float(answer(n, steps)),
        lambda n, steps: (n - 1) * steps / (n - steps), cases, tol=1e-9,
        name="is where the bound meets n", hint="solve (nT - T)/p + T = n for p",
    )  # fmt: skip


def _dense(state, mixing, p):
    """Run all positions in every step, put back the halted ones, and add up weighted states."""
    halted = [halt(column.tolist(), close=True) for column in p.T]
    output = np.zeros_like(state)
    for t in range(len(p)):
        weights = np.array([one.weights[t] if t < one.steps else 0.0 for one in halted])
        moves = np.array([t < one.steps for one in halted])
        state = np.where(moves, np.tanh(state + mixing @ state + 1), state)
        output = output + weights * state
    return output, sum(one.steps for one in halted)


@exercise("ex-universal-transformer-compact")
def compact(answer):
    """The active set: equal to the dense run under freezing, and no row too many."""
    for seed, n, steps in ((0, 1, 1), (1, 1, 4), (2, 3, 3), (3, 6, 5), (4, 20, 8)):
        rng, computed = np.random.default_rng(seed), []
        mixing, state = rng.normal(size=(n, n)) / n, rng.normal(size=n)
        p = rng.uniform(0, 0.8, (steps, n))

        def block(rows, states, mixing=mixing, computed=computed):
            rows = np.asarray(rows, dtype=int)
            computed.extend(rows)
            return np.tanh(states[rows] + mixing[rows] @ states + 1)

        expected, work = _dense(state, mixing, p)
        got = np.asarray(call(answer, state.copy(), block, p), dtype=float)
        case = f"{n} positions, {steps} steps"
        require(got.shape == (n,), "returns one output for each position", failing=case, got=got)
        require(np.allclose(got, expected), "equals the masked run with frozen states",
                "a halted position is still seen by the others, with its last state; the last "
                "permitted step hands out all that is left", failing=case, expected=expected,
                got=got)  # fmt: skip
        counts_at_most({"rows": len(computed)}, {"rows": work}, case=case,
                       hint="call the block for those that still run")  # fmt: skip
    return "Right: equal on five runs, and every row that was computed was needed."


@exercise("ex-universal-transformer-rule")
def rule(answer):
    """Rule 110 out of ReLU, flat around the eight inputs."""
    noise = np.random.default_rng(0).uniform(-1 / 40, 1 / 40, (50, 3))
    relu = partial(np.maximum, 0.0)
    corners = list(zip(product((0, 1), repeat=3), table_of(110).tolist(), strict=True))
    for bits, wanted in corners:
        got = float(call(answer, *map(float, bits), relu))
        require(np.isclose(got, wanted), "is rule 110", "value 4l + 2c + r, bit of 110",
                failing=bits, expected=wanted, got=got)  # fmt: skip
    for (bits, wanted), shake in product(corners, noise):
        got = float(call(answer, *(np.array(bits) + shake), relu))
        require(abs(got - wanted) < 1e-9, "forgets small errors",
                "make every corner a plateau: a difference of two ReLUs that is flat on both "
                "sides of the slope", failing=bits, expected=wanted, got=got)  # fmt: skip
    line = [float(call(answer, x, 1.0, 1.0, relu)) for x in np.linspace(0, 1, 2001)]
    require(np.abs(np.diff(line)).max() < 0.25, "is made of sums, products and relu",
            "those are continuous: rounding or comparing makes a jump between 0 and 1",
            failing="left cell from 0 to 1, the others 1")  # fmt: skip
    return "Right, also with errors of 1/40 in every cell: a step undoes what the last one spoiled."


@exercise("ex-universal-transformer-settled")
def settled(answer):
    """Spearman's correlation of N and distance when small changes halt, at tau = 0.5."""
    rho = settled_at(0.5)[1]
    wrong = {-rho: "look at the sign: who stops first?", 0.0: "N is not constant here"}
    close_to(answer, rho, tol=0.02, name="the correlation", wrong=wrong)
    return "Right: it is negative. The rule stops those whom the news has not reached yet."


@cache
def settled_at(tau: float) -> tuple[float, float]:
    """Return accuracy and correlation of the network of fixed depth, halted by its changes."""
    chosen = RECIPES["reach-fixed"]
    model = Tagger(2, 2, replace(chosen.config, halting="settled", close=True, tau=tau))
    model.load_state_dict(load("reach-fixed").state_dict())
    found = by_distance(model.eval(), chosen.task)
    return found.accuracy, found.correlation


@exercise("ex-universal-transformer-shift")
def shift(answer):
    """The largest shift of the halting bias that leaves all answers of the explorer right."""
    *others, largest = best_shifts()
    wrong = dict.fromkeys(others, "there is a larger one")
    close_to(answer, largest, name="the largest shift", wrong=wrong)
    return f"Right: up to {largest:+.2f} no node stops too early."


@cache
def best_shifts() -> list[float]:
    """Return the shifts of the bias, in order, that leave most answers of the explorer right."""
    model, graph, right = load("reach-low-2"), scene(), {}
    first = model.core.halting.linear.bias.item()
    for s in np.arange(-6, 6.25, 0.25):
        torch.nn.init.constant_(model.core.halting.linear.bias, first + s)
        with torch.no_grad():
            logits, _ = model(graph.symbols, attention_mask=graph.attention_mask)
        right[s] = int((logits.argmax(-1) == graph.targets).sum())
    return [s for s, count in right.items() if count == max(right.values())]
