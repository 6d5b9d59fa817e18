"""Page 2, primitives and scans, which are in `paralg.core.primitives`.

Here is `teaching`: exercises, quiz and an explorer of scan networks.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {"explorer": "teaching.explorer"})
