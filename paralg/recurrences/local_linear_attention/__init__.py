"""Local linear attention and FlashLLA: a local line for every query, all solved at once.

1. `reference`: the local constant, the local line and its closed form, one query at a time; the
   table of all operands.
2. `conjugate`: products with every query's second moments, and conjugate gradients on all of them.
3. `layer`: projections, ridge and cache around it.

Then `fast.flash`, the forward and backward pass over blocks of queries, `fast.tiles`, compiled;
`theory` (risk, bounds, counts), `variants` (dense matrices, other memories, scans), `experiments`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "attend_by_lstsq": "reference", "closed_form": "reference", "local_constant": "reference",
    "local_line": "reference", "softmax_weights": "reference",
    "CGOptions": "conjugate", "CGRun": "conjugate", "conjugate_gradients": "conjugate",
    "relmm": "conjugate", "relsum": "conjugate", "sigma_product": "conjugate",
    "KeyValueCache": "layer", "LocalLinearAttention": "layer",
    "smooth": "theory", "risk": "theory", "cg_bound": "theory",
    "MOMENTS": "variants", "mesa_by_scan": "variants", "mesa_recursive": "variants",
    "prefix_lines": "variants", "interpolate": "variants",
    "LLARun": "fast.flash", "lla_attention": "fast.attention",
    "lla_forward": "fast.attention", "warm": "fast.tiles",
    "load": "experiments.runs", "log": "experiments.runs",
    "explorer": "teaching.explorer",
})  # fmt: skip
