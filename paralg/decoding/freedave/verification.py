"""Which drafts would static decoding itself have produced?  The agreement matrix, two verifiers.

``agree[i, j]`` says whether draft j is what the target of draft i asks for.
Verification starts at draft 0 and hops from b to the *largest* j > b with ``agree[b, j]``;
with one token per step only j = b+1 is possible.
"""

import numpy as np

from paralg.core import checks

__all__ = ["AGREEMENTS", "agreement_matrix", "verify", "verify_looped"]

AGREEMENTS = ("exact_match", "subset")


def agreement_matrix(drafts, targets, V: int, agreement: str = "exact_match") -> np.ndarray:
    """Compare every draft with every target: n·m·L comparisons, all independent.

    Parameters
    ----------
    drafts : ndarray of int, shape (m, L)
    targets : ndarray of int, shape (n, L), n ≤ m
        ``targets[i]`` is the step of static decoding from ``drafts[i]``.
    V : int
        The mask.
    agreement : {"exact_match", "subset"}
        Equal everywhere; or every unmasked token of the draft is present and equal in the target.

    Returns
    -------
    ndarray of bool, shape (n, m)
        Strictly upper triangular: only later drafts count.

    Examples
    --------
    >>> drafts, targets = [[1, 9], [1, 2]], [[1, 2], [1, 2]]
    >>> agreement_matrix(drafts, targets, V=9)
    array([[False,  True],
           [False, False]])
    """
    drafts, targets = _checked(drafts, targets, agreement)
    checks.integer("V", V)
    same = drafts[None] == targets[:, None]
    if agreement == "subset":
        same |= drafts[None] == V
    return np.triu(same.all(axis=2), k=1)


def verify(drafts, targets, V: int, agreement: str = "exact_match") -> tuple[int, ...]:
    """Return the indices of the accepted drafts, ascending from 0, which is never in doubt.

    ``drafts``, ``targets``, ``V`` and ``agreement`` as for :func:`agreement_matrix`; the hop from b
    is the last True of its row b.  The last index is the state to move to.

    Examples
    --------
    >>> verify([[1, 9], [1, 2]], [[1, 2]], V=9), verify([[1, 9], [1, 2]], [[1, 3]], V=9)
    ((0, 1), (0,))
    """
    agree = agreement_matrix(drafts, targets, V, agreement)
    n, m = agree.shape
    farthest = np.where(agree.any(axis=1), m - 1 - agree[:, ::-1].argmax(axis=1), -1)
    chain = [0]
    while chain[-1] < n and farthest[chain[-1]] > chain[-1]:
        chain.append(int(farthest[chain[-1]]))
    return tuple(chain)


def verify_looped(drafts, targets, V: int, agreement: str = "exact_match") -> tuple[int, ...]:
    """Do with ``drafts``, ``targets``, ``V`` and ``agreement`` what :func:`verify` does, by loops.

    The oracle of its tests.

    Examples
    --------
    >>> verify_looped([[1, 9], [1, 2]], [[1, 2]], V=9)
    (0, 1)
    """
    drafts, targets = _checked(drafts, targets, agreement)
    checks.integer("V", V)
    chain = [0]
    while chain[-1] < len(targets):
        target, farthest = targets[chain[-1]], None
        for j in range(chain[-1] + 1, len(drafts)):
            if all(a == b or (agreement == "subset" and a == V)
                   for a, b in zip(drafts[j], target, strict=True)):  # fmt: skip
                farthest = j
        if farthest is None:
            break
        chain.append(farthest)
    return tuple(chain)


def _checked(drafts, targets, agreement: str) -> tuple[np.ndarray, np.ndarray]:
    """Check shapes and the name of the agreement."""
    drafts, targets = checks.array("drafts", drafts, "i"), checks.array("targets", targets, "i")
    if targets.ndim < 2 and not targets.size:
        targets = np.empty((0, drafts.shape[-1]), dtype=drafts.dtype)
    fits = drafts.ndim == targets.ndim == 2 and drafts.shape[1] == targets.shape[1]
    if not fits or not len(drafts) or len(targets) > len(drafts):
        raise ValueError("expected drafts of shape (m, L), m ≥ 1, and at most m targets, got "
                         f"{drafts.shape} and {targets.shape}")  # fmt: skip
    checks.one_of("agreement", agreement, AGREEMENTS)
    return drafts, targets
