"""Fill numba's cache with the chapter's kernels: ``python -m paralg.recurrences.mamba``."""

from __future__ import annotations

import time

from paralg.recurrences.mamba.compiled import warm

if __name__ == "__main__":
    begin = time.perf_counter()
    warm(ablations=True)
    print(f"selective scan: kernels ready after {time.perf_counter() - begin:.1f} s")
