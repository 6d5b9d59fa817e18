"""Multiverse."""

import numpy as np

import paralg.decoding.multiverse as mv
from paralg.decoding.multiverse import theory
from paralg.decoding.multiverse.experiments.scripted import Scripted
from paralg.decoding.multiverse.variants import numbered
from tests.project.arguments import Call

COVERS = ("paralg.decoding.multiverse", "paralg.decoding.multiverse.theory")
NOT = {"explorer": "no argument", "TextCost": "a result", "Written": "made by the engine",
       "Layout": "made by parse"}  # fmt: skip

WORDS = mv.Vocabulary("ab12.")
TEXT = ("a <Parallel> <Goal> <Outline> 1 </Outline> <Outline> 2 </Outline> </Goal> <Path> 1 a b "
        "</Path> <Path> 2 b </Path> <Conclusion> a </Conclusion> </Parallel> .")  # fmt: skip
LAYOUT = mv.parse(TEXT)
FINE = {"text": "unknown,empty"}  # a further word, and no word, are texts as well


def write(prompt, vocabulary, slots, budget, reserve, stacked):
    model = Scripted(TEXT, WORDS, 40, causal=True)
    return mv.multiverse(model, prompt, vocabulary, slots=slots, budget=budget, reserve=reserve,
                         stacked=stacked).tokens  # fmt: skip


CALLS = [
    Call("multiverse", write, {"prompt": np.array(WORDS.encode("a")), "vocabulary": WORDS,
                               "slots": 2, "budget": 40, "reserve": 5, "stacked": 3},
         fine={"prompt": "empty", "slots": "none", "budget": "none", "reserve": "zero",
               "stacked": "zero"}),
    Call("Vocabulary", lambda symbols, end: mv.Vocabulary(symbols, end).symbols,
         {"symbols": ["a", "."], "end": "."}),
    Call("parse", lambda text: mv.parse(text).positions, {"text": TEXT}, fine=FINE),
    Call("cost_of", mv.cost_of, {"text": TEXT}, fine=FINE),
    Call("calls", mv.calls, {"layout": LAYOUT, "prompt": 1, "slots": 2},
         fine={"prompt": "zero", "slots": "none"}),
    *(Call(f.__name__, f, {"layout": LAYOUT})
      for f in (theory.predecessors, theory.ancestors, theory.depths, theory.injected)),
    Call("rounds", theory.rounds, {"layout": LAYOUT, "slots": 2}),
    Call("satisfiability_cost", theory.satisfiability_cost, {"n": 3}, fine={"n": "zero"}),
    Call("latency", theory.latency, {"parallelism": np.array([1.0, 2.0]), "call": 1.0, "row": 0.5},
         fine={"parallelism": "longer,broadcast,empty,more axes,fewer axes,integers",
               "call": "zero", "row": "zero"}),
    Call("numbered", lambda text, rule: numbered(text, rule).positions,
         {"text": TEXT, "rule": "sum"}, fine=FINE),
    Call("Reversal", lambda P, length: mv.Reversal(P, length).calls, {"P": 3, "length": 4}),
]  # fmt: skip
