"""All decoders side by side: what the arena page shows beside the tables of `arena`.

1. `theory`: how far the answers of a decoder are from what it promises, by enumeration.
2. `choice`: what each chapter of the part trades, and what that is worth at a price.
3. `teaching`: the player of two rasters.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "A100": "choice", "Trade": "choice", "price_here": "choice", "price_on": "choice",
    "trades": "choice", "exactness": "theory", "explorer": "teaching.explorer",
})  # fmt: skip
