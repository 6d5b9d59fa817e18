"""The pages that compare chapters: mixers of recurrences, exactness of decoders."""

import numpy as np

import paralg.decoding.compared as decoders
import paralg.recurrences.compared as mixers
import paralg.rounds.compared as rounds
from paralg.decoding import Entrant, compete, static, tier
from paralg.recurrences.compared.theory import MixerSizes
from tests.project.arguments import Call

COVERS = ("paralg.recurrences.compared", "paralg.decoding.compared", "paralg.rounds.compared")
NOT = {"explorer": "no argument", "load": "as in the chapters", "log": "as load", "logs": "as load",
       "RoundTable": "what the machines return", "draw_rounds": "draws on axes",
       "CHAIN": "a program", "DOUBLING": "a program"}

MODEL = mixers.network("gru", mixers.TASKS["tracking"].inputs, mixers.TASKS["tracking"].outputs)
FOUND = [compete(tier(name, 1)) for name in ("addition", "grids", "text")]
VALUES = np.array([3.0, 1.0, 4.0])
CALLS = [
    *(Call("network", mixers.network,
           {"mixer": mixer, "inputs": 5, "outputs": 3, "width": 8, "layers": 1, "heads": 2,
            "seed": 1}, fine={"seed": "zero", "layers": "zero"}) for mixer in mixers.MIXERS),
    *(Call("needs", mixers.needs, {"mixer": mixer, "n": 9, "sizes": MixerSizes()},
           fine={"sizes": "none"}) for mixer in mixers.NAMES),
    Call("needs", MixerSizes, {"width": 8, "heads": 2, "states": 3, "expand": 2, "window": 4,
                               "rank": 1, "iterations": 2}, fine={"iterations": "zero"}),
    Call("evaluate", mixers.evaluate,
         {"model": MODEL, "kind": "tracking", "size": 5, "rows": 2, "seed": 1},
         fine={"seed": "zero"}),
    Call("exactness", decoders.exactness,
         {"entrant": Entrant("static", lambda model, x, rng: static(model, x))}),
    Call("Trade", lambda price, **of: decoders.Trade(**of).speedup(price),
         {"chapter": "clover", "task": "text", "promise": "none", "verifier": "no one",
          "forwards": (8.0, 4.0), "positions": (8.0, 20.0), "price": 0.5},
         fine={"chapter": "unknown,empty", "task": "unknown,empty", "verifier": "unknown,empty",
               "price": "zero"}),
    Call("price_on", decoders.price_on, {"ridge": 153.0, "requests": 8}),
    Call("price_here", decoders.price_here, {"further": 1, "seconds": 0.01}),
    Call("trades", decoders.trades, {"found": FOUND}),
    *(Call(name, getattr(rounds, name), {"values": VALUES},
            fine={"values": "longer,broadcast"})
      for name in ("at_once", "by_chain_layers", "by_chain_messages", "by_doubling_layers",
                   "by_doubling_messages")),
    Call("by_ranks", rounds.by_ranks, {"program": rounds.CHAIN, "values": VALUES},
         fine={"values": "longer,broadcast"}),
    Call("reached", rounds.reached, {"table": rounds.at_once(VALUES), "worker": 1},
         fine={"worker": "zero"}),
]  # fmt: skip
